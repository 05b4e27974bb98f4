"""A recipe, its task and its cache key.

The *task* is all that a process needs to run the recipe, as JSON. The *key* is the SHA-256 of
all that can change the output: the code blocks (not the prose), the local files that they use,
versions, limits, and the code that runs them.
"""

from __future__ import annotations

import hashlib
import json
import platform
import re
import shlex
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypedDict

from sphinx_gallery.py_source_parser import extract_file_config, remove_config_comments, split_code_and_text_blocks
from sphinx_gallery.scrapers import _KNOWN_IMG_EXTS

from cookbook.build import PACKAGE, digest
from cookbook.recipes import settings
from cookbook.recipes.dependencies import local_files, versions

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from sphinx_gallery.py_source_parser import Block

    from cookbook.run.result import Result

#: Settings of sphinx-gallery that change the result.
CONF = (
    "capture_repr",
    "ignore_repr_types",
    "image_scrapers",
    "image_srcset",
    "matplotlib_animations",
)
#: The title of a section in a block of text.
HEADING = re.compile(r"^([^\n]+)\n[-=~]{3,}$", re.MULTILINE)
#: The code that runs in the recipe's process.
PROCESS = (PACKAGE / "run/process", PACKAGE / "seam.py")


class Task(TypedDict):
    """What a process needs to run a recipe, here or on a cluster.

    ``source`` is the recipe's text, ``blocks`` its code blocks, each ``(type, code, line)``;
    ``files`` maps the path of each local file below ``recipes_source`` to its bytes as Latin-1.
    """

    name: str
    source: str
    blocks: list[tuple[str, str, int]]
    file_conf: dict[str, Any]
    files: dict[str, str]
    gallery: str
    conf: dict[str, Any]
    limits: settings.Limits
    rules: list[str]
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
    rules : sequence of str
        The ``recipe_rules`` of the project.
    """

    def __init__(self, name: str, source: Path, conf: Mapping[str, Any], rules: Sequence[str] = ()) -> None:
        self.name, self.path = name, source / name
        self.file_conf: dict[str, Any]
        self.file_conf, blocks = split_code_and_text_blocks(self.path)
        self.blocks = drop_empty(blocks)
        self.code = [block for block in self.blocks if block.type == "code"]
        self.task = make_task(self, source, conf, rules)
        self.key = make_key(self)

    @property
    def docname(self) -> str:
        """The name of its page, as in ``recipes/recipes/what_is_state_dict``."""
        return f"{self.task['gallery']}/{self.name.removesuffix('.py')}"

    @property
    def answer(self) -> Block | None:
        """The block with the code of the short answer, if there is one."""
        return find_answer(self.blocks)

    @property
    def installs(self) -> list[str]:
        """What the recipe tells readers to install, as in ``["torch>=2.6"]``; [] if it does not say."""
        text = "\n".join(block.content for block in self.blocks if block.type == "text")
        found = re.search(r"^ +pip install (.+)$", text, re.MULTILINE)
        return shlex.split(found[1]) if found else []

    def accepts(self, result: Result) -> bool:
        """Return whether a cached *result* is complete, and the line numbers that it shows are current."""
        complete = bool(result.get("date")) and not result["error"]
        return complete and result.get("lines") in (None, block_lines(self.task))


def from_title(docstring: str) -> str:
    """Return *docstring* without the labels, directives and comments above its title."""
    lines = docstring.split("\n")
    start = next((i for i, line in enumerate(lines) if re.match(r"(?!\.\.(?: |$))\S", line)), 0)
    return "\n".join(lines[start:])


def drop_empty(blocks: list[Block]) -> list[Block]:
    """Remove, in place, the code blocks that contain only settings; return *blocks*."""
    blocks[:] = [block for block in blocks if block.type == "text" or remove_config_comments(block.content).strip()]
    return blocks


def find_answer(blocks: list[Block]) -> Block | None:
    """Return the first code block that is not folded of the section *Short answer* in *blocks*."""
    there = False
    for block in blocks:
        if block.type == "text":
            titles = HEADING.findall(block.content)
            there = titles[-1] == "Short answer" if titles else there
        elif there and "fold" not in extract_file_config(block.content):
            return block
    return None


def code_of(blocks: list[Block]) -> str:
    """Return the SHA-256 of the code in *blocks*, without comments that are settings, in hexadecimal."""
    return hashlib.sha256("\n".join(filter(None, _texts(blocks))).encode()).hexdigest()


def _texts(blocks: list[Block]) -> list[str]:
    return [remove_config_comments(block.content).strip() for block in blocks if block.type == "code"]


def make_task(recipe: Recipe, source: Path, conf: Mapping[str, Any], rules: Sequence[str]) -> Task:
    """Return the task of *recipe*."""
    return {
        "name": recipe.name,
        "source": recipe.path.read_text(encoding="utf-8"),
        "blocks": [tuple(block) for block in recipe.code],
        "file_conf": settings.for_output(recipe.file_conf),
        "files": {
            path.relative_to(source).as_posix(): path.read_bytes().decode("latin-1")
            for path in local_files(recipe.path)
        },
        "gallery": conf["gallery_dirs"][0],
        "conf": {key: conf[key] for key in CONF},
        "limits": settings.limits(recipe.file_conf),
        "rules": [rule for rule in settings.RULES if rule in rules],
        "gpu": bool(recipe.file_conf.get("gpu", False)),
        "versions": versions(recipe.code),
    }


def make_key(recipe: Recipe) -> str:
    """Return the cache key of *recipe*: a SHA-256 in hexadecimal."""
    task = recipe.task
    packages = task["versions"]
    if task["gpu"]:  # any build of a version will do: 2.13.0+cu130 or 2.13.0+cpu
        packages = {name: version.partition("+")[0] for name, version in packages.items()}
    parts = {
        "name": task["name"],
        "code": _texts(recipe.code),
        "file_conf": task["file_conf"],
        "settings": [settings.of_block(block.content) for block in recipe.code],
        "files": task["files"],
        "conf": task["conf"],
        "limits": task["limits"],
        "rules": task["rules"],
        "gallery": task["gallery"],
        "python": platform.python_version(),
        "packages": packages,
        "process": [digest(path) for path in PROCESS],
    }
    return hashlib.sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()


def is_figure(name: str, stem: str) -> bool:
    """Say whether *name* is that of a figure of the recipe *stem*, and not of a recipe ``STEM_100``."""
    return bool(re.fullmatch(rf"sphx_glr_{re.escape(stem)}_\d{{3,}}\.({'|'.join(_KNOWN_IMG_EXTS)})", name, re.ASCII))


def figures(folder: Path, stem: str) -> list[Path]:
    """Return the paths of the figures in *folder* of the recipe *stem*."""
    return [path for path in folder.glob(f"sphx_glr_{stem}_*") if is_figure(path.name, stem)]


def block_lines(task: Task) -> list[int]:
    """Return the number of the first line of each block of *task*."""
    return [block[2] for block in task["blocks"]]
