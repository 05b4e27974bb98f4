"""The result of a recipe: its form, and what it says of a failure.

A result is a dict that JSON can hold, the same whoever gives it, a process here, a Dask
worker or the cache: ``outputs`` (the reStructuredText below each code block), ``seconds``,
``error`` (None, or ``text``, ``line`` and ``reason``), ``codeobj`` and ``images``. It may
come from outside, so :func:`check` rejects what a recipe cannot give: an output is text in
literal blocks, which Sphinx escapes, and the recipe's own figures. With anything else, such
as a field ``:alt: :download:`x </etc/passwd>```, a forged one could publish files or put a
script on a page. ``tests/fuzz/test_results.py`` looks for more of that.
"""

import base64
import io
import re
from datetime import date
from pathlib import Path

from PIL import Image

from cookbook.recipes.recipe import block_lines, is_figure
from cookbook.run.process.runner import first_line
from cookbook.run.process.text import CONTROL, clean

#: What a line of an output can be, outside of the text of a literal block ...
LINES = {
    "blank": re.compile(r"\s*"),
    "class": re.compile(r" *\.\. rst-class:: sphx-glr-(script-out|horizontal)"),
    "literal": re.compile(r" ?\.\. code-block:: (none|pytb)"),
    "item": re.compile(r" *\*"),
    "image": re.compile(r" *\.\. image:: .+"),
    "option": re.compile(r" +:(alt: .*|class:[ \w-]+)"),
}
#: ... and what must come next: an option elsewhere is a field, in which markup works.
NEXT = {
    "blank": {*LINES, "text"} - {"option"},
    "text": {"text", "blank"},
    **dict.fromkeys(("class", "literal", "item"), {"blank"}),
    **dict.fromkeys(("image", "option"), {"option", "blank"}),
}
#: What sphinx-gallery says of a name in code: words, and two flags.
WORDS, FLAGS = {"name", "module", "module_short"}, {"is_class", "is_explicit"}
#: What to do about a failure, by what its reason says.
ADVICE = {
    "[Nn]o space": "Free some where TMPDIR points, then build again.",
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


def check_output(rst, images):
    """Raise ValueError if *rst* is more than literal blocks and these *images* (addresses)."""
    if CONTROL.search(rst):
        raise ValueError("output with a character that no page can show")
    before, literal, of_image = "blank", False, 0
    for line in rst.splitlines():  # at the same characters as docutils
        kind = next((kind for kind, form in LINES.items() if form.fullmatch(line)), None)
        if literal and kind != "blank" and line.startswith("    "):
            kind = "text"
        depth = len(line) - len(line.lstrip())
        if kind == "image":
            of_image, fits = depth, line.partition("::")[2].strip() in images
        else:
            fits = kind != "option" or depth == of_image + 3
        if kind not in NEXT[before] or not fits:
            raise ValueError(f"output that a recipe cannot give: {line[:80]!r}")
        literal = kind == "literal" or literal and kind in ("blank", "text")
        before = kind


def _is(value, *kinds):
    return type(value) in kinds  # True is no number


def _text(value):
    return _is(value, str) and not CONTROL.search(value)


def _error(error):
    return error is None or (
        error.keys() == {"text", "line", "reason"}
        and _text(error["text"])
        and _text(error["reason"])
        and _is(error["line"], int)
    )


def _object(found):
    """Say whether *found* is a code object as sphinx-gallery describes it."""
    return (
        found.keys() == WORDS | FLAGS
        and all(_is(found[key], str) and re.fullmatch(r"[\w.<>]*", found[key]) for key in WORDS)
        and all(_is(found[key], bool) for key in FLAGS)
    )


def _picture(content):
    """Say whether *content* is, in base64, a PNG whose parts have their checksums."""
    try:
        with Image.open(io.BytesIO(base64.b64decode(content, validate=True)), formats=["PNG"]) as image:
            image.verify()
    except Exception:  # Pillow has many words for it
        return False
    return True


#: What each field of a result must be; the last two are added here and may be missing.
FORM = {
    "outputs": lambda outputs: _is(outputs, list) and all(_is(output, str) for output in outputs),
    "seconds": lambda seconds: _is(seconds, int, float) and 0 <= seconds < 10**6,
    "error": _error,
    "codeobj": lambda names: all(
        _text(name) and _is(kept, list) and kept and all(map(_object, kept)) for name, kept in names.items()
    ),
    "images": lambda images: all(_picture(content) for content in images.values()),
    "lines": lambda lines: _is(lines, list) and all(_is(line, int) for line in lines),
    "date": lambda day: date.fromisoformat(day).isoformat() == day,
}


def check(result, task):
    """Return *result* if it has the form of a result of *task*, else raise ValueError."""
    if not isinstance(result, dict) or not FORM.keys() - {"lines", "date"} <= result.keys() <= FORM.keys():
        raise ValueError("not a result")
    for field, value in result.items():
        try:
            fits = FORM[field](value)
        except (AttributeError, KeyError, TypeError, ValueError):  # of another type altogether
            fits = False
        if not fits:
            raise ValueError(f"its {field!r} is not of the form that a recipe gives")
    if len(result["outputs"]) != len(task["blocks"]):
        raise ValueError("its outputs are not those of these blocks")
    section, _, name = task["name"].rpartition("/")
    if not all(is_figure(image, name.removesuffix(".py")) for image in result["images"]):
        raise ValueError("its images have other names than those of this recipe")
    folder = "/".join(filter(None, ("", task["gallery"], section, "images")))
    images = {f"/{folder}/{name}" for name in result["images"]}
    for output in result["outputs"]:
        check_output(output, images)
    return result


def advice(error):
    """Return what to do about the *error* of a result, one sentence."""
    return next(text for what, text in ADVICE.items() if re.search(what, error["reason"]))


def remember_lines(task, result):
    """Note the line numbers of the blocks in a *result* that shows some of them."""
    stem = Path(task["name"]).name
    if any(f"{stem}:" in output or f'{stem}", line' in output for output in result["outputs"]):
        result["lines"] = block_lines(task)


def failure(task, text, line=1):
    """Return the result of a recipe that failed outside of its own code."""
    text = clean(text)
    error = {"text": text, "line": line, "reason": text.splitlines()[-1]}
    return {
        "outputs": [""] * len(task["blocks"]),
        "seconds": 0.0,
        "error": error,
        "codeobj": {},
        "images": {},
    }


def look_for_output(task, result):
    """Make a result an error if its recipe shows nothing: no page may pass in silence."""
    if task["blocks"] and not result["images"] and not any(o.strip() for o in result["outputs"]):
        text = "it has code but shows no output"
        line = first_line(task["blocks"][0])
        result["error"] = {"text": text, "line": line, "reason": text}
