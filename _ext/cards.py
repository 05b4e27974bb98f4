"""The cards of the gallery.

sphinx-gallery writes its cards as raw HTML around an image and a link: the recipe's
promise is in a tooltip that neither a phone nor a screen reader shows, its title is there
twice, and the place for the tag filter once in every section. This makes each section's
cards a list whose items have a class for each tag:

    <ul class="cards"><li class="card tag-saving tag-module">image, link, promise</li></ul>

Relies on the reStructuredText of ``sphinx_gallery.backreferences.THUMBNAIL_TEMPLATE`` and
``THUMBNAIL_PARENT_DIV`` in 0.22.1; ``tests/test_attachment.py`` fails when it changes.
"""

import html
import json
import re

from docutils import nodes

CARD = re.compile(r"""thumbcontainer" (?:data-sgtags='(?P<tags>.*?)' )?tooltip="(?P<promise>.*)">""")


def rewrite_cards(app, doctree):
    """Replace sphinx-gallery's cards in the page that was read."""
    for raw in list(doctree.findall(nodes.raw)):
        if "sg-tag-list" in raw.astext():
            raw.parent.remove(raw)
    for comment in list(doctree.findall(nodes.comment)):
        if comment.astext() == "thumbnail-parent-div-open":
            _rewrite_section(comment)


def _rewrite_section(opening):
    """Put a list in place of the cards between *opening* and the comment that closes them."""
    parent = opening.parent
    first = parent.index(opening)
    last = next(
        i for i in range(first, len(parent)) if parent[i].astext() == "thumbnail-parent-div-close"
    )
    cards = nodes.bullet_list(classes=["cards"])
    for node in parent[first + 1 : last]:
        if isinstance(node, nodes.raw) and (card := CARD.search(node.astext())):
            tags = [nodes.make_id(f"tag-{tag}") for tag in json.loads(card["tags"] or "[]")]
            cards += nodes.list_item("", classes=["card", *tags])
            promise = nodes.paragraph("", html.unescape(card["promise"]), classes=["promise"])
        elif isinstance(node, nodes.Element) and not isinstance(node, nodes.raw):
            cards[-1] += [*node.children, promise]
    # with the <div> before and the </div> behind, where there are any
    before = first - 1 if first and isinstance(parent[first - 1], nodes.raw) else first
    after = last + 2 if isinstance(parent[last + 1], nodes.raw) else last + 1
    parent[before:after] = [cards] if len(cards) else []


def setup(app):
    app.connect("doctree-read", rewrite_cards)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
