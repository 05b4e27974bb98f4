"""On each recipe's page: what it was verified with, when, and how long it ran.

The template gets ``provenance`` for a recipe that was executed, for example
``{"torch": "2.13.0", "python": "3.11.2", "date": "2026-11-23", "time": "under 5 seconds"}``.

The date is the one the build declares, ``SOURCE_DATE_EPOCH``, and else the day on which the
result was made, which the result carries in the cache: a page changes when its recipe is
executed, not when time passes. The run time is in steps, and it is left out where a date is
declared: such a build is to give the same bytes twice, and no run time is the same twice.
A page is made anew when what it says here changes.
"""

import platform

from cookbook.build import build_of
from cookbook.recipes import dependencies

STEPS = ((5, "under 5 seconds"), (20, "under 20 seconds"), (60, "under a minute"), (120, "under 2 minutes"))


def provenance(result, environ):
    """Return what the page of a recipe with *result* says; None if it was not executed or failed."""
    if not result or result["error"]:
        return None
    declared = environ.declared_date
    time = next((text for limit, text in STEPS if result["seconds"] < limit), "minutes")
    return {
        "torch": dependencies.version("torch").partition("+")[0],
        "python": platform.python_version(),
        "date": declared or result.get("date"),
        "time": None if declared else time,
    }


def outdated(app, env, added, changed, removed):
    """Return the pages whose provenance is no longer what they say."""
    build = build_of(app)
    known = getattr(env, "recipe_provenance", {})
    env.recipe_provenance = {
        recipe.docname: provenance(build.results.get(name), build.environ) for name, recipe in build.recipes.items()
    }
    return [
        page
        for page, value in env.recipe_provenance.items()
        if value and page in env.found_docs and value != known.get(page)
    ]


def show(app, pagename, templatename, context, doctree):
    """Put ``provenance`` into the context of a page."""
    context["provenance"] = getattr(app.env, "recipe_provenance", {}).get(pagename)
