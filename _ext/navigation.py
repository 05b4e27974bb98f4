"""The navigation: sections, and the recipes of the section one is in.

The theme's own sidebar lists every page on every page. This one gives the templates
``gallery_sections``, whose length does not depend on how many recipes there are: those of
the section one is in, and of a large section the nearest. For a page of the section
*Save and load* the result is ``[{"title": "Save and load", "link": "index.html",
"current": True, "count": 8, "recipes": [...]}, {"title": "When loading fails", ...,
"recipes": []}, ...]``.
"""

GALLERY = "recipes/index"
#: How many recipes of a section are listed at most: the current one, and as many on each side.
LISTED = 21


def nearest(recipes, current):
    """Return the `LISTED` members of *recipes* around *current*, or the first ones."""
    middle = recipes.index(current) if current in recipes else 0
    first = max(0, min(middle - LISTED // 2, len(recipes) - LISTED))
    return recipes[first : first + LISTED]


def add_gallery_sections(app, pagename, templatename, context, doctree):
    """Put ``gallery_sections`` and ``recipe_section`` into the context of a page."""
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


def setup(app):
    app.connect("html-page-context", add_gallery_sections)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
