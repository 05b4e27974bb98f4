"""The recipes of the project, found and checked.

A recipe is one ``.py`` file in a section's folder below ``recipes_source/``. Files whose
name begins with ``_`` are helpers. What cannot be a recipe is reported and left out:

    recipes_source/saving/x.py:1: no title: underline the first line of the docstring, ...
"""

import ast
import re
from pathlib import Path

from sphinx_gallery.utils import iter_gallery_header_filenames

from cookbook.build import build_of
from cookbook.recipes import settings
from cookbook.recipes.recipe import Recipe, figures


def collect(source, conf, problem):
    """Return the recipes below *source* by name; report what is no recipe and leave it out.

    Parameters
    ----------
    problem : callable
        Takes the location, ``file:line``, and the message of what is wrong.
    """
    found, stems, bad = {}, {}, []
    headers = set(iter_gallery_header_filenames(conf))
    folders = [source, *sorted(path for path in source.iterdir() if path.is_dir())]
    for folder in folders:
        paths = sorted(p for p in folder.glob("*.py") if not re.search(conf["ignore_pattern"], p.name))
        if paths and not any((folder / header).exists() for header in headers):
            problem(
                f"{source.name}/{folder.name}:1",
                f"this section has {len(paths)} recipe(s) but no GALLERY_HEADER.rst, so they are "
                "left out: write one with the section's title",
            )
            continue
        for path in paths:
            name = path.relative_to(source).as_posix()
            location = f"{source.name}/{name}"
            wrong = _wrong(path)
            if wrong:
                problem(f"{location}:{wrong[0]}", wrong[1])
                bad.append(path.name)
                continue
            if path.stem in stems:
                problem(
                    f"{location}:1",
                    f"{source.name}/{stems[path.stem]} has the same file name, and pages and "
                    "figures are found by it: rename one",
                )
            stems.setdefault(path.stem, name)
            found[name] = Recipe(name, source, conf)
    if bad:
        names = "|".join(re.escape(name) for name in bad)
        conf["ignore_pattern"] = f"{conf['ignore_pattern']}|^(?:{names})$"
    return found


def find(app):
    """Find the recipes of the build and check them; what cannot be a recipe is a problem."""
    build = build_of(app)
    build.recipes = collect(build.source, build.conf, build.problem)
    for path in strays(build.source, build.recipes, build.conf):
        build.problem(
            f"{path.relative_to(build.source.parent)}:1",
            "this is no recipe, and none names it: delete the file, or let the name of a helper begin with _",
        )


def strays(source, recipes, conf):
    """Return the files below *source* that belong to no recipe, such as a left ``model.pt``."""
    known = {source / name for name in recipes}
    for recipe in recipes.values():
        known.update(source / name for name in recipe.task["files"])
    headers = set(iter_gallery_header_filenames(conf))
    return sorted(
        path
        for path in source.rglob("*")
        if path.is_file()
        and path not in known
        and path.name not in headers
        and path.suffix != ".py"
        and not re.search(r"^[._]|~$", path.name)
        and "__pycache__" not in path.parts
    )


def _wrong(path):
    """Return ``(line, message)`` of why the file at *path* is no recipe, or None."""
    data = path.read_bytes()
    try:
        text = data.decode("utf-8")
    except UnicodeDecodeError as error:
        line = data[: error.start].count(b"\n") + 1
        return line, f"byte 0x{data[error.start]:02x} is not UTF-8: save the file as UTF-8"
    if text.startswith("\ufeff"):
        return 1, "the file begins with a byte order mark: save it as UTF-8 without one"
    if re.search(r"\s", path.name):
        return 1, "the file name has a space in it, which breaks links: use underscores"
    found = settings.wrong(text)
    if found:
        return found
    try:
        tree = ast.parse(text)
    except (SyntaxError, ValueError):
        return None  # it is executed, which shows the error on its page
    docstring = ast.get_docstring(tree)
    if not docstring:
        return 1, "no title: begin the file with a docstring whose first paragraph is a title"
    if not re.match(r"\s*(?:[^\w\s]{3,}\s*\n)?\s*\S.*\n([=\-~^\"'`#*+])\1{2,}\s*$", docstring, re.MULTILINE):
        return 1, "no title: underline the first line of the docstring, with === below it"
    return None


def forget_removed(app):
    """Delete what earlier builds made of recipes that are no longer there."""
    build = build_of(app)
    for script in build.gallery.rglob("*.py"):
        name = script.relative_to(build.gallery)
        if (build.source / name).exists():
            continue
        for path in [
            *script.parent.glob(f"{script.stem}.*"),
            *script.parent.glob(f"images/thumb/sphx_glr_{script.stem}_thumb.*"),
            *figures(script.parent / "images", script.stem),
            Path(app.outdir, build.gallery.name, name).with_suffix(".html"),
        ]:
            path.unlink(missing_ok=True)
