"""The index of error messages: what the recipes provoke, collected from what they printed.

A recipe prints an error as ``Type: message``, from the first column on, as the last thing of
its cell. When its page is read, such a message gets an anchor, and goes into the index with
its variable parts: of ``KeyError: 'lr' is not in group 2`` these are ``'lr'`` and ``2``, and
a reader whose message has other names and numbers is still recognized. The directive

    .. error-index::

shows a field to paste a message into (``_static/errors.js``), then a section for each
activity, the first tag of a recipe that is one. There each message is one entry, however many
recipes provoke it with names of their own; each place has a link to its anchor. The page is
written anew exactly when an entry, a title or an anchor changed.

Relies on the class names ``sphx-glr-script-out`` and ``sphx-glr-example-tags`` of
sphinx-gallery 0.22.1; ``tests/pages/test_errors.py`` fails when they change.
"""

import hashlib
import re

from docutils import nodes
from sphinx.util.docutils import SphinxDirective

#: The activities, by their tag, and the titles of their sections.
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
#: What differs from one reader's message to the next; and, as ``fixed``, what only looks so.
#: Each takes time in proportion to the message: a recipe may print one of a megabyte.
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


def split(message):
    """Return the parts of *message*: ``[(text, is variable), ...]``.

    >>> split("KeyError: no 'lr' in group 2")
    [('KeyError: no ', False), ("'lr'", True), (' in group ', False), ('2', True)]
    """
    start = message.index(": ") + 2
    end = len(message)
    if message.startswith("KeyError: ") and message[start] == message[-1] and message[-1] in "'\"":
        start, end = start + 1, end - 1  # the message itself is quoted
    parts, at = [], 0
    for found in VARIABLE.finditer(message, start, end):
        if found["fixed"] is None:
            parts += [(message[at : found.start()], False), (found[0], True)]
            at = found.end()
    return [part for part in (*parts, (message[at:], False)) if part[0]]


def anchor_of(message):
    """Return the anchor of all messages that differ from *message* only in variable parts.

    >>> anchor_of("KeyError: no 'lr' in group 2") == anchor_of("KeyError: no 'eps' in group 0")
    True
    """
    text = "".join("\N{HORIZONTAL ELLIPSIS}" if variable else text for text, variable in split(message))
    lines = dict.fromkeys(" ".join(line.split()) for line in text.splitlines())  # a line a key
    fixed = "\n".join(lines)
    words = nodes.make_id(fixed).split("-")
    return f"{'-'.join(words[:6])}-{hashlib.sha256(fixed.encode()).hexdigest()[:6]}"


def collect(app, doctree):
    """Give the messages on the page that was read anchors, and note them."""
    env, places = app.env, []
    for block in doctree.findall(nodes.literal_block):
        if "sphx-glr-script-out" not in block["classes"]:
            continue
        text = block.astext()
        starts = [match.start() for match in MESSAGE.finditer(text)]
        for start, end in zip(starts, [*starts[1:], None]):
            message = text[start:end].rstrip()
            entry = anchor_of(message)
            again = sum(place[1] == entry for place in places)
            anchor = f"{entry}-{again + 1}" if again else entry
            doctree.ids[anchor] = block
            block["ids"].append(anchor)
            section = block.parent
            while not isinstance(section, (nodes.section, nodes.document)):
                section = section.parent
            heading = section.next_node(nodes.title)
            places.append((message, entry, anchor, heading.astext() if heading else ""))
    if places:
        tags = [
            tag.strip()
            for line in doctree.findall(nodes.paragraph)
            if "sphx-glr-example-tags" in line["classes"]
            for tag in line.astext().partition(":")[2].split(",")
        ]
        activity = next((tag for tag in tags if tag in ACTIVITIES), "other")
        env.metadata[env.docname]["errors"] = (activity, places)


def index(env):
    """Return ``{activity: {entry: [(message, docname, anchor, recipe, heading), ...]}}``.

    An entry is where most of its recipes are; they come first, and all in reading order.
    """
    order = {docname: i for i, docname in enumerate(env.collect_relations())}
    entries = {}
    pages = [name for name in env.found_docs if "errors" in env.metadata[name]]
    for docname in sorted(pages, key=lambda name: (order.get(name, len(order)), name)):
        activity, places = env.metadata[docname]["errors"]
        title = env.titles[docname].astext()
        for message, entry, anchor, heading in places:
            place = (message, docname, anchor, title, "" if heading == title else heading)
            entries.setdefault(entry, []).append((activity, place))
    result = {activity: {} for activity in ACTIVITIES}
    for entry, found in entries.items():
        activities = [activity for activity, _ in found]
        main = max(ACTIVITIES, key=activities.count)
        found.sort(key=lambda item: item[0] != main)
        result[main][entry] = [place for _, place in found]
    return {activity: entries for activity, entries in result.items() if entries}


class error_index(nodes.General, nodes.Element):
    """Where the index goes."""


class ErrorIndex(SphinxDirective):
    """``.. error-index::`` shows all error messages of the recipes."""

    def run(self):
        self.env.metadata[self.env.docname]["error_index"] = True
        return [error_index()]


def _message(message):
    block = nodes.literal_block(classes=["error-message"])
    for text, variable in split(message):
        block += nodes.inline(text, text, classes=["varies"]) if variable else nodes.Text(text)
    return block


def _raw(text):
    return nodes.raw("", text, format="html")


def resolve(app, doctree, docname):
    """Put the index where the directive was."""
    for node in list(doctree.findall(error_index)):
        uri = app.builder.get_relative_uri
        up = "../" * docname.count("/")
        result = [_raw(FORM.format(script=f"{up}_static/errors.js", search=uri(docname, "search")))]
        for activity, entries in index(app.env).items():
            section = nodes.section("", nodes.title("", ACTIVITIES[activity]), ids=[activity])
            for entry, places in entries.items():
                links = nodes.bullet_list(classes=["error-places"])
                for message, source, anchor, title, heading in places:
                    address = f"{uri(docname, source)}#{anchor}"
                    link = nodes.reference("", title, refuri=address, internal=True)
                    paragraph = nodes.paragraph("", "", link, nodes.Text(f" · {heading}" if heading else ""))
                    links += nodes.list_item("", paragraph)
                    if message != places[0][0]:
                        summary = "<details><summary>The message there</summary>"
                        links[-1] += [_raw(summary), _message(message), _raw("</details>")]
                first = _message(places[0][0])
                section += nodes.container("", first, links, classes=["error-entry"], ids=[entry])
            result.append(section)
        node.parent.replace(node, result)


def update(app, env):
    """Return the pages with an index, if it is not what this builder last wrote."""
    digest = hashlib.sha256(repr(index(env)).encode()).hexdigest()
    digests = env.__dict__.setdefault("error_digests", {})
    before = digests.get(app.builder.name)
    digests[app.builder.name] = digest
    if before == digest:
        return []
    return sorted(name for name in env.found_docs if env.metadata[name].get("error_index"))
