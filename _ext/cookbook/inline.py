r"""The text of one line as Markdown: emphasis, code, links, mathematics, pictures.

:func:`inline` renders what is in a paragraph; :mod:`cookbook.markdown` renders the blocks. A node for
which Markdown has no syntax raises :class:`UnsupportedNode`; nothing is dropped silently.
"""

from __future__ import annotations

import re
from typing import Any

from docutils import nodes
from sphinx import addnodes

#: What has to be escaped in text. The underscore of ``state_dict`` does not.
SPECIAL = re.compile(r"[\\`*$~]|(?<![^\W_])_|_(?![^\W_])|\](?=[\[(:])|<(?=[A-Za-z/!?])|&(?=#?\w+;)")
SPECIAL_IN_LINK = re.compile(rf"[\[\]]|{SPECIAL.pattern}")
INVISIBLE = (
    nodes.comment,
    nodes.meta,
    nodes.substitution_definition,
    nodes.system_message,
    nodes.pending,
    addnodes.index,
    addnodes.highlightlang,
    addnodes.tabular_col_spec,
)
#: Inline nodes that are rendered as their content.
TRANSPARENT = (
    nodes.inline,
    nodes.acronym,
    nodes.generated,
    nodes.problematic,
    nodes.target,
    addnodes.desc_inline,
    addnodes.download_reference,
    addnodes.pending_xref_condition,
)
MARKS = {
    addnodes.literal_emphasis: ("*", "*"),
    addnodes.literal_strong: ("**", "**"),
    addnodes.manpage: ("*", "*"),
    nodes.footnote_reference: ("\\[", "\\]"),
    nodes.citation_reference: ("\\[", "\\]"),
    nodes.emphasis: ("*", "*"),
    nodes.title_reference: ("*", "*"),
    nodes.strong: ("**", "**"),
    nodes.subscript: ("<sub>", "</sub>"),
    nodes.superscript: ("<sup>", "</sup>"),
}


class UnsupportedNode(ValueError):
    """Markdown has no syntax for ``node``."""

    def __init__(self, node: nodes.Element) -> None:
        super().__init__(f"Markdown has no syntax for {node.tagname!r}")
        self.node = node


def inline(node: nodes.Element) -> str:
    """Return the content of *node* as Markdown on one line."""
    return "".join(part(child) for child in node)


def part(node: Any) -> str:
    """Return *node*, a part of a line, as Markdown."""
    if isinstance(node, nodes.Text):
        return escape(re.sub(r"\s+", " ", node.astext()), SPECIAL_IN_LINK if _in_link(node) else SPECIAL)
    if isinstance(node, nodes.literal):
        return code_span(re.sub(r"\s+", " ", node.astext()))
    if isinstance(node, nodes.math):
        return f"${node.astext()}$"
    if isinstance(node, nodes.image):
        return f"![{escape(node.get('alt', ''), SPECIAL_IN_LINK)}]({link_destination(node['uri'])})"
    if isinstance(node, nodes.abbreviation):
        return " ".join(filter(None, (inline(node), node.get("explanation") and escape(f"({node['explanation']})"))))
    if isinstance(node, nodes.reference):
        text, uri = inline(node), node.get("refuri")
        if not uri:
            return text
        return f"<{uri}>" if node.astext() == uri else f"[{text}]({link_destination(uri)})"
    for kind, (start, end) in MARKS.items():
        if isinstance(node, kind):
            return f"{start}{inline(node)}{end}"
    if isinstance(node, TRANSPARENT):
        return inline(node)
    if isinstance(node, INVISIBLE):
        return ""
    if isinstance(node, nodes.raw):
        return raw(node)
    raise UnsupportedNode(node)


def escape(text: str, special: re.Pattern[str] = SPECIAL) -> str:
    """Return *text* with a backslash before each match of *special*."""
    return special.sub(r"\\\g<0>", text)


def _in_link(node: nodes.Node) -> bool:
    return node.parent is not None and (isinstance(node.parent, nodes.reference) or _in_link(node.parent))


def link_destination(uri: str) -> str:
    """Return *uri* as the destination of a link, quoted where it contains delimiters."""
    uri = re.sub(r"[\s<>]", lambda match: f"%{ord(match[0]):02X}", uri)
    return f"<{uri}>" if re.search("[()]", uri) else uri


def fence(text: str, least: int) -> str:
    """Return what code with the content *text* is put between, *least* backticks or more."""
    return "`" * max(least, max(map(len, re.findall("`+", text)), default=0) + 1)


def code_span(text: str) -> str:
    """Return *text* as a code span, whatever backticks it contains."""
    mark = fence(text, 1)
    pad = " " if re.match("`| .* $", text) or text.endswith("`") else ""
    return f"{mark}{pad}{text}{pad}{mark}"


def raw(node: nodes.Element) -> str:
    """Return the Markdown that *node* has, if it is of that format."""
    if node["format"] != "markdown":
        raise UnsupportedNode(node)
    return node.astext()
