"""Captures what a recipe writes where sphinx-gallery does not look.

That is what programs and libraries in C write to the file descriptors 1 and 2, past Python's ``sys.stdout``
(:class:`Descriptor`), and what is written or logged while a figure is drawn, after the block has run
(:class:`Drawing`), such as ``findfont: Font family 'X' not found.``
"""

from __future__ import annotations

import contextlib
import io
import re
from textwrap import indent
from typing import TYPE_CHECKING, Any

from cookbook.run.process.text import LONGEST_MESSAGE, clean

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

#: The directive of sphinx-gallery for figures, which shows one picture.
IMAGE_SG = re.compile(r"image-sg::(.*)((?:\n.*)*?)\n\s+:srcset:.*")


class Descriptor:
    """What is written to the file descriptors 1 and 2, both of which lead to the file at *path*."""

    def __init__(self, path: Path) -> None:
        self.path, self.end = path, 0

    def read(self) -> str:
        """Return what was written since the last call, without control characters and not too long."""
        if not self.path.exists():
            return ""
        with open(self.path, "rb") as file:
            file.seek(self.end)
            data = file.read(LONGEST_MESSAGE)
        self.end = self.path.stat().st_size
        return clean(data.decode(errors="replace")).strip()


class Drawing:
    """What is written while scrapers draw the figures of a block."""

    def __init__(self) -> None:
        self.written = io.StringIO()

    def scraper(self, stock: Callable[..., str]) -> Callable[..., str]:
        """Return the scraper *stock*, capturing what is written, and with figures as plain images."""

        def scraper(*args: Any, **kwargs: Any) -> str:
            with contextlib.redirect_stdout(self.written), contextlib.redirect_stderr(self.written):
                return IMAGE_SG.sub(r"image::\1\2", stock(*args, **kwargs))

        return scraper

    def output(self) -> str:
        """Return what was written since the last call, as the output of a block."""
        from sphinx_gallery.gen_rst import CODE_OUTPUT

        text, self.written = self.written.getvalue().strip(), io.StringIO()
        return f"\n{CODE_OUTPUT.format(indent(text, '    '))}\n" if text else ""
