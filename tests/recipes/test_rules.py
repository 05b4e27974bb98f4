"""The rules that a recipe's file keeps, and that each of them can be broken."""

import shutil
import subprocess
import sys

import pytest
from conftest import RECIPES, ROOT
from rules import RULES, Source, problems


@pytest.mark.parametrize("name", RECIPES)
def test_recipe_keeps_every_rule(name):
    found = problems(ROOT / f"recipes_source/{name}.py")
    assert not found, "\n".join(found)


#: What one edit of a good recipe breaks: rule, old text, new text, the problem reported.
BROKEN = [
    ("title_is_underlined", "\n=====", "\n====", "underline the title"),
    ("promise_is_one_sentence", ", when printed.", ". It prints.", "one sentence"),
    ("promise_is_one_sentence", ", when printed.", f", {'so ' * 50}it is.", "160"),
    ("header_says_for_whom", "**For whom:**", "For whom:", "For whom"),
    ("setup_installs_what_the_code_imports", "install torch", "install numpy", "imports ['matplotlib', 'torch']"),
    ("steps_are_the_numbered_headings", "1. Print it\n2.", "1. Show it\n2.", "differ at '1. Print it'"),
    ("steps_are_the_numbered_headings", "# 2. Add", "# 3. Add", "number the headings"),
    ("steps_are_the_numbered_headings", "it\n# ~~~", "it\n# ~~", "underline"),
    ("links_lead_to_siblings", "- :ref:`sphx_glr_recipes_one_b.py`", "- ``b``", "at least two"),
    ("links_lead_to_siblings", "one_b.py", "one_x.py", "leads to no other recipe"),
    ("links_lead_to_siblings", "one_b.py", "one_a.py", "leads to no other recipe"),
    ("threads_are_named_and_linked", "/issues/1>", "/issues/2>", "write `repository#NUMBER"),
    ("threads_are_named_and_linked", "`b#1 <https", "https", "outside of a link"),
    ("settings_are_in_bounds", '"keys"]', '"key"]', 'the tag "key" is not in recipe_tags'),
    ("settings_are_in_bounds", '"saving", "keys"', '"keys", "module"', "what the reader is doing"),
    ("settings_are_in_bounds", ', "keys"]', "]", "1 tags"),
    ("settings_are_in_bounds", "order = 10", "order = 20", "choose a free number"),
    ("every_cell_shows_and_asserts", "\nassert x == 3", "", "asserts nothing"),
    ("every_cell_shows_and_asserts", "assert x == 3", "assert True", "asserts nothing"),
    ("every_cell_shows_and_asserts", "\nprint(number)", "", "shows nothing"),
    ("figures_have_titles_and_labels", 'ax.set_title("The number")', "", "without a title"),
    ("figures_have_titles_and_labels", 'xlabel="value"', "", "label of its x axis"),
    ("figures_have_titles_and_labels", "\nplt.show()", "", "no figure"),
    ("no_cell_ends_in_a_bare_expression", "assert x == 3", "assert x == 3\nx", "print it"),
    ("lines_are_short", "# Here is 1.", "# Here is 1" + ", and so on" * 9, "break the line"),
    ("words_are_plain", "# Here is 1.", "# Here we have 1.", "'we'"),
]
GOOD = '''"""
Title
=====

A number is a number, when printed.

**For whom:** you read tests.

Setup
-----

Install PyTorch::

    pip install torch matplotlib

Steps
-----

1. Print it
2. Add to it
"""

# sphinx_gallery_tags = ["saving", "keys"]
# sphinx_gallery_reading_order = 10

# %%
# 1. Print it
# ~~~~~~~~~~~
#
# Here is 1.

import matplotlib.pyplot as plt
import torch

number = torch.tensor(1)
print(number)
assert number == 1

# %%
# 2. Add to it
# ~~~~~~~~~~~~

x = int(number) + 2
print(x)
fig, ax = plt.subplots()
ax.barh(["x"], [x])
ax.set(xlabel="value")
ax.set_title("The number")
plt.show()
assert x == 3

# %%
# Learn more
# ----------
#
# - :ref:`sphx_glr_recipes_one_b.py`
# - :ref:`sphx_glr_recipes_one_c.py`
# - `b#1 <https://github.com/a/b/issues/1>`__
'''


@pytest.fixture
def good(tmp_path):
    folder = tmp_path / "recipes_source/one"
    folder.mkdir(parents=True)
    for name, order in (("a", 10), ("b", 20), ("c", 30)):
        text = GOOD.replace("order = 10", f"order = {order}").replace(f"one_{name}.py", "one_a.py")
        (folder / f"{name}.py").write_text(text)
    return folder / "a.py"


def test_a_good_recipe_breaks_no_rule(good):
    assert problems(good) == []


@pytest.mark.parametrize(("rule", "old", "new", "problem"), BROKEN)
def test_every_rule_can_be_broken(good, rule, old, new, problem):
    text = good.read_text()
    assert text.count(old) >= 1
    good.write_text(text.replace(old, new, 1))
    (check,) = (r for r in RULES if r.__name__ == rule)
    assert any(problem in what for _, what in check(Source(good)))


def test_every_rule_is_broken_by_some_example():
    assert {rule.__name__ for rule in RULES} == {name for name, *_ in BROKEN}


def test_spelling():
    names = ("recipes_source", "_ext", "_static", "_templates", "tests", "conf.py", "index.rst", "Makefile")
    files = [*names, *(path.name for path in ROOT.glob("*.md"))]
    codespell = shutil.which("codespell", path=str(sys.prefix) + "/bin")
    done = subprocess.run([codespell, *files], cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
