"""Links to API documentation for the names in code that sphinx-gallery leaves out.

Those are modules in imports, such as ``torch.nn`` in ``import torch.nn as nn``, and decorators,
such as ``@torch.no_grad()``. Names that no inventory has stay plain.

The tokens between two links are merged into one node of HTML, and the block's ``rawsource`` then
holds its code; ``docs/decisions/api-links.md`` says why.

Relies on ``sphinx_gallery._doctree_links.code_links_block`` of 0.22.1, whose children are an
inline node for each token, with its Pygments class; ``tests/pages/test_api_links.py`` fails when
it changes.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from html import escape
from pathlib import Path
from typing import Any

from docutils import nodes
from pygments.token import STANDARD_TYPES, Name, Operator
from sphinx.application import Sphinx
from sphinx.ext.intersphinx import InventoryAdapter
from sphinx.transforms.post_transforms import SphinxPostTransform
from sphinx_gallery._doctree_links import code_links_block

MODULE, DECORATOR = STANDARD_TYPES[Name.Namespace], STANDARD_TYPES[Name.Decorator]
NAME, OPERATOR = STANDARD_TYPES[Name], STANDARD_TYPES[Operator]


def depend_on_inventories(app: Sphinx, doctree: nodes.document) -> None:
    """Make the page that was read depend on the inventories: their addresses are on it."""
    for _, (_, paths) in app.config.intersphinx_mapping.values():
        for path in paths:
            if path and Path(app.srcdir, path).is_file():
                app.env.note_dependency(path)


class ImportLinks(SphinxPostTransform):
    """Links modules and decorators, after sphinx-gallery has linked other names (priority 5)."""

    default_priority = 6
    formats = ("html",)

    def run(self, **kwargs: Any) -> None:
        inventory = InventoryAdapter(self.env).main_inventory
        known = [names for kind, names in inventory.items() if kind.startswith("py:")]
        for block in self.document.findall(code_links_block):
            block.rawsource = block.astext()
            tokens: list[nodes.Element] = block.children
            block.children = []
            plain: list[str] = []
            i = 0
            while i < len(tokens):
                length = _name_length(tokens, i)
                name = "".join(token.astext() for token in tokens[i : i + length]).removeprefix("@")
                found: Any = next((names[name] for names in known if name in names), None)
                uri = found and (getattr(found, "uri", "") or found[2])  # a tuple before Sphinx 8.2
                taken = tokens[i : i + max(length, 1)]
                i += len(taken)
                if uri:
                    taken = [nodes.reference("", "", *taken, refuri=uri, reftitle=name, internal=False)]
                if isinstance(taken[0], nodes.reference):
                    block += [_html(plain), *taken]
                    plain = []
                else:
                    plain += map(_span, taken)
            block += _html(plain)


def _span(token: nodes.Node) -> str:
    text = escape(token.astext())
    return f'<span class="{token["classes"][0]}">{text}</span>' if isinstance(token, nodes.inline) else text


def _html(parts: Iterable[str]) -> nodes.raw:
    return nodes.raw("", "".join(parts), format="html")


def _kind(token: nodes.Node) -> str:
    return str(token["classes"][0]) if isinstance(token, nodes.inline) else ""


def _name_length(tokens: Sequence[nodes.Node], first: int) -> int:
    """Return how many of *tokens* are an imported module or a dotted decorator; 0 if none."""
    kind, end = _kind(tokens[first]), first + 1
    if kind == MODULE:
        while end < len(tokens) and _kind(tokens[end]) == MODULE:
            end += 1
    elif kind == DECORATOR:
        while [_kind(token) for token in tokens[end : end + 2]] == [OPERATOR, NAME]:
            end += 2
    return end - first if kind == MODULE or end > first + 1 else 0
