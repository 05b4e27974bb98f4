"""A recipe, described for execution.

What a recipe needs to run is gathered into its *task*, a dict that JSON can hold, and
everything that can change its output into its *key*, a SHA-256: the code blocks and not
the prose, the local files that they name, versions, limits, and the code that runs them.
"""

import hashlib
import json
import platform
from functools import lru_cache
from pathlib import Path

from sphinx_gallery.py_source_parser import remove_config_comments, split_code_and_text_blocks

from dependencies import local_files, versions

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
#: The code that runs in the recipe's process.
RUNNER = ("runner.py", "cleaning.py", "local.py", "child.py", "figures.py", "warmup.py")


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

    @property
    def limits(self):
        """What the recipe may take, by its settings or by default."""
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


def block_lines(task):
    """Return the number of the first line of each block of a *task*."""
    return [block[2] for block in task["blocks"]]
