"""The problems of a build, collected from all warnings and listed at its end.

Whatever is logged as a warning, by Sphinx, docutils, sphinx-gallery or this package, is a problem:

    2 problem(s) with recipes:
      recipes_source/saving/x.py:9: no such label: sphx_glr_recipes_saving_gone.py. Did you mean ...
      recipes_source/saving/x.py:24: ValueError: bad value. See the traceback on its page, or run: ...

Sphinx warns of the text of a page only when it reads or writes that page, so a page with a problem is
read again in the next build, until the problem is gone.
"""

from __future__ import annotations

import logging as standard_logging
import re
from pathlib import Path
from typing import TYPE_CHECKING

from sphinx.util import logging

from cookbook.build import build_of

if TYPE_CHECKING:
    from sphinx.application import Sphinx

    from cookbook.build import Build

logger = logging.getLogger(__name__)


class Problems(standard_logging.Filter):
    """Keeps each warning that Sphinx shows, with its place, and hides those that were shown before."""

    def __init__(self, build: Build) -> None:
        super().__init__()
        self.build = build

    def filter(self, record: standard_logging.LogRecord) -> bool:
        location = place(self.build, getattr(record, "location", None) or self.reading())
        record.location = location
        problem = (
            location,
            one_line(standard_logging.LogRecord.getMessage(record)),
        )  # Sphinx's own puts the place before it
        if problem in self.build.problems:
            return False
        self.build.problems.append(problem)
        return True

    def reading(self) -> str:
        """Return the file of the page that Sphinx is reading, or ""."""
        env = getattr(self.build.app, "env", None)
        docname = env and env.temp_data.get("docname")
        return str(env.doc2path(docname)) if env and docname else ""


def one_line(message: str) -> str:
    """Return *message* on one line: its first paragraph, and the first line of what docutils quotes."""
    first, _, quoted = message.strip().partition("\n\n")
    quoted = quoted.strip().partition("\n")[0]
    first = " ".join(first.split())
    return f"{first.rstrip('.')}: {quoted}" if quoted else first


def place(build: Build, location: str) -> str:
    """Return the *location* that Sphinx gives, as ``file:line`` below the project's folder."""
    path, line = re.fullmatch(r"(.*?):?(\d*)", location, re.DOTALL).groups()  # type: ignore[union-attr]
    if not path:
        return ""
    path = Path(path).as_posix().removeprefix(f"{Path(build.app.srcdir).as_posix()}/")
    for name, recipe in build.recipes.items():
        if path == f"{recipe.docname}.rst":  # nodes of the page have the line in the recipe
            path = f"{build.source.name}/{name}"
    return f"{path}:{line or 1}"


def collect(app: Sphinx) -> None:
    """Let Sphinx show and keep problems."""
    for handler in standard_logging.getLogger("sphinx").handlers:
        if isinstance(handler, logging.WarningStreamHandler):
            handler.addFilter(Problems(build_of(app)))


def summarize(app: Sphinx, exception: Exception | None) -> None:
    """Log the list of problems at the end of the build, and let their pages be read again in the next."""
    build = build_of(app)
    if not build.problems:
        return
    problems = sorted(build.problems, key=lambda problem: _order(problem[0]))
    lines = [f"  {location}: {message}" if location else f"  {message}" for location, message in problems]
    logger.info("\n%d problem(s) with recipes:\n%s", len(lines), "\n".join(lines))
    for docname in {name for location, _ in problems for name in pages(build, location)}:
        Path(app.doctreedir, f"{docname}.doctree").unlink(missing_ok=True)


def _order(location: str) -> tuple[str, int]:
    path, _, line = location.rpartition(":")
    return path, int(line) if line.isdigit() else 0


def pages(build: Build, location: str) -> list[str]:
    """Return the docnames of the pages that are made from the file of *location*."""
    path = location.rpartition(":")[0]
    name = path.removeprefix(f"{build.source.name}/")
    if name in build.recipes:  # one that failed is executed and read again in any case
        return [] if name in build.failed else [build.recipes[name].docname]
    gallery = build.gallery.name
    if name != path:  # a section's header
        return [f"{gallery}/index", (Path(gallery, name).parent / "index").as_posix()]
    return [path.removesuffix(".rst")]
