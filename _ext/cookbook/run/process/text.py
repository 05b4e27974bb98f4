"""Cleans and limits the text that a recipe prints and raises.

A recipe can print anything: :func:`clean` turns ``\x1b[31mred\x1b[0m`` into ``red``,
:func:`tee_class` limits the output of a block, and :func:`bounded` truncates the message of an
exception, whose formatting takes minutes if it is large.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from types import TracebackType

    from cookbook.recipes.settings import Limits

    ExcInfo = tuple[type[BaseException], BaseException, TracebackType | None]

#: The longest message of an exception that is shown, in characters.
LONGEST_MESSAGE = 4000
#: CSI and OSC escape sequences: colors, cursor movement, window titles, links.
ESCAPE = re.compile(r"\x1b(?:\[[0-?]*[ -/]*[@-~]|\][^\x07\x1b]*(?:\x07|\x1b\\)|[@-Z\\-_])")
CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\ud800-\udfff\ufffe\uffff]")


def clean(text: str) -> str:
    """Return *text* without control characters, in linear time.

    Escape sequences are removed; carriage returns and backspaces are applied as a terminal
    does; other control characters and lone surrogates become U+FFFD.
    """
    text = ESCAPE.sub("", text)
    if "\r" in text:
        text = "\n".join(line.rstrip("\r").rsplit("\r", 1)[-1] for line in text.split("\n"))
    if "\b" in text:
        kept: list[str] = []
        for character in text:
            if character != "\b":
                kept.append(character)
            elif kept and kept[-1] != "\n":
                kept.pop()
        text = "".join(kept)
    return CONTROL.sub("\N{REPLACEMENT CHARACTER}", text)


def bounded(exc_info: ExcInfo) -> ExcInfo:
    """Return *exc_info* with a message, notes included, of at most `LONGEST_MESSAGE` characters."""
    kind, error, trace = exc_info
    try:
        message = "\n".join([str(error), *getattr(error, "__notes__", ())])
    except Exception:  # a broken __str__, which the traceback says by itself
        return exc_info
    if len(message) <= LONGEST_MESSAGE and message == clean(message):
        return exc_info
    message = clean(message[: 2 * LONGEST_MESSAGE])
    if len(message) > LONGEST_MESSAGE:
        message = message[:LONGEST_MESSAGE] + " ... (truncated)"
    short: Any = type(kind.__name__, (Exception,), {"__module__": kind.__module__})
    return short, short(message), trace


def tee_class(stock: Any, limits: Limits) -> Any:
    """Return a subclass of sphinx-gallery's tee *stock* that limits and cleans the output of a block."""
    limit, fail = limits["output"], limits["overflow"] == "fail"

    class Tee(stock):  # type: ignore[misc]
        kept = cut = 0
        output: Any

        def set_std_and_reset_position(self) -> Any:
            self.kept = self.cut = 0
            return super().set_std_and_reset_position()

        def write(self, data: str) -> int:
            room = limit - self.kept
            self.kept += len(data)
            if self.kept > limit and fail:
                raise RuntimeError(f"more than {limit:,} characters of output in one block")
            if room > 0:
                self.output.write(data[:room])
            if len(data) > room:
                self.cut += len(data) - max(room, 0)
            return len(data)

        def restore_std(self) -> None:
            if self.kept:
                text = clean(self.output.getvalue())
                if self.cut:
                    text += f"\n... (cut: {self.cut:,} more characters were printed)\n"
                self.output = type(self.output)(text)
                self.kept = self.cut = 0
            super().restore_std()

    return Tee
