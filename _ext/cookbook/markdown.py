r"""Documents as Markdown, for Jupyter, VS Code, Colab and GitHub (CommonMark with tables).

:func:`iter_blocks` yields the blocks of a document with the level of their section;
:func:`block` renders one of them. Input:

    .. warning:: :func:`torch.load` of ``old.pt`` needs a \*.

Result, where the role is resolved to a link:

    > **Warning**
    >
    > [`torch.load()`](https://...) of `old.pt` needs a \*.

A node for which Markdown has no syntax raises :class:`UnsupportedNode`; nothing is dropped
silently. ``docs/decisions/markdown.md`` says why this is not sphinx-markdown-builder.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator
from typing import Any

from docutils import nodes
from sphinx import addnodes
from sphinx.locale import admonitionlabels

from cookbook.inline import INVISIBLE, UnsupportedNode, code_span, escape, fence, inline, part, raw

#: What makes the first line of a paragraph a list item, a quote, a heading or a rule.
LINE_START = re.compile(r"^(\d{1,9}(?=[.)](?:\s|$))|(?=[#>+=-]))")
#: Blocks that are rendered as their content.
CONTAINERS = (
    nodes.container,
    nodes.compound,
    nodes.topic,
    nodes.figure,
    nodes.legend,
    addnodes.versionmodified,
    addnodes.glossary,
    addnodes.acks,
    addnodes.hlist,
    addnodes.hlistcol,
)


def iter_blocks(document: nodes.Element, level: int = 0) -> Iterator[tuple[Any, int]]:
    """Yield ``(node, level of its section)`` for the blocks of *document*, in order."""
    for node in document:
        if isinstance(node, nodes.section):
            yield from iter_blocks(node, level + 1)
        else:
            yield node, level


def block(node: Any, level: int = 0) -> str:
    """Return one block of a document as Markdown; *level* is that of its section."""
    for kind, render in BLOCKS.items():
        if isinstance(node, kind):
            return render(node, level)
    raise UnsupportedNode(node)


def blocks(children: Iterable[nodes.Node]) -> str:
    """Return *children*, which are blocks, as Markdown."""
    return "\n\n".join(filter(None, map(block, children)))


def _code_block(node: nodes.Element, level: int) -> str:
    text = node.astext()
    mark = fence(text, 3)
    language = node.get("language", "")
    language = "" if language in ("default", "none", "pytb") else language.lower()
    return f"{mark}{language}\n{text}\n{mark}"


def _math(node: nodes.Element, level: int) -> str:
    text = node.astext()
    if "\\\\" in text and "\\begin" not in text:
        text = f"\\begin{{aligned}}\n{text}\n\\end{{aligned}}"
    return f"$$\n{text}\n$$"


def _quote(text: str) -> str:
    return "\n".join(f"> {line}".rstrip() for line in text.split("\n"))


def _admonition(node: nodes.Element, level: int) -> str:
    title = "" if isinstance(node, nodes.admonition) else f"**{admonitionlabels[node.tagname]}**\n\n"
    return _quote(title + blocks(node))


def _list(node: Any, level: int) -> str:
    numbered = isinstance(node, nodes.enumerated_list)
    items = []
    for number, item in enumerate(node, node.get("start", 1)):
        tight = all(isinstance(child, nodes.bullet_list | nodes.enumerated_list) for child in item[1:])
        parts = filter(None, map(block, item))
        items.append(_item(f"{number}. " if numbered else "- ", ("\n" if tight else "\n\n").join(parts)))
    return "\n".join(items)


def _item(mark: str, text: str) -> str:
    return mark + text.replace("\n", "\n" + " " * len(mark)).replace(" " * len(mark) + "\n", "\n")


def _definitions(node: Any, level: int) -> str:
    """Render definitions, fields and options as list items: the term in bold, then what it means."""
    items = []
    item: Any
    for item in node:
        if isinstance(item, INVISIBLE):
            continue
        if isinstance(item, nodes.option_list_item):
            name = ", ".join(code_span(option.astext()) for option in item[0].children)
        else:
            name = "".join(map(_term, item[:-1])) + (":" if isinstance(item, nodes.field) else "")
        items.append(_item("- ", f"**{name}**\n\n{blocks(item[-1])}"))
    return "\n".join(items)


def _term(node: Any) -> str:
    before = " : " if isinstance(node, nodes.classifier) else ", " if node.parent.index(node) else ""
    return before + inline(node)


def _description(node: Any, level: int) -> str:
    """Render what describes an object, such as a function, as a list item: its signatures, then the text."""
    *signatures, content = node.children
    names = "\\\n".join(code_span(signature.astext()) for signature in signatures)
    return _item("- ", f"{names}\n\n{blocks(content.children)}".rstrip())


def _production(node: Any) -> str:
    return f"{node.get('tokenname', '')} ::= {node.astext().strip()}"


def _note(node: nodes.Element, level: int) -> str:
    """Render a footnote or citation with its label."""
    label, *content = node.children
    return f"\\[{escape(label.astext())}\\] {blocks(content)}"


def _lines(node: Any, level: int, indent: str = "") -> str:
    rows = (
        _lines(child, level, f"{indent}&nbsp;&nbsp;") if isinstance(child, nodes.line_block) else indent + inline(child)
        for child in node
    )
    return "\\\n".join(rows)


def _table(node: nodes.Element, level: int) -> str:
    rows = [[_cell(entry) for entry in row] for row in node.findall(nodes.row)]
    if not rows:
        raise UnsupportedNode(node)
    if not any(node.findall(nodes.thead)):
        rows.insert(0, [""] * len(rows[0]))
    rows.insert(1, ["---"] * len(rows[0]))
    title = "".join(f"**{inline(title)}**\n\n" for title in node.findall(nodes.title))
    return title + "\n".join(f"| {' | '.join(row)} |" for row in rows)


def _cell(entry: Any) -> str:
    if {"morerows", "morecols"} & set(entry.attributes):
        raise UnsupportedNode(entry)
    for child in entry:
        if not isinstance(child, nodes.paragraph):
            raise UnsupportedNode(child)
    for literal in list(entry.findall(nodes.literal)):
        if "|" in literal.astext():  # not all notebook viewers accept an escaped | in a code span
            text = re.sub(r"[!-/:-@[-`{-~]", lambda match: f"&#{ord(match[0])};", literal.astext())
            literal.replace_self(nodes.raw("", f"<code>{text}</code>", format="markdown"))
    return "<br>".join(map(inline, entry)).replace("|", "\\|")


#: How each kind of block is rendered; the first match counts.
BLOCKS: dict[type | tuple[type, ...], Callable[[Any, int], str]] = {
    INVISIBLE: lambda node, level: "",
    nodes.title: lambda node, level: f"{'#' * min(level, 6)} {inline(node)}" if level else f"**{inline(node)}**",
    nodes.paragraph: lambda node, level: LINE_START.sub(r"\1\\", inline(node)),
    (nodes.rubric, nodes.caption, addnodes.centered): lambda node, level: f"**{inline(node)}**",
    (nodes.literal_block, nodes.doctest_block): _code_block,
    addnodes.productionlist: lambda node, level: f"```\n{chr(10).join(map(_production, node))}\n```",
    nodes.math_block: _math,
    nodes.raw: lambda node, level: raw(node),
    (nodes.bullet_list, nodes.enumerated_list): _list,
    (nodes.definition_list, nodes.field_list, nodes.option_list): _definitions,
    nodes.line_block: _lines,
    nodes.block_quote: lambda node, level: _quote(blocks(node)),
    nodes.attribution: lambda node, level: f"— {inline(node)}",
    CONTAINERS: lambda node, level: blocks(node),
    nodes.sidebar: lambda node, level: _quote(blocks(node)),
    addnodes.desc: _description,
    (nodes.footnote, nodes.citation): _note,
    nodes.Admonition: _admonition,
    nodes.table: _table,
    nodes.transition: lambda node, level: "---",
    nodes.Inline: lambda node, level: part(node),
}
