"""Finds the recipes of the project and validates their files.

A recipe is one ``.py`` file in a section's folder below ``recipes_source/``. Files whose
name begins with ``_`` are helpers. An invalid file is reported and skipped:

    recipes_source/saving/x.py:1: no title: underline the first line of the docstring, ...
"""

from __future__ import annotations

import ast
import json
import re
import shutil
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sphinx_gallery.utils import iter_gallery_header_filenames

from cookbook.build import build_of
from cookbook.recipes import settings
from cookbook.recipes.recipe import Recipe, figures, from_title

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from sphinx.application import Sphinx


#: A title and its underline, with an overline or without; docutils takes four marks for one of any title.
TITLE = re.compile(r"(?:([^\w\s])\1+ *\n *)?(\S.*?) *\n(([!-/:-@[-`{-~])\4*) *$", re.MULTILINE)


def collect(
    source: Path, conf: dict[str, Any], problem: Callable[[str, str], None], rules: Sequence[str] = ()
) -> dict[str, Recipe]:
    """Return the recipes below *source* by name; report and skip invalid files.

    Parameters
    ----------
    source : pathlib.Path
        The folder of all recipes.
    conf : dict
        sphinx-gallery's configuration.
    problem : callable
        Takes the location, ``file:line``, and a message.
    rules : sequence of str
        The ``recipe_rules`` of the project.
    """
    found: dict[str, Recipe] = {}
    stems: dict[str, str] = {}
    headers = set(iter_gallery_header_filenames(conf))
    folders = [source, *sorted(path for path in source.iterdir() if path.is_dir())]
    for folder in folders:
        paths = sorted(p for p in folder.glob("*.py") if not re.search(conf["ignore_pattern"], p.name))
        if paths and not any((folder / header).exists() for header in headers):
            problem(
                f"{source.name}/{folder.name}:1",
                f"this section has {len(paths)} recipe(s) but no GALLERY_HEADER.rst, so they are "
                "skipped: add one with the section's title",
            )
            continue
        for path in paths:
            name = path.relative_to(source).as_posix()
            location = f"{source.name}/{name}"
            if path.stem in stems:
                problem(
                    f"{location}:1",
                    f"{source.name}/{stems[path.stem]} has the same file name, and figures and "
                    "references are named by it: rename one",
                )
            stems.setdefault(path.stem, name)
            error = _find_error(path)
            if error:
                problem(f"{location}:{error[0]}", error[1])
                continue
            found[name] = Recipe(name, source, conf, rules)
    return found


def find_recipes(app: Sphinx) -> None:
    """Find the recipes of the build; report invalid and unused files."""
    build = build_of(app)
    build.recipes = collect(build.source, build.conf, build.problem, app.config.recipe_rules)
    for path in unused_files(build.source, build.recipes, build.conf):
        location = f"{path.relative_to(build.source.parent).as_posix()}:1"
        if path.suffix == ".py":
            build.problem(
                location,
                f"no page is made of this file, because a section has no folders with recipes: move it to a folder "
                f"of {build.source.name}/, or, if it is a helper, import it in a recipe",
            )
        elif "used files" in app.config.recipe_rules:
            build.problem(
                location,
                "no recipe names this file, so none finds it: write its path or its folder in the recipe that uses "
                f"it as one string, or keep the file outside of {build.source.name}/",
            )
    for name, recipe in build.recipes.items():
        picture = recipe.file_conf.get("thumbnail_path")
        if picture and not (build.source.parent / picture).is_file():
            line = settings.line_of(recipe.task["source"], "thumbnail_path")
            build.problem(
                f"{build.source.name}/{name}:{line}",
                f"sphinx_gallery_thumbnail_path = {json.dumps(picture)}: there is no such picture: "
                "give its path from the project's folder, or remove this line to show the first figure",
            )


def unused_files(source: Path, recipes: Mapping[str, Recipe], conf: Mapping[str, Any]) -> list[Path]:
    """Return the files below *source* that no recipe uses, such as a ``model.pt`` left by a run."""
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
        and (path.suffix != ".py" or _is_deeper(path, source, conf))
        and not any(re.search(r"^[._]|~$", part) for part in path.relative_to(source).parts)
    )


def _is_deeper(path: Path, source: Path, conf: Mapping[str, Any]) -> bool:
    """Say whether the script at *path* would be a recipe if it were in the folder of a section."""
    return len(path.relative_to(source).parts) > 2 and not re.search(conf["ignore_pattern"], path.name)


def _find_error(path: Path) -> tuple[int, str] | None:
    """Return ``(line, message)`` of why the file at *path* is invalid, or None."""
    data = path.read_bytes()
    try:
        text = data.decode("utf-8")
    except UnicodeDecodeError as invalid:
        line = data[: invalid.start].count(b"\n") + 1
        return line, f"byte 0x{data[invalid.start]:02x} is not UTF-8: save the file as UTF-8"
    if text.startswith("\ufeff"):
        return 1, "the file begins with a byte order mark: save it as UTF-8 without one"
    if re.search(r"\s", path.name):
        return 1, "the file name has a space in it, which breaks links: use underscores"
    if path.stem == "index":
        return 1, "the page of the section has this name: rename the file"
    error = settings.find_error(text)
    if error:
        return error
    try:
        tree = ast.parse(text)
    except (SyntaxError, ValueError):
        return None  # its execution shows the error on its page
    docstring = ast.get_docstring(tree)
    if not docstring:
        return 1, "no title: begin the file with a docstring, the title first; if it is a helper, begin its name with _"
    title = TITLE.match(from_title(docstring))
    if not title or len(title[3]) < min(len(title[2]), 4):
        return 1, "no title: underline the first line of the docstring, with === below it, as long as the title"
    return None


def delete_removed(app: Sphinx) -> None:
    """Delete what sphinx-gallery made in earlier builds for recipes and sections that have been removed since."""
    build = build_of(app)
    headers = set(iter_gallery_header_filenames(build.conf))
    for index in build.gallery.glob("*/index.rst"):
        section = build.source / index.parent.name
        if not any((section / header).exists() for header in headers):
            shutil.rmtree(index.parent)
    for script in build.gallery.rglob("*.py"):
        name = script.relative_to(build.gallery)
        if (build.source / name).exists():
            continue
        for path in [
            *script.parent.glob(f"{script.stem}.*"),
            *script.parent.glob(f"images/thumb/sphx_glr_{script.stem}_thumb.*"),
            *figures(script.parent / "images", script.stem),
        ]:
            path.unlink(missing_ok=True)
