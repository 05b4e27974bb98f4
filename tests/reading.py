"""Reads what the built site says, and writes what a cache might."""

import filecmp
import hashlib
import json
import re
from functools import cache
from pathlib import Path
from urllib.parse import unquote, urlsplit

from bs4 import BeautifulSoup


def parse(path):
    """Return the parsed HTML of the page at *path*."""
    return _parse(path, Path(path).stat().st_mtime_ns)


@cache
def _parse(path, changed):
    return BeautifulSoup(Path(path).read_text(encoding="utf-8"), "html.parser")


def outputs(page):
    """Return the text of each output of a recipe's page, in order."""
    blocks = parse(page).select(".sphx-glr-script-out pre")
    return [block.get_text().strip("\n") for block in blocks]


def lines(text):
    """Return the lines of *text* that are not blank, without colors and trailing space."""
    text = re.sub(r"\x1b\[[\d;]*m", "", text)
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


def differences(one, two):
    """Return the names of the files below *one* and *two* that are not the same bytes."""
    names = {p.relative_to(top) for top in (one, two) for p in top.rglob("*") if p.is_file()}
    return sorted(
        str(name)
        for name in names
        if not ((one / name).exists() and (two / name).exists() and filecmp.cmp(one / name, two / name, shallow=False))
    )


def snapshot(*folders):
    """Return the time and content of every file below *folders*."""
    return {
        path: (path.stat().st_mtime_ns, path.read_bytes())
        for folder in folders
        for path in folder.rglob("*")
        if path.is_file()
    }


def seal(path, result):
    """Write *result* to *path* as an entry of the cache, with its checksum."""
    body = json.dumps(result).encode()
    path.write_bytes(hashlib.sha256(body).hexdigest().encode() + b"\n" + body)


def flip(path):
    """Let one byte in the middle of the file at *path* be another."""
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.write_bytes(data)
