"""The cache of recipe results: one file an entry, addressed by content.

An entry is ``KEY.json``: a line with the SHA-256 of what follows, and the result as JSON. The key
covers all inputs of the result (see :mod:`cookbook.recipes.recipe`), so an entry is never stale.
The folder can be copied between machines, shared by concurrent builds, and deleted at any time.
Entries are untrusted data: :func:`cookbook.run.result.check` validates them, and a corrupt one is a miss.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING

from sphinx.util import logging

from cookbook.run.result import check

if TYPE_CHECKING:
    from cookbook.recipes.recipe import Task
    from cookbook.run.result import Result

logger = logging.getLogger(__name__)

#: Seconds after which a temporary file must have been left by a build that was killed.
ABANDONED_AFTER = 3600


class Cache:
    """The cache in one folder.

    Parameters
    ----------
    folder : str or pathlib.Path
        Where the entries are; created with the first one.
    size : int
        The maximum size after :meth:`prune`, in bytes.
    """

    def __init__(self, folder: str | Path, size: int) -> None:
        self.folder, self.size = Path(folder), size
        self.used: set[str] = set()
        self.write_failed = False

    def _path(self, key: str) -> Path:
        return self.folder / f"{key}.json"

    def read(self, key: str, task: Task) -> Result | None:
        """Return the result of *task* cached under *key*; None for a miss or a corrupt entry, which is logged."""
        path = self._path(key)
        try:
            descriptor = os.open(path, os.O_RDONLY | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0))
            with open(descriptor, "rb") as file:
                digest, _, body = file.read().partition(b"\n")
            if hashlib.sha256(body).hexdigest().encode() != digest:
                raise ValueError("checksum mismatch")
            result = check(json.loads(body), task)
        except (FileNotFoundError, NotADirectoryError):
            return None
        except (OSError, ValueError, RecursionError) as problem:
            logger.info("cache: corrupt entry %s (%s): executing the recipe again", path, problem)
            return None
        self.used.add(path.name)
        with contextlib.suppress(OSError):
            os.utime(path)
        return result

    def write(self, key: str, result: Result) -> None:
        """Write *result* under *key*, atomically; the first failure is logged, and none ends the build."""
        body = json.dumps(result, sort_keys=True).encode()
        content = f"{hashlib.sha256(body).hexdigest()}\n".encode() + body
        temporary = None
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            with tempfile.NamedTemporaryFile(dir=self.folder, suffix=".new", delete=False) as file:
                temporary = file.name
                file.write(content)
            Path(temporary).replace(self._path(key))
            self.used.add(self._path(key).name)
        except OSError as problem:
            if not self.write_failed:
                logger.info(
                    "cache: cannot write to %s: %s. The build continues; the next one executes what is not cached",
                    self.folder,
                    problem.strerror,
                )
            self.write_failed = True
            if temporary:
                Path(temporary).unlink(missing_ok=True)

    def prune(self) -> None:
        """Delete abandoned temporary files, and the least recently used entries beyond the size."""
        entries = []
        for path in [*self.folder.glob("*.new"), *self.folder.glob("*.json")]:
            with contextlib.suppress(OSError):  # deleted by another build
                status = path.lstat()
                if path.suffix != ".new":
                    entries.append(((path.name in self.used, status.st_mtime), status.st_size, path))
                elif status.st_mtime < time.time() - ABANDONED_AFTER:
                    path.unlink()
        total = sum(size for _, size, _ in entries)
        for (used, _), size, path in sorted(entries):
            if used or total <= self.size:
                break
            with contextlib.suppress(OSError):  # one that cannot be deleted is no reason to keep the next
                path.unlink(missing_ok=True)
                total -= size
