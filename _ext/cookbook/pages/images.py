"""The size of each image in its tag, so that a page does not jump when it arrives.

``<img alt="A figure" src="x.png" />`` becomes
``<img alt="A figure" src="x.png" width="1000" height="800" loading="lazy" />``: attributes,
since an inline style is what the Content-Security-Policy forbids and docutils would write.
Lazy, so that the variant for the other color theme is never fetched.
"""

from pathlib import Path

from sphinx.util.images import get_image_size
from sphinx.writers.html5 import HTML5Translator


def visit_image(self, node):
    """Write the tag of an image with its size."""
    size = get_image_size(Path(self.builder.srcdir, node["uri"]))
    HTML5Translator.visit_image(self, node)
    if size and self.body[-1].startswith("<img "):
        tag, end, rest = self.body[-1].rpartition("/>")
        self.body[-1] = f'{tag.rstrip()} width="{size[0]}" height="{size[1]}" loading="lazy" {end}{rest}'


def depart_image(self, node):
    """End the tag as Sphinx does."""
    HTML5Translator.depart_image(self, node)
