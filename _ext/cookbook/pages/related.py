"""Three related recipes at the end of each page.

Computed once a build, for all recipes: two are the more related the more tags and API
names they share, a rare one counting for more than one that many recipes have, and a
little if they are neighbors in a section. The templates get ``related_recipes``, such as
``[{"title": "Removing wrapper prefixes", "link": "removing_wrapper_prefixes.html"}, ...]``.
A page is written anew when its list changed, and only then.

API names are those that sphinx-gallery found in the code: it keeps them, resolved, beside
each page in ``NAME.codeobj.json`` (0.22.1).
"""

import json
from collections import defaultdict
from heapq import nsmallest
from math import log
from pathlib import Path

from cookbook.pages.navigation import recipes_in_order

#: How many there are on a page.
COUNT = 3
#: What a shared section, a shared tag and a shared API name count, before rarity.
SECTION, TAG, API = 1.0, 2.0, 0.5


def traits(env, docname):
    """Return what the recipe *docname* shares with others: ``{("tag", "saving"): 2.0, ...}``."""
    found = {("tag", tag): TAG for tag in env.metadata[docname].get("tags", ())}
    code = Path(env.srcdir, f"{docname}.codeobj.json")
    for candidates in json.loads(code.read_text(encoding="utf-8")).values() if code.exists() else ():
        module, name = candidates[0]["module_short"], candidates[0]["name"]
        if module.split(".")[0] == "torch":
            found["api", f"{module}.{name}"] = API
    found["section", str(Path(docname).parent)] = SECTION
    return found


def relate(recipes):
    """Return for each of *recipes*, docname to traits, the names of the most related.

    Equals are in the order of *recipes*.
    """
    having = defaultdict(list)
    for name, found in recipes.items():
        for trait in found:
            having[trait].append(name)
    order = {name: i for i, name in enumerate(recipes)}
    # many shared names of a long recipe say less than the same number of a short one
    size = {name: sum(found.values()) ** 0.5 for name, found in recipes.items()}
    related = {}
    for name, found in recipes.items():
        scores = defaultdict(float)
        for trait in sorted(found):
            weight = found[trait] * log(len(recipes) / len(having[trait]))
            for other in having[trait] if weight else ():
                scores[other] += weight
        scores.pop(name, None)
        related[name] = nsmallest(COUNT, scores, lambda o: (-round(scores[o] / size[o], 6), order[o]))
    return related


def find_related(app, env):
    """Relate all recipes; return the pages whose list, or a title in it, changed."""
    before = getattr(env, "related_recipes", {})
    related = relate({name: traits(env, name) for name in recipes_in_order(env)})
    env.related_recipes = {
        name: [(other, env.titles[other].astext()) for other in others] for name, others in related.items()
    }
    return [name for name, others in env.related_recipes.items() if before.get(name, others) != others]


def add_related(app, pagename, templatename, context, doctree):
    """Put ``related_recipes`` into the context of a recipe's page."""
    context["related_recipes"] = [
        {"title": title, "link": context["pathto"](name)} for name, title in app.env.related_recipes.get(pagename, ())
    ]
