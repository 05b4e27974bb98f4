"""What a build prints: a few lines, and on a terminal one moving line of progress.

Sphinx prints dozens of lines for a build without a change, and one line for each page and file,
with cursor codes even where the output is no terminal. Here its messages about single pages and
files are the moving line, or nothing where there is no terminal. Messages of other modules of this
package, warnings, and Sphinx's messages that match `KEPT` are printed:

    recipes: 28 from the cache, 1 to execute
    executed [1 of 1] training/averaging_weights.py in 0.9 s
    executed 1 recipes in 3.0 s
    updating environment: 0 added, 3 changed, 0 removed
    build succeeded.

A message with ``type="progress"``, such as the second line, is part of the moving line too. With
``-v``, all messages are printed.

Relies on the first two handlers of Sphinx 7.2's logger, which print the log and the warnings, and on
``Sphinx._status``, the stream of the log.
"""

from __future__ import annotations

import logging as standard_logging
import os
import re
import shutil
from typing import IO, TYPE_CHECKING

from sphinx.util.console import strip_colors

if TYPE_CHECKING:
    from sphinx.application import Sphinx

#: The messages of Sphinx that are printed, where they begin so.
KEPT = re.compile(r"updating environment: |\[[^\]]*\] $|\d+ added, |build (succeeded|finished)")
#: The loggers of Sphinx whose messages are all printed.
KEPT_LOGGERS = {"sphinx.sphinx.builders.linkcheck"}
#: The logger of Sphinx's progress.
DISPLAY = "sphinx.sphinx.util.display"
#: What begins a line of Sphinx's progress again.
BEGINNINGS = ("\r", "\x1b[2K")
CLEAR_LINE = "\r\x1b[K"


class Console(standard_logging.Filter):
    """Decides what of Sphinx's log is printed, and moves the line of progress.

    Parameters
    ----------
    stream : IO
        What the log is printed to.
    """

    def __init__(self, stream: IO[str]) -> None:
        super().__init__()
        self.stream = stream
        self.is_terminal = stream.isatty() and os.environ.get("TERM") != "dumb"
        self.progress, self.moving = "", False

    def filter(self, record: standard_logging.LogRecord) -> bool:
        """Say whether *record* is printed; show progress."""
        text = strip_colors(record.getMessage())
        if record.name == DISPLAY:
            self._show_part(text, getattr(record, "nonl", False))
            return False
        if getattr(record, "type", None) == "progress" and self.is_terminal:
            self._move(text)
            return False
        ours = record.name.startswith("sphinx.cookbook.") or record.name in KEPT_LOGGERS
        if record.levelno < standard_logging.WARNING and not ours and not KEPT.match(text):
            return False
        self._clear()
        return True

    def _show_part(self, text: str, continues: bool) -> None:
        """Show *text*, a part of a line of Sphinx's progress, which a cursor code begins."""
        self.progress = "" if text in BEGINNINGS else self.progress + text
        if self.progress:
            self._move(self.progress)
        if not continues:
            self.progress = ""

    def _move(self, text: str) -> None:
        """Show *text* in place of the line of progress."""
        if self.is_terminal:
            self.stream.write(f"{CLEAR_LINE}{text[: shutil.get_terminal_size().columns - 1]}")
            self.stream.flush()
            self.moving = True

    def _clear(self) -> None:
        """Remove the line of progress."""
        if self.moving:
            self.stream.write(CLEAR_LINE)
            self.stream.flush()
            self.moving = False


def install(app: Sphinx) -> None:
    """Print less, unless Sphinx was called with ``-v``."""
    if app.verbosity:
        return
    handlers = standard_logging.getLogger("sphinx").handlers
    printing = [handler for handler in handlers if isinstance(handler, standard_logging.StreamHandler)][:2]
    console = Console(app._status)
    for handler in printing:
        handler.addFilter(console)
