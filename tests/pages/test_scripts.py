"""The downloaded scripts say what they need, in the form of PEP 723."""

import ast
import importlib.metadata
import os
import re
import subprocess
import sys
import tomllib

import pytest
from conftest import RECIPES, ROOT
from cookbook.recipes import dependencies
from packaging.requirements import Requirement
from packaging.specifiers import SpecifierSet
from reading import downloads, parse

#: The regular expression of PEP 723.
BLOCK = r"(?m)^# /// (?P<type>[a-zA-Z0-9-]+)$\s(?P<content>(^#(| .*)$\s)+)^# ///$"


def source_of(name):
    return (ROOT / f"recipes_source/{name}.py").read_text(encoding="utf-8")


def script_of(site, name):
    return downloads(site / f"recipes/{name}.html")[".py"].read_text(encoding="utf-8")


def metadata(script):
    """Return what the one block of *script* says, read as PEP 723 says."""
    (match,) = re.finditer(BLOCK, script)
    assert match["type"] == "script"
    lines = match["content"].splitlines(keepends=True)
    return tomllib.loads("".join(line[2:] if line.startswith("# ") else line[1:] for line in lines))


def imported(source):
    """Return the packages, not of the standard library, that *source* imports."""
    names = set()
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            names |= {alias.name.partition(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            names.add(node.module.partition(".")[0])
    return names - set(sys.stdlib_module_names)


@pytest.mark.parametrize("name", RECIPES)
def test_dependencies_are_what_the_recipe_imports_from_a_least_version_on(site, name):
    needs = metadata(script_of(site, name))
    oldest = re.search(r"Python (3\.\d+), ", (ROOT / "README.md").read_text())[1]
    assert needs["requires-python"] == f">={oldest}"
    pins = [Requirement(need) for need in needs["dependencies"]]
    assert {pin.name for pin in pins} == imported(source_of(name))
    for pin in pins:
        assert {part.operator for part in pin.specifier} == {">="}
        assert pin.specifier.contains(importlib.metadata.version(pin.name).partition("+")[0])
        python = importlib.metadata.metadata(pin.name)["Requires-Python"] or ""  # any
        assert SpecifierSet(python).contains(f"{oldest}.0"), f"{pin} needs Python {python}"


def test_packages_of_a_module_are_those_that_python_finds():
    installed = importlib.metadata.packages_distributions()
    assert {module: set(dependencies._packages(module)) for module in installed} == {
        module: set(names) for module, names in installed.items()
    }


def test_package_without_the_module_of_its_name_is_not_taken_for_its_owner(tmp_path, monkeypatch):
    about = tmp_path / "attr-1.0.dist-info"
    about.mkdir()
    (about / "METADATA").write_text("Name: attr\nVersion: 1.0\n")
    (about / "RECORD").write_text("attribute.py,,\nattr-1.0.dist-info/RECORD,,\n")
    monkeypatch.syspath_prepend(tmp_path)
    assert importlib.metadata.version("attr") == "1.0"
    assert dependencies._packages.__wrapped__("attr") == ["attrs"]


@pytest.mark.parametrize("name", RECIPES)
def test_each_line_of_the_script_is_where_it_is_in_the_recipe(site, name):
    source, script = source_of(name), script_of(site, name)
    assert "/// script" not in source and "sphinx_gallery" not in script
    for before, after in zip(source.splitlines(), script.splitlines()):
        if before.startswith("# sphinx_gallery_fold = "):
            assert after == f"# {ast.literal_eval(before.partition(' = ')[2])}"
        else:
            assert after == ("" if before.startswith("# sphinx_gallery_") else before)


@pytest.mark.parametrize("name", RECIPES)
def test_the_block_is_only_in_the_script(site, name):
    page = site / f"recipes/{name}.html"
    assert "requires-python" not in parse(page).get_text()
    assert "requires-python" not in downloads(page)[".ipynb"].read_text(encoding="utf-8")


def test_figures_do_not_wait_for_a_screen(site, tmp_path):
    name = next(name for name in RECIPES if "plt.show()" in source_of(name))
    screen = ("DISPLAY", "WAYLAND_DISPLAY", "MPLBACKEND")
    done = subprocess.run(
        [sys.executable, downloads(site / f"recipes/{name}.html")[".py"]],
        cwd=tmp_path,
        env={key: value for key, value in os.environ.items() if key not in screen},
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert (done.returncode, done.stderr) == (0, "")
