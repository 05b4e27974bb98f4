"""What to do about each error of a recipe, with the commands and files as they are here."""

import re
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest
from cookbook.recipes.settings import SETTINGS
from cookbook.run.advice import ADVICE, advice, command, install, make
from fuzzing import ANY, fuzz
from hypothesis import given


@pytest.fixture
def recipe(project, monkeypatch):
    """A recipe of the project, which is the working folder, as in `make html`."""
    monkeypatch.chdir(project)
    monkeypatch.setattr(sys, "prefix", str(project / ".venv"))
    monkeypatch.setattr(sys, "executable", str(project / ".venv/bin/python"))
    return SimpleNamespace(path=project / "recipes_source/section/one.py", task={"files": {}})


@pytest.mark.parametrize(
    ("reason", "what"),
    [
        ("OSError: [Errno 28] No space left on device: 'x'", "TMPDIR"),
        ("RuntimeError: x: no space is left for temporary files", "TMPDIR"),
        ("SyntaxError: invalid syntax", "syntax"),
        ("TimeoutError: killed after 3 s", "sphinx_gallery_timeout"),
        ("MemoryError", "sphinx_gallery_memory"),
        ("RuntimeError: [enforce fail] DefaultCPUAllocator: can't allocate memory", "sphinx_gallery_memory"),
        ("RuntimeError: more than 1,000 characters of output in one block", "sphinx_gallery_output"),
        ("SystemExit: 0", "ends"),
        ("ChildProcessError: the recipe's process was killed by SIGKILL", "ends"),
        ("RuntimeError: Cannot use input() builtin function in Sphinx-Gallery examples", "value"),
        ("it has code but shows no output", "Print"),
        ("it waits ...; start one with: dask worker tcp://a:1 --resources GPU=1", "build again"),
        ("KilledWorker: each of the 4 workers that ran it died", "logs"),
        ("wrote past Python's sys.stdout, where no page shows it: x", "print"),
        ("ValueError: bad value", "traceback"),
        ("FileNotFoundError: [Errno 2] No such file or directory: 'a/x.csv'", "at recipes_source/section/a/x.csv,"),
        ("FileNotFoundError: No such file: 'recipes_source/section/x.csv'", "at recipes_source/section/x.csv,"),
        ("FileNotFoundError: [Errno 2] No such file or directory: 'tmp/tmpabc/x.pt'", "traceback"),
        ("FileNotFoundError: [Errno 2] No such file or directory: '/var/x.pt'", "traceback"),
        ("ModuleNotFoundError: No module named 'yaml'", "to requirements.txt, as NAME==VERSION"),
        ("ModuleNotFoundError: No module named 'yaml.x'", "recipes_source/section/_yaml.py)"),
        ("ModuleNotFoundError: No module named '_tools'", "Write the helper module recipes_source/section/_tools.py"),
    ],
)
def test_advice_is_for_the_reason(recipe, reason, what):
    assert what in advice({"reason": reason}, recipe)


def test_a_file_that_is_there_and_not_found_is_to_be_named_so_that_the_build_finds_it(recipe):
    folder = recipe.path.parent
    (folder / "data.csv").touch()
    (folder / "_tools.py").touch()
    missing = "FileNotFoundError: [Errno 2] No such file or directory: 'data.csv'"
    assert advice({"reason": missing}, recipe).startswith("recipes_source/section/data.csv is there: write its path")
    for name in ("tools", "_tools"):
        told = advice({"reason": f"ModuleNotFoundError: No module named '{name}'"}, recipe)
        assert told.startswith("recipes_source/section/_tools.py is there: write import _tools")


def test_a_pinned_package_that_is_not_installed_is_to_be_installed(recipe, project):
    (project / "requirements.txt").write_text("# Recipes.\ntorch==2.13.0\nyaml==1.0\n")
    for name in ("yaml", "yaml.constructor"):
        told = advice({"reason": f"ModuleNotFoundError: No module named '{name}'"}, recipe)
        assert told == f"Install what requirements.txt pins: {install('requirements.txt')}"
    assert "Add its package" in advice({"reason": "ModuleNotFoundError: No module named 'yam'"}, recipe)


@fuzz(100)
@given(ANY)
def test_there_is_advice_for_any_reason(reason):
    recipe = SimpleNamespace(path=Path("recipes_source/section/one.py"), task={"files": {}})
    assert advice({"reason": reason}, recipe)


def test_advice_names_settings_that_there_are():
    named = re.findall(
        r"# sphinx_gallery_(\w+) = ", " ".join(text for text in ADVICE.values() if isinstance(text, str))
    )
    assert len(named) == 3 and set(named) <= SETTINGS.keys()


# -- commands -----------------------------------------------------------------------------------


def test_commands_are_those_of_the_environment(recipe, monkeypatch, tmp_path):
    assert command(recipe) == ".venv/bin/python recipes_source/section/one.py"
    assert make(recipe) == "make html RECIPE=one"
    assert install("requirements.txt") == ".venv/bin/python -m pip install -r requirements.txt -c constraints.txt"
    monkeypatch.setattr(sys, "prefix", str(tmp_path / "env 2"))
    monkeypatch.setattr(sys, "executable", str(tmp_path / "env 2/bin/python"))
    assert command(recipe) == "'env 2/bin/python' recipes_source/section/one.py"
    assert make(recipe) == "make html 'VENV=env 2' RECIPE=one"
    monkeypatch.setattr(sys, "prefix", "/opt/env")
    monkeypatch.setattr(sys, "executable", "/opt/env/bin/python")
    assert command(recipe) == "/opt/env/bin/python recipes_source/section/one.py"
    assert make(recipe) == "make html VENV=/opt/env RECIPE=one"


def test_a_recipe_with_data_runs_where_its_data_is(recipe):
    recipe.task["files"] = {"section/_helper.py": ""}
    assert command(recipe) == ".venv/bin/python recipes_source/section/one.py"
    recipe.task["files"] = {"section/data/x.csv": ""}
    assert command(recipe) == f"cd recipes_source/section && {sys.executable} one.py"
