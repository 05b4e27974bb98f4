"""Reads what the built site says."""

from functools import lru_cache
from pathlib import Path
from urllib.parse import unquote, urlsplit

from bs4 import BeautifulSoup


def parse(path):
    """Return the parsed HTML of the page at *path*."""
    return _parse(path, Path(path).stat().st_mtime_ns)


@lru_cache(maxsize=None)
def _parse(path, changed):
    return BeautifulSoup(Path(path).read_text(encoding="utf-8"), "html.parser")


def outputs(page):
    """Return the text of each output of a recipe's page, in order."""
    blocks = parse(page).select(".sphx-glr-script-out pre")
    return [block.get_text().strip("\n") for block in blocks]


def lines(text):
    """Return the lines of *text* that are not blank, without trailing space."""
    return [line.rstrip() for line in text.expandtabs().splitlines() if line.strip()]


def target(page, link):
    """Return the file that *link* on *page* leads to, and the anchor; None for another site."""
    parts = urlsplit(link)
    if parts.scheme or parts.netloc:
        return None
    path = (Path(page).parent / unquote(parts.path)).resolve() if parts.path else Path(page).resolve()
    return path, unquote(parts.fragment)


def downloads(page):
    """Return the files that a page offers for download: suffix to path."""
    links = [a["href"] for a in parse(page).select("a[download]")]
    return {Path(link).suffix: target(page, link)[0] for link in links}
