"""Figures for light and for dark pages.

A recipe draws a figure with Matplotlib's defaults, black on white, for the light theme. For the
dark theme the same figure is saved again with black and white swapped and all other colors kept.
Input: ``fig, ax = plt.subplots(); ax.plot(...)``; result: ``sphx_glr_NAME_001.png`` and
``sphx_glr_NAME_001_dark.png``, with the theme's classes ``only-light`` and ``only-dark``.

Relies on sphinx-gallery's documented scraper interface and ``matplotlib_scraper``. Its
directive ``image-sg``, which keeps only one class, becomes a plain ``image``.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from sphinx_gallery.scrapers import matplotlib_scraper

if TYPE_CHECKING:
    from matplotlib.figure import Figure
    from sphinx_gallery.py_source_parser import Block

#: Dots per inch: a figure of 5 inches has 1000 pixels, enough for 640 CSS pixels on a sharp screen.
DPI = 200
INK, PAPER = (0.0, 0.0, 0.0), (1.0, 1.0, 1.0)
DARK_INK, DARK_PAPER = "#e6e6e6", "#1b1d21"
#: The color properties of Matplotlib's artists.
COLORS = ("color", "facecolor", "edgecolor", "markerfacecolor", "markeredgecolor")


def scraper(block: Block, block_vars: dict[str, Any], gallery_conf: dict[str, Any]) -> str:
    """Save each open figure in both variants and return the reStructuredText that shows them."""
    import matplotlib.pyplot as plt

    figures = [plt.figure(number) for number in plt.get_fignums()]
    images = block_vars["image_path_iterator"]
    first = len(images)
    light = matplotlib_scraper(block, block_vars, gallery_conf, dpi=DPI)
    for figure, path in zip(figures, images.paths[first:]):
        darken(figure)
        figure.set_layout_engine("none")  # the layout is done, and colors do not change it
        figure.savefig(re.sub(r"\.png$", "_dark.png", path), dpi=DPI)
    light = re.sub(r"image-sg::(.*)((?:\n.*)*?)\n\s+:srcset:.*", r"image::\1\2", light)
    dark = re.sub(r"(sphx_glr_\S+?)\.png", r"\1_dark.png", light)
    return _with_class(light, "only-light") + "\n" + _with_class(dark, "only-dark")


def _with_class(rst: str, name: str) -> str:
    return re.sub(r"(:class: sphx-glr-\w+-img)", rf"\1 {name}", rst)


def darken(figure: Figure) -> None:
    """Swap black and white in all artists of *figure*, in place."""
    from matplotlib.colors import to_rgba

    for artist in figure.findobj():
        for name in COLORS:
            getter = getattr(artist, f"get_{name}", None)
            setter = getattr(artist, f"set_{name}", None)
            if getter is None or setter is None:
                continue
            try:
                red, green, blue, alpha = to_rgba(getter())
            except (TypeError, ValueError):  # an array of colors: data, not ink
                continue
            if alpha and (red, green, blue) == INK:
                setter(DARK_INK)
            elif alpha and (red, green, blue) == PAPER:
                setter(DARK_PAPER)
    for axes in figure.axes:
        axes.tick_params(color=DARK_INK, labelcolor=DARK_INK, which="both")
