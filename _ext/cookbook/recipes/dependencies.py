"""The dependencies of a recipe: packages with their versions, and local files.

For a recipe with ``import safetensors.torch`` and ``open("data/keys.csv")``,
``requirements`` gives ``["torch==2.13.0", "safetensors==0.8.0"]`` and ``local_files`` the
path of ``keys.csv``.
"""

from __future__ import annotations

import ast
import importlib.metadata
import posixpath
import re
import sys
from functools import cache
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path

    from sphinx_gallery.py_source_parser import Block

#: Packages that every result depends on, besides those that the recipe imports.
PACKAGES = ("torch", "matplotlib", "numpy", "sphinx-gallery")
#: What code calls that lists or searches a folder.
LISTING = {"glob", "iglob", "rglob", "iterdir", "listdir", "scandir", "walk"}
#: Returns the packages of each installed module; slow, as it reads the metadata of all packages.
_all_packages = cache(importlib.metadata.packages_distributions)


def imported(code: Iterable[Block]) -> set[str]:
    """Return the top-level modules that the blocks *code* import, without the standard library."""
    text = "\n".join(block.content for block in code)
    names = re.findall(r"^[ \t]*from[ \t]+(\w+)", text, re.MULTILINE)
    for listed in re.findall(r"^[ \t]*import[ \t]+([^#\n]+)", text, re.MULTILINE):
        names += re.findall(r"(?:^|,)[ \t]*(\w+)", listed)
    return set(names) - sys.stdlib_module_names


def versions(code: Iterable[Block]) -> dict[str, str]:
    """Return the versions of the packages that the blocks *code* import and of `PACKAGES`."""
    modules = imported(code)
    return {name: v for name in sorted(modules.union(PACKAGES)) if (v := version(name))}


@cache
def version(name: str) -> str | None:
    """Return the version of the package *name*, or of the packages with the module *name*, if any."""
    try:
        return importlib.metadata.version(name)
    except importlib.metadata.PackageNotFoundError:
        packages = sorted(set(_packages(name)))
        return ",".join(f"{package} {importlib.metadata.version(package)}" for package in packages) or None


@cache
def _packages(module: str) -> list[str]:
    """Return the packages that contain *module*: the one of the same name, or else all that do."""
    try:
        package = importlib.metadata.distribution(module)
        if re.search(rf"^{module}(/__init__)?\.py,", package.read_text("RECORD") or "", re.MULTILINE):
            return [package.name]
    except importlib.metadata.PackageNotFoundError:
        pass
    return list(_all_packages().get(module, ()))


def requirements(code: Iterable[Block]) -> list[str]:
    """Return what to install for the blocks *code*, as in ``["torch==2.13.0"]``; torch first."""
    names = {name for module in imported(code) for name in _packages(module)}
    ordered = sorted(names, key=lambda name: (name != "torch", name))
    return [f"{name}=={(version(name) or '').partition('+')[0]}" for name in ordered]


def local_files(path: Path) -> list[Path]:
    """Return the helper modules and data files that the recipe at *path* uses, sorted.

    These are, in or below its folder, the modules that it imports, the files and the contents of
    the folders whose relative path is one of its strings, and what its helper modules use in turn. A
    recipe that lists or searches folders uses all data files beside it.
    """
    beside = {other.name for other in path.parent.iterdir()}
    found: set[Path] = set()
    unread = [path]
    while unread:
        for candidate in _named_files(unread.pop(), path.parent, beside):
            if candidate not in found and candidate != path:
                found.add(candidate)
                unread.append(candidate)
    return sorted(found)


def _may_be_helper(path: Path) -> bool:
    """Say whether *path*, beside a recipe, is more than another recipe or the section's header."""
    if path.is_dir():
        return path.name != "__pycache__" and not any(path.glob("GALLERY_HEADER.*"))
    return path.name.startswith("_") or (path.suffix != ".py" and path.stem != "GALLERY_HEADER")


def _named_files(path: Path, folder: Path, beside: set[str]) -> Iterator[Path]:
    """Yield the files below *folder*, whose entries are *beside*, that the Python file at *path* uses."""
    try:
        tree = ast.parse(path.read_text(encoding="utf-8")) if path.suffix == ".py" else None
    except (SyntaxError, ValueError):
        return
    for node in ast.walk(tree) if tree else ():
        names: list[str] = []
        modules: list[list[str]] = []
        if isinstance(node, ast.Import):
            modules = [alias.name.split(".") for alias in node.names]
        elif isinstance(node, ast.ImportFrom) and node.module:
            modules = [[*node.module.split("."), alias.name] for alias in node.names]
        elif isinstance(node, ast.Constant) and isinstance(node.value, str):
            names = [node.value] if re.fullmatch(r"[\w./ -]{1,200}", node.value) else []
        elif isinstance(node, ast.Attribute | ast.Name | ast.alias) and _last_name(node) in LISTING:
            names = [name for name in beside if not re.search(r"^[.]|~$", name)]
        # with a module, Python imports the packages that it is in
        names += ["/".join(parts[: i + 1]) for parts in modules for i in range(len(parts))]
        for name in names:
            first = posixpath.normpath(name).partition("/")[0]
            if not beside.isdisjoint((first, f"{first}.py")):
                yield from _files(folder, name, imported=bool(modules))


def _last_name(node: ast.Attribute | ast.Name | ast.alias) -> str:
    return node.attr if isinstance(node, ast.Attribute) else node.id if isinstance(node, ast.Name) else node.name


def _files(folder: Path, name: str, imported: bool) -> Iterator[Path]:
    """Yield the files that *name*, the path of a file, folder or module, stands for below *folder*."""
    for candidate in (f"{name}.py", f"{name}/__init__.py", name):
        file = (folder / candidate).resolve()
        if folder.resolve() not in file.parents:
            continue
        relative = file.relative_to(folder.resolve())
        if not (_may_be_helper(folder / relative.parts[0]) or (imported and file.suffix == ".py")):
            continue
        if file.is_file():
            yield folder / relative
        elif file.is_dir() and not imported:
            inside = (path for path in file.rglob("*") if path.is_file() and not path.is_symlink())
            yield from (
                folder / path.relative_to(folder.resolve()) for path in inside if "__pycache__" not in path.parts
            )
