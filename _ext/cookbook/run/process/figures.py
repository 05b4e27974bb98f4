"""Figures for light and for dark pages.

Matplotlib draws each figure once, as a PNG for the page, the notebook and the card. On dark pages the
style sheet inverts the lightness of a figure with the class `INVERTIBLE` and keeps its hues: black on
white becomes light gray on dark gray. A figure has the class if it is on white or transparent paper, shows
no values by color, and its text is readable when inverted. Others stay on dark pages what they are.

Input: ``fig, ax = plt.subplots(); ax.plot(...)``; result: ``sphx_glr_NAME_001.png``, and

    .. image:: /recipes/SECTION/images/sphx_glr_NAME_001.png
       :alt: ...
       :class: sphx-glr-single-img invertible

An animation is a GIF, and its first frame a PNG for the card, for paper and for readers who want no motion.

Relies on sphinx-gallery's documented scraper interface, ``matplotlib_scraper``, whose directive
``image-sg``, which keeps only one class, becomes a plain ``image``, and the private ``_matplotlib_fig_titles``
and ``_KNOWN_IMG_EXTS``. The build itself imports this module too, so NumPy and Matplotlib are imported where they are
used. ``docs/decisions/figures.md`` says why a picture.
"""

from __future__ import annotations

import base64
import contextlib
import math
import re
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Any

from PIL import Image
from sphinx_gallery.scrapers import _KNOWN_IMG_EXTS, _matplotlib_fig_titles, figure_rst, matplotlib_scraper

if TYPE_CHECKING:
    from collections.abc import Iterator

    import numpy as np
    from matplotlib.artist import Artist
    from numpy.typing import NDArray
    from sphinx_gallery.py_source_parser import Block

    Colors = NDArray[np.floating[Any]]

#: Dots per inch: a figure of 5 inches has 1000 pixels, enough for 640 CSS pixels on a sharp screen.
DPI = 200
#: The same of animations, which have many frames: 640 pixels.
ANIMATION_DPI = 128
#: The class of figures that ``site.css`` inverts on dark pages.
INVERTIBLE = "invertible"
#: The classes of an animation and of its first frame, of which ``site.css`` shows one.
MOVING, STILL = "moving", "still"
#: The least contrast of text in an inverted figure (WCAG 2.2, level AA).
CONTRAST = 4.5
#: The part of a text that may lie on something else, such as a grid line.
CROSSED = 0.1


def scraper(block: Block, block_vars: dict[str, Any], gallery_conf: dict[str, Any]) -> str:
    """Save each open figure and return the reStructuredText that shows them."""
    import matplotlib.pyplot as plt

    canvases = [plt.figure(number).canvas for number in plt.get_fignums()]
    if not canvases:
        return ""
    images = block_vars["image_path_iterator"]
    first = len(images)
    with measured_text() as contrasts:
        rst = matplotlib_scraper(block, block_vars, gallery_conf, dpi=DPI)
    rst = re.sub(r"image-sg::(.*)((?:\n.*)*?)\n\s+:srcset:.*", r"image::\1\2", rst)
    for canvas, path in zip(canvases, images.paths[first:]):
        if is_invertible(canvas, contrasts):
            rst = re.sub(rf"({re.escape(Path(path).stem)}\.\w+(?:\n +:.*)*?\n +:class: .*)", rf"\1 {INVERTIBLE}", rst)
    return rst


def animation_rst(anim: Any, image_path: PurePosixPath, gallery_conf: dict[str, Any]) -> str:
    """Save the animation *anim* as a GIF and its first frame as a PNG; return what shows one of them."""
    anim.save(image_path.with_suffix(".gif"), writer="pillow", dpi=ANIMATION_DPI)
    with Image.open(image_path.with_suffix(".gif")) as animation:
        animation.convert("RGB").save(image_path)
    title, shown = _matplotlib_fig_titles(anim._fig), ""
    for suffix, kind in ((".gif", MOVING), (".png", STILL)):
        rst = figure_rst([image_path.with_suffix(suffix)], gallery_conf["src_dir"], title)
        shown += rst.replace(":class: sphx-glr-single-img", f":class: sphx-glr-single-img {kind}")
    return shown


def read_images(folder: Path) -> dict[str, str]:
    """Return the images in *folder*: file name to content in base64."""
    paths = sorted(path for kind in _KNOWN_IMG_EXTS for path in folder.glob(f"*.{kind}"))
    return {path.name: base64.b64encode(path.read_bytes()).decode() for path in paths}


def is_invertible(canvas: Any, contrasts: dict[Any, float]) -> bool:
    """Say whether the figure that has been drawn on *canvas* can be inverted on dark pages."""
    import numpy as np

    renderer = getattr(canvas, "renderer", None)  # another backend has none
    if renderer is None or contrasts.get(renderer, math.inf) < CONTRAST:
        return False
    corners = np.asarray(renderer.buffer_rgba())[[0, 0, -1, -1], [0, -1, 0, -1]]
    on_paper = ((corners == 255).all(axis=1) | (corners[:, 3] == 0)).all()
    return bool(on_paper) and not canvas.figure.findobj(_shows_values)


def _shows_values(artist: Artist) -> bool:
    """Say whether the colors of *artist* are an image or stand for values."""
    return getattr(artist, "get_array", lambda: None)() is not None


@contextlib.contextmanager
def measured_text() -> Iterator[dict[Any, float]]:
    """Measure the text that is drawn meanwhile: its least contrast, inverted, for each renderer."""
    import numpy as np
    from matplotlib.backends import backend_agg

    agg: Any = backend_agg.RendererAgg
    stock = agg.draw_text
    contrasts: dict[Any, float] = {}

    def draw_text(
        self: Any, gc: Any, x: float, y: float, s: str, prop: Any, angle: float, ismath: Any = False, **more: Any
    ) -> None:
        # The text is somewhere in a box of so many letters; to measure it would repeat Matplotlib's warnings.
        em = self.points_to_pixels(prop.get_size_in_points())
        box = [a + 1j * b for a in (-em, em * (1.5 * len(s) + 1)) for b in (-3 * em, 3 * em)]
        box = np.array(box) * np.exp(-1j * math.radians(angle)) + x + 1j * y  # y grows downward
        (left, right), (top, bottom) = ((max(int(c.min()), 0), max(int(c.max()), 0)) for c in (box.real, box.imag))
        canvas = np.asarray(self.buffer_rgba())[top:bottom, left:right]
        before = canvas.copy()
        stock(self, gc, x, y, s, prop, angle, ismath, **more)
        covered = before[(canvas != before).any(axis=-1)] / 255
        if len(covered):
            *color, alpha = gc.get_rgb()
            under = 1 + (covered[:, :3] - 1) * covered[:, 3:]  # what is transparent is white
            found = contrast(inverted(alpha * np.array(color) + (1 - alpha) * under), inverted(under))
            contrasts[self] = min(contrasts.get(self, math.inf), float(np.quantile(found, CROSSED)))

    agg.draw_text = draw_text
    try:
        yield contrasts
    finally:
        agg.draw_text = stock


def inverted(colors: Colors) -> Colors:
    """Return *colors*, sRGB from 0 to 1, as CSS's ``invert(0.9) hue-rotate(180deg)`` changes them."""
    opposite = 0.9 - 0.8 * colors
    lightness = opposite @ [0.213, 0.715, 0.072]
    return (2 * lightness[..., None] - opposite).clip(0, 1)


def contrast(one: Colors, other: Colors) -> Colors:
    """Return the contrasts between two arrays of colors, from 1 to 21, as WCAG defines them."""
    import numpy as np

    one, other = (
        np.where(colors > 0.04045, ((colors + 0.055) / 1.055) ** 2.4, colors / 12.92) @ [0.2126, 0.7152, 0.0722] + 0.05
        for colors in (one, other)
    )
    return np.maximum(one, other) / np.minimum(one, other)
