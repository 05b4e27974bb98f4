"""The order of the recipes within a section."""

import pytest
from cookbook.recipes.order import ReadingOrder


@pytest.fixture
def section(tmp_path):
    orders = {"c.py": "20", "a.py": "100", "b.py": "-1", "d.py": "20", "z.py": None, "y.py": None}
    for name, order in orders.items():
        setting = f"# sphinx_gallery_reading_order = {order}\n" if order else ""
        (tmp_path / name).write_text(f'"""\nTitle\n=====\n"""\n{setting}x = 1\n')
    return tmp_path


def test_recipes_are_in_the_order_they_say_then_by_name_and_those_that_say_none_come_last(section):
    names = sorted(path.name for path in section.iterdir())
    assert sorted(names, key=ReadingOrder(str(section))) == ["b.py", "c.py", "d.py", "a.py", "y.py", "z.py"]


def test_a_file_that_is_not_utf_8_has_a_place_too(section):
    (section / "latin.py").write_bytes(b"# caf\xe9\n# sphinx_gallery_reading_order = 3\n")
    assert ReadingOrder(section)("latin.py") == (3, "latin.py")


def test_it_is_the_same_in_every_build():
    assert repr(ReadingOrder("/a")) == repr(ReadingOrder("/b")) == "ReadingOrder()"
