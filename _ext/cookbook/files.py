"""Files that are written atomically, and only when their content changes.

A build that is killed leaves the old file or the new one, never half of it. A file that does
not change keeps its modification time, so the next build, a browser or rsync has nothing to do.
"""

from __future__ import annotations

from pathlib import Path


def write_if_changed(path: Path, content: str | bytes) -> None:
    """Write *content*, text as UTF-8, to *path*; make its folder if it is missing."""
    data = content.encode() if isinstance(content, str) else content
    if path.exists() and path.read_bytes() == data:
        return
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f"{path.name}.new")
    temporary.write_bytes(data)
    temporary.replace(path)
