"""The result of a recipe: its form, and what it says of a failure.

A result is a dict that JSON can hold, the same whoever gives it, a process here, a Dask
worker or the cache: ``outputs`` (the reStructuredText below each code block), ``seconds``,
``error`` (None, or ``text``, ``line`` and ``reason``), ``codeobj`` and ``images``. It may
come from outside, so :func:`check` rejects what a recipe cannot give.
"""

import re
from pathlib import Path

from recipe import block_lines
from runner import first_line

#: The only reStructuredText besides literal blocks that a recipe's output may consist of.
ALLOWED = re.compile(
    r"\s*(\*|\|"
    r"|\.\. rst-class:: sphx-glr-[a-z-]+"
    r"|\.\. image:: /[\w./-]+\.png"
    r"|:(alt|class): .*"
    r")?\s*"
)
LITERAL = re.compile(r" ?\.\. code-block:: (none|pytb)")
#: What sphinx-gallery says of a name in code.
OBJECT = {"name", "module", "module_short", "is_class", "is_explicit"}
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


def check_output(rst):
    """Raise ValueError if *rst* is more than literal blocks and images."""
    literal = False
    for line in rst.split("\n"):
        if literal and (not line.strip() or line.startswith("    ")):
            continue
        literal = bool(LITERAL.fullmatch(line))
        if not literal and not ALLOWED.fullmatch(line):
            raise ValueError(f"output that a recipe cannot give: {line[:80]!r}")


def _is(kind):
    return lambda value: isinstance(value, kind) and not isinstance(value, bool)


def _object(found):
    """Say whether *found* is a code object as sphinx-gallery describes it."""
    words = all(re.fullmatch(r"[\w.<>]*", str(found.get(k))) for k in ("name", "module", "module_short"))
    return words and found.keys() == OBJECT


def _error(error):
    return error is None or (
        error.keys() == {"text", "line", "reason"}
        and isinstance(error["text"], str) and isinstance(error["line"], int) and isinstance(error["reason"], str)
    )  # fmt: skip


#: What each field of a result must be; the last two are added here and may be missing.
FORM = {
    "outputs": lambda outputs: all(map(_is(str), outputs)),
    "seconds": lambda seconds: _is((int, float))(seconds) and 0 <= seconds < 10**6,
    "error": _error,
    "codeobj": lambda names: all(_object(found) for kept in names.values() for found in kept),
    "images": lambda images: all(
        re.fullmatch(r"sphx_glr_[\w.-]+\.png", name) and content.encode("latin-1").startswith(b"\x89PNG")
        for name, content in images.items()
    ),
    "lines": lambda lines: all(map(_is(int), lines)),
    "date": lambda date: re.fullmatch(r"\d{4}-\d\d-\d\d", date),
}


def check(result):
    """Return *result* if it has the form of a recipe's result, else raise ValueError."""
    if not isinstance(result, dict) or not FORM.keys() - {"lines", "date"} <= result.keys() <= FORM.keys():
        raise ValueError("not a result")
    for field, value in result.items():
        try:
            fits = FORM[field](value)
        except (AttributeError, KeyError, TypeError, UnicodeError):  # of another type altogether
            fits = False
        if not fits:
            raise ValueError(f"its {field!r} is not of the form that a recipe gives")
    for output in result["outputs"]:
        check_output(output)
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
    error = {"text": text, "line": line, "reason": text.splitlines()[-1]}
    return {
        "outputs": [""] * len(task["blocks"]),
        "seconds": 0.0, "error": error, "codeobj": {}, "images": {},
    }  # fmt: skip


def look_for_output(task, result):
    """Make a result an error if its recipe shows nothing: no page may pass in silence."""
    if task["blocks"] and not result["images"] and not any(o.strip() for o in result["outputs"]):
        text = "it has code but shows no output"
        line = first_line(task["blocks"][0])
        result["error"] = {"text": text, "line": line, "reason": text}
