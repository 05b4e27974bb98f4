"""A folder of recipe results that tells the truth.

An entry is one file, ``KEY.json``: a line with the SHA-256 of what follows, and the result
as JSON. The key says all that went into the result (see :mod:`cookbook.recipes.recipe`), so an
entry never goes stale; it goes out of use. Folders can be copied between machines, shared
by builds that run at once, and deleted at any time. Nothing that is read is ever executed:
entries are data, and :func:`cookbook.run.result.check` rejects a result that is not of the form a recipe gives.
"""

import contextlib
import hashlib
import json
import os
import tempfile
import time
from pathlib import Path

from sphinx.util import logging

from cookbook.run.result import check

logger = logging.getLogger(__name__)

#: Seconds after which a file that is still being written belongs to a build that was killed.
FORSAKEN = 3600


class Cache:
    """The results kept in one folder.

    Parameters
    ----------
    folder : str or pathlib.Path
        Where the entries are; made when the first is written.
    size : int
        The most that is kept, in bytes.
    """

    def __init__(self, folder, size):
        self.folder, self.size = Path(folder), size
        self.used, self.full = set(), False

    def _path(self, key):
        return self.folder / f"{key}.json"

    def read(self, key, task):
        """Return the result of *task* kept under *key*, or None; a damaged entry is none, and said so."""
        path = self._path(key)
        try:
            descriptor = os.open(path, os.O_RDONLY | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0))
            with open(descriptor, "rb") as file:
                digest, _, body = file.read().partition(b"\n")
            if hashlib.sha256(body).hexdigest().encode() != digest:
                raise ValueError("its checksum does not match")
            result = check(json.loads(body), task)
        except (FileNotFoundError, NotADirectoryError):
            return None
        except (OSError, ValueError, RecursionError) as problem:
            logger.info("cache: %s is no usable entry (%s): executing again", path, problem)
            return None
        self.used.add(path.name)  # others go first
        with contextlib.suppress(OSError):
            os.utime(path)
        return result

    def write(self, key, result):
        """Keep *result* under *key*, whole; where that fails, say so and go on."""
        body = json.dumps(result, sort_keys=True).encode()
        content = f"{hashlib.sha256(body).hexdigest()}\n".encode() + body
        temporary = None
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            with tempfile.NamedTemporaryFile(dir=self.folder, suffix=".new", delete=False) as file:
                temporary = file.name
                file.write(content)
            os.replace(temporary, self._path(key))
            self.used.add(self._path(key).name)
        except OSError as problem:
            if not self.full:
                logger.info(
                    "cache: not all is kept in %s: %s. The build goes on; the next one executes the rest again",
                    self.folder,
                    problem.strerror,
                )
            self.full = True
            if temporary:
                Path(temporary).unlink(missing_ok=True)

    def prune(self):
        """Delete what killed builds left and the oldest unused entries, until the rest fits."""
        entries = []
        for path in [*self.folder.glob("*.new"), *self.folder.glob("*.json")]:
            try:
                status = path.lstat()
                if path.suffix != ".new":
                    order = path.name in self.used, status.st_mtime
                    entries.append((order, status.st_size, path))
                elif status.st_mtime < time.time() - FORSAKEN:
                    path.unlink()
            except OSError:  # another build was faster
                continue
        total = sum(size for _, size, _ in entries)
        for (used, _), size, path in sorted(entries):
            if used or total <= self.size:
                break
            with contextlib.suppress(OSError):  # one that cannot be deleted is no reason to keep the next
                path.unlink(missing_ok=True)
                total -= size
