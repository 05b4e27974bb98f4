"""The cards of the gallery.

sphinx-gallery writes its cards as raw HTML around an image and a link: the recipe's
promise is in a tooltip that neither a phone nor a screen reader shows, its title is there
twice, and the place for the tag filter once in every section. This makes each section's
cards a list whose items have a class for each tag:

    <ul class="cards"><li class="card tag-saving tag-module">image, link, promise</li></ul>

Above the first cards of the gallery stand the buttons of its filter, one for each tag, which
``filter.js`` brings to life. They are in the page so that it does not jump when that arrives.

Relies on the reStructuredText of ``sphinx_gallery.backreferences.THUMBNAIL_TEMPLATE`` and
``THUMBNAIL_PARENT_DIV`` in 0.22.1; ``tests/upgrade/test_seam.py`` fails when it changes.
"""

import html
import json
import re

from docutils import nodes

from cookbook.pages.navigation import GALLERY

CARD = re.compile(r"""thumbcontainer" (?:data-sgtags='(?P<tags>.*?)' )?tooltip="(?P<promise>.*)">""")
FILTER = """<div class="filter needs-script">
<div class="filter-tags" role="group" aria-label="Show only recipes with all of these tags">{buttons}</div>
<p><span role="status">{count} of {count} recipes</span><button type="button" class="filter-clear" hidden>Clear the filter</button></p>
</div>"""
BUTTON = '<button type="button" aria-pressed="false" data-tag="{id}">{tag}</button>'


def rewrite_cards(app, doctree):
    """Replace sphinx-gallery's cards in the page that was read."""
    for raw in list(doctree.findall(nodes.raw)):
        if "sg-tag-list" in raw.astext():
            raw.parent.remove(raw)
    for comment in list(doctree.findall(nodes.comment)):
        if comment.astext() == "thumbnail-parent-div-open":
            _rewrite_section(comment)
    if app.env.docname == GALLERY:
        _add_filter(doctree)


def _add_filter(doctree):
    """Put the filter before the first section that has cards, if they have tags."""
    lists = [node for node in doctree.findall(nodes.bullet_list) if "cards" in node["classes"]]
    cards = [card for cards in lists for card in cards]
    tags = {tag: nodes.make_id(tag) for card in cards for tag in card.attributes.pop("tags")}
    if tags:
        buttons = "".join(BUTTON.format(id=tags[tag], tag=html.escape(tag)) for tag in sorted(tags))
        place = lists[0].parent
        place.parent.insert(
            place.parent.index(place), nodes.raw("", FILTER.format(buttons=buttons, count=len(cards)), format="html")
        )


def _rewrite_section(opening):
    """Put a list in place of the cards between *opening* and the comment that closes them."""
    parent = opening.parent
    first = parent.index(opening)
    last = next(i for i in range(first, len(parent)) if parent[i].astext() == "thumbnail-parent-div-close")
    cards = nodes.bullet_list(classes=["cards"])
    for node in parent[first + 1 : last]:
        if isinstance(node, nodes.raw) and (card := CARD.search(node.astext())):
            tags = json.loads(card["tags"] or "[]")
            ids = [nodes.make_id(f"tag-{tag}") for tag in tags]
            cards += nodes.list_item("", classes=["card", *ids], tags=tags)
            promise = nodes.paragraph("", html.unescape(card["promise"]), classes=["promise"])
        elif isinstance(node, nodes.Element) and not isinstance(node, nodes.raw):
            cards[-1] += [*node.children, promise]
    # with the <div> before and the </div> behind, where there are any
    before = first - 1 if first and isinstance(parent[first - 1], nodes.raw) else first
    after = last + 2 if isinstance(parent[last + 1], nodes.raw) else last + 1
    parent[before:after] = [cards] if len(cards) else []
