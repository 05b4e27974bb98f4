"""The size of each image in its tag, so that the page does not shift when the image loads.

``<img alt="A figure" src="x.png" />`` becomes
``<img alt="A figure" src="x.png" width="1000" height="800" loading="lazy" />``. These are
attributes because the Content-Security-Policy forbids the inline styles that docutils writes.
Lazy loading keeps browsers from fetching the variant for the other color theme.
"""

from __future__ import annotations

from docutils import nodes
from sphinx.util.images import get_image_size
from sphinx.writers.html5 import HTML5Translator


def visit_image(self: HTML5Translator, node: nodes.image) -> None:
    """Write the tag of an image, with its size."""
    size = get_image_size(str(self.builder.srcdir / node["uri"]))
    HTML5Translator.visit_image(self, node)
    if size and self.body[-1].startswith("<img "):
        tag, end, rest = self.body[-1].rpartition("/>")
        self.body[-1] = f'{tag.rstrip()} width="{size[0]}" height="{size[1]}" loading="lazy" {end}{rest}'


depart_image = HTML5Translator.depart_image
