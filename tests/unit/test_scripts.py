"""Scripts that say what they need, at their end, so that each line stays where it is."""

import re
import tomllib
from types import SimpleNamespace

import pytest
from conftest import ROOT
from cookbook.gallery.scripts import PYTHON, script
from cookbook.recipes.dependencies import requirements
from fuzzing import fuzz
from hypothesis import given
from hypothesis import strategies as st

#: The regular expression of PEP 723.
BLOCK = r"(?m)^# /// (?P<type>[a-zA-Z0-9-]+)$\s(?P<content>(^#(| .*)$\s)+)^# ///$"
SETTING = "# sphinx_gallery_tags = ['saving']"
LINES = st.sampled_from(
    ["", "x = 1", "# text", "# %%", "#", "    pass", "import torch", "'''", SETTING, f"    {SETTING}", "# é", "  "]
)


def made(source):
    """Return the script of a recipe whose code is all of its *source*."""
    recipe = SimpleNamespace(task={"source": source}, code=[SimpleNamespace(content=source)], installs=[])
    return script(recipe), recipe


def metadata(text):
    """Return what the one block of the script *text* says, read as PEP 723 says."""
    (match,) = re.finditer(BLOCK, text)
    assert match["type"] == "script"
    lines = match["content"].splitlines(keepends=True)
    return tomllib.loads("".join(line[2:] if line.startswith("# ") else line[1:] for line in lines))


@fuzz()
@given(st.lists(LINES, max_size=10), st.sampled_from(["", "\n", "\n\n\n"]))
def test_each_line_is_where_it_was_and_settings_are_empty_lines(lines, end):
    text, recipe = made("\n".join(lines) + end)
    assert metadata(text) == {"requires-python": PYTHON, "dependencies": requirements(recipe.code)}
    source, _ = text.split("# /// script\n")
    wanted = ["" if SETTING in line else line for line in lines]
    assert source.rstrip("\n").split("\n") == "\n".join(wanted).rstrip("\n").split("\n")
    assert text.endswith("\n# ///\n") and source.endswith("\n\n")


@pytest.mark.parametrize(
    ("code", "names"), [("import torch\nimport numpy", ["torch", "numpy"]), ("import os", []), ("", [])]
)
def test_the_block_says_what_the_code_imports(code, names):
    text, _ = made(code)
    assert [need.partition("==")[0] for need in metadata(text)["dependencies"]] == names


def test_the_oldest_python_is_that_of_the_project():
    assert tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["requires-python"] == PYTHON
    assert f"Python {PYTHON.removeprefix('>=')}, " in " ".join((ROOT / "README.md").read_text().split())
