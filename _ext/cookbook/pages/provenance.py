"""What a recipe was verified with, when, and how long it ran, on its page.

The template gets ``provenance`` for a recipe that was executed, for example
``{"torch": "2.13.0", "python": "3.11.2", "date": "2026-11-23", "time": "under 5 seconds"}``.

The date is ``SOURCE_DATE_EPOCH``, if it is set, or else the day on which the recipe was executed,
which is part of its result: a page changes when its recipe is executed, not as time passes. The
run time is rounded to steps, and left out if ``SOURCE_DATE_EPOCH`` is set, because such builds are
meant to be reproducible. A page is read again when its provenance changes.

``make verify TORCH=2.14.1`` runs all recipes with another version of torch, and writes to
``_ext/verified.json`` what they print there. ``others`` has each version with the lines that differ,
``{"2.14.1": []}``, or None if the recipe does not run with it; a recipe whose code has changed since
then has none.
"""

from __future__ import annotations

import json
import platform
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypedDict

from docutils import nodes
from sphinx.application import Sphinx
from sphinx.environment import BuildEnvironment

from cookbook.build import build_of
from cookbook.environ import Environ
from cookbook.recipes import dependencies
from cookbook.recipes.recipe import code_of
from cookbook.state import state_of

if TYPE_CHECKING:
    from cookbook.recipes.recipe import Recipe
    from cookbook.run.result import Result

#: What recipes print with other versions of torch, written by tests/verify.py.
VERIFIED = Path(__file__).parents[2] / "verified.json"
#: Limits in seconds, and their text.
STEPS = ((5, "under 5 seconds"), (20, "under 20 seconds"), (60, "under a minute"), (120, "under 2 minutes"))


#: Versions of torch, and the lines of output that differ there; None for one that the recipe does not run with.
Differences = dict[str, list[str] | None]


class Provenance(TypedDict):
    """What a recipe was verified with."""

    torch: str
    python: str
    date: str | None
    time: str | None
    others: Differences


def verified(versions: dict[str, dict[str, Any]], recipe: Recipe) -> Differences:
    """Return how the output of *recipe* differs with other versions of torch, by *versions*: what VERIFIED has."""
    code = code_of(recipe.blocks)
    records = {version: recipes.get(recipe.name) for version, recipes in versions.items()}
    found = {version: record["difference"] for version, record in records.items() if record and record["code"] == code}
    return dict(sorted(found.items(), key=lambda item: [int(part) for part in item[0].split(".")]))


def provenance(result: Result | None, environ: Environ, others: Differences | None = None) -> Provenance | None:
    """Return the provenance of a *result*; None if there is none or the recipe failed."""
    if not result or result["error"]:
        return None
    declared = environ.declared_date
    time = next((text for limit, text in STEPS if result["seconds"] < limit), "minutes")
    return {
        "torch": str(dependencies.version("torch")).partition("+")[0],
        "python": platform.python_version(),
        "date": declared or result.get("date"),
        "time": None if declared else time,
        "others": others or {},
    }


def outdated(app: Sphinx, env: BuildEnvironment, added: set[str], changed: set[str], removed: set[str]) -> list[str]:
    """Return the pages whose provenance changed."""
    build, state = build_of(app), state_of(env)
    before = state.provenance
    versions = json.loads(VERIFIED.read_text(encoding="utf-8")) if VERIFIED.exists() else {}
    state.provenance = {
        recipe.docname: provenance(build.results.get(name), build.environ, verified(versions, recipe))
        for name, recipe in build.recipes.items()
    }
    return [
        page
        for page, value in state.provenance.items()
        if value and page in env.found_docs and value != before.get(page)
    ]


def add_provenance(
    app: Sphinx, pagename: str, templatename: str, context: dict[str, Any], doctree: nodes.document | None
) -> None:
    """Put ``provenance`` into the context of a page."""
    context["provenance"] = state_of(app.env).provenance.get(pagename)
