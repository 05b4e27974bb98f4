"""The pictures of cards: 480 by 300 pixels, in a third of sphinx-gallery's bytes.

:func:`scale_image` stands in for sphinx-gallery's function of that name. A picture is reduced
to 128 colors on the white that cards have, once for all recipes that have none of their own.
"""

import io
from functools import lru_cache
from pathlib import Path

from PIL import Image, ImageOps
from sphinx_gallery import utils


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
