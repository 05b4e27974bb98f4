"""What to do about an error of a recipe, one sentence that names the file, the setting or the command.

    ModuleNotFoundError: No module named 'yaml'. Add its package to requirements.txt, ...
    FileNotFoundError: ... 'data/x.csv'. Put the file at recipes_source/saving/data/x.csv ...

Commands are as they work here: with this Python, whatever ``VENV`` it is from.
"""

from __future__ import annotations

import re
import shlex
import sys
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

    from cookbook.recipes.recipe import Recipe
    from cookbook.run.result import Error

#: What to do, by a pattern for the error's reason; the first match counts.
ADVICE: dict[str, str | Callable[[Recipe, re.Match[str]], str]] = {
    "[Nn]o space": "Free some space in the temporary folder (TMPDIR), then build again.",
    "SyntaxError": "Fix the syntax.",
    "TimeoutError": "Make it faster, or raise the limit of processor time: # sphinx_gallery_timeout = SECONDS",
    "MemoryError|allocate memory": "Use less memory, or raise the limit: # sphinx_gallery_memory = MIB",
    "characters of output": "Print less, or raise the limit: # sphinx_gallery_output = CHARACTERS",
    "is no SVG that": "Leave that out, or save the figure as PNG.",
    "SystemExit|the recipe's process": "A recipe has to run to its end: remove what ends it early.",
    "input\\(\\)": "A build is not interactive: put the value into the recipe.",
    "shows no output": "Print or plot something.",
    "temporary path": "It differs in every run: print the file's name, as in path.name.",
    "^(PendingDeprecation|Deprecation|Future)Warning": "Use what it names instead, or catch and print the warning.",
    "dask worker": "Then build again.",
    "KilledWorker": "See the logs of the workers, then build again.",
    "wrote past Python's sys.stdout": "Use print, and give the output of other programs to it.",
    "ModuleNotFoundError: No module named '([\\w.]+)'": lambda recipe, found: _module(recipe, found[1]),
    "FileNotFoundError: .*'((?!tmp/)\\w[^':]*)'$": lambda recipe, found: _file(recipe, found[1]),
    "": lambda recipe, found: f"See the traceback on its page, or run: {command(recipe)}",
}


def advice(error: Error, recipe: Recipe) -> str:
    """Return what to do about the *error* of *recipe*."""
    for pattern, text in ADVICE.items():
        if found := re.search(pattern, error["reason"]):
            return text if isinstance(text, str) else text(recipe, found)
    raise AssertionError("the last pattern fits all")


def command(recipe: Recipe) -> str:
    """Return the command that runs *recipe* as a script, from the folder of the project."""
    script, folder = recipe.path, recipe.path.parent
    if all(name.endswith(".py") for name in recipe.task["files"]):
        return shlex.join(map(_shown, (Path(sys.executable), script)))
    return f"cd {shlex.quote(_shown(folder))} && {shlex.join((sys.executable, script.name))}"  # it has data there


def make(recipe: Recipe) -> str:
    """Return the command that builds the page of *recipe* again, with this environment."""
    environment = _shown(Path(sys.prefix))
    ours = [] if environment == ".venv" else [f"VENV={environment}"]
    return shlex.join(["make", "html", *ours, f"RECIPE={recipe.path.stem}"])


def install(requirements: str) -> str:
    """Return the command that installs the packages of the file *requirements*."""
    return shlex.join(
        [_shown(Path(sys.executable)), "-m", "pip", "install", "-r", requirements, "-c", "constraints.txt"]
    )


def _shown(path: Path) -> str:
    """Return *path* as it is from here."""
    return str(path.relative_to(Path.cwd()) if path.is_relative_to(Path.cwd()) else path)


def _module(recipe: Recipe, name: str) -> str:
    module = name.partition(".")[0].lstrip("_")
    helper = recipe.path.parent / f"_{module}.py"
    if helper.exists():
        return f"{_shown(helper)} is there: write import _{module}, by which the build finds it."
    if name.startswith("_"):
        return f"Write the helper module {_shown(helper)}, or correct the import."
    requirements = Path("requirements.txt")
    if requirements.exists() and re.search(rf"^{module}==", requirements.read_text(encoding="utf-8"), re.MULTILINE):
        return f"Install what requirements.txt pins: {install('requirements.txt')}"
    return (
        f"Add its package to requirements.txt, as NAME==VERSION, and run: {make(recipe)} "
        f"(a helper module of yours is {_shown(helper)})"
    )


def _file(recipe: Recipe, name: str) -> str:
    path = recipe.path.parent / name.removeprefix(f"recipes_source/{recipe.path.parent.name}/")
    if path.exists():
        return f"{_shown(path)} is there: write its path in the recipe as one string, as in open({name!r})."
    return f"Put the file at {_shown(path)}, and write its path in the recipe as one string."
