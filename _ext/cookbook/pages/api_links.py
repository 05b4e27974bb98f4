"""API links for the names in code that sphinx-gallery leaves plain: imports and decorators.

In ``import torch.nn as nn`` it makes ``torch.nn``, and above a function ``@torch.no_grad()``
it makes ``torch.no_grad``, a link to the documentation, if an inventory has the name.

Relies on ``sphinx_gallery._doctree_links.code_links_block`` of 0.22.1, whose children are an
inline node for each token, with its Pygments class; ``tests/pages/test_api_links.py`` fails when
it changes. All tokens between two links become one node, of HTML, since whatever walks
through a page walks through its nodes: with thousands, pages took a quarter longer. The code
itself is then the block's ``rawsource``.
"""

from html import escape
from pathlib import Path

from docutils import nodes
from pygments.token import STANDARD_TYPES, Name, Operator
from sphinx.ext.intersphinx import InventoryAdapter
from sphinx.transforms.post_transforms import SphinxPostTransform
from sphinx_gallery._doctree_links import code_links_block

MODULE, DECORATOR = STANDARD_TYPES[Name.Namespace], STANDARD_TYPES[Name.Decorator]
NAME, OPERATOR = STANDARD_TYPES[Name], STANDARD_TYPES[Operator]


def depend_on_inventories(app, doctree):
    """Let the page that was read be read anew when an inventory, and so an address, changes."""
    for _, (_, paths) in app.config.intersphinx_mapping.values():
        for path in paths:
            if path and Path(app.srcdir, path).is_file():
                app.env.note_dependency(path)


class ImportLinks(SphinxPostTransform):
    """Make links of modules and decorators, after sphinx-gallery made its own (priority 5)."""

    default_priority = 6
    formats = ("html",)

    def run(self, **kwargs):
        inventory = InventoryAdapter(self.env).main_inventory
        known = {kind: names for kind, names in inventory.items() if kind.startswith("py:")}
        for block in self.document.findall(code_links_block):
            block.rawsource = block.astext()
            tokens, new, plain, i = block.children, [], [], 0
            while i < len(tokens):
                length = _length(tokens, i)
                name = "".join(node.astext() for node in tokens[i : i + length]).removeprefix("@")
                uri = length and next((names[name][2] for names in known.values() if name in names), None)
                if uri:
                    link = nodes.reference("", "", *tokens[i : i + length], refuri=uri, reftitle=name, internal=False)
                    new += [_raw(plain), link]
                    plain = []
                elif isinstance(tokens[i], nodes.reference):
                    new += [_raw(plain), tokens[i]]
                    plain, length = [], 1
                else:
                    length = length or 1
                    plain += map(_html, tokens[i : i + length])
                i += length
            block.children = []
            block += [*new, _raw(plain)]


def _html(token):
    text = escape(token.astext())
    return f'<span class="{token["classes"][0]}">{text}</span>' if isinstance(token, nodes.inline) else text


def _raw(parts):
    return nodes.raw("", "".join(parts), format="html")


def _kind(token):
    return token["classes"][0] if isinstance(token, nodes.inline) else ""


def _length(tokens, first):
    """Return how many *tokens* are the module of an import, or a dotted decorator: 0 if none."""
    kind, end = _kind(tokens[first]), first + 1
    if kind == MODULE:
        while end < len(tokens) and _kind(tokens[end]) == MODULE:
            end += 1
    elif kind == DECORATOR:
        while [_kind(token) for token in tokens[end : end + 2]] == [OPERATOR, NAME]:
            end += 2
    return end - first if kind == MODULE or end > first + 1 else 0
