"""The line of a recipe that each line of its generated page comes from."""

import pytest
from cookbook.gallery.locations import find, recipe_lines

SOURCE = '''"""
Title
=====

The promise.
"""
# sphinx_gallery_tags = ["saving"]

# %%
# Some text,
#
# and more.

x = 1

print(x)  # a comment

# %%
# The end
# -------
# of it.
'''.splitlines()
PAGE = """
.. DO NOT EDIT.

.. _sphx_glr_recipes_section_one.py:

Title
=====

The promise.

.. GENERATED FROM PYTHON SOURCE LINES 10-13

Some text,

and more.

.. GENERATED FROM PYTHON SOURCE LINES 13-17

.. code-block:: Python


    x = 1

    print(x)  # a comment

.. rst-class:: sphx-glr-script-out

 .. code-block:: none

    1

.. GENERATED FROM PYTHON SOURCE LINES 19-21

The end
-------
of it.

.. _sphx_glr_download_recipes_section_one.py:
""".splitlines()


@pytest.mark.parametrize("quotes", ['"""', 'r"""', "'''"])
def test_text_and_code_keep_their_lines(quotes):
    source = [line.replace('"""', quotes) for line in SOURCE]
    numbers = dict(zip(PAGE, recipe_lines(PAGE, source), strict=True))
    for text in (
        "Title",
        "The promise.",
        "Some text,",
        "and more.",
        "    x = 1",
        "    print(x)  # a comment",
        "The end",
    ):
        assert text.strip() in source[numbers[text] - 1], text
    assert numbers["of it."] == 21


def test_a_title_beside_the_quotes_is_found():
    source = ['"""Title', *SOURCE[2:]]
    page = [line.replace("10-13", "9-12").replace("13-17", "12-16").replace("19-21", "18-20") for line in PAGE]
    assert recipe_lines(page, source)[page.index("Title")] == 1
    assert recipe_lines(page, source)[page.index("The promise.")] == 4


def test_what_was_added_has_the_place_of_what_is_before_it():
    numbers = dict(zip(PAGE, recipe_lines(PAGE, SOURCE), strict=True))
    assert 14 <= numbers["    1"] <= 17
    assert numbers[".. _sphx_glr_download_recipes_section_one.py:"] == 21


@pytest.mark.parametrize("source", [[], ["x = 1"], ["other"] * 40])
def test_a_page_of_another_text_still_has_a_line_for_each(source):
    numbers = recipe_lines(PAGE, source)
    assert len(numbers) == len(PAGE) and min(numbers) >= 0


@pytest.mark.parametrize(
    ("part", "where"), [(["b", "c"], 1), (["a"], 0), (["d"], 3), (["c", "b"], None), ([], None), (["a"] * 5, None)]
)
def test_a_part_is_found_where_it_begins(part, where):
    assert find(["a", "b", "c", "d"], part) == where
