"""Scripts with names that a browser may keep for ever, and no file that no page uses.

A page says ``<script src="_static/site.js">``. When all pages are written, that script is
copied to ``_static/site.HASH.js``, the hash being that of its content, and the pages point
there. Then everything in ``_static`` goes that no page, stylesheet or script of the site
mentions: of the theme's 200 files, fonts and source maps that is nearly all. Its stylesheets
are among them: :mod:`styles`, which runs before, has taken what is needed.
"""

import hashlib
import re
from pathlib import Path

from cookbook.build import build_of

SCRIPT = re.compile(r"(?<=_static/)([\w./-]+?)(?:\.[0-9a-f]{8})?\.js(?=[\"?])(?:\?v=\w+)?")
#: What is mentioned where: a path below ``_static`` in a page or a stylesheet.
MENTION = re.compile(r"_static/([\w./-]+)|url\([\"']?([\w./-]+)")


def leave_out_packages(app, config):
    """Leave out the folders of other packages, which sphinx-gallery adds to those of ``conf.py``.

    No page uses a file or template in them, and with their absolute paths ``.buildinfo`` would
    differ between two machines.
    """
    for paths in (config.html_static_path, config.templates_path):
        paths[:] = [path for path in paths if not Path(path).is_absolute()]


def written_pages(app):
    """Return the paths of all pages of the site, sorted."""
    static = Path(app.outdir, "_static")
    return sorted(path for path in Path(app.outdir).rglob("*.html") if static not in path.parents)


def replace(pattern, by, pages):
    """Replace *pattern* in *pages*; only those that this changes are written."""
    for page in pages:
        before = page.read_text(encoding="utf-8")
        after = pattern.sub(by, before)
        if after != before:
            page.write_text(after, encoding="utf-8")


def name_scripts(static, pages):
    """Point *pages* to copies of the scripts in *static* that have a hash in their names."""
    names = {}

    def rename(match):
        script = static / f"{match[1]}.js"
        if match[1] not in names:
            names[match[1]] = match[0]  # nothing was written: it has its name already
            if script.exists():
                content = script.read_bytes()
                digest = hashlib.sha256(content).hexdigest()[:8]
                names[match[1]] = f"{match[1]}.{digest}.js"
                copy = static / names[match[1]]
                if not copy.exists():
                    copy.write_bytes(content)
        return names[match[1]]

    replace(SCRIPT, rename, pages)


def remove_unused(static, pages):
    """Delete the files in *static* that nothing on the site mentions, and empty folders."""
    kept, unread = set(), list(pages)
    while unread:
        text = unread.pop().read_text(encoding="utf-8", errors="replace")
        for mention in MENTION.finditer(text):
            path = static / (mention[1] or mention[2])
            if path not in kept and path.is_file():
                kept.add(path)
                unread += [path] if path.suffix in (".css", ".js") else []
    for path in sorted(static.rglob("*"), reverse=True):
        if path.is_dir():
            if not any(path.iterdir()):
                path.rmdir()
        elif path not in kept:
            path.unlink()


def forget_removed(app, exception):
    """Delete the pages, pictures and downloads that earlier builds wrote of recipes that are gone.

    What is there of a recipe in ``recipes/`` does not say it: another build, into another
    folder, may have been the first to find the recipe gone.
    """
    if exception or app.builder.format != "html":
        return
    env, out = app.env, Path(app.outdir)
    kept = {Path(app.builder.get_outfilename(name)) for name in env.found_docs}
    kept |= {out / f"{name}.md" for name in env.found_docs}
    kept |= {out / app.builder.imagedir / name for _, name in env.images.values()}
    kept |= {out / "_downloads" / name for _, name in env.dlfiles.values()}
    for folder in (build_of(app).gallery.name, app.builder.imagedir, "_downloads"):
        for path in (out / folder).rglob("*"):
            if path.is_file() and path not in kept:
                path.unlink()


def tidy(app, exception):
    """Do both when all pages are written."""
    if exception or app.builder.format != "html":
        return
    static = Path(app.outdir, "_static")
    pages = written_pages(app)
    name_scripts(static, pages)
    remove_unused(static, pages)
