"""Where each line of a generated page comes from, so that messages name the file that the author edits.

sphinx-gallery writes ``recipes/saving/x.rst`` from ``recipes_source/saving/x.py``, with a comment
before each block, and copies headers of sections into index pages. docutils keeps the file and the
number of every line that it parses: :class:`Parser` sets both to those of the source, so
everything that docutils and Sphinx say is about it:

    recipes_source/saving/x.py:31: Title underline too short.

A line that sphinx-gallery has added gets the place of the line before it.

Relies on ``sphinx_gallery.gen_rst.RST_BLOCK_HEADER`` of 0.22.1, as the notebooks do.
"""

from __future__ import annotations

import re
import traceback
from typing import TYPE_CHECKING

from docutils.statemachine import StateMachine
from sphinx.parsers import RSTParser
from sphinx.util import logging
from sphinx_gallery.utils import iter_gallery_header_filenames

from cookbook.build import build_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from docutils import nodes
    from docutils.statemachine import StringList

logger = logging.getLogger(__name__)

#: The comment before each block of a page, and the lines of the recipe that the block is from.
BLOCK = re.compile(r"\.\. GENERATED FROM PYTHON SOURCE LINES (\d+)-(\d+)")
#: What a line of a recipe has before its text.
MARK = re.compile(r'^\s*(?:#|\w?"""|\w?\'\'\')?\s*')


def recipe_lines(page: Sequence[str], source: Sequence[str]) -> list[int]:
    """Return, for each line of the *page* of a recipe, the number of the line of its *source*."""
    starts = [(0, 1, len(source))]
    for i, line in enumerate(page):
        if block := BLOCK.fullmatch(line):
            starts.append((i, int(block[1]), int(block[2])))
    if len(starts) > 1:
        starts[0] = (0, 1, starts[1][1] - 1)
    numbers: list[int] = []
    ends = [start for start, _, _ in starts[1:]] + [len(page)]
    for (start, first, last), end in zip(starts, ends, strict=True):
        texts = {}
        for number in range(min(last, len(source)), first - 1, -1):
            line = source[number - 1]
            texts[line.strip()] = texts[MARK.sub("", line).strip()] = number
        texts.pop("", None)
        # the first line that is in both; the others follow one by one
        same = ((texts[text] - i) for i in range(start, end) if (text := page[i].strip()) in texts)
        shift = next(same, first - end)
        numbers += [min(max(i + shift, first), last) for i in range(start, end)]
    return numbers


def find(page: Sequence[str], part: Sequence[str]) -> int | None:
    """Return where the lines of *part* begin in *page*, or None."""
    starts = range(len(page) - len(part) + 1)
    return next((i for i in starts if page[i : i + len(part)] == part), None) if part else None


class Parser(RSTParser):
    """Parses reStructuredText as Sphinx does, with the lines of generated pages placed in their sources.

    An error in a directive or role is a problem of its line, and the rest of its page is missing.
    """

    def parse(self, inputstring: str | StringList, document: nodes.document) -> None:
        """Parse *inputstring* into *document*."""
        try:
            super().parse(inputstring, document)
        except Exception as error:
            users = [frame.f_locals.get("self") for frame, _ in traceback.walk_tb(error.__traceback__)]
            machines = [user for user in users if isinstance(user, StateMachine)]
            place = ":".join(map(str, machines[-1].get_source_and_line())) if machines else self.env.docname
            logger.warning("%s: %s", type(error).__name__, error, location=place)

    def decorate(self, content: StringList) -> None:
        build, docname = build_of(self._app), self.env.docname
        gallery = build.gallery.name
        if recipe := build.recipe_of(docname):
            numbers = recipe_lines(content.data, recipe.task["source"].splitlines())
            content.items = [(str(recipe.path), number - 1) for number in numbers]
        if docname.startswith(f"{gallery}/") and docname.endswith("/index"):
            for header in iter_gallery_header_filenames(build.conf):
                for path in build.source.rglob(header):
                    part = [line.rstrip() for line in path.read_text(encoding="utf-8").strip("\n").split("\n")]
                    if (start := find(content.data, part)) is not None:
                        content.items[start : start + len(part)] = [(str(path), i) for i in range(len(part))]
        super().decorate(content)
