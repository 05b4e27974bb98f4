"""API links for the names in code that sphinx-gallery leaves plain: imports and decorators.

In ``import torch.nn as nn`` it makes ``torch.nn``, and above a function ``@torch.no_grad()``
it makes ``torch.no_grad``, a link to the documentation, if an inventory has the name.

Relies on ``sphinx_gallery._doctree_links.code_links_block`` of 0.22.1, whose children are an
inline node for each token, with its Pygments class; ``tests/test_api_links.py`` fails when
it changes.
"""

from docutils import nodes
from sphinx.ext.intersphinx import InventoryAdapter
from sphinx.transforms.post_transforms import SphinxPostTransform
from sphinx_gallery._doctree_links import code_links_block


class ImportLinks(SphinxPostTransform):
    """Make links of modules and decorators, after sphinx-gallery made its own (priority 5)."""

    default_priority = 6
    formats = ("html",)

    def run(self, **kwargs):
        inventory = InventoryAdapter(self.env).main_inventory
        known = {kind: names for kind, names in inventory.items() if kind.startswith("py:")}
        for block in self.document.findall(code_links_block):
            children, new = list(block.children), []
            while children:
                length = _length(children)
                name = "".join(node.astext() for node in children[:length]).removeprefix("@")
                uri = next((names[name][2] for names in known.values() if name in names), None)
                if length and uri:
                    link = nodes.reference("", "", *children[:length], refuri=uri, reftitle=name, internal=False)
                    new.append(link)
                else:
                    new.extend(children[: length or 1])
                del children[: length or 1]
            block.children = []
            block += new


def _length(tokens):
    """Return how many *tokens* are the module of an import, or a dotted decorator: 0 if none."""
    kinds = [node["classes"][0] if isinstance(node, nodes.inline) else "" for node in tokens[:20]]
    if kinds[0] == "nn":
        return next((i for i, kind in enumerate(kinds) if kind != "nn"), len(kinds))
    if kinds[0] == "nd":
        length = 1
        while kinds[length : length + 2] == ["o", "n"]:
            length += 2
        return length if length > 1 else 0
    return 0


def setup(app):
    app.add_post_transform(ImportLinks)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
