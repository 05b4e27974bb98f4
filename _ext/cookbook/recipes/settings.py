"""The settings of a recipe, ``# sphinx_gallery_NAME = VALUE``, validated before use.

An invalid value or an unknown name is reported as

    recipes_source/saving/x.py:24: sphinx_gallery_timeout = "long": give a whole number of
    seconds above 0, as in # sphinx_gallery_timeout = 120
"""

from __future__ import annotations

import ast
import difflib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from importlib.util import find_spec
from typing import Any, Literal, TypedDict, cast

from sphinx_gallery.py_source_parser import INFILE_CONFIG_PATTERN


class Limits(TypedDict):
    """The limits of a recipe: seconds, MiB, characters a block, and what to do with more characters."""

    seconds: int
    memory: int
    output: int
    overflow: Literal["cut", "fail"]


def _count(value: Any) -> bool:
    return type(value) is int and value > 0


def _texts(value: Any) -> bool:
    return isinstance(value, list) and all(isinstance(text, str) for text in value)


def _reprs(value: Any) -> bool:
    known = {"__repr__", "__str__", *(["_repr_html_"] if find_spec("nh3") else [])}
    return isinstance(value, tuple | list) and set(value) <= known


#: What `_reprs` takes; nh3 cleans the HTML.
REPRS = 'a tuple of "__repr__", "__str__" and, where nh3 is installed (pip install nh3), "_repr_html_"'


@dataclass(frozen=True)
class Setting:
    """One setting: a predicate for its value, the same in words, an example, and the default.

    ``limit`` is the key of `Limits` that it sets, if any; ``output`` tells whether it can change
    what the recipe prints, so that it is part of the cache key.
    """

    fits: Callable[[Any], bool]
    words: str
    example: str
    default: Any = None
    limit: str = ""
    output: bool = False


#: The settings of recipes.
SETTINGS = {
    "timeout": Setting(_count, "a whole number of seconds above 0", "120", 120, "seconds", output=True),
    "memory": Setting(_count, "a whole number of MiB above 0", "4096", 4096, "memory", output=True),
    "output": Setting(_count, "a whole number of characters above 0", "1048576", 2**20, "output", output=True),
    "overflow": Setting(
        lambda value: value in ("cut", "fail"), '"cut" or "fail"', '"cut"', "cut", "overflow", output=True
    ),
    "gpu": Setting(lambda value: isinstance(value, bool), "True or False", "True", output=True),
    "reading_order": Setting(lambda value: type(value) is int, "a whole number", "20"),
    "tags": Setting(_texts, "a list of strings", '["loading"]'),
    "keywords": Setting(_texts, "a list of strings", '["disk space"]'),
    "thumbnail_number": Setting(lambda value: type(value) is int, "the number of a figure", "1"),
    "thumbnail_path": Setting(lambda value: isinstance(value, str), "the path of a picture", '"_static/x.png"'),
    "fold": Setting(lambda value: isinstance(value, str) and bool(value), "a line of text", '"The model and its file"'),
    "wrong": Setting(lambda value: isinstance(value, bool), "True or False", "True"),
    "line_numbers": Setting(lambda value: isinstance(value, bool), "True or False", "True"),
    "capture_repr": Setting(_reprs, REPRS, '("__repr__",)', output=True),
    "capture_repr_block": Setting(_reprs, REPRS, '("__repr__",)', output=True),
    "multi_image": Setting(lambda value: value == "single", '"single"', '"single"', output=True),
    "multi_image_block": Setting(lambda value: value == "single", '"single"', '"single"', output=True),
    "dummy_images": Setting(_count, "a whole number of pictures above 0", "2"),
    "failing_thumbnail": Setting(lambda value: isinstance(value, bool), "True or False", "False"),
}
#: The rules of a project, of ``recipe_rules``, that the process of a recipe applies.
RULES = ("no deprecations", "no temporary paths")
#: Settings without a value, which stand alone.
FLAGS = {"defer_figures", "start_ignore", "end_ignore"}
#: Settings of sphinx-gallery that a recipe cannot have, and why.
REFUSED = {"parallel": "each recipe runs in a process of its own, JOBS at a time"}


def line_of(text: str, setting: str) -> int:
    """Return the number of the line of *text* with this *setting*, or 1."""
    for match in INFILE_CONFIG_PATTERN.finditer(text):
        if match[1] == setting:
            return text.count("\n", 0, match.start(1)) + 1
    return 1


def find_error(text: str) -> tuple[int, str] | None:
    """Return ``(line, message)`` of the first invalid setting in *text*, or None."""
    ignored, begun = 0, 1
    for match in INFILE_CONFIG_PATTERN.finditer(text):
        name, written = match[1], (match[3] or "").strip()
        line = text.count("\n", 0, match.start(1)) + 1
        if name in REFUSED:
            return line, f"sphinx_gallery_{name}: {REFUSED[name]}: remove this line"
        if name in FLAGS:
            if written:
                return line, f"sphinx_gallery_{name} takes no value: remove the = and what follows it"
            ignored += {"start_ignore": 1, "end_ignore": -1}.get(name, 0)
            if ignored not in (0, 1):
                return line, "sphinx_gallery_start_ignore and sphinx_gallery_end_ignore come in pairs: add the other"
            begun = line
            continue
        if name not in SETTINGS:
            close = difflib.get_close_matches(name, SETTINGS, n=1, cutoff=0.6)
            hint = f"did you mean sphinx_gallery_{close[0]}?" if close else "see CONTRIBUTING.md for the list"
            return line, f"unknown setting sphinx_gallery_{name}: {hint}"
        setting = SETTINGS[name]
        try:
            good = setting.fits(ast.literal_eval(written))
        except (SyntaxError, ValueError, TypeError, MemoryError, RecursionError):  # all that literal_eval may raise
            good = False
        if not good:
            shown = f"sphinx_gallery_{name} = {written[:60]}" if written else f"sphinx_gallery_{name}"
            return line, f"{shown}: give {setting.words}, as in # sphinx_gallery_{name} = {setting.example}"
    if ignored:
        return begun, "sphinx_gallery_start_ignore without sphinx_gallery_end_ignore below it: add that"
    return None


def of_block(code: str) -> list[tuple[str, str]]:
    """Return the settings in a block of *code* that can change its output, as written."""
    found = ((match[1], (match[3] or "").strip()) for match in INFILE_CONFIG_PATTERN.finditer(code))
    return [(name, value) for name, value in found if name in FLAGS or (name in SETTINGS and SETTINGS[name].output)]


def limits(file_conf: Mapping[str, Any]) -> Limits:
    """Return the limits of a recipe with the settings *file_conf*, with defaults."""
    values = {s.limit: file_conf.get(name, s.default) for name, s in SETTINGS.items() if s.limit}
    return cast("Limits", values)


def for_output(file_conf: Mapping[str, Any]) -> dict[str, Any]:
    """Return the settings of *file_conf* that can change what the recipe prints."""
    return {k: v for k, v in file_conf.items() if SETTINGS[k].output}
