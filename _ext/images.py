"""The size of each image in its tag, so that a page does not jump when it arrives.

``<img alt="A figure" src="x.png" />`` becomes
``<img alt="A figure" src="x.png" width="1000" height="800" loading="lazy" />``: attributes,
since an inline style is what the Content-Security-Policy forbids and docutils would write.
Lazy, so that the variant for the other color theme is never fetched.

:func:`scale_image` stands in for sphinx-gallery's function of that name, which makes the
pictures of cards: a third of the size, in bytes, and once for all that have none of their own.
"""

import io
from functools import lru_cache
from pathlib import Path

from docutils import nodes
from PIL import Image, ImageOps
from sphinx.util.images import get_image_size
from sphinx.writers.html5 import HTML5Translator
from sphinx_gallery import utils


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


def scale_image(in_fname, out_fname, max_width, max_height):
    """Make of a picture a card's, of that size in pixels; of what is no PNG, as sphinx-gallery does."""
    if Path(out_fname).suffix != ".png":
        return utils.scale_image(in_fname, out_fname, max_width, max_height)
    Path(out_fname).write_bytes(_card(Path(in_fname).read_bytes(), (max_width, max_height)))


@lru_cache(maxsize=4)
def _card(content, size):
    """Return a PNG with at most 128 colors, on the white that cards have."""
    with Image.open(io.BytesIO(content)) as picture:
        picture = picture.convert("RGBA")
    white = Image.new("RGB", picture.size, "white")
    white.paste(picture, mask=picture.getchannel("A"))
    card = ImageOps.pad(white, size, color="white").quantize(128, Image.Quantize.FASTOCTREE)
    result = io.BytesIO()
    card.save(result, "PNG")
    return result.getvalue()


def setup(app):
    app.add_node(nodes.image, override=True, html=(visit_image, depart_image))
    return {"parallel_read_safe": True, "parallel_write_safe": True}
