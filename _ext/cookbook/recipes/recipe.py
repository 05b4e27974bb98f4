"""A recipe, described for execution.

What a recipe needs to run is gathered into its *task*, a dict that JSON can hold, and
everything that can change its output into its *key*, a SHA-256: the code blocks and not
the prose, the local files that they name, versions, limits, and the code that runs them.
"""

import hashlib
import json
import platform
import re
from typing import Any, TypedDict

from sphinx_gallery.py_source_parser import remove_config_comments, split_code_and_text_blocks

from cookbook.build import PACKAGE, digest
from cookbook.recipes import settings
from cookbook.recipes.dependencies import local_files, versions

#: Settings of the gallery that change what a recipe's process gives back.
CONF = (
    "capture_repr",
    "ignore_repr_types",
    "image_scrapers",
    "image_srcset",
    "matplotlib_animations",
)
#: The code that runs in the recipe's process.
PROCESS = (PACKAGE / "run/process", PACKAGE / "seam.py")


class Task(TypedDict):
    """What a process anywhere needs to run a recipe.

    ``source`` is the recipe's text, ``blocks`` its code blocks, each ``[type, code, line]``;
    ``files`` maps the path of each local file below ``recipes_source`` to its bytes as Latin-1.
    """

    name: str
    source: str
    blocks: list[list[Any]]
    file_conf: dict[str, Any]
    files: dict[str, str]
    gallery: str
    conf: dict[str, Any]
    limits: dict[str, Any]
    gpu: bool
    versions: dict[str, str]


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

    @property
    def docname(self):
        """The name of its page, as in ``recipes/recipes/what_is_state_dict``."""
        return f"{self.task['gallery']}/{self.name.removesuffix('.py')}"

    def accepts(self, result):
        """Say whether a kept *result* fits: its line numbers too, if it shows any."""
        # no date: kept before results had one; an error: no build keeps one
        whole = result.get("date") and not result["error"]
        return bool(whole) and result.get("lines") in (None, block_lines(self.task))


def drop_empty(blocks):
    """Remove, in place, the code blocks that hold nothing but settings; return *blocks*."""
    blocks[:] = [block for block in blocks if block.type == "text" or remove_config_comments(block.content).strip()]
    return blocks


def make_task(recipe, source, conf):
    """Return everything a process anywhere needs to run *recipe*: a dict that JSON can hold."""
    return {
        "name": recipe.name,
        "source": recipe.path.read_text(encoding="utf-8"),
        "blocks": [list(block) for block in recipe.code],
        "file_conf": settings.for_output(recipe.file_conf),
        "files": {
            path.relative_to(source).as_posix(): path.read_bytes().decode("latin-1")
            for path in local_files(recipe.path)
        },
        "gallery": conf["gallery_dirs"][0],
        "conf": {key: conf[key] for key in CONF},
        "limits": settings.limits(recipe.file_conf),
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
        "process": [digest(path) for path in PROCESS],
    }
    return hashlib.sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()


def is_figure(name, stem):
    """Say whether *name* is that of a figure of the recipe *stem*, and not of a recipe ``STEM_100``."""
    return bool(re.fullmatch(rf"sphx_glr_{re.escape(stem)}_\d{{3,}}(_dark)?\.png", name, re.ASCII))


def figures(folder, stem):
    """Return the paths of the figures in *folder* of the recipe *stem*."""
    return [path for path in folder.glob(f"sphx_glr_{stem}_*.png") if is_figure(path.name, stem)]


def block_lines(task):
    """Return the number of the first line of each block of a *task*."""
    return [block[2] for block in task["blocks"]]
