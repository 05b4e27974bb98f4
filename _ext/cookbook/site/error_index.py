"""The index of error messages, collected from the outputs of the recipes.

A recipe prints an error as ``Type: message``, at the start of a line, as the last thing of its
cell. When its page is read, each message gets an anchor and is stored in the page's metadata.
Names and numbers in a message are variable parts, such as ``'lr'`` and ``2`` in
``KeyError: 'lr' is not in group 2``: messages that differ only there are one entry. The directive

    .. error-index::

shows a field to paste a message into (``_static/errors.js``), then a section for each activity,
which is the first tag of a recipe that names one, with its entries and links to the places where
recipes show them. The page is written again only when an entry, a title or an anchor changes.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator
from itertools import pairwise
from typing import NamedTuple

from docutils import nodes
from sphinx.application import Sphinx
from sphinx.environment import BuildEnvironment
from sphinx.util.docutils import SphinxDirective

from cookbook.pages import classes
from cookbook.state import state_of

#: The tags that are activities, and the titles of their sections.
ACTIVITIES = {
    "loading": "Loading a checkpoint",
    "saving": "Saving a checkpoint",
    "resuming": "Resuming training",
    "optimizer": "Using an optimizer",
    "distributed": "Training with several processes",
    "other": "Doing something else",
}
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
FORM = """
<div class="error-form needs-script">
  <label for="error-message">Paste your message; a whole traceback will do</label>
  <textarea id="error-message" rows="5" autocomplete="off" autocapitalize="off" spellcheck="false"></textarea>
  <div id="error-matches" data-search="{search}" role="region" aria-label="Recipes for your message">
    <p role="status"></p>
  </div>
</div>
<script defer src="{script}"></script>
"""


class Place(NamedTuple):
    """A place where a recipe shows a message; *heading* is empty if it is the page's title."""

    message: str
    docname: str
    anchor: str
    title: str
    heading: str


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


def anchor_of(message: str) -> str:
    """Return the anchor of all messages that differ from *message* only in variable parts.

    >>> anchor_of("KeyError: no such learning rate in 2") == anchor_of("KeyError: no such learning rate in 0")
    True
    """
    text = "".join("\N{HORIZONTAL ELLIPSIS}" if variable else text for text, variable in split(message))
    lines = dict.fromkeys(" ".join(line.split()) for line in text.splitlines())  # repeated lines count once
    fixed = "\n".join(lines)
    words = nodes.make_id(fixed).split("-")
    return f"{'-'.join(words[:6])}-{hashlib.sha256(fixed.encode()).hexdigest()[:6]}"


def _messages(output: str) -> Iterator[str]:
    starts = [match.start() for match in MESSAGE.finditer(output)]
    for start, end in pairwise([*starts, None]):
        yield output[start:end].rstrip()


def collect(app: Sphinx, doctree: nodes.document) -> None:
    """Give the messages on a page that was read anchors, and store them in its metadata."""
    found: list[tuple[str, str, str, str]] = []
    for block in doctree.findall(nodes.literal_block):
        if classes.OUTPUT not in block["classes"]:
            continue
        for message in _messages(block.astext()):
            entry = anchor_of(message)
            count = 1 + sum(other == entry for _, other, _, _ in found)
            anchor = f"{entry}-{count}" if count > 1 else entry
            doctree.ids[anchor] = block
            block["ids"].append(anchor)
            section = block.parent
            while not isinstance(section, nodes.section | nodes.document):
                section = section.parent
            heading = section.next_node(nodes.title)
            found.append((message, entry, anchor, heading.astext() if heading else ""))
    if found:
        app.env.metadata[app.env.docname]["errors"] = found


def index(env: BuildEnvironment) -> dict[str, dict[str, list[Place]]]:
    """Return the places of all messages: ``{activity: {entry: [place, ...]}}``.

    An entry is in the activity of most of its places. Those come first, and all are in reading
    order otherwise.
    """
    order = {docname: i for i, docname in enumerate(env.collect_relations())}
    entries: dict[str, list[tuple[str, Place]]] = {}
    pages = [name for name in env.found_docs if "errors" in env.metadata[name]]
    for docname in sorted(pages, key=lambda name: (order.get(name, len(order)), name)):
        activity = next((tag for tag in env.metadata[docname].get("tags", ()) if tag in ACTIVITIES), "other")
        title = env.titles[docname].astext()
        for message, entry, anchor, heading in env.metadata[docname]["errors"]:
            place = Place(message, docname, anchor, title, "" if heading == title else heading)
            entries.setdefault(entry, []).append((activity, place))
    result: dict[str, dict[str, list[Place]]] = {activity: {} for activity in ACTIVITIES}
    for entry, found in entries.items():
        activities = [activity for activity, _ in found]
        main = max(ACTIVITIES, key=activities.count)
        found.sort(key=lambda item: item[0] != main)
        result[main][entry] = [place for _, place in found]
    return {activity: entries for activity, entries in result.items() if entries}


class error_index(nodes.General, nodes.Element):
    """Marks where the index goes."""


class ErrorIndex(SphinxDirective):
    """``.. error-index::`` shows all error messages of the recipes."""

    def run(self) -> list[nodes.Node]:
        self.env.metadata[self.env.docname]["error_index"] = True
        return [error_index()]


def _message(message: str) -> nodes.literal_block:
    block = nodes.literal_block(classes=["error-message"])
    for text, variable in split(message):
        block += nodes.inline(text, text, classes=["varies"]) if variable else nodes.Text(text)
    return block


def _html(text: str) -> nodes.raw:
    return nodes.raw("", text, format="html")


def resolve(app: Sphinx, doctree: nodes.document, docname: str) -> None:
    """Replace the directive by the index."""
    uri = app.builder.get_relative_uri

    def item(place: Place, first: Place) -> nodes.list_item:
        link = nodes.reference("", place.title, refuri=f"{uri(docname, place.docname)}#{place.anchor}", internal=True)
        heading = nodes.Text(f" · {place.heading}" if place.heading else "")
        result = nodes.list_item("", nodes.paragraph("", "", link, heading))
        if place.message != first.message:
            summary = "<details><summary>The message there</summary>"
            result += [_html(summary), _message(place.message), _html("</details>")]
        return result

    for node in list(doctree.findall(error_index)):
        script = f"{'../' * docname.count('/')}_static/errors.js"
        result: list[nodes.Node] = [_html(FORM.format(script=script, search=uri(docname, "search")))]
        for activity, entries in index(app.env).items():
            section = nodes.section("", nodes.title("", ACTIVITIES[activity]), ids=[activity])
            for entry, places in entries.items():
                links = nodes.bullet_list("", *(item(place, places[0]) for place in places), classes=["error-places"])
                message = _message(places[0].message)
                section += nodes.container("", message, links, classes=["error-entry"], ids=[entry])
            result.append(section)
        node.parent.replace(node, result)


def update(app: Sphinx, env: BuildEnvironment) -> list[str]:
    """Return the pages with an index, if it differs from what this builder last wrote."""
    digest = hashlib.sha256(repr(index(env)).encode()).hexdigest()
    digests = state_of(env).error_digests
    before = digests.get(app.builder.name)
    digests[app.builder.name] = digest
    if before == digest:
        return []
    return sorted(name for name in env.found_docs if env.metadata[name].get("error_index"))
