r"""Convert docutils documents to Markdown: CommonMark with tables, as notebooks and GitHub show it.

:func:`flow` yields the block-level nodes of a document with the level of their section;
:func:`block` converts one of them. Input:

    .. warning:: :func:`torch.load` of ``old.pt`` needs a \*.

Result, where the role is resolved to a link:

    > **Warning**
    >
    > [`torch.load()`](https://...) of `old.pt` needs a \*.

A node that Markdown cannot express raises :class:`Unsupported`; nothing is dropped silently.
``docs/decisions/markdown.md`` says why this is not sphinx-markdown-builder.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator
from typing import Any

from docutils import nodes
from sphinx import addnodes
from sphinx.locale import admonitionlabels

#: Characters that have to be escaped. The underscore of ``state_dict`` does not.
SPECIAL = re.compile(r"[\\`*$~]|(?<![^\W_])_|_(?![^\W_])|\](?=[\[(:])|<(?=[A-Za-z/!?])|&(?=#?\w+;)")
SPECIAL_IN_LINK = re.compile(rf"[\[\]]|{SPECIAL.pattern}")
#: What would turn the beginning of a paragraph into a list, a quote, a heading or a rule.
BEGINNING = re.compile(r"^(\d{1,9}(?=[.)](?:\s|$))|(?=[#>+=-]))")
NOTHING = (
    nodes.comment,
    nodes.target,
    nodes.substitution_definition,
    nodes.system_message,
    nodes.pending,
    addnodes.index,
    addnodes.highlightlang,
)
#: Inline nodes without markup in Markdown.
PLAIN = (
    nodes.inline,
    nodes.abbreviation,
    nodes.acronym,
    nodes.generated,
    nodes.problematic,
    addnodes.download_reference,
)
MARKS = {
    addnodes.literal_emphasis: ("*", "*"),
    addnodes.literal_strong: ("**", "**"),
    nodes.emphasis: ("*", "*"),
    nodes.title_reference: ("*", "*"),
    nodes.strong: ("**", "**"),
    nodes.subscript: ("<sub>", "</sub>"),
    nodes.superscript: ("<sup>", "</sup>"),
}


class Unsupported(ValueError):
    """Raised for a ``node`` that Markdown cannot express."""

    def __init__(self, node: nodes.Node) -> None:
        super().__init__(f"Markdown has no equivalent of {type(node).__name__!r}")
        self.node = node


def flow(document: nodes.Element, level: int = 0) -> Iterator[tuple[nodes.Node, int]]:
    """Yield ``(node, level)`` for each block-level node, section by section."""
    for node in document:
        if isinstance(node, nodes.section):
            yield from flow(node, level + 1)
        else:
            yield node, level


def _elements(node: nodes.Element) -> list[nodes.Element]:
    return [child for child in node if isinstance(child, nodes.Element)]


def inline(node: nodes.Element) -> str:
    """Return the children of *node* as Markdown on one line."""
    return "".join(_inline(child) for child in node)


def _inline(node: nodes.Node) -> str:
    if isinstance(node, nodes.Text):
        return escaped(re.sub(r"\s+", " ", node.astext()), SPECIAL_IN_LINK if _in_link(node) else SPECIAL)
    if isinstance(node, nodes.literal):
        return code(re.sub(r"\s+", " ", node.astext()))
    if isinstance(node, nodes.math):
        return f"${node.astext()}$"
    if isinstance(node, nodes.reference):
        text, address = inline(node), node.get("refuri")
        if not address:
            return text
        return f"<{address}>" if node.astext() == address else f"[{text}]({quoted(address)})"
    for kind, (begin, end) in MARKS.items():
        if isinstance(node, kind):
            return f"{begin}{inline(node)}{end}"
    if isinstance(node, PLAIN):
        return inline(node)
    if isinstance(node, NOTHING):
        return ""
    if isinstance(node, nodes.raw):
        return _raw(node)
    raise Unsupported(node)


def escaped(text: str, special: re.Pattern[str] = SPECIAL) -> str:
    """Return *text* with a backslash before each match of *special*."""
    return special.sub(r"\\\g<0>", text)


def _in_link(node: nodes.Node) -> bool:
    return node.parent is not None and (isinstance(node.parent, nodes.reference) or _in_link(node.parent))


def quoted(address: str) -> str:
    """Return *address* as a link target, escaped where a character would end it."""
    address = re.sub(r"[\s<>]", lambda match: f"%{ord(match[0]):02X}", address)
    return f"<{address}>" if re.search("[()]", address) else address


def code(text: str) -> str:
    """Return *text* as inline code, also if it contains backticks."""
    fence = "`" * (max(map(len, re.findall("`+", text)), default=0) + 1)
    pad = " " if re.match("`| .* $", text) or text.endswith("`") else ""
    return f"{fence}{pad}{text}{pad}{fence}"


def block(node: nodes.Node, level: int = 0) -> str:
    """Return the Markdown of a block-level *node* in a section of this *level*."""
    for kind, function in BLOCKS.items():
        if isinstance(node, kind):
            return function(node, level)
    raise Unsupported(node)


def blocks(children: Iterable[nodes.Node]) -> str:
    """Return the Markdown of *children*, separated by blank lines."""
    return "\n\n".join(filter(None, (block(child) for child in children)))


def _fence(node: nodes.Element, level: int) -> str:
    text = node.astext()
    fence = "`" * max(3, max(map(len, re.findall("`+", text)), default=0) + 1)
    language = node.get("language", "")
    language = "" if language in ("default", "none", "pytb") else language.lower()
    return f"{fence}{language}\n{text}\n{fence}"


def _math(node: nodes.Element, level: int) -> str:
    text = node.astext()
    if "\\\\" in text and "\\begin" not in text:
        text = f"\\begin{{aligned}}\n{text}\n\\end{{aligned}}"
    return f"$$\n{text}\n$$"


def _quote(text: str) -> str:
    return "\n".join(f"> {line}".rstrip() for line in text.split("\n"))


def _admonition(node: nodes.Element, level: int) -> str:
    children = _elements(node)
    if isinstance(node, nodes.admonition):
        title = inline(children.pop(0))
    else:
        title = admonitionlabels[node.tagname]
    return _quote(f"**{title}**\n\n{blocks(children)}")


def _list(node: nodes.Element, level: int) -> str:
    items = []
    for number, item in enumerate(_elements(node), node.get("start", 1)):
        mark = f"{number}. " if isinstance(node, nodes.enumerated_list) else "- "
        tight = all(isinstance(c, (nodes.bullet_list, nodes.enumerated_list)) for c in item[1:])
        parts = filter(None, (block(child) for child in item))
        items.append(_item(mark, ("\n" if tight else "\n\n").join(parts)))
    return "\n".join(items)


def _item(mark: str, text: str) -> str:
    return mark + text.replace("\n", "\n" + " " * len(mark)).replace(" " * len(mark) + "\n", "\n")


def _definitions(node: nodes.Element, level: int) -> str:
    """A list of terms in bold with their definitions below; fields, too."""
    items = []
    for item in _elements(node):
        *names, body = _elements(item)
        name = "".join(map(inline, names)) + (":" if isinstance(item, nodes.field) else "")
        items.append(_item("- ", f"**{name}**\n\n{blocks(body)}"))
    return "\n".join(items)


def _table(node: nodes.Element, level: int) -> str:
    rows, heads, title = [], 0, ""
    for part in node.findall(nodes.Element):
        if isinstance(part, nodes.title):
            title = f"**{inline(part)}**\n\n"
        elif isinstance(part, nodes.row):
            heads += isinstance(part.parent, nodes.thead)
            rows.append([_cell(entry) for entry in _elements(part)])
    if not heads:
        rows.insert(0, [""] * len(rows[0]))
    rows.insert(1, ["---"] * len(rows[0]))
    return title + "\n".join(f"| {' | '.join(row)} |" for row in rows)


def _cell(entry: nodes.Element) -> str:
    if {"morerows", "morecols"} & set(entry.attributes):
        raise Unsupported(entry)
    for child in entry:
        if not isinstance(child, nodes.paragraph):
            raise Unsupported(child)
    for literal in list(entry.findall(nodes.literal)):
        if "|" in literal.astext():  # not every notebook viewer supports an escaped | in inline code
            text = re.sub(r"[!-/:-@[-`{-~]", lambda match: f"&#{ord(match[0])};", literal.astext())
            literal.replace_self(nodes.raw("", f"<code>{text}</code>", format="markdown"))
    return "<br>".join(map(inline, _elements(entry))).replace("|", "\\|")


def _raw(node: nodes.Element, level: int = 0) -> str:
    if node["format"] != "markdown":
        raise Unsupported(node)
    return node.astext()


#: The converter for each class of nodes; the first match counts.
BLOCKS: dict[type | tuple[type, ...], Callable[[Any, int], str]] = {
    NOTHING: lambda node, level: "",
    nodes.title: lambda node, level: f"{'#' * min(level, 6)} {inline(node)}",
    nodes.paragraph: lambda node, level: BEGINNING.sub(r"\1\\", inline(node)),
    (nodes.rubric, nodes.caption): lambda node, level: f"**{inline(node)}**",
    (nodes.literal_block, nodes.doctest_block): _fence,
    nodes.math_block: _math,
    nodes.raw: _raw,
    (nodes.bullet_list, nodes.enumerated_list): _list,
    (nodes.definition_list, nodes.field_list): _definitions,
    nodes.line_block: lambda node, level: "\\\n".join(inline(line) for line in node),
    nodes.block_quote: lambda node, level: _quote(blocks(node)),
    nodes.attribution: lambda node, level: f"— {inline(node)}",
    nodes.Admonition: _admonition,
    nodes.table: _table,
    nodes.transition: lambda node, level: "---",
    (nodes.container, nodes.compound, nodes.topic, addnodes.versionmodified): (lambda node, level: blocks(node)),
}
