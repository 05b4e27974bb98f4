"""Navigation: the list of sections, the recipes of the current section, previous and next.

The theme's own sidebar lists every page on every page. Here the templates get
``gallery_sections``, whose length does not grow with the number of recipes: only the recipes of
the current section are listed, and of a large section only the nearest. On a page of the section
*Save and load* it is ``[{"title": "Save and load", "link": "index.html", "current": True,
"count": 8, "recipes": [...]}, {"title": "When loading fails", ..., "recipes": []}, ...]``.

``prev`` and ``next`` lead from recipe to recipe in reading order; Sphinx's own also visit the
index page of each section. Sphinx does not notice when what a page shows of other pages
changes, so :func:`find_neighbors` returns the pages to write again.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from docutils import nodes
from sphinx.application import Sphinx
from sphinx.environment import BuildEnvironment

from cookbook.state import state_of

GALLERY = "recipes/index"
#: The most recipes of a section that are listed: the current one and its neighbors on both sides.
MAX_LISTED = 21
#: A docname and the title of its page.
Page = tuple[str, str]


@dataclass
class Neighbors:
    """What a page shows of other pages; ``count`` is how many recipes its *section* has."""

    sections: list[Page]
    section: str
    listed: list[Page]
    count: int
    prev: Page | None = None
    next: Page | None = None


def sections_of(env: BuildEnvironment) -> list[str]:
    """Return the docnames of all sections in reading order; recipes beside them make the gallery itself one."""
    pages = env.toctree_includes.get(GALLERY, [])
    return [GALLERY] * any(map(_is_recipe, pages)) + [name for name in pages if not _is_recipe(name)]


def recipes_of(env: BuildEnvironment, section: str) -> list[str]:
    """Return the docnames of the recipes of a *section* in reading order."""
    return list(filter(_is_recipe, env.toctree_includes.get(section, [])))


def _is_recipe(docname: str) -> bool:
    return not docname.endswith("/index")


def recipes_in_order(env: BuildEnvironment) -> list[str]:
    """Return the docnames of all recipes in reading order."""
    return [name for section in sections_of(env) for name in recipes_of(env, section)]


def nearest(recipes: Sequence[str], current: str) -> Sequence[str]:
    """Return the `MAX_LISTED` members of *recipes* around *current*, or the first ones."""
    middle = recipes.index(current) if current in recipes else 0
    first = max(0, min(middle - MAX_LISTED // 2, len(recipes) - MAX_LISTED))
    return recipes[first : first + MAX_LISTED]


def find_neighbors(app: Sphinx, env: BuildEnvironment) -> list[str]:
    """Find what each page shows of other pages; return the pages for which that changed."""
    sections = {section: recipes_of(env, section) for section in sections_of(env)}
    # The same objects on all pages, which are in the pickled environment only once.
    pages: dict[str, Page] = {
        name: (name, env.titles[name].astext()) for section, names in sections.items() for name in (section, *names)
    }
    titled = [pages[section] for section in sections]
    found = {
        name: Neighbors(titled, section, [pages[other] for other in nearest(recipes, name)], len(recipes))
        for section, recipes in sections.items()
        for name in (section, *recipes)
    }
    order = [pages[name] for recipes in sections.values() for name in recipes]
    for prev, (name, _), next_ in zip([None, *order], order, [*order[1:], None]):
        found[name].prev, found[name].next = prev, next_
    state = state_of(env)
    before, state.neighbors = state.neighbors, found
    return [name for name, new in found.items() if before.get(name, new) != new]


def add_gallery_sections(
    app: Sphinx, pagename: str, templatename: str, context: dict[str, Any], doctree: nodes.document | None
) -> None:
    """Put ``gallery_sections``, ``recipe_section``, ``prev`` and ``next`` into the context."""
    env, own = app.env, state_of(app.env).neighbors.get(pagename)

    def entry(page: Page) -> dict[str, Any]:
        return {"title": page[1], "link": context["pathto"](page[0]), "current": page[0] == pagename}

    context["gallery_sections"], context["recipe_section"] = [], None
    for section in own.sections if own else [(name, env.titles[name].astext()) for name in sections_of(env)]:
        item = {**entry(section), "recipes": []}
        if own and section[0] == own.section:
            item.update(current=True, count=own.count, recipes=list(map(entry, own.listed)))
            context["recipe_section"] = item if pagename != own.section else None
        context["gallery_sections"].append(item)
    for key in ("prev", "next"):
        page: Page | None = getattr(own, key, None)
        context[key] = page and {"link": context["pathto"](page[0]), "title": page[1]}
