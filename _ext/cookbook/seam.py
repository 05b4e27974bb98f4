"""The names of sphinx-gallery that the build replaces, in one table.

Those of ``PAGES`` are replaced by :mod:`cookbook.gallery.attachment` while sphinx-gallery makes its
pages, those of ``PROCESS`` by :mod:`cookbook.run.process.runner` in the process of each recipe:

    seam = Seam(PROCESS)
    seam.attach({"sphinx_gallery.gen_rst.handle_exception": handle_exception, ...})
    ...
    seam.detach()

``tests/upgrade/test_seam.py`` fails if a new sphinx-gallery changes one of them;
``docs/decisions/seam.md`` says why these.
"""

from __future__ import annotations

import importlib
from collections.abc import Mapping
from typing import Any

#: While sphinx-gallery makes its pages.
PAGES = (
    "sphinx_gallery.gen_gallery._import_matplotlib",  # slow, and only the recipes' processes need it
    "sphinx_gallery.gen_rst._collect_gallery_files",  # leaves out what cannot be a recipe
    "sphinx_gallery.gen_rst.execute_script",  # returns the results of the build
    "sphinx_gallery.gen_rst.extract_intro_and_title",  # finds titles below labels and directives
    "sphinx_gallery.gen_rst.generate_file_rst",  # skips recipes whose files are up to date
    "sphinx_gallery.gen_rst.identify_names",  # needs the objects of the recipe's process
    "sphinx_gallery.gen_rst.scale_image",  # makes smaller thumbnails
    "sphinx_gallery.py_source_parser.split_code_and_text_blocks",  # returns the blocks that were executed
)
#: In the process of each recipe.
PROCESS = (
    "sphinx_gallery.gen_rst.execute_code_block",  # sends each block's output as soon as it has run
    "sphinx_gallery.gen_rst.handle_exception",  # truncates messages and finds the line
    "sphinx_gallery.gen_rst._exec_and_get_memory",  # keeps the working folder from cell to cell
    "sphinx_gallery.gen_rst._get_last_repr",  # limits values and cleans their HTML
    "sphinx_gallery.gen_rst._LoggingTee",  # limits and cleans what is printed
    "sphinx_gallery.gen_rst.HTML_HEADER",  # puts HTML into a literal block
    "sphinx_gallery.scrapers._anim_rst",  # saves an animation as a picture
)


class Seam:
    """Replaces the names of one table; ``stock`` maps each name to sphinx-gallery's own object."""

    def __init__(self, names: tuple[str, ...]) -> None:
        self.stock: dict[str, Any] = {}
        for name in names:
            module, _, attribute = name.rpartition(".")
            self.stock[name] = getattr(importlib.import_module(module), attribute)

    def attach(self, ours: Mapping[str, Any]) -> None:
        """Put *ours* in place of sphinx-gallery's; KeyError unless they are exactly those of the table."""
        if ours.keys() != self.stock.keys():
            raise KeyError(f"not the names of the table: {sorted(ours.keys() ^ self.stock.keys())}")
        self._set(ours)

    def detach(self) -> None:
        """Restore sphinx-gallery's own."""
        self._set(self.stock)

    @staticmethod
    def _set(values: Mapping[str, Any]) -> None:
        for name, value in values.items():
            module, _, attribute = name.rpartition(".")
            setattr(importlib.import_module(module), attribute, value)
