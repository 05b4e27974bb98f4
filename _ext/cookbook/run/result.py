"""The result of a recipe: its types and its validation.

A :class:`Result` is JSON and has the same form in the cache, from a process here and from a Dask
worker. As it may come from outside, :func:`check` accepts only what a recipe can produce: its
outputs are reStructuredText with literal blocks, which Sphinx escapes, the recipe's own figures,
and, where it asks for HTML, that as a literal block. Anything else, such as a field
``:alt: :download:`x </etc/passwd>```, would let a forged result publish files or put a script on a
page. ``tests/fuzz/test_results.py`` searches for more.
"""

from __future__ import annotations

import base64
import io
import itertools
import re
from collections.abc import Callable
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Any, NotRequired, TypedDict, cast

from PIL import Image

from cookbook.recipes.recipe import block_lines, is_figure
from cookbook.run import svg
from cookbook.run.process.text import CONTROL, clean

if TYPE_CHECKING:
    from collections.abc import Container

    from cookbook.recipes.recipe import Task


class Error(TypedDict):
    """Why a recipe failed: ``text`` is the traceback, ``reason`` one line, ``line`` where in the file.

    ``ran`` is the number of code blocks that were executed, the one that failed included.
    """

    text: str
    line: int
    reason: str
    ran: int


class CodeObject(TypedDict):
    """An object that a name in the code refers to, as sphinx-gallery's ``identify_names`` describes it."""

    name: str
    module: str
    module_short: str
    is_class: bool
    is_explicit: bool


class Outcome(TypedDict):
    """What remains when a recipe has run: ``images`` maps file names to content in base64."""

    seconds: float
    error: Error | None
    codeobj: dict[str, list[CodeObject]]
    images: dict[str, str]


class Result(Outcome):
    """The result of a recipe: ``outputs`` is the reStructuredText below each code block.

    ``lines`` are the first lines of the blocks, if an output shows line numbers; ``date`` is the
    day of the execution; ``log`` has, for each block that wrote past Python's ``sys.stdout`` and
    ``sys.stderr``, as programs and libraries in C do, its line and what it wrote.
    """

    outputs: list[str]
    log: NotRequired[list[tuple[int, str]]]
    lines: NotRequired[list[int]]
    date: NotRequired[str]


class Message(TypedDict, total=False):
    """A message from a recipe's process: ``block`` starts or has an ``output``; at the end ``done`` or ``crash``."""

    block: int
    output: str
    log: str
    done: Outcome
    crash: str


#: The lines that an output may have outside of the text of a literal block ...
LINES = {
    "blank": re.compile(r"\s*"),
    "class": re.compile(r" *\.\. rst-class:: sphx-glr-(script-out|horizontal)"),
    "literal": re.compile(r" ?\.\. code-block:: (none|pytb|html)"),
    "item": re.compile(r" *\*"),
    "image": re.compile(r" *\.\. image:: .+"),
    "option": re.compile(r" +:(alt: .*|class:[ \w-]+)"),
}
#: ... and what may follow each: an option elsewhere is a field, whose markup is parsed.
NEXT = {
    "blank": {*LINES, "text"} - {"option"},
    "text": {"text", "blank"},
    **dict.fromkeys(("class", "literal", "item"), {"blank"}),
    **dict.fromkeys(("image", "option"), {"option", "blank"}),
}
#: The fields of a `CodeObject`: words and flags.
WORDS, FLAGS = {"name", "module", "module_short"}, {"is_class", "is_explicit"}


def check_output(rst: str, images: Container[str], shows_html: bool = False) -> None:
    """Raise ValueError unless *rst* consists of literal blocks and of *images*, by address.

    If it *shows_html*, a literal block of HTML may be among them, which `cookbook.pages.outputs` cleans.
    """
    if CONTROL.search(rst):
        raise ValueError("control character in output")
    before, literal, image_depth = "blank", False, 0
    for line in rst.splitlines():  # at the same characters as docutils
        kind = next((kind for kind, form in LINES.items() if form.fullmatch(line)), None)
        if literal and kind != "blank" and line.startswith("    "):
            kind = "text"
        depth = len(line) - len(line.lstrip())
        if kind == "image":
            image_depth, fits = depth, line.partition("::")[2].strip() in images
        else:
            fits = kind != "option" or depth == image_depth + 3
            fits &= kind != "literal" or shows_html or not line.endswith("html")
        if kind is None or kind not in NEXT[before] or not fits:
            raise ValueError(f"unexpected markup in output: {line[:80]!r}")
        literal = kind == "literal" or (literal and kind in ("blank", "text"))
        before = kind


def _is(value: object, *kinds: type) -> bool:
    return type(value) in kinds  # not isinstance: True is no number


def _is_text(value: Any) -> bool:
    return _is(value, str) and not CONTROL.search(value)


def _is_error(error: Any) -> bool:
    return error is None or (
        error.keys() == {"text", "line", "reason", "ran"}
        and _is_text(error["text"])
        and _is_text(error["reason"])
        and _is(error["line"], int)
        and _is(error["ran"], int)
    )


def _is_code_object(found: Any) -> bool:
    return (
        found.keys() == WORDS | FLAGS
        and all(_is(found[key], str) and re.fullmatch(r"[\w.<>]*", found[key]) for key in WORDS)
        and all(_is(found[key], bool) for key in FLAGS)
    )


def _is_picture(name: str, content: Any) -> bool:
    """Return whether *content* is, in base64, a picture of the kind that *name* says; `svg.check` looks into an SVG."""
    try:
        data = io.BytesIO(base64.b64decode(content, validate=True))
        kind = Path(name).suffix
        if kind != ".svg":
            with Image.open(data, formats=["JPEG" if kind == ".jpg" else kind[1:].upper()]) as image:
                image.verify()
    except Exception:  # Pillow raises many types
        return False
    return True


#: A predicate for each field of a result.
FORM: dict[str, Callable[[Any], bool]] = {
    "outputs": lambda outputs: _is(outputs, list) and all(_is(output, str) for output in outputs),
    "seconds": lambda seconds: _is(seconds, int, float) and 0 <= seconds < 10**6,
    "error": _is_error,
    "codeobj": lambda names: all(
        _is_text(name) and _is(found, list) and found and all(map(_is_code_object, found))
        for name, found in names.items()
    ),
    "images": lambda images: all(itertools.starmap(_is_picture, images.items())),
    "lines": lambda lines: _is(lines, list) and all(_is(line, int) for line in lines),
    "log": lambda log: all(_is(line, int) and _is_text(text) for line, text in log),
    "date": lambda day: date.fromisoformat(day).isoformat() == day,
}


def check(result: object, task: Task) -> Result:
    """Return *result* if it is a valid result of *task*, else raise ValueError."""
    if not isinstance(result, dict) or not FORM.keys() - {"lines", "date", "log"} <= result.keys() <= FORM.keys():
        raise ValueError("missing or unknown fields")
    for field, value in result.items():
        try:
            valid = FORM[field](value)
        except (AttributeError, KeyError, TypeError, ValueError):  # of another type
            valid = False
        if not valid:
            raise ValueError(f"invalid {field!r}")
    if len(result["outputs"]) != len(task["blocks"]):
        raise ValueError("the numbers of outputs and code blocks differ")
    section, _, name = task["name"].rpartition("/")
    if not all(is_figure(image, name.removesuffix(".py")) for image in result["images"]):
        raise ValueError("unexpected name of an image")
    for image, content in result["images"].items():
        if image.endswith(".svg"):
            svg.check(image, base64.b64decode(content))
    folder = "/".join(filter(None, ("", task["gallery"], section, "images")))
    images = {f"/{folder}/{name}" for name in result["images"]}
    shows_html = any("_repr_html_" in str(part) for part in (task["conf"], task["file_conf"], task["blocks"]))
    for output in result["outputs"]:
        check_output(output, images, shows_html)
    return cast("Result", result)


def remember_lines(task: Task, result: Result) -> None:
    """Add the line numbers of the blocks to a *result* that shows line numbers."""
    stem = Path(task["name"]).name
    if any(f"{stem}:" in output or f'{stem}", line' in output for output in result["outputs"]):
        result["lines"] = block_lines(task)


def failure(task: Task, text: str, line: int = 1) -> Result:
    """Return the result of a recipe that failed outside of its own code."""
    text = clean(text)
    return {
        "outputs": [""] * len(task["blocks"]),
        "seconds": 0.0,
        "error": {"text": text, "line": line, "reason": text.splitlines()[-1], "ran": 0},
        "codeobj": {},
        "images": {},
    }
