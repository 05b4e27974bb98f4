"""The settings of a recipe, ``# sphinx_gallery_NAME = VALUE``, checked before they are used.

A value that cannot be meant, and a name that nobody reads, is reported as

    recipes_source/saving/x.py:24: sphinx_gallery_timeout = "long": give a whole number of
    seconds above 0, as in # sphinx_gallery_timeout = 120
"""

import ast
import difflib

from sphinx_gallery.py_source_parser import INFILE_CONFIG_PATTERN


def _count(value):
    return type(value) is int and value > 0


def _texts(value):
    return isinstance(value, list) and all(isinstance(text, str) for text in value)


#: What the value of each setting must be: a test, its words, and an example.
SETTINGS = {
    "timeout": (_count, "a whole number of seconds above 0", "120"),
    "memory": (_count, "a whole number of MiB above 0", "4096"),
    "output": (_count, "a whole number of characters above 0", "1048576"),
    "overflow": (lambda value: value in ("cut", "fail"), '"cut" or "fail"', '"cut"'),
    "gpu": (lambda value: isinstance(value, bool), "True or False", "True"),
    "reading_order": (lambda value: type(value) is int, "a whole number", "20"),
    "tags": (_texts, "a list of strings", '["loading"]'),
    "keywords": (_texts, "a list of strings", '["disk space"]'),
    "thumbnail_number": (lambda value: type(value) is int, "the number of a figure", "1"),
    "thumbnail_path": (lambda value: isinstance(value, str), "the path of a picture", '"_static/x.png"'),
    "line_numbers": (lambda value: isinstance(value, bool), "True or False", "True"),
}
#: Those of sphinx-gallery that it checks itself.
STOCK = {
    "capture_repr", "defer_figures", "dummy_images", "end_ignore", "failing_thumbnail",
    "ignore_repr_types", "multi_image", "parallel", "start_ignore",
}  # fmt: skip


def line_of(text, setting):
    """Return the number of the line of *text* that has the *setting*; 1 if none has."""
    for match in INFILE_CONFIG_PATTERN.finditer(text):
        if match[1] == setting:
            return text.count("\n", 0, match.start(1)) + 1
    return 1


def wrong(text):
    """Return ``(line, message)`` of the first setting in *text* that cannot be meant, or None."""
    for match in INFILE_CONFIG_PATTERN.finditer(text):
        name, written = match[1], (match[3] or "True").strip()
        line = text.count("\n", 0, match.start(1)) + 1
        if name in STOCK:
            continue
        if name not in SETTINGS:
            close = difflib.get_close_matches(name, SETTINGS, n=1, cutoff=0.6)
            hint = f"did you mean sphinx_gallery_{close[0]}?" if close else "CONTRIBUTING.md lists those there are"
            return line, f"there is no setting sphinx_gallery_{name}: {hint}"
        fits, words, example = SETTINGS[name]
        try:
            good = fits(ast.literal_eval(written))
        except (SyntaxError, ValueError):
            good = False
        if not good:
            told = f"sphinx_gallery_{name} = {written[:60]}: give {words}"
            return line, f"{told}, as in # sphinx_gallery_{name} = {example}"
    return None
