"""The names of sphinx-gallery that are replaced, in one table.

Those of ``PAGES`` are replaced by :mod:`cookbook.gallery.attachment` while sphinx-gallery makes its
pages, those of ``PROCESS`` by :mod:`cookbook.run.process.runner` in the process of each recipe.
:class:`Seam` puts replacements in and takes them back:

    seam = Seam(PROCESS)
    seam.attach({"sphinx_gallery.gen_rst.handle_exception": handle_exception})
    ...
    seam.detach()

``tests/upgrade/test_seam.py`` fails when a new sphinx-gallery changes one of them.
"""

from __future__ import annotations

import importlib
from collections.abc import Callable, Mapping
from typing import Any

#: While sphinx-gallery makes its pages.
PAGES = (
    "sphinx_gallery.gen_gallery._import_matplotlib",  # half a second of each build, also where nothing runs
    "sphinx_gallery.gen_rst.execute_script",  # gives the results there are
    "sphinx_gallery.gen_rst.generate_file_rst",  # makes only what changed
    "sphinx_gallery.gen_rst.identify_names",  # its answer needs objects of the recipe's process
    "sphinx_gallery.gen_rst.scale_image",  # pictures of a third of the size
    "sphinx_gallery.py_source_parser.split_code_and_text_blocks",  # the blocks that a result is of
)
#: In the process of each recipe.
PROCESS = (
    "sphinx_gallery.gen_rst.execute_code_block",  # sends what each block shows
    "sphinx_gallery.gen_rst.handle_exception",  # bounds messages, and finds the line
    "sphinx_gallery.gen_rst._LoggingTee",  # bounds and cleans what is printed
)


class Seam:
    """Replaces *names*, one of the tuples above; ``stock`` has sphinx-gallery's own by name."""

    def __init__(self, names: tuple[str, ...]) -> None:
        self.stock: dict[str, Any] = {}
        for name in names:
            module, _, attribute = name.rpartition(".")
            self.stock[name] = getattr(importlib.import_module(module), attribute)

    def attach(self, ours: Mapping[str, Callable[..., Any]]) -> None:
        """Put *ours* in place of sphinx-gallery's: all names of the table and no other."""
        if ours.keys() != self.stock.keys():
            raise KeyError(f"not the names of the table: {sorted(ours.keys() ^ self.stock.keys())}")
        self._set(ours)

    def detach(self) -> None:
        """Give sphinx-gallery its own back."""
        self._set(self.stock)

    @staticmethod
    def _set(functions: Mapping[str, Any]) -> None:
        for name, function in functions.items():
            module, _, attribute = name.rpartition(".")
            setattr(importlib.import_module(module), attribute, function)
