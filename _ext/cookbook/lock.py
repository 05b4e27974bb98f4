"""One build at a time, interrupted builds, foreign folders, and disks that are full or read-only.

Builds of one checkout share ``recipes/``, so a second one waits for the first:

    waiting for another build in this folder to finish (it holds recipes/.lock)

``.unfinished`` marks an output folder while files are written. A build that finds it follows one
that was killed or failed: it reads and writes all pages again, with the results of recipes from
the cache. It does the same if the last build is dated in the future, because Sphinx compares
modification times.

A build deletes the pages and files that the site no longer has. So an output folder that no build
has filled is refused if it has anything that a build would replace or delete.

A full disk or a read-only folder is reported in one line, also where Sphinx only warns:

    No space left on device: _build/html/search.html. Free some space and build again; ...

Replaced: ``app.events.emit``, because Sphinx reports an exception in an event handler with the
handler's address in memory instead of the file and what to do.
"""

from __future__ import annotations

import errno
import logging as standard_logging
import os
import shutil
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

from filelock import FileLock, Timeout
from sphinx.application import ENV_PICKLE_FILENAME
from sphinx.errors import ExtensionError
from sphinx.util import logging

from cookbook.build import build_of

if TYPE_CHECKING:
    from sphinx.application import Sphinx
    from sphinx.config import Config

logger = logging.getLogger(__name__)

#: The file in the output folder while the other files there may be incomplete.
MARKER = ".unfinished"
SPACE = "Free some space and build again; executed recipes are cached"
RIGHTS = "The build writes there: change the permissions, or build a copy of the project elsewhere"
#: What to do about an OSError, by its errno.
ADVICE = {
    **dict.fromkeys((errno.ENOSPC, errno.EDQUOT), SPACE),
    **dict.fromkeys((errno.EROFS, errno.EACCES, errno.EPERM), RIGHTS),
}


def describe_os_error(app: Sphinx, error: object) -> str | None:
    """Return one line for *error*: what, where, what to do; None if it is no OSError of `ADVICE`."""
    if not isinstance(error, OSError) or error.errno not in ADVICE:
        return None
    where = error.filename
    if not isinstance(where, (str, os.PathLike)):  # write() to an open file: no name, so the fullest disk
        folders = [path for path in (app.outdir, app.doctreedir, build_of(app).gallery) if Path(path).exists()]
        where = min(folders, key=lambda path: shutil.disk_usage(path).free)
    where = os.path.realpath(where).removeprefix(f"{app.srcdir}{os.sep}")
    return f"{os.strerror(error.errno)}: {where}. {ADVICE[error.errno]}"


class WriteErrors(standard_logging.Handler):
    """Collects the OSErrors that Sphinx only logs as warnings."""

    def __init__(self, app: Sphinx) -> None:
        super().__init__(standard_logging.WARNING)
        self.app = app
        self.messages: list[str] = []

    def emit(self, record: standard_logging.LogRecord) -> None:
        arguments = record.args if isinstance(record.args, tuple) else ()
        self.messages += filter(None, (describe_os_error(self.app, argument) for argument in arguments))


def explain_os_errors(app: Sphinx) -> None:
    """Describe the OSErrors of event handlers, and collect those that Sphinx logs."""
    emit = app.events.emit

    def emit_and_explain(name: str, *arguments: Any, **options: Any) -> list[Any]:
        try:
            return emit(name, *arguments, **options)
        except ExtensionError as error:
            message = describe_os_error(app, error.__cause__)
            if message:
                raise ExtensionError(message) from error.__cause__
            raise

    app.events.emit = emit_and_explain  # type: ignore[method-assign]
    write_errors = build_of(app).write_errors = WriteErrors(app)
    standard_logging.getLogger("sphinx").addHandler(write_errors)


def make_folders(app: Sphinx) -> None:
    """Create the folders that Sphinx writes to, before Sphinx does; fail if they are read-only."""
    try:
        for folder in map(Path, (app.outdir, app.doctreedir)):
            folder.mkdir(parents=True, exist_ok=True)
            if not os.access(folder, os.W_OK):
                read_only = hasattr(os, "statvfs") and os.statvfs(folder).f_flag & os.ST_RDONLY  # not on Windows
                raise OSError(errno.EROFS if read_only else errno.EACCES, "", str(folder))
    except OSError as error:
        raise ExtensionError(describe_os_error(app, error) or str(error)) from error


def refuse_foreign_folder(app: Sphinx) -> None:
    """Raise if files in the output folder are at stake, and no build has made them."""
    out = Path(app.outdir)
    ours = (".buildinfo", MARKER)
    if app.builder.format != "html" or any((out / name).exists() for name in ours):
        return
    for path in sorted(out.iterdir()):
        if path.suffix in (".html", ".md") or (path.is_dir() and not path.name.startswith(".")):
            where = os.path.relpath(out, app.srcdir)
            raise ExtensionError(
                f"{where} has {path.name}, which no build has made: name another folder, or empty this one"
            )


def begin_build(app: Sphinx, config: Config) -> None:
    """Acquire the lock; after an interrupted build, discard what Sphinx has pickled."""
    build = build_of(app)
    lock = build.lock = FileLock(build.gallery / ".lock")
    build.gallery.mkdir(exist_ok=True)
    try:
        lock.acquire(timeout=0)
    except Timeout:
        name = os.path.relpath(lock.lock_file, app.srcdir)
        logger.info("waiting for another build in this folder to finish (it holds %s)", name)
        lock.acquire()
    written = [Path(app.doctreedir, ENV_PICKLE_FILENAME), Path(app.outdir, ".buildinfo")]
    if Path(app.outdir, MARKER).exists():
        reason = "was interrupted"
    elif any(path.exists() and path.stat().st_mtime > time.time() + 2 for path in written):
        reason = "is dated in the future (the clock was set back)"
    else:
        return
    logger.info("the last build %s: reading and writing all pages again", reason)
    mark_unfinished(app)
    for path in written:
        path.unlink(missing_ok=True)
    # a file named by the hash of its content is never written twice, so an incomplete one would stay
    shutil.rmtree(Path(app.outdir, "_static"), ignore_errors=True)


def mark_unfinished(app: Sphinx) -> None:
    """Mark the output folder: files are written from here on."""
    Path(app.outdir, MARKER).touch()


def end_build(app: Sphinx, exception: Exception | None) -> None:
    """Release the lock; report write errors, or else remove the mark."""
    build = build_of(app)
    standard_logging.getLogger("sphinx").removeHandler(build.write_errors)
    build.lock.release()
    if exception:
        message = describe_os_error(app, exception)
        if message:
            raise ExtensionError(message) from exception
    elif build.write_errors.messages:
        app.statuscode = 1
        logger.error("\n".join(dict.fromkeys(build.write_errors.messages)))
    else:
        Path(app.outdir, MARKER).unlink(missing_ok=True)
