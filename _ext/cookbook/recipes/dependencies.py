"""What a recipe depends on: packages, with their versions, and files beside it.

For a recipe with ``import safetensors.torch`` and ``open("data/keys.csv")``,
``requirements`` gives ``["torch==2.13.0", "safetensors==0.8.0"]`` and ``local_files`` the
path of ``keys.csv``.
"""

import ast
import importlib.metadata
import re
import sys
from functools import cache, lru_cache

#: What every result depends on, besides what the recipe itself imports.
PACKAGES = ("torch", "matplotlib", "numpy", "sphinx-gallery")


def imported(code):
    """Return the modules that the blocks *code* import and that are not Python's own."""
    text = "\n".join(block.content for block in code)
    names = re.findall(r"^[ \t]*from[ \t]+(\w+)", text, re.MULTILINE)
    for listed in re.findall(r"^[ \t]*import[ \t]+([^#\n]+)", text, re.MULTILINE):
        names += re.findall(r"(?:^|,)[ \t]*(\w+)", listed)
    return set(names) - sys.stdlib_module_names


def versions(code):
    """Return the versions of the packages that the blocks *code* import and of `PACKAGES`."""
    modules = imported(code)
    return {name: v for name in sorted(modules.union(PACKAGES)) if (v := version(name))}


@cache
def version(name):
    """Return the version of the package *name*, or that has the module *name*; None if none."""
    try:
        return importlib.metadata.version(name)
    except importlib.metadata.PackageNotFoundError:
        packages = sorted(set(_packages(name)))
        return ",".join(f"{p} {importlib.metadata.version(p)}" for p in packages) or None


@cache
def _packages(module):
    """Return the packages that have *module*: that of its name if it does, or else any installed."""
    try:
        package = importlib.metadata.distribution(module)
        if re.search(rf"^{module}(/__init__)?\.py,", package.read_text("RECORD") or "", re.MULTILINE):
            return [package.name]
    except importlib.metadata.PackageNotFoundError:
        pass
    return _all_packages().get(module, ())


#: Reads about everything that is installed, which takes longer than all else here.
_all_packages = lru_cache(maxsize=None)(importlib.metadata.packages_distributions)


def requirements(code):
    """Return what to install for the blocks *code*, as in ``["torch==2.13.0"]``; torch first."""
    modules = imported(code)
    names = {name for module in modules for name in _packages(module)}
    names = sorted(names, key=lambda name: (name != "torch", name))
    return [f"{name}=={version(name).partition('+')[0]}" for name in names]


def local_files(path):
    """Return the helper modules and data files that the recipe at *path* names, sorted.

    They are those in its folder, or below it, that it imports or whose relative path it
    has as a string, and those that its helper modules name in turn.
    """
    if not any(_may_be_helper(other) for other in path.parent.iterdir()):
        return []
    found, unread = set(), [path]
    while unread:
        for candidate in _named_files(unread.pop(), path.parent):
            if candidate not in found and candidate != path:
                found.add(candidate)
                unread.append(candidate)
    return sorted(found)


def _may_be_helper(path):
    """Say whether *path*, beside a recipe, is more than another recipe or the section's header."""
    return (
        path.is_dir()
        and path.name != "__pycache__"
        or path.suffix != ".py"
        and (path.stem != "GALLERY_HEADER")
        or path.name.startswith("_")
    )


def _named_files(path, folder):
    """Yield the files below *folder* that the Python file at *path* names."""
    try:
        tree = ast.parse(path.read_text(encoding="utf-8")) if path.suffix == ".py" else None
    except (SyntaxError, ValueError):
        return
    for node in ast.walk(tree) if tree else ():
        names, modules = [], []
        if isinstance(node, ast.Import):
            modules = [alias.name.split(".") for alias in node.names]
        elif isinstance(node, ast.ImportFrom) and node.module:
            modules = [[*node.module.split("."), alias.name] for alias in node.names]
        elif isinstance(node, ast.Constant) and isinstance(node.value, str):
            names = [node.value] if re.fullmatch(r"[\w./ -]{1,200}", node.value) else []
        # with a module, Python imports the packages that it is in
        names += ["/".join(parts[: i + 1]) for parts in modules for i in range(len(parts))]
        for name in names:
            for candidate in (f"{name}.py", f"{name}/__init__.py", name):
                candidate = (folder / candidate).resolve()
                if candidate.is_file() and folder.resolve() in candidate.parents:
                    relative = candidate.relative_to(folder.resolve())
                    if _may_be_helper(folder / relative.parts[0]):
                        yield folder / relative
