"""The rules for results that a project can choose, ``recipe_rules`` in ``conf.py``.

A recipe whose result breaks one fails:

    recipes_source/saving/x.py:12: the recipe has code but shows no output. Print or plot something.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from sphinx.errors import ConfigError

from cookbook.recipes.settings import RULES as IN_PROCESS
from cookbook.run.process.runner import first_line

if TYPE_CHECKING:
    from sphinx.application import Sphinx
    from sphinx.config import Config

    from cookbook.recipes.recipe import Task
    from cookbook.run.result import Result

#: The rules: a recipe with code prints or draws something; all output goes through Python's ``sys.stdout`` and
#: ``sys.stderr``, which the page shows; every file in the folders of recipes is used by one; and those of the process.
RULES = ("some output", "captured output", "used files", *IN_PROCESS)


def check(app: Sphinx, config: Config) -> None:
    """Raise ConfigError if ``recipe_rules`` has an unknown rule."""
    for rule in config.recipe_rules:
        if rule not in RULES:
            raise ConfigError(f"conf.py: recipe_rules has {rule!r}: take of {', '.join(map(repr, RULES))}")


def apply(rules: list[str], task: Task, result: Result) -> None:
    """Set the error of *result* if it breaks one of the *rules*."""
    if result["error"] or not task["blocks"]:
        return
    line, text = first_line(task["blocks"][0]), ""
    if "some output" in rules and not result["images"] and not any(output.strip() for output in result["outputs"]):
        text = "the recipe has code but shows no output"
    elif "captured output" in rules and result.get("log"):
        line, written = result["log"][0]
        text = f"wrote past Python's sys.stdout, where no page shows it: {written.splitlines()[0][:200]}"
    if text:
        result["error"] = {"text": text, "line": line, "reason": text, "ran": len(task["blocks"])}
