"""The thumbnails of the gallery's cards: 480 by 300 pixels, in 128 colors to keep them small.

:func:`scale_image` replaces sphinx-gallery's function of that name. The thumbnail of recipes
without a figure, which is the same for all of them, is made once.
"""

from __future__ import annotations

import io
from functools import lru_cache
from pathlib import Path

from PIL import Image, ImageOps
from sphinx_gallery import utils


def scale_image(in_fname: str, out_fname: str, max_width: int, max_height: int) -> None:
    """Write a thumbnail of this size, in pixels; leave formats other than PNG to sphinx-gallery."""
    if Path(out_fname).suffix == ".png":
        Path(out_fname).write_bytes(_thumbnail(Path(in_fname).read_bytes(), (max_width, max_height)))
    else:
        utils.scale_image(in_fname, out_fname, max_width, max_height)


@lru_cache(maxsize=4)
def _thumbnail(content: bytes, size: tuple[int, int]) -> bytes:
    """Return a PNG with at most 128 colors, on the cards' white background."""
    with Image.open(io.BytesIO(content)) as image:
        picture = image.convert("RGBA")
    white = Image.new("RGB", picture.size, "white")
    white.paste(picture, mask=picture.getchannel("A"))
    card = ImageOps.pad(white, size, color="white").quantize(128, Image.Quantize.FASTOCTREE)
    result = io.BytesIO()
    card.save(result, "PNG")
    return result.getvalue()
