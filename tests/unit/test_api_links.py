"""Links of imports and decorators: which tokens become one, in either form of an inventory."""

import warnings
from types import SimpleNamespace

import pytest
from cookbook.pages.api_links import ImportLinks
from docutils import nodes
from docutils.utils import new_document
from sphinx_gallery._doctree_links import code_links_block

URI = "https://example.org/torch.html"


class Item:
    """An entry of an inventory as Sphinx 8.2 and later have it."""

    uri = URI

    def __getitem__(self, index):
        warnings.warn("the tuple interface is deprecated", DeprecationWarning, stacklevel=2)
        return URI


def linked(tokens, item):
    """Return ``(text, address)`` of the links in a block of *tokens*, ``(text, Pygments class)``."""
    document = new_document("x")
    block = code_links_block()
    block += [nodes.inline("", text, classes=[kind]) for text, kind in tokens]
    document += block
    document.settings.env = SimpleNamespace(
        intersphinx_cache={},
        intersphinx_named_inventory={},
        intersphinx_inventory={"py:module": {"torch.no_grad": item}},
    )
    ImportLinks(document).run()
    assert block.rawsource == "".join(text for text, _ in tokens)
    return [(link.astext(), link["refuri"]) for link in document.findall(nodes.reference)]


@pytest.mark.parametrize("item", [("torch", "2.13", URI, "-"), Item()], ids=["Sphinx 7", "Sphinx 9"])
@pytest.mark.filterwarnings("error")
def test_a_name_of_the_inventory_is_a_link(item):
    imported = [("import", "kn"), (" ", "w"), ("torch", "nn"), (".", "nn"), ("no_grad", "nn")]
    decorator = [("@torch", "nd"), (".", "o"), ("no_grad", "n"), ("(", "p"), (")", "p")]
    assert linked(imported, item) == [("torch.no_grad", URI)]
    assert linked(decorator, item) == [("@torch.no_grad", URI)]
    assert linked([("torch", "n"), (".", "o"), ("no_grad", "n")], item) == []
    assert linked([("@torch", "nd"), ("(", "p")], item) == linked([("import", "kn"), ("os", "nn")], item) == []
