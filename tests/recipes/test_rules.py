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
    ("title_is_underlined", "\n====", "\n===", "underline the title"),
    ("title_is_a_question", "number?", "number.", "the question"),
    ("promise_is_one_sentence", ", when printed.", ". It prints.", "one sentence"),
    ("promise_is_one_sentence", ", when printed.", f", {'so ' * 50}it is.", "160"),
    ("header_is_title_and_promise", "printed.\n", "printed.\n\nMore of it.\n", "fold the rest"),
    ("short_answer_comes_first", "Short answer\n# ----", "Long answer\n# ---", "begin with the section"),
    ("short_answer_comes_first", "1.\n\nimport torch\n\nnumber = torch.tensor(1)\nprint(number)\n", "1.\n", "as code"),
    ("short_answer_comes_first", "\nnumber = ", "\nnumber = 0\n" + "number += 1\n" * 11 + "number = ", "15 lines"),
    ("short_answer_comes_first", "tensor(1)\n", "tensor(1)\nassert number\n", "asserts something"),
    ("short_answer_comes_first", "1.\n\nimport torch\n", "1.\n", "uses torch: import it there"),
    ("who_and_setup_are_folded", "fold:: Who", "note:: Who", "fold 'Who this is for'"),
    ("who_and_setup_are_folded", "fold:: Setup", "fold:: Set up", "fold 'Setup'"),
    ("setup_installs_what_the_code_imports", 'install "torch', 'install "numpy', "imports ['matplotlib', 'torch']"),
    ("setup_installs_what_the_code_imports", '"torch>=2.6" "', 'torch "', "the least version"),
    ("links_lead_to_siblings", "- :ref:`sphx_glr_recipes_one_b.py`", "- ``b``", "at least two"),
    ("links_lead_to_siblings", "one_b.py", "one_x.py", "leads to no other recipe"),
    ("links_lead_to_siblings", "one_b.py", "one_a.py", "leads to no other recipe"),
    ("threads_are_named_and_linked", "/issues/1>", "/issues/2>", "write `repository#NUMBER"),
    ("threads_are_named_and_linked", "`b#1 <https", "https", "outside of a link"),
    ("settings_are_in_bounds", '"keys"]', '"key"]', 'the tag "key" is not in recipe_tags'),
    ("settings_are_in_bounds", '"saving", "keys"', '"keys", "module"', "what the reader is doing"),
    ("settings_are_in_bounds", ', "keys"]', "]", "1 tags"),
    ("settings_are_in_bounds", "order = 10", "order = 20", "choose a free number"),
    ("what_is_shown_is_checked", "\nassert x == 3", "", "asserts nothing"),
    ("what_is_shown_is_checked", "assert x == 3", "assert True", "asserts nothing"),
    ("asserts_are_at_the_top_level", "\nassert x == 3", "\nif x:\n    assert x == 3\n    x = 4", "end of the cell"),
    ("figures_have_titles_and_labels", 'ax.set_title("The number")', "", "without a title"),
    ("figures_have_titles_and_labels", 'xlabel="value"', "", "label of its x axis"),
    ("no_cell_ends_in_a_bare_expression", "assert x == 3", "assert x == 3\nx", "print it"),
    ("lines_are_short", "# Here is 1.", "# Here is 1" + ", and so on" * 9, "break the line at 80"),
    ("words_are_plain", "# Here is 1.", "# Here we have 1.", "'we'"),
]
GOOD = """\"\"\"
How do I print a number?
========================

A number is a number, when printed.
\"\"\"

# sphinx_gallery_tags = ["saving", "keys"]
# sphinx_gallery_reading_order = 10

# %%

# sphinx_gallery_fold = "The figure"
import matplotlib.pyplot as plt
import torch

address = "https://example.org"  # not a link
fig, ax = plt.subplots()

# %%
# Short answer
# ------------
#
# Here is 1.

import torch

number = torch.tensor(1)
print(number)

# %%
# .. fold:: Who this is for
#
#    You read tests.
#
# .. fold:: Setup
#
#    ::
#
#        pip install "torch>=2.6" "matplotlib>=3.8"

# %%
# Add to it
# ---------

x = int(number) + 2
print(x)
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
"""


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
