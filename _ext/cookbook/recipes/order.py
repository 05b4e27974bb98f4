"""The order of the recipes within a section.

A recipe sets its position with a line below its docstring, for example
``# sphinx_gallery_reading_order = 20``. Recipes without it come last, by name.
"""

from __future__ import annotations

from pathlib import Path

from sphinx_gallery.py_source_parser import extract_file_config


class ReadingOrder:
    """Sort key for sphinx-gallery's ``within_subsection_order``.

    Parameters
    ----------
    src_dir : str or pathlib.Path
        The folder of the section.
    """

    def __init__(self, src_dir: str | Path) -> None:
        self.src_dir = Path(src_dir)

    def __call__(self, filename: str) -> tuple[float, str]:
        """Return ``(reading order, file name)`` of the recipe *filename*."""
        text = (self.src_dir / filename).read_text(encoding="utf-8", errors="replace")
        return extract_file_config(text).get("reading_order", float("inf")), str(filename)

    def __repr__(self) -> str:
        return "ReadingOrder()"
