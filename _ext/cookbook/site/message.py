"""The text of an error message: its parts that vary, its anchor, and the pattern that others like it fit.

A recipe prints an error as ``Type: message``, at the start of a line, as the last thing of its
cell. Names and numbers in it are variable parts, such as ``'lr'`` and ``2`` in ``KeyError: 'lr' is
not in group 2``: messages that differ only there have the same anchor.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator
from itertools import pairwise

from docutils import nodes

MESSAGE = re.compile(r"^\w*(?:Error|Warning|Exception): (?=.*\S)", re.MULTILINE)
QUOTED = r"""(?<![\w(\\])(?:'[^'\w\n]*\w[^'\n]*'(?!\w)|"[^"\w\n]*\w[^"\n]*")"""
#: The variable parts of messages, and, as ``fixed``, text that only looks like them. Every alternative
#: must match in linear time, because a recipe may print a message of a megabyte.
VARIABLE = re.compile(
    "|".join(
        (
            r"(?P<fixed>https?://\S+|^[ \t]*\(\d\) )",
            rf"{QUOTED}(?:, {QUOTED})*",
            r"<[^<>\n]+>",
            r"torch\.Size\(\[[^\]]*\]\)",
            r"(?<=\bstate_dict for )\w+",
            r"(?<=\bfor )[\w.]+(?=: copying)",
            r"(?<=\bGLOBAL )[\w.]+|(?<=_globals\(\[)[\w.]+",
            r"(?<=\bdtype )[\w:]+|(?<=\bgot )\w+(?= and \w+$)|(?<= and )\w+(?=$)",
            r"(?<=\bgot: )[\w.]+",
            r"(?<![\w/.])[~.]?(?:/[\w.-]+){2,}|(?<![\w-])[\w-]+\.(?:pkl|ptx?|pth|ckpt|bin|safetensors)\b",
            r"(?<![\w.])\d+(?:\.\d+)?%?(?!\w)",
        )
    ),
    re.MULTILINE,
)
#: A message with fewer letters outside of its variable parts is told by its names: all of it is fixed.
LEAST = 21


def split(message: str) -> list[tuple[str, bool]]:
    """Return the parts of *message*: ``[(text, is variable), ...]``.

    >>> split("KeyError: the learning rate 'lr' is not in group 2")
    [('KeyError: the learning rate ', False), ("'lr'", True), (' is not in group ', False), ('2', True)]
    >>> split("KeyError: 'lr'")
    [("KeyError: 'lr'", False)]
    """
    start = message.index(": ") + 2
    end = len(message)
    if message.startswith("KeyError: ") and message[start] == message[-1] and message[-1] in "'\"":
        start, end = start + 1, end - 1  # KeyError quotes its message
    parts, at = [], 0
    for found in VARIABLE.finditer(message, start, end):
        if found["fixed"] is None:
            parts += [(message[at : found.start()], False), (found[0], True)]
            at = found.end()
    parts.append((message[at:], False))
    fixed = "".join(text for text, variable in parts if not variable).partition(": ")[2]
    if len(re.findall(r"[^\W\d_]", fixed)) < LEAST:
        return [(message, False)]
    return [part for part in parts if part[0]]


def anchor_of_text(text: str) -> str:
    """Return the anchor of a *text*, which depends on nothing else."""
    words = nodes.make_id(text).split("-")
    return f"{'-'.join(words[:6])}-{hashlib.sha256(text.encode()).hexdigest()[:6]}"


def anchor_of(message: str) -> str:
    """Return the anchor of all messages that differ from *message* only in variable parts.

    >>> anchor_of("KeyError: no such learning rate in 2") == anchor_of("KeyError: no such learning rate in 0")
    True
    """
    text = "".join("\N{HORIZONTAL ELLIPSIS}" if variable else text for text, variable in split(message))
    lines = dict.fromkeys(" ".join(line.split()) for line in text.splitlines())  # repeated lines count once
    return anchor_of_text("\n".join(lines))


def messages(output: str) -> Iterator[str]:
    """Yield the messages that an *output* has, each up to the next one."""
    starts = [match.start() for match in MESSAGE.finditer(output)]
    for start, end in pairwise([*starts, None]):
        yield output[start:end].rstrip()


def pattern_of(message: str) -> str:
    """Return the pattern of *message*: its first sentence, and its type only where that is short.

    >>> pattern_of("KeyError: the learning rate 'lr' is not in group 2")
    'the learning rate {} is not in group {}'
    >>> pattern_of("KeyError: 'lr'")
    "KeyError: 'lr'"
    """
    text = "".join("{}" if variable else text for text, variable in split(message))
    kind, _, said = text.partition(": ")
    if kind == "KeyError" and len(said) > LEAST:
        said = said.strip("'\"")  # KeyError quotes its message
    sentence = re.split(r"(?<=[.:])\s+(?=[A-Z(])|\n", said, maxsplit=1)[0]
    fixed = re.findall(r"[^\W\d_]", sentence.replace("{}", ""))
    return sentence if len(fixed) >= LEAST else text.split("\n", maxsplit=1)[0]
