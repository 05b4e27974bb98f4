"""How pages show long and wide outputs, and those in HTML.

An output of more than 25 lines gets the class ``long-output``: the page collapses it behind a
button. One with a line of more than 100 characters, such as an error message, gets
``wide-output``: its lines wrap. All others scroll sideways, so that columns stay aligned on a
phone too. The page always contains the whole text.

An output in HTML (:mod:`cookbook.run.process.values`) comes from outside: nh3 leaves tables, lists and text of
it, and no links, pictures, styles, scripts or classes. Pages and notebooks show that, the attribute ``html`` of the
node; Markdown and the search take its text.
"""

from __future__ import annotations

import html
import re

from docutils import nodes
from sphinx.application import Sphinx
from sphinx.writers.html5 import HTML5Translator

from cookbook.pages import classes

LONG, WIDE = 25, 100
#: The most characters and tags of an output in HTML, since a parser takes quadratic time for some of
#: it. What is larger is shown as text; a table of pandas has less than a quarter of that.
LARGEST, TAGS = 2**18, 10_000
#: The elements that stay. None of them is around an output on a page, so none ends what is.
ELEMENTS = {
    *("table", "caption", "thead", "tbody", "tfoot", "tr", "th", "td", "p", "br", "ul", "ol", "li", "dl", "dt", "dd"),
    *("pre", "code", "b", "strong", "i", "em", "sub", "sup"),
}
#: The attributes that stay, of cells, with a number.
SPANS = {"colspan", "rowspan"}


def cleaned(text: str) -> str:
    """Return what stays of the HTML *text*; "" if that has no text, or nothing here can clean it."""
    try:
        import nh3
    except ImportError:  # no configuration asks for HTML: options.py
        return ""
    if len(text) > LARGEST or text.count("<") > TAGS:
        return ""
    text = nh3.clean(
        re.sub(r"(?i)(?=</?div\b)", " ", text),  # what a <div> held apart stays so
        tags=ELEMENTS,
        attributes=dict.fromkeys(("td", "th"), SPANS),
        attribute_filter=lambda tag, name, value: value if re.fullmatch("[0-9]{1,3}", value) else None,
    )
    text = re.sub(r"<th([^>]*)>\s*</th>", r"<td\1></td>", text)  # an empty corner is no heading
    return text if plain(text) else ""


def plain(text: str) -> str:
    """Return the text of HTML that is clean, in one line."""
    return " ".join(html.unescape(re.sub("<[^>]*>", " ", text)).split())


def visit_literal_block(self: HTML5Translator, node: nodes.literal_block) -> None:
    """Write code or an output."""
    if not node.get("html"):
        HTML5Translator.visit_literal_block(self, node)
        return
    self.body.append(f"{self.starttag(node, 'div', CLASS='html-output')}{node['html']}</div>\n")
    raise nodes.SkipNode


depart_literal_block = HTML5Translator.depart_literal_block


def classify(app: Sphinx, doctree: nodes.document) -> None:
    """Add the classes to the outputs on a page that was read, and turn HTML into text with the attribute ``html``."""
    for block in doctree.findall(nodes.literal_block):
        if classes.OUTPUT not in block["classes"]:
            continue
        if block.get("language") == "html":
            first, _, text = block.astext().partition("\n")
            block["html"] = cleaned(first)
            block.rawsource = text.strip("\n") or plain(block["html"]) or f"(HTML of {len(first):,} characters)"
            block["language"], block[:] = "none", [nodes.Text(block.rawsource)]
        lines = [] if block.get("html") else block.astext().strip("\n").split("\n")
        if len(lines) > LONG:
            block["classes"].append("long-output")
        if max(map(len, lines), default=0) > WIDE:
            block["classes"].append("wide-output")
