"""The whole site, kept: a clean checkout with a warm cache has it back without making a page.

A build that began with an empty output folder, and ended without a warning, leaves a snapshot
in the cache, ``KEY.zip``. The key says all that went into the site: recipes and their results,
every other file of the project, the packages, the declared date. The next such build, of the
same project anywhere, finds it, puts it in place and is done. So is one that finds in the
output folder what the snapshot has: nothing has changed. A build that differs in anything
goes on as if there were none, around the results that are kept.

    <cache>/KEY.zip     a line with the signature of what follows
                        manifest.json, {"key": KEY, "files": {"index.html": SHA-256, ...}}
                        SHA-256 ..., one member for each content

Trust: results in the cache are data that is checked, but pages cannot be, so only a snapshot is
used that whoever builds has signed: with ``RECIPE_CACHE_KEY``, or with a key that the first build
leaves in the user's own folder, ``~/.local/state/state_dict_cookbook/key``. An empty
``RECIPE_CACHE_KEY`` keeps no snapshots. Nothing in one is looked at before its signature is, and
nothing is ever unpickled: what Sphinx has read is not in it, so the first edit afterwards makes all pages anew.

Sphinx has no word for *there is nothing left to do*, so such a build ends its process, with 0.
Private name relied on: ``app._warncount`` of Sphinx 7.2, how many warnings there were.
"""

import hashlib
import hmac
import io
import json
import os
import platform
import secrets
import shutil
import sysconfig
import tempfile
import zipfile
from pathlib import Path

from sphinx.application import ENV_PICKLE_FILENAME
from sphinx.util import logging

from builds import MARKER

logger = logging.getLogger(__name__)

#: The part of the cache's size that one snapshot may take.
SHARE = 0.75
#: Files that are smaller already: to compress them again is in vain.
PACKED = {".png", ".zip"}


def secret():
    """Return the key that snapshots are signed with, bytes; empty where there is none."""
    given = os.environ.get("RECIPE_CACHE_KEY")
    if given is not None:
        return given.encode()
    try:
        state = os.environ.get("XDG_STATE_HOME") or Path.home() / ".local/state"
        path = Path(state, "state_dict_cookbook/key")
        if not path.exists():
            path.parent.mkdir(parents=True, exist_ok=True)
            with tempfile.NamedTemporaryFile("w", dir=path.parent, delete=False) as file:
                file.write(secrets.token_hex())
            os.replace(file.name, path)
        return path.read_bytes()
    except (OSError, RuntimeError):  # no folder of the user's own, or not to be written
        return b""


def make_key(app):
    """Return a digest of all that the site is made of, and of the secret; None if a result is not kept."""
    build, source = app.recipe_build, Path(app.srcdir)
    kept = {name: build.cache.digests.get(recipe.key) for name, recipe in build.recipes.items()}
    if build.problems or not all(kept.values()):
        return None
    built = {"tests", *(_top(path, source) for path in (app.outdir, app.doctreedir, build.gallery, build.cache.folder))}
    tops = [top for top in source.iterdir() if not top.name.startswith(".") and top.name not in built]
    paths = [path for top in tops for path in (top, *top.rglob("*")) if "__pycache__" not in path.parts]
    files = {os.path.relpath(path, source): _digest(path.read_bytes()) for path in paths if path.is_file()}
    parts = {
        "files": files,
        "results": kept,
        "python": platform.python_version(),
        "packages": sorted(path.name for path in Path(sysconfig.get_path("purelib")).glob("*.dist-info")),
        "options": [repr(sorted(app.config.overrides.items())), sorted(app.tags)],
        "date": os.environ.get("SOURCE_DATE_EPOCH"),
    }
    return sign(json.dumps(parts, sort_keys=True).encode())


def written(app):
    """Return the files of the built site: name below the output folder to SHA-256 of the content."""
    out = Path(app.outdir)
    paths = [path for path in out.rglob("*") if path.is_file() and path.name != MARKER]
    junit = Path(out, app.config.sphinx_gallery_conf["junit"])
    paths += [junit] if junit.is_file() else []
    return {os.path.relpath(path, out): _digest(path.read_bytes()) for path in paths}


def _digest(content):
    return hashlib.sha256(content).hexdigest()


def _top(path, source):
    """Return the folder just below *source* that *path* is in; ".." for one elsewhere."""
    return Path(os.path.relpath(os.path.realpath(path), os.path.realpath(source))).parts[0]


def sign(content):
    """Return the signature of the bytes *content*, in hexadecimal."""
    return hmac.digest(secret(), content, "sha256").hex()


def unpack(archive, files, out):
    """Put the *files* of the snapshot *archive* into the empty folder *out*, all of them or none."""
    new = out.with_name(f"{out.name}.new")
    shutil.rmtree(new, ignore_errors=True)
    try:
        for name, digest in files.items():
            path = Path(new, name)
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(archive.read(digest))
        out.rmdir()
        new.rename(out)
    finally:
        shutil.rmtree(new, ignore_errors=True)


def restore(app):
    """Put the snapshot in place, or find that it is; return whether the site is now what it has to be."""
    path = app.recipe_build.cache.folder / f"{app.snapshot_key}.zip"
    try:
        signature, _, content = path.read_bytes().partition(b"\n")
        if not hmac.compare_digest(sign(content).encode(), signature):
            raise ValueError("its signature does not match")
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            manifest = json.loads(archive.read("manifest.json"))
            if manifest["key"] != app.snapshot_key:
                raise ValueError("it is of another site")
            if not app.began_empty:
                return written(app) == manifest["files"]
            unpack(archive, manifest["files"], Path(app.outdir))
    except FileNotFoundError:
        return False
    except (OSError, ValueError) as problem:
        logger.info("cache: %s is no usable snapshot (%s): making the pages anew", path, problem)
        return False
    # what was read for another site says nothing of these pages
    Path(app.doctreedir, ENV_PICKLE_FILENAME).unlink(missing_ok=True)
    return True


def use(app):
    """End the build if the cache has the site that it would make."""
    cache, app.snapshot_key = app.recipe_build.cache, None
    app.began_empty = not any(Path(app.outdir).iterdir())
    if app.builder.name == "html" and not os.environ.get("RECIPE") and secret():
        app.snapshot_key = make_key(app)
        cache.touch(f"{app.snapshot_key}.zip")  # or it might be pruned
    cache.prune()
    if app.snapshot_key and restore(app):
        logger.info("the cache has the site: %s", "it is in place now" if app.began_empty else "nothing has changed")
        raise SystemExit(0)


def keep(app, exception):
    """Keep a snapshot of the site that was built from nothing."""
    key = getattr(app, "snapshot_key", None)
    if exception or not key or not app.began_empty or app.statuscode or app._warncount or make_key(app) != key:
        return
    files, cache = written(app), app.recipe_build.cache
    contents = {digest: Path(app.outdir, name) for name, digest in files.items()}
    if sum(path.stat().st_size for path in contents.values()) > SHARE * cache.size:
        return
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w") as archive:
        archive.writestr("manifest.json", json.dumps({"key": key, "files": files}, sort_keys=True))
        for digest, path in contents.items():
            kind = zipfile.ZIP_STORED if path.suffix in PACKED else zipfile.ZIP_DEFLATED
            archive.writestr(zipfile.ZipInfo(digest), path.read_bytes(), kind, 1)
    content = content.getvalue()
    cache.store(f"{key}.zip", f"{sign(content)}\n".encode() + content)
    cache.prune()


def setup(app):
    app.connect("builder-inited", use, priority=420)  # after execution, before anything is made
    app.connect("build-finished", keep, priority=990)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
