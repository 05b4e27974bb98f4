"""What a recipe was verified with, when, how long it ran, and what other versions of torch print, on its page.

The template gets ``provenance`` for a recipe that was executed, for example
``{"torch": "2.13.0", "python": "3.11.2", "date": "2026-11-23", "said": "Verified with torch 2.13.0 ...", ...}``;
the Markdown version of the page ends with the same.

The date is ``SOURCE_DATE_EPOCH``, if it is set, or else the day on which the recipe was executed,
which is part of its result: a page changes when its recipe is executed, not as time passes. The
run time is rounded to steps, and left out if ``SOURCE_DATE_EPOCH`` is set, because such builds are
meant to be reproducible. A page is read again when its provenance changes.

``make verify TORCH=2.14.1`` runs all recipes with another version of torch, and writes to
``_ext/verified.json`` what is found there, by the version that is pinned. A recipe whose code has changed
since then has none of it, nor has a site that is built with another torch than that.
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


#: What is found with other versions of torch: the lines that differ, or why the recipe does not run.
Findings = dict[str, list[str] | str]


class Provenance(TypedDict):
    """What a recipe was verified with; its page says ``said``, ``exceptions``, and the text of each of ``others``."""

    torch: str
    python: str
    date: str | None
    said: str
    exceptions: str
    others: list[tuple[str, str]]


def pinned() -> str:
    """Return the version of torch that recipes are executed with, without that of its build."""
    return str(dependencies.version("torch")).partition("+")[0]


def verified(versions: dict[str, dict[str, Any]], recipe: Recipe) -> Findings:
    """Return what is found for *recipe* with other versions of torch, by *versions*: what VERIFIED has for this one."""
    code = code_of(recipe.blocks)
    records = {version: recipes.get(recipe.name) for version, recipes in versions.items()}
    return {version: record["found"] for version, record in records.items() if record and record["code"] == code}


def listed(versions: list[str]) -> str:
    """Return *versions* as words; many are counted, as nothing is known of those between them."""
    if len(versions) > 4:
        return f"{len(versions)} versions of torch from {versions[0]} to {versions[-1]}"
    return f"torch {' and '.join(filter(None, [', '.join(versions[:-1]), versions[-1]]))}"


def provenance(result: Result | None, environ: Environ, others: Findings | None = None) -> Provenance | None:
    """Return the provenance of a *result*; None if there is none or the recipe failed."""
    if not result or result["error"]:
        return None
    torch = pinned()
    date = environ.declared_date or result.get("date")
    said = f"Verified with torch {torch} and Python {platform.python_version()}{(date and f' on {date}') or ''}."
    if not environ.declared_date:
        said += f" Runs in {next((text for limit, text in STEPS if result['seconds'] < limit), 'minutes')}."
    findings = {**(others or {}), torch: []}
    findings = dict(sorted(findings.items(), key=lambda item: [int(part) for part in item[0].split(".")]))
    same = [version for version, found in findings.items() if found == []]
    fails = [version for version, found in findings.items() if isinstance(found, str)]
    differs = [version for version in findings if version not in same + fails]
    if same != [torch]:
        said += f" Same output on {listed(same)}."
    exceptions = [f"Output differs on {listed(differs)}."] if differs else []
    exceptions += [f"Does not run on {listed(fails)}."] if fails else []
    return {
        "torch": torch,
        "python": platform.python_version(),
        "date": date,
        "said": said,
        "exceptions": " ".join(exceptions),
        "others": [
            (f"Why it does not run on torch {version}:", found)
            if isinstance(found, str)
            else (f"torch {version} prints the lines with + instead of those with -:", "\n".join(found))
            for version, found in findings.items()
            if found
        ],
    }


def outdated(app: Sphinx, env: BuildEnvironment, added: set[str], changed: set[str], removed: set[str]) -> list[str]:
    """Return the pages whose provenance changed."""
    build, state = build_of(app), state_of(env)
    before = state.provenance
    versions = json.loads(VERIFIED.read_text(encoding="utf-8")).get(pinned(), {}) if VERIFIED.exists() else {}
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
