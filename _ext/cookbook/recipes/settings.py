"""The settings of a recipe, ``# sphinx_gallery_NAME = VALUE``, checked before they are used.

A value that cannot be meant, and a name that nobody reads, is reported as

    recipes_source/saving/x.py:24: sphinx_gallery_timeout = "long": give a whole number of
    seconds above 0, as in # sphinx_gallery_timeout = 120
"""

import ast
import difflib
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from sphinx_gallery.py_source_parser import INFILE_CONFIG_PATTERN


def _count(value):
    return type(value) is int and value > 0


def _texts(value):
    return isinstance(value, list) and all(isinstance(text, str) for text in value)


@dataclass(frozen=True)
class Setting:
    """One setting: what its value must be, in code and in words, an example, and its default.

    ``limit`` is the name of the limit that it sets for the recipe's process; ``output`` says
    whether it can change what the recipe prints, and so belongs to the key of its result.
    """

    fits: Callable[[Any], bool]
    words: str
    example: str
    default: Any = None
    limit: str = ""
    output: bool = False


#: The settings that recipes can have.
SETTINGS = {
    "timeout": Setting(_count, "a whole number of seconds above 0", "120", 120, "seconds", output=True),
    "memory": Setting(_count, "a whole number of MiB above 0", "4096", 4096, "memory", output=True),
    "output": Setting(_count, "a whole number of characters above 0", "1048576", 2**20, "output", output=True),
    "overflow": Setting(
        lambda value: value in ("cut", "fail"), '"cut" or "fail"', '"cut"', "cut", "overflow", output=True
    ),
    "gpu": Setting(lambda value: isinstance(value, bool), "True or False", "True", False, output=True),
    "reading_order": Setting(lambda value: type(value) is int, "a whole number", "20"),
    "tags": Setting(_texts, "a list of strings", '["loading"]'),
    "keywords": Setting(_texts, "a list of strings", '["disk space"]'),
    "thumbnail_number": Setting(lambda value: type(value) is int, "the number of a figure", "1"),
    "thumbnail_path": Setting(lambda value: isinstance(value, str), "the path of a picture", '"_static/x.png"'),
    "line_numbers": Setting(lambda value: isinstance(value, bool), "True or False", "True"),
}
#: Those of sphinx-gallery that it checks itself.
STOCK = {
    "capture_repr",
    "defer_figures",
    "dummy_images",
    "end_ignore",
    "failing_thumbnail",
    "ignore_repr_types",
    "multi_image",
    "parallel",
    "start_ignore",
}


def line_of(text, setting):
    """Return the number of the line of *text* that has the *setting*; 1 if none has."""
    for match in INFILE_CONFIG_PATTERN.finditer(text):
        if match[1] == setting:
            return text.count("\n", 0, match.start(1)) + 1
    return 1


def wrong(text):
    """Return ``(line, message)`` of the first setting in *text* that cannot be meant, or None."""
    for match in INFILE_CONFIG_PATTERN.finditer(text):
        name, written = match[1], (match[3] or "").strip()
        line = text.count("\n", 0, match.start(1)) + 1
        if name in STOCK:
            continue
        if name not in SETTINGS:
            close = difflib.get_close_matches(name, SETTINGS, n=1, cutoff=0.6)
            hint = f"did you mean sphinx_gallery_{close[0]}?" if close else "CONTRIBUTING.md lists those there are"
            return line, f"there is no setting sphinx_gallery_{name}: {hint}"
        setting = SETTINGS[name]
        try:
            good = setting.fits(ast.literal_eval(written))
        except (SyntaxError, ValueError, TypeError, MemoryError, RecursionError):  # all that literal_eval may raise
            good = False
        if not good:
            told = f"sphinx_gallery_{name} = {written[:60]}" if written else f"sphinx_gallery_{name}"
            return line, f"{told}: give {setting.words}, as in # sphinx_gallery_{name} = {setting.example}"
    return None


def limits(file_conf):
    """Return the limits of a recipe with the settings *file_conf*: its own, or the defaults."""
    return {setting.limit: file_conf.get(name, setting.default) for name, setting in SETTINGS.items() if setting.limit}


def for_output(file_conf):
    """Return those of the settings *file_conf* that can change what the recipe prints."""
    return {k: v for k, v in file_conf.items() if k not in SETTINGS or SETTINGS[k].output}
