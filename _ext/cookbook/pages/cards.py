"""The cards of the gallery.

sphinx-gallery writes its cards as raw HTML around an image and a link: a recipe's promise is in
a tooltip that neither phones nor screen readers show, its title is there twice, and every section
has a placeholder for a tag filter. This module turns each section's cards into a list whose
items have a class for each tag:

    <ul class="cards"><li class="card tag-saving tag-module">image, link, promise</li></ul>

Above the first cards are the buttons of the gallery's filter, one for each tag, with the number of
its recipes. ``filter.js`` handles them; they are in the HTML so that the page does not shift when the
script loads.

Relies on the reStructuredText of ``sphinx_gallery.backreferences.THUMBNAIL_TEMPLATE`` and
``THUMBNAIL_PARENT_DIV`` in 0.22.1; ``tests/upgrade/test_seam.py`` fails when it changes.
"""

from __future__ import annotations

import html
import json
import re
from collections import Counter

from docutils import nodes
from sphinx import addnodes
from sphinx.application import Sphinx
from sphinx_gallery import directives
from sphinx_gallery.py_source_parser import remove_ignore_blocks

from cookbook.build import build_of
from cookbook.pages.navigation import GALLERY
from cookbook.recipes.recipe import Recipe

CARD = re.compile(r"""thumbcontainer" (?:data-sgtags='(?P<tags>.*?)' )?tooltip="(?P<promise>.*)">""")
IMPORT = re.compile(r"(import|from) |# sphinx_gallery_")
FILTER = """<div class="filter needs-script">
<div class="filter-tags" role="group" aria-label="Show only recipes with all of these tags">{buttons}</div>
<p><span role="status">{count} of {count} recipes</span>\
<button type="button" class="filter-clear" hidden>Clear the filter</button></p>
</div>"""
BUTTON = '<button type="button" aria-pressed="false" data-tag="{id}" data-count="{count}">{tag}</button>'


class MiniGallery(directives.MiniGallery):  # type: ignore[misc]
    """sphinx-gallery's ``.. minigallery::``, which says where it finds no recipe."""

    def run(self) -> list[nodes.Node]:
        """Insert the cards."""
        before = len(self.state_machine.input_lines)
        found: list[nodes.Node] = super().run()
        if len(self.state_machine.input_lines) == before:
            raise self.error("no recipe is found: give a path from the folder of conf.py, as in recipes_source/a/b.py")
        return found


def rewrite_cards(app: Sphinx, doctree: nodes.document) -> None:
    """Replace sphinx-gallery's cards in a page that was read."""
    for raw in list(doctree.findall(nodes.raw)):
        if "sg-tag-list" in raw.astext():
            raw.parent.remove(raw)
    for comment in list(doctree.findall(nodes.comment)):
        if comment.astext() == "thumbnail-parent-div-open":
            _rewrite_section(app, comment)
    if app.env.docname == GALLERY:
        _add_filter(doctree)


def _add_filter(doctree: nodes.document) -> None:
    """Insert the filter before the first section with cards, if any card has tags."""
    lists = [node for node in doctree.findall(nodes.bullet_list) if "cards" in node["classes"]]
    cards = [card for cards in lists for card in cards.findall(nodes.list_item)]
    counts = Counter(tag for card in cards for tag in card.attributes.pop("tags"))
    if counts:
        buttons = "".join(
            BUTTON.format(id=nodes.make_id(tag), count=counts[tag], tag=html.escape(tag)) for tag in sorted(counts)
        )
        text = FILTER.format(buttons=buttons, count=len(cards))
        section = lists[0].parent
        section.parent.insert(section.parent.index(section), nodes.raw("", text, format="html"))


def _rewrite_section(app: Sphinx, opening: nodes.comment) -> None:
    """Replace the cards between *opening* and the closing comment by a list."""
    parent = opening.parent
    first = parent.index(opening)
    last = next(i for i in range(first, len(parent)) if parent[i].astext() == "thumbnail-parent-div-close")
    cards = nodes.bullet_list(classes=["cards"])
    for node in parent[first + 1 : last]:
        if isinstance(node, nodes.raw) and (found := CARD.search(node.astext())):
            tags = json.loads(found["tags"] or "[]")
            ids = [nodes.make_id(f"tag-{tag}") for tag in tags]
            card = nodes.list_item("", classes=["card", *ids], tags=tags)
            cards += card
            promise = nodes.paragraph("", html.unescape(found["promise"]), classes=["promise"])
        elif isinstance(node, nodes.Element) and not isinstance(node, nodes.raw):
            docnames = [xref["reftarget"].lstrip("/") for xref in node.findall(addnodes.pending_xref)]
            recipe = build_of(app).recipe_of(docnames[0]) if docnames else None
            code = recipe and _short_answer(recipe)
            if recipe and code:
                app.env.note_dependency(str(recipe.path))
                for image in list(node.findall(nodes.image)):
                    image.parent.replace(image, code)
            card += [*node.children, promise]
    # Include the <div> before and the </div> after, if they are there.
    before = first - 1 if first and isinstance(parent[first - 1], nodes.raw) else first
    after = last + 2 if isinstance(parent[last + 1], nodes.raw) else last + 1
    parent[before:after] = [cards] if len(cards) else []


def _short_answer(recipe: Recipe) -> nodes.literal_block | None:
    """Return the short answer without its imports, or None if the recipe has none or names a picture."""
    if recipe.answer is None or {"thumbnail_number", "thumbnail_path"} & recipe.file_conf.keys():
        return None
    lines = [
        line for line in remove_ignore_blocks(recipe.answer.content).strip("\n").split("\n") if not IMPORT.match(line)
    ]
    code = re.sub(r"\n{3,}", "\n\n", "\n".join(lines).strip("\n"))
    return nodes.literal_block(code, code, language="python", classes=["card-code"])
