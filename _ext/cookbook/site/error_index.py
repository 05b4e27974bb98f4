"""The index of error messages, collected from the outputs of the recipes.

When the page of a recipe is read, each message that it shows gets an anchor and is stored in the
page's metadata. Messages that differ only in their variable parts (:mod:`cookbook.site.message`)
are one entry, with what recipes know about it (:mod:`cookbook.site.diagnosis`). The directive

    .. error-index::
       :form-only:

shows a field to paste a message into (``_static/errors.js``). Without its option, a section for
each activity follows, which is the first tag of a recipe that names one, with its entries and links
to the places where recipes show them. The page is written again only when any of that changes.
"""

from __future__ import annotations

import hashlib
import re
from typing import NamedTuple

from docutils import nodes
from docutils.parsers.rst import directives
from docutils.utils import get_source_line
from sphinx.application import Sphinx
from sphinx.environment import BuildEnvironment
from sphinx.util import logging
from sphinx.util.docutils import SphinxDirective

from cookbook.build import build_of
from cookbook.pages import classes
from cookbook.pages.cells import BLOCK
from cookbook.site import diagnosis
from cookbook.site.diagnosis import Diagnosis
from cookbook.site.message import anchor_of, anchor_of_text, messages, split
from cookbook.site.printed import Printed
from cookbook.state import state_of

logger = logging.getLogger(__name__)

#: The tags that are activities, and the titles of their sections.
ACTIVITIES = {
    "loading": "Loading a checkpoint",
    "saving": "Saving a checkpoint",
    "resuming": "Resuming training",
    "optimizer": "Using an optimizer",
    "distributed": "Training with several processes",
    "other": "Doing something else",
}
FORM = """
<div class="error-form needs-script">
  <label for="error-message">Paste your message; a whole traceback will do</label>
  <textarea id="error-message" rows="5" autocomplete="off" autocapitalize="off" spellcheck="false"></textarea>
  <div id="error-matches" data-root="{root}" data-search="{search}" role="region" aria-label="Recipes for your message">
    <p role="status"></p>
  </div>
</div>
{scripts}
"""
SCRIPTS = ("error-index", "message", "diagnosis", "errors")


class Place(NamedTuple):
    """A place where a recipe shows a message; *heading* is empty if it is the page's title."""

    message: str
    docname: str
    anchor: str
    title: str
    heading: str


def collect(app: Sphinx, doctree: nodes.document) -> None:
    """Give the messages on a page that was read anchors, and store them in its metadata."""
    found: list[tuple[str, str, str, str, str]] = []
    line = "1"
    for block in list(doctree.findall(nodes.Element)):
        if isinstance(block, nodes.comment) and (cell := BLOCK.fullmatch(block.astext())):
            line = cell[1]
        if not isinstance(block, nodes.literal_block) or classes.OUTPUT not in block["classes"]:
            continue
        for message in messages(block.astext()):
            entry = anchor_of(message)
            count = 1 + sum(other == entry for _, other, *_ in found)
            anchor = f"{entry}-{count}" if count > 1 else entry
            doctree.ids[anchor] = block
            block["ids"].append(anchor)
            section = block.parent
            while not isinstance(section, nodes.section | nodes.document):
                section = section.parent
            heading = section.next_node(nodes.title)
            place = f"{get_source_line(block)[0]}:{line}"
            found.append((message, entry, anchor, heading.astext() if heading else "", place))
    if found:
        app.env.metadata[app.env.docname]["errors"] = found


class Entry(NamedTuple):
    """Messages that differ only in their variable parts, or the pattern of one that no recipe prints."""

    message: str
    places: list[Place]
    diagnoses: list[tuple[str, Diagnosis]]


def _activity(env: BuildEnvironment, docname: str) -> str:
    return next((tag for tag in env.metadata[docname].get("tags", ()) if tag in ACTIVITIES), "other")


def index(env: BuildEnvironment) -> dict[str, dict[str, Entry]]:
    """Return the entries of each activity, in reading order: ``{activity: {id: entry}}``.

    An entry is in the activity of most of its places, and those come first.
    """
    places: dict[str, list[Place]] = {}
    for docname in diagnosis.in_reading_order(env, "errors"):
        title = env.titles[docname].astext()
        for message, entry, anchor, heading, _ in env.metadata[docname]["errors"]:
            place = Place(message, docname, anchor, title, "" if heading == title else heading)
            places.setdefault(entry, []).append(place)
    result: dict[str, dict[str, Entry]] = {activity: {} for activity in ACTIVITIES}
    known: dict[str, list[tuple[str, Diagnosis]]] = {entry: [] for entry in places}
    other: dict[str, list[tuple[str, Diagnosis]]] = {}
    entries = {place.message: entry for entry, found in places.items() for place in found}
    printed = Printed(entries)
    for docname, one in diagnosis.all_of(env):
        one = one._replace(place="")  # an edit of other lines changes nothing here
        own = {message for message, *_ in env.metadata[docname].get("errors", ()) if one.may_fit(message)}
        fitting = {entries[message] for message in printed.about(one) | own}
        for entry in fitting:
            known[entry].append((docname, one))
        if not fitting:
            other.setdefault(anchor_of_text(one.pattern), []).append((docname, one))
    for entry, found in places.items():
        activities = [_activity(env, place.docname) for place in found]
        main = max(ACTIVITIES, key=activities.count)
        found.sort(key=lambda place: _activity(env, place.docname) != main)
        result[main][entry] = Entry(found[0].message, found, known[entry])
    for entry, [(docname, one), *more] in other.items():
        result[_activity(env, docname)][entry] = Entry(one.pattern, [], [(docname, one), *more])
    return {activity: entries for activity, entries in result.items() if entries}


class error_index(nodes.General, nodes.Element):
    """Marks where the index goes; with *form_only*, only the field."""


class ErrorIndex(SphinxDirective):
    """``.. error-index::`` shows the field, and all error messages of the recipes."""

    option_spec = {"form-only": directives.flag}  # noqa: RUF012

    def run(self) -> list[nodes.Node]:
        """Return the mark."""
        form_only = "form-only" in self.options
        if not form_only:
            self.env.metadata[self.env.docname]["error_index"] = True
        return [error_index(form_only=form_only)]


def _message(parts: list[tuple[str, bool]]) -> nodes.literal_block:
    block = nodes.literal_block(classes=["error-message"])
    for text, variable in parts:
        block += nodes.inline(text, text, classes=["varies"]) if variable else nodes.Text(text)
    return block


def _html(text: str) -> nodes.raw:
    return nodes.raw("", text, format="html")


def resolve(app: Sphinx, doctree: nodes.document, docname: str) -> None:
    """Replace the directive by the index."""
    env = app.env

    def link(other: str, anchor: str, heading: str) -> nodes.paragraph:
        uri = app.builder.get_relative_uri(docname, other) + (f"#{anchor}" if anchor else "")
        title = env.titles[other].astext()
        where = nodes.Text(f" \N{MIDDLE DOT} {heading}" if heading else "")
        return nodes.paragraph("", "", nodes.reference("", title, refuri=uri, internal=True), where)

    def place_item(place: Place, first: str) -> nodes.list_item:
        result = nodes.list_item("", link(place.docname, place.anchor, place.heading))
        if place.message != first:
            summary = "<details><summary>The message there</summary>"
            result += [_html(summary), _message(split(place.message)), _html("</details>")]
        return result

    def fix(where: str, one: Diagnosis) -> nodes.container:
        other, anchor = diagnosis.target(env, where, one.fix)
        heading = diagnosis.headings(env, other or where).get(anchor, "")
        parts = re.split("``(.+?)``", one.cause)
        words = (nodes.literal(part, part) if n % 2 else nodes.Text(part) for n, part in enumerate(parts))
        text = diagnosis.example(one.code, *one.messages, *one.missing, *one.unexpected)
        code = nodes.literal_block(text, text, language="python")
        return nodes.container(
            "",
            nodes.paragraph("", "", *words, classes=["cause"]),
            code,
            link(other or where, anchor, heading),
            classes=["fix"],
        )

    for node in list(doctree.findall(error_index)):
        root = "../" * docname.count("/")
        scripts = "\n".join(f'<script defer src="{root}_static/{name}.js"></script>' for name in SCRIPTS)
        search = app.builder.get_relative_uri(docname, "search")
        result: list[nodes.Node] = [_html(FORM.format(root=root, scripts=scripts, search=search))]
        for activity, entries in {} if node["form_only"] else index(env).items():
            section = nodes.section("", nodes.title("", ACTIVITIES[activity]), ids=[activity])
            for name, entry in entries.items():
                parts = split(entry.message) if entry.places else diagnosis.parts(entry.message)
                shown = nodes.container("", _message(parts), classes=["error-entry"], ids=[name])
                shown += [fix(where, one) for where, one in entry.diagnoses]
                items = [place_item(place, entry.message) for place in entry.places]
                if items:
                    shown += nodes.bullet_list("", *items, classes=["error-places"])
                section += shown
            result.append(section)
        node.parent.replace(node, result)


def _check(app: Sphinx, env: BuildEnvironment) -> None:
    """Warn of messages on the page of a recipe, unless it failed, that no recipe explains."""
    build = build_of(app)
    failed = {build.recipes[name].docname for name in build.failed}
    known = [one for _, one in diagnosis.all_of(env)]
    shown = {name: env.metadata[name]["errors"] for name in diagnosis.in_reading_order(env, "errors")}
    printed = Printed(message for errors in shown.values() for message, *_ in errors)
    explained = set().union(*map(printed.about, known))
    for docname in shown.keys() - failed:
        for message, *_, location in shown[docname]:
            if message not in explained and not any(one.may_fit(message) for one in known):
                first = message.split("\n", maxsplit=1)[0][:60]
                text = "no recipe explains %r: add .. diagnosis:: to the text above its cell"
                logger.warning(text, first, location=location)


def update(app: Sphinx, env: BuildEnvironment) -> list[str]:
    """Return the pages with an index, if it differs from what this builder last wrote."""
    diagnosis.check(env)
    if any(metadata.get("error_index") for metadata in env.metadata.values()):
        _check(app, env)
    shown = [repr(index(env)), [diagnosis.target(env, docname, one.fix) for docname, one in diagnosis.all_of(env)]]
    digest = hashlib.sha256(repr(shown).encode()).hexdigest()
    digests = state_of(env).error_digests
    before = digests.get(app.builder.name)
    digests[app.builder.name] = digest
    if before == digest:
        return []
    return sorted(name for name in env.found_docs if env.metadata[name].get("error_index"))
