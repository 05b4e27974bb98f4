"""A folder of recipe results that tells the truth.

An entry is one file, ``KEY.json``: a line with the SHA-256 of what follows, and the result
as JSON. The key says all that went into the result (see :mod:`recipe`), so an
entry never goes stale; it goes out of use. Folders can be copied between machines, shared
by builds that run at once, and deleted at any time. Nothing that is read is ever executed:
entries are data, and :func:`result.check` rejects a result that is not of the form a recipe gives.
``KEY.zip`` is a :mod:`snapshot`, which is signed instead.
"""

import hashlib
import json
import os
import tempfile
import time
from pathlib import Path

from sphinx.util import logging

from result import check

logger = logging.getLogger(__name__)

#: The most that a cache keeps, in bytes; the oldest unused entries go first.
SIZE = 256 * 2**20
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

    def __init__(self, folder, size=SIZE):
        self.folder, self.size = Path(folder), size
        self.used, self.full = set(), False
        self.digests = {}  # of each key that was read or written: the SHA-256 of its result

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
        self.digests[key] = digest.decode()
        self.touch(path.name)
        return result

    def touch(self, name):
        """Note that the entry *name* is used now: others go first."""
        self.used.add(name)
        try:
            os.utime(self.folder / name)
        except OSError:
            pass

    def write(self, key, result):
        """Keep *result* under *key*; where that fails, say so and go on."""
        body = json.dumps(result, sort_keys=True).encode()
        digest = hashlib.sha256(body).hexdigest()
        self.store(self._path(key).name, f"{digest}\n".encode() + body)
        if not self.full:
            self.digests[key] = digest

    def store(self, name, content):
        """Keep the bytes *content* as the entry *name*, whole; if that fails, say so and go on."""
        temporary = None
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            with tempfile.NamedTemporaryFile(dir=self.folder, suffix=".new", delete=False) as file:
                temporary = file.name
                file.write(content)
            os.replace(temporary, self.folder / name)
            self.used.add(name)
        except OSError as problem:
            if not self.full:
                logger.info(
                    "cache: not all is kept in %s: %s. The build goes on; the next one executes the rest again",
                    self.folder, problem.strerror,
                )  # fmt: skip
            self.full = True
            if temporary:
                Path(temporary).unlink(missing_ok=True)

    def prune(self):
        """Delete what killed builds left and the oldest unused entries, until the rest fits.

        Snapshots go before results, which take longer to make.
        """
        entries = []
        for path in [*self.folder.glob("*.new"), *self.folder.glob("*.json"), *self.folder.glob("*.zip")]:
            try:
                status = path.lstat()
                if path.suffix != ".new":
                    order = path.name in self.used, path.suffix == ".json", status.st_mtime
                    entries.append((order, status.st_size, path))
                elif status.st_mtime < time.time() - FORSAKEN:
                    path.unlink()
            except OSError:  # another build was faster
                continue
        total = sum(size for _, size, _ in entries)
        for (used, *_), size, path in sorted(entries):
            if used or total <= self.size:
                break
            try:
                path.unlink(missing_ok=True)
                total -= size
            except OSError:
                break
