"""Scripts with hashed names, and no file that the site does not use.

A page has ``<script src="_static/site.js">``. When all pages are written, that script is copied to
``_static/site.HASH.js``, named by the hash of its content, and the pages refer to the copy, which
browsers may cache forever. Then all files in ``_static`` are deleted that no page, stylesheet or
script refers to, which is nearly everything of the theme: :mod:`cookbook.site.styles`, which runs
before, has already taken what is needed of its stylesheets.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Iterable
from pathlib import Path

from sphinx.application import Sphinx
from sphinx.config import Config

from cookbook.build import build_of
from cookbook.files import write_if_changed

SCRIPT = re.compile(r"(?<=_static/)([\w./-]+?)(?:\.[0-9a-f]{8})?\.js(?=[\"?])(?:\?v=\w+)?")
#: A path below ``_static`` in a page, or an address in a stylesheet.
MENTION = re.compile(r"_static/([\w./-]+)|url\([\"']?([\w./-]+)")


def leave_out_packages(app: Sphinx, config: Config) -> None:
    """Leave out the folders of other packages, which sphinx-gallery adds to those of ``conf.py``.

    No page uses a file or template in them, and with their absolute paths ``.buildinfo`` would
    differ between two machines.
    """
    for paths in (config.html_static_path, config.templates_path):
        paths[:] = [path for path in paths if not Path(path).is_absolute()]


def written_pages(app: Sphinx) -> list[Path]:
    """Return the paths of all pages of the site, sorted."""
    static = Path(app.outdir, "_static")
    return sorted(path for path in Path(app.outdir).rglob("*.html") if static not in path.parents)


def replace(pattern: re.Pattern[str], by: str | Callable[[re.Match[str]], str], pages: Iterable[Path]) -> None:
    """Replace *pattern* in *pages*, and write only those that this changes."""
    for page in pages:
        write_if_changed(page, pattern.sub(by, page.read_text(encoding="utf-8")))


def name_scripts(static: Path, pages: Iterable[Path]) -> None:
    """Make *pages* refer to copies of the scripts in *static* that have a hash in their names."""
    names: dict[str, str] = {}

    def rename(match: re.Match[str]) -> str:
        script = static / f"{match[1]}.js"
        if match[1] not in names:
            names[match[1]] = match[0]  # the script was not written in this build
            if script.exists():
                content = script.read_bytes()
                names[match[1]] = f"{match[1]}.{hashlib.sha256(content).hexdigest()[:8]}.js"
                write_if_changed(static / names[match[1]], content)
        return names[match[1]]

    replace(SCRIPT, rename, pages)


def remove_unused(static: Path, pages: Iterable[Path]) -> None:
    """Delete the files in *static* that nothing on the site refers to, and empty folders."""
    used, unread = set(), list(pages)
    while unread:
        text = unread.pop().read_text(encoding="utf-8", errors="replace")
        for mention in MENTION.finditer(text):
            path = static / (mention[1] or mention[2])
            if path not in used and path.is_file():
                used.add(path)
                unread += [path] if path.suffix in (".css", ".js") else []
    for path in sorted(static.rglob("*"), reverse=True):
        if path.is_dir():
            if not any(path.iterdir()):
                path.rmdir()
        elif path not in used:
            path.unlink()


def delete_removed(app: Sphinx, exception: Exception | None) -> None:
    """Delete the pages, pictures and downloads that earlier builds wrote for what has been removed since.

    The files in ``recipes/`` do not tell: another build, into another folder, may have been the
    first to find the recipe gone. Other files than pages are only deleted in folders that the build fills.
    """
    if exception or app.builder.format != "html":
        return
    env, out, builder = app.env, Path(app.outdir), app.builder
    pages = {*env.found_docs, *app.config.html_additional_pages, "genindex", "search"}
    kept = {Path(builder.get_outfilename(name)) for name in pages}  # type: ignore[attr-defined]
    kept |= {out / f"{name}.md" for name in env.found_docs}
    kept |= {out / builder.imagedir / name for _, name in env.images.values()}
    kept |= {out / "_downloads" / name for _, name in env.dlfiles.values()}
    for extra in (Path(app.srcdir, name) for name in app.config.html_extra_path):
        kept |= {out / path.relative_to(extra) for path in extra.rglob("*")} if extra.is_dir() else {out / extra.name}
    folders = {build_of(app).gallery.name, builder.imagedir, "_downloads"}
    for path in set(out.rglob("*")) - kept:
        top = path.relative_to(out).parts[0]
        is_page = path.suffix in (".html", ".md") and top != "_static" and not top.startswith(".")
        if (top in folders or is_page) and path.is_file():
            path.unlink()


def tidy(app: Sphinx, exception: Exception | None) -> None:
    """Rename the scripts and remove unused files when all pages are written."""
    if exception or app.builder.format != "html":
        return
    static = Path(app.outdir, "_static")
    pages = written_pages(app)
    name_scripts(static, pages)
    remove_unused(static, pages)
