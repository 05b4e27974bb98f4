"""What the fuzz tests share: settings under which each run tries the same, and texts."""

import os

from hypothesis import settings
from hypothesis import strategies as st


def fuzz(examples=300):
    """Return the decorator of a fuzz test: the same examples in every run, however slow.

    With ``FUZZ=100`` there are 100 times as many, and others in every run.
    """
    factor = int(os.environ.get("FUZZ") or 1)
    return settings(derandomize=factor == 1, deadline=None, max_examples=examples * factor, database=None)


#: Any text, lone surrogates too.
ANY = st.text(st.characters(exclude_categories=()), max_size=20)
#: What means something in reStructuredText, Markdown, HTML, JavaScript or to a terminal.
MARKUP = [
    "<script>alert(1)</script>",
    "<img src=x onerror=alert(1)>",
    "<!--",
    "-->",
    "</pre>",
    "&lt;",
    "&#60;",
    "<b>",
    "`",
    "``",
    "```",
    "~~~",
    "*",
    "**",
    "_",
    "__init__",
    "$",
    "$$",
    "\\",
    "\\(",
    "|",
    "||",
    "#",
    "# a",
    ">",
    "- a",
    "1. a",
    "1) a",
    "[a](b)",
    "![a](b)",
    "[a]: b",
    "[a][b]",
    "<http://a.b>",
    "http://a.b/c_d",
    "a_",
    "`a`_",
    ":ref:`a`",
    "::",
    "..",
    ".. raw:: html",
    ":a: b",
    "---",
    "===",
    "{{ a }}",
    "{% a %}",
    "%s",
    '"',
    "'",
    "é",
    "中文",
    "😀",
    "\u200f",
    "\xa0",
    "+",
    "=",
    "&",
    "a&b;",
    "%matplotlib",
    "!ls",
    "?",
]
#: A word, or markup, or both stuck together.
WORD = st.lists(st.sampled_from(MARKUP) | st.sampled_from(["a", "state_dict", "x1"]), min_size=1, max_size=3).map(
    "".join
)
