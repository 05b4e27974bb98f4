"""Three related recipes at the end of each page.

They are computed once a build, for all recipes. Two recipes are related by the tags and API names
that they share, weighted by rarity, and a little if they are in the same section. Those that the
page links to are left out. The templates
get ``related_recipes``, such as ``[{"title": "Removing wrapper prefixes", "link":
"removing_wrapper_prefixes.html"}, ...]``. A page is written again only when its list changes.

API names are those that sphinx-gallery found in the code: it keeps them, resolved, beside
each page in ``NAME.codeobj.json`` (0.22.1).
"""

from __future__ import annotations

import json
from collections import defaultdict
from heapq import nsmallest
from math import log
from pathlib import Path
from typing import Any

from docutils import nodes
from sphinx.application import Sphinx
from sphinx.environment import BuildEnvironment

from cookbook.pages.navigation import recipes_in_order
from cookbook.state import state_of

#: The number of related recipes on a page.
COUNT = 3
#: The weights of a shared section, tag and API name, before rarity.
SECTION, TAG, API = 1.0, 2.0, 0.5
#: With how many others that have a trait a recipe is compared: the nearest in reading order.
MOST = 200
#: What a recipe has in common with others, and its weight: ``{("tag", "saving"): 2.0, ...}``.
Traits = dict[tuple[str, str], float]


def traits(env: BuildEnvironment, docname: str) -> Traits:
    """Return the traits of the recipe *docname*."""
    found = {("tag", tag): TAG for tag in env.metadata[docname].get("tags", ())}
    code = Path(env.srcdir, f"{docname}.codeobj.json")
    for candidates in json.loads(code.read_text(encoding="utf-8")).values() if code.exists() else ():
        module, name = candidates[0]["module_short"], candidates[0]["name"]
        if module.split(".")[0] == "torch":
            found["api", f"{module}.{name}"] = API
    found["section", str(Path(docname).parent)] = SECTION
    return found


def linked(env: BuildEnvironment, docname: str) -> set[str]:
    """Return the pages that *docname* links to."""
    labels = env.get_domain("std").data["anonlabels"]
    references = env.metadata[docname].get("references", ())
    return {labels[name][0] for kind, name in references if kind == "ref" and name in labels}


def relate(recipes: dict[str, Traits], links: dict[str, set[str]] | None = None) -> dict[str, list[str]]:
    """Return the most related of *recipes*, docname to traits, for each of them, without those in *links*.

    Ties are in the order of *recipes*.
    """
    sharing: dict[tuple[str, str], list[str]] = defaultdict(list)
    place = {}
    for name, found in recipes.items():
        for trait in found:
            place[name, trait] = len(sharing[trait])
            sharing[trait].append(name)
    order = {name: i for i, name in enumerate(recipes)}
    # A long recipe shares names with many others, so scores are divided by the size of the other.
    size = {name: sum(found.values()) ** 0.5 for name, found in recipes.items()}
    related = {}
    for name, found in recipes.items():
        scores: dict[str, float] = defaultdict(float)
        for trait in sorted(found):
            weight = found[trait] * log(len(recipes) / len(sharing[trait]))
            first = max(0, place[name, trait] - MOST // 2)
            for other in sharing[trait][first : first + MOST + 1] if weight else ():
                scores[other] += weight
        for other in {name, *(links or {}).get(name, ())}:
            scores.pop(other, None)
        ranks = {other: (-round(score / size[other], 6), order[other]) for other, score in scores.items()}
        related[name] = nsmallest(COUNT, ranks, ranks.__getitem__)
    return related


def find_related(app: Sphinx, env: BuildEnvironment) -> list[str]:
    """Relate all recipes; return the pages whose list, or a title in it, changed."""
    names = list(recipes_in_order(env))
    related = relate({name: traits(env, name) for name in names}, {name: linked(env, name) for name in names})
    found = {name: [(other, env.titles[other].astext()) for other in others] for name, others in related.items()}
    state = state_of(env)
    before, state.related = state.related, found
    return [name for name, others in found.items() if before.get(name, others) != others]


def add_related(
    app: Sphinx, pagename: str, templatename: str, context: dict[str, Any], doctree: nodes.document | None
) -> None:
    """Put ``related_recipes`` into the context of a recipe's page."""
    related = state_of(app.env).related.get(pagename, ())
    context["related_recipes"] = [{"title": title, "link": context["pathto"](name)} for name, title in related]
