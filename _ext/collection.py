"""The recipes of the project: found, checked, and described for execution.

A recipe is one ``.py`` file in a section's folder below ``recipes_source/``. Files whose
name begins with ``_`` are helpers. What a recipe needs to run is gathered here into a
*task*, and everything that can change its output into the *key* of its result.
"""

import ast
import hashlib
import importlib.metadata
import json
import platform
import re
import sys
from functools import lru_cache
from pathlib import Path

from sphinx_gallery.py_source_parser import (
    Block,
    remove_config_comments,
    split_code_and_text_blocks,
)
from sphinx_gallery.utils import iter_gallery_header_filenames

import runner

#: Limits and their defaults; a recipe sets its own with ``# sphinx_gallery_NAME = VALUE``:
#: ``timeout`` in seconds, ``memory`` in MiB beyond what a fresh process has, ``output`` in
#: characters for each block, ``overflow`` to say what happens to more: "cut" or "fail".
LIMITS = {"timeout": 120, "memory": 4096, "output": 2**20, "overflow": "cut"}
#: Settings of a recipe that change its page but not what is executed.
PROSE_SETTINGS = {"tags", "keywords", "reading_order", "thumbnail_number", "thumbnail_path", "line_numbers"}
#: Settings of the gallery that change what a recipe's process gives back.
CONF = (
    "capture_repr", "ignore_repr_types", "image_scrapers", "image_srcset", "matplotlib_animations",
)  # fmt: skip
#: What every result depends on, besides what the recipe itself imports.
PACKAGES = ("torch", "matplotlib", "numpy", "sphinx-gallery")
#: The code that runs in the recipe's process.
RUNNER = ("runner.py", "local.py", "figures.py", "warmup.py")

#: What to do about a failure, by what its reason says.
ADVICE = {
    "SyntaxError": "Mend the line.",
    "TimeoutError": "Make it faster, or give it more time: # sphinx_gallery_timeout = SECONDS",
    "MemoryError|allocate memory": "Use less memory, or allow more: # sphinx_gallery_memory = MIB",
    "characters of output": "Print less, or allow more: # sphinx_gallery_output = CHARACTERS",
    "SystemExit|its process": "A recipe runs to its end: remove what ends it there.",
    "input\\(\\)": "A recipe asks nobody: write the value into it.",
    "no output": "Print what it proves.",
    "dask worker": "Then build again.",
    "KilledWorker": "The workers' logs say why; build again.",
    "sys.stdout": "Use print, and give the output of other programs to it.",
    "": "Its page shows the traceback; python FILE shows it too.",
}


def advice(error):
    """Return what to do about the *error* of a result, one sentence."""
    return next(text for what, text in ADVICE.items() if re.search(what, error["reason"]))


class Recipe:
    """One recipe.

    Parameters
    ----------
    name : str
        Its path below the folder of all recipes, as in ``recipes/what_is_state_dict.py``.
    source : pathlib.Path
        That folder.
    conf : dict
        sphinx-gallery's configuration.
    """

    def __init__(self, name, source, conf):
        self.name, self.path = name, source / name
        self.file_conf, blocks = split_code_and_text_blocks(self.path)
        self.blocks = drop_empty(blocks)
        self.code = [block for block in self.blocks if block.type == "code"]
        self.task = make_task(self, source, conf)
        self.key = make_key(self)

    def accepts(self, result):
        """Say whether a kept *result* fits: its line numbers too, if it shows any."""
        lines = result.get("lines")
        if not result.get("date"):
            return False  # kept before results had one
        return len(result["outputs"]) == len(self.code) and lines in (None, _lines(self.task))

    @property
    def limits(self):
        conf = {**LIMITS, **{k: v for k, v in self.file_conf.items() if k in LIMITS}}
        return {
            "seconds": conf["timeout"],
            "memory": conf["memory"],
            "output": conf["output"],
            "overflow": conf["overflow"],
        }


def drop_empty(blocks):
    """Remove, in place, the code blocks that hold nothing but settings; return *blocks*."""
    blocks[:] = [
        block
        for block in blocks
        if block.type == "text" or remove_config_comments(block.content).strip()
    ]
    return blocks


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
    if re.search(r"\s", path.name):
        return 1, "the file name has a space in it, which breaks links: use underscores"
    try:
        tree = ast.parse(text)
    except (SyntaxError, ValueError):
        return None  # it is executed, which shows the error on its page
    docstring = ast.get_docstring(tree)
    if not docstring:
        return 1, "no title: begin the file with a docstring whose first paragraph is a title"
    if not re.match(r"\s*(?:[^\w\s]{3,}\s*\n)?\s*\S.*\n\s*([=\-~^\"'`#*+])\1{2,}\s*$", docstring, re.M):
        return 1, "no title: underline the first line of the docstring, with === below it"
    return None


def make_task(recipe, source, conf):
    """Return everything a process anywhere needs to run *recipe*: a dict that JSON can hold."""
    return {
        "name": recipe.name,
        "source": recipe.path.read_text(encoding="utf-8"),
        "blocks": [list(block) for block in recipe.code],
        "file_conf": {k: v for k, v in recipe.file_conf.items() if k not in PROSE_SETTINGS},
        "files": {
            path.relative_to(source).as_posix(): path.read_bytes().decode("latin-1")
            for path in local_files(recipe.path)
        },
        "gallery": conf["gallery_dirs"][0],
        "conf": {key: conf[key] for key in CONF},
        "limits": recipe.limits,
        "gpu": bool(recipe.file_conf.get("gpu", False)),
        "versions": versions(recipe.code),
    }


def make_key(recipe):
    """Return the SHA-256 of all that the output of *recipe* depends on, in hexadecimal."""
    task = recipe.task
    packages = task["versions"]
    if task["gpu"]:  # it runs on any build of a version: 2.13.0+cu130 is as good as 2.13.0+cpu
        packages = {name: version.partition("+")[0] for name, version in packages.items()}
    parts = {
        "name": task["name"],
        "code": [remove_config_comments(block.content).strip() for block in recipe.code],
        **{field: task[field] for field in ("file_conf", "files", "conf", "limits", "gallery")},
        "python": platform.python_version(),
        "packages": packages,
        "runner": _runner_source(),
    }
    return hashlib.sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()


@lru_cache(maxsize=None)
def _runner_source():
    return [(Path(__file__).parent / name).read_text(encoding="utf-8") for name in RUNNER]


def imported(code):
    """Return the modules that the blocks *code* import and that are not Python's own."""
    text = "\n".join(block.content for block in code)
    return set(re.findall(r"^\s*(?:import|from)\s+(\w+)", text, re.M)) - sys.stdlib_module_names


def versions(code):
    """Return the versions of the packages that the blocks *code* import and of `PACKAGES`."""
    modules = imported(code)
    return {name: v for name in sorted(modules.union(PACKAGES)) if (v := _version(name))}


@lru_cache(maxsize=None)
def _version(name):
    """Return the version of the package *name*, or that has the module *name*; None if none."""
    try:
        return importlib.metadata.version(name)
    except importlib.metadata.PackageNotFoundError:
        packages = _packages().get(name, ())
        return ",".join(f"{p} {importlib.metadata.version(p)}" for p in sorted(set(packages))) or None


_packages = lru_cache(maxsize=None)(importlib.metadata.packages_distributions)


def requirements(code):
    """Return what to install for the blocks *code*, as in ``["torch==2.13.0"]``; torch first."""
    modules = imported(code)
    names = {name for module in modules for name in _packages().get(module, ())}
    names = sorted(names, key=lambda name: (name != "torch", name))
    return [f"{name}=={importlib.metadata.version(name).partition('+')[0]}" for name in names]


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
    return path.is_dir() and path.name != "__pycache__" or path.suffix != ".py" and (
        path.stem != "GALLERY_HEADER"
    ) or path.name.startswith("_")  # fmt: skip


def _named_files(path, folder):
    """Yield the files below *folder* that the Python file at *path* names."""
    try:
        tree = ast.parse(path.read_text(encoding="utf-8")) if path.suffix == ".py" else None
    except (SyntaxError, ValueError):
        return
    for node in ast.walk(tree) if tree else ():
        names = []
        if isinstance(node, ast.Import):
            names = [alias.name.replace(".", "/") for alias in node.names]
        elif isinstance(node, ast.ImportFrom) and node.module:
            names = [node.module.replace(".", "/")]
        elif isinstance(node, ast.Constant) and isinstance(node.value, str):
            names = [node.value] if re.fullmatch(r"[\w./ -]{1,200}", node.value) else []
        for name in names:
            for candidate in (f"{name}.py", f"{name}/__init__.py", name):
                candidate = (folder / candidate).resolve()
                if candidate.is_file() and folder.resolve() in candidate.parents:
                    yield folder / candidate.relative_to(folder.resolve())


def _lines(task):
    return [block[2] for block in task["blocks"]]


def remember_lines(task, result):
    """Note the line numbers of the blocks in a *result* that shows some of them."""
    stem = Path(task["name"]).name
    if any(f"{stem}:" in output or f'{stem}", line' in output for output in result["outputs"]):
        result["lines"] = _lines(task)


def failure(task, text, line=1):
    """Return the result of a recipe that failed outside of its own code."""
    error = {"text": text, "line": line, "reason": text.splitlines()[-1]}
    return {
        "outputs": [""] * len(task["blocks"]),
        "seconds": 0.0, "error": error, "codeobj": {}, "images": {},
    }  # fmt: skip


def look_for_output(task, result):
    """Make a result an error if its recipe shows nothing: no page may pass in silence."""
    if task["blocks"] and not result["images"] and not any(o.strip() for o in result["outputs"]):
        text = "it has code but shows no output"
        line = runner.first_line(task["blocks"][0])
        result["error"] = {"text": text, "line": line, "reason": text}


def forget_removed(build):
    """Delete what earlier builds made of recipes that are no longer there."""
    for script in build.gallery.rglob("*.py"):
        name = script.relative_to(build.gallery)
        if (build.source / name).exists():
            continue
        for path in [
            *script.parent.glob(f"{script.stem}.*"),
            *script.parent.glob(f"images/**/sphx_glr_{script.stem}_*"),
            Path(build.app.outdir, build.gallery.name, name).with_suffix(".html"),
        ]:
            path.unlink(missing_ok=True)
