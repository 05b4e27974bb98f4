"""The navigation: sections, the recipes of the section one is in, previous and next.

The theme's own sidebar lists every page on every page. This one gives the templates
``gallery_sections``, whose length does not depend on how many recipes there are: those of
the section one is in, and of a large section the nearest. For a page of the section
*Save and load* the result is ``[{"title": "Save and load", "link": "index.html",
"current": True, "count": 8, "recipes": [...]}, {"title": "When loading fails", ...,
"recipes": []}, ...]``.

``prev`` and ``next`` lead from recipe to recipe, in reading order, where Sphinx's own go
through the index page of each section. A page is written anew when what it shows of other
pages has changed, which Sphinx does not notice.
"""

GALLERY = "recipes/index"
#: How many recipes of a section are listed at most: the current one, and as many on each side.
LISTED = 21


def nearest(recipes, current):
    """Return the `LISTED` members of *recipes* around *current*, or the first ones."""
    middle = recipes.index(current) if current in recipes else 0
    first = max(0, min(middle - LISTED // 2, len(recipes) - LISTED))
    return recipes[first : first + LISTED]


def recipes_in_order(env):
    """Return the docnames of all recipes in reading order."""
    sections = env.toctree_includes.get(GALLERY, ())
    return [name for section in sections for name in env.toctree_includes.get(section, ())]


def find_neighbors(app, env):
    """Find what each page shows of other pages; return the pages for which that changed."""
    before = getattr(env, "recipe_neighbors", {})
    order = recipes_in_order(env)
    titles = {name: env.titles[name].astext() for name in env.titles}
    sections = env.toctree_includes.get(GALLERY, ())
    all_sections = tuple((name, titles[name]) for name in sections)
    env.recipe_neighbors = {}
    for section in sections:
        recipes = env.toctree_includes.get(section, [])
        for name in (section, *recipes):
            shown = [(other, titles[other]) for other in nearest(recipes, name)]
            more = len(recipes) if len(recipes) > LISTED else None
            env.recipe_neighbors[name] = {"shown": (all_sections, shown, more)}
    for prev, name, next_ in zip([None, *order], order, [*order[1:], None]):
        found = env.recipe_neighbors[name]
        found["prev"] = prev and (prev, titles[prev])
        found["next"] = next_ and (next_, titles[next_])
    return [name for name, new in env.recipe_neighbors.items() if before.get(name, new) != new]


def add_gallery_sections(app, pagename, templatename, context, doctree):
    """Put ``gallery_sections``, ``recipe_section``, ``prev`` and ``next`` into the context."""
    includes, titles = app.env.toctree_includes, app.env.titles
    link = lambda docname: context["pathto"](docname)  # noqa: E731

    sections = []
    for section in includes.get(GALLERY, ()):
        recipes = includes.get(section, ())
        current = pagename == section or pagename in recipes
        sections.append(
            {
                "title": titles[section].astext(),
                "link": link(section),
                "current": current,
                "count": len(recipes),
                "recipes": [
                    {
                        "title": titles[recipe].astext(),
                        "link": link(recipe),
                        "current": recipe == pagename,
                    }
                    for recipe in (nearest(recipes, pagename) if current else ())
                ],
            }
        )
    context["gallery_sections"] = sections
    context["recipe_section"] = next(
        (s for s in sections if s["current"] and any(r["current"] for r in s["recipes"])), None
    )
    neighbors = app.env.recipe_neighbors.get(pagename, {})
    for key in ("prev", "next"):
        found = neighbors.get(key)
        context[key] = found and {"link": link(found[0]), "title": found[1]}
