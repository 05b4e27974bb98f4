"""Builds that meet: two at once, one after another that was cut short, one without space.

Builds of one checkout share ``recipes/``, so a second one waits for the first:

    waiting for another build of this folder to end (it holds recipes/.lock)

While files are written, ``.unfinished`` lies in the output folder. A build that finds it
follows one that was killed or failed, and nobody knows which files are whole: it reads and
writes everything anew, with the results of recipes from the cache. It does the same where
the last build is from the future, because Sphinx compares times.

A full disk and a folder that cannot be written end the build in words, also where Sphinx
would only warn:

    No space left on device: _build/html/search.html. Free some space, then build again; ...

Replaced: ``app.events.emit``, because Sphinx says of an exception in an event's handler
where in memory the handler is, and not what to do next.
"""

import errno
import logging as standard_logging
import os
import shutil
import time
from pathlib import Path

from filelock import FileLock, Timeout
from sphinx.application import ENV_PICKLE_FILENAME
from sphinx.errors import ExtensionError
from sphinx.util import logging

from cookbook.build import build_of

logger = logging.getLogger(__name__)

#: What lies in the output folder while not everything in it is whole.
MARKER = ".unfinished"
SPACE = "Free some space, then build again; what was executed is kept"
RIGHTS = "The build writes there: allow it, or build in a copy of the project elsewhere"
#: What to do about an error of the system.
ADVICE = {
    **dict.fromkeys((errno.ENOSPC, errno.EDQUOT), SPACE),
    **dict.fromkeys((errno.EROFS, errno.EACCES, errno.EPERM), RIGHTS),
}


def told(app, error):
    """Return what to tell of *error*, or None where there is nothing better than itself."""
    if not isinstance(error, OSError) or error.errno not in ADVICE:
        return None
    where = error.filename
    if not isinstance(where, (str, os.PathLike)):  # a file that was open already cannot grow
        folders = [path for path in (app.outdir, app.doctreedir, build_of(app).gallery) if os.path.exists(path)]
        where = min(folders, key=lambda path: shutil.disk_usage(path).free)
    where = os.path.realpath(where).removeprefix(f"{app.srcdir}{os.sep}")
    return f"{os.strerror(error.errno)}: {where}. {ADVICE[error.errno]}"


class Unwritten(standard_logging.Handler):
    """Keeps what to tell of the errors that Sphinx warns of and goes on after."""

    def __init__(self, app):
        super().__init__(standard_logging.WARNING)
        self.app, self.messages = app, []

    def emit(self, record):
        arguments = record.args if isinstance(record.args, tuple) else ()
        self.messages += filter(None, (told(self.app, argument) for argument in arguments))


def tell(app):
    """Let errors of the system in the handlers of events be told."""
    emit = app.events.emit

    def emit_and_tell(name, *arguments, **options):
        try:
            return emit(name, *arguments, **options)
        except ExtensionError as error:
            message = told(app, error.__cause__)
            if message:
                raise ExtensionError(message) from error.__cause__
            raise

    app.events.emit = emit_and_tell
    unwritten = build_of(app).unwritten = Unwritten(app)
    standard_logging.getLogger("sphinx").addHandler(unwritten)


def prepare(app):
    """Make the folders that are written to, before Sphinx does, or say why not."""
    try:
        for folder in map(Path, (app.outdir, app.doctreedir)):
            folder.mkdir(parents=True, exist_ok=True)
            if not os.access(folder, os.W_OK):
                fixed = os.statvfs(folder).f_flag & os.ST_RDONLY
                raise OSError(errno.EROFS if fixed else errno.EACCES, "", str(folder))
    except OSError as error:
        raise ExtensionError(told(app, error) or str(error)) from error


def begin(app, config):
    """Wait until no other build writes here, and see how the one before has ended."""
    build = build_of(app)
    lock = build.lock = FileLock(build.gallery / ".lock")
    build.gallery.mkdir(exist_ok=True)
    try:
        lock.acquire(timeout=0)
    except Timeout:
        name = os.path.relpath(lock.lock_file, app.srcdir)
        logger.info("waiting for another build of this folder to end (it holds %s)", name)
        lock.acquire()
    written = [Path(app.doctreedir, ENV_PICKLE_FILENAME), Path(app.outdir, ".buildinfo")]
    if Path(app.outdir, MARKER).exists():
        reason = "was cut short"
    elif any(path.exists() and path.stat().st_mtime > time.time() + 2 for path in written):
        reason = "is from the future (the clock was set back)"
    else:
        return
    logger.info("the last build %s: everything is read and written anew", reason)
    for path in written:
        path.unlink(missing_ok=True)
    # the names of scripts and styles promise their content
    shutil.rmtree(Path(app.outdir, "_static"), ignore_errors=True)


def mark(app):
    """Say that files are written from here on."""
    Path(app.outdir, MARKER).touch()


def end(app, exception):
    """Say whether everything was written, and let the next build begin."""
    build = build_of(app)
    standard_logging.getLogger("sphinx").removeHandler(build.unwritten)
    build.lock.release()
    if exception:
        message = told(app, exception)
        if message:
            raise ExtensionError(message) from exception
    elif build.unwritten.messages:
        app.statuscode = 1
        logger.error("\n".join(dict.fromkeys(build.unwritten.messages)))
    else:
        Path(app.outdir, MARKER).unlink(missing_ok=True)
