r"""Markdown from documents, for Jupyter, VS Code, Colab and GitHub (CommonMark with tables).

:func:`flow` walks through a document and gives the parts that come one below the other,
with the level of the section they are in; :func:`block` makes Markdown of one part. Input:

    .. warning:: :func:`torch.load` of ``old.pt`` needs a \*.

Result, where the role is resolved to a link:

    > **Warning**
    >
    > [`torch.load()`](https://...) of `old.pt` needs a \*.

What Markdown cannot say is an :class:`Unsupported` error, never left out in silence.
(sphinx-markdown-builder, tried at 0.6.11, makes headings of admonitions, so that sections
and the end of the box are lost, and leaves ``<`` and ``$`` of the text in force.)
"""

import re

from docutils import nodes
from sphinx import addnodes
from sphinx.locale import admonitionlabels

#: What stands for itself only after a backslash. The underscore of ``state_dict`` does not.
SPECIAL = re.compile(r"[\\`*$~]|(?<![^\W_])_|_(?![^\W_])|\](?=[\[(:])|<(?=[A-Za-z/!?])|&(?=#?\w+;)")
SPECIAL_IN_LINK = re.compile(rf"[\[\]]|{SPECIAL.pattern}")
#: What makes a list, a quote, a heading or a line of a paragraph's beginning.
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
#: Inline nodes that have no mark of their own in Markdown.
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
    """Something that Markdown cannot say; ``node`` is what."""

    def __init__(self, node):
        super().__init__(f"a notebook has no form for {node.tagname!r}")
        self.node = node


def flow(document, level=0):
    """Yield ``(node, level)`` for what comes one below the other, section by section."""
    for node in document:
        if isinstance(node, nodes.section):
            yield from flow(node, level + 1)
        else:
            yield node, level


def inline(node):
    """Return the Markdown, on one line, of what is inside of *node*."""
    return "".join(_inline(child) for child in node)


def _inline(node):
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


def escaped(text, special=SPECIAL):
    """Return *text* with a backslash before what is *special*."""
    return special.sub(r"\\\g<0>", text)


def _in_link(node):
    return node.parent is not None and (isinstance(node.parent, nodes.reference) or _in_link(node.parent))


def quoted(address):
    """Return *address* as a link needs it, where something in it would end the link."""
    address = re.sub(r"[\s<>]", lambda match: f"%{ord(match[0]):02X}", address)
    return f"<{address}>" if re.search("[()]", address) else address


def code(text):
    """Return *text* as inline code, whatever backticks are in it."""
    fence = "`" * (max(map(len, re.findall("`+", text)), default=0) + 1)
    pad = " " if re.match("`| .* $", text) or text.endswith("`") else ""
    return f"{fence}{pad}{text}{pad}{fence}"


def block(node, level=0):
    """Return the Markdown of one part of a document; *level* is that of its section."""
    for kind, function in BLOCKS.items():
        if isinstance(node, kind):
            return function(node, level)
    raise Unsupported(node)


def blocks(children):
    """Return the Markdown of *children*, one below the other."""
    return "\n\n".join(filter(None, (block(child) for child in children)))


def _fence(node, level):
    text = node.astext()
    fence = "`" * max(3, max(map(len, re.findall("`+", text)), default=0) + 1)
    language = node.get("language", "")
    language = "" if language in ("default", "none", "pytb") else language.lower()
    return f"{fence}{language}\n{text}\n{fence}"


def _math(node, level):
    text = node.astext()
    if "\\\\" in text and "\\begin" not in text:
        text = f"\\begin{{aligned}}\n{text}\n\\end{{aligned}}"
    return f"$$\n{text}\n$$"


def _quote(text):
    return "\n".join(f"> {line}".rstrip() for line in text.split("\n"))


def _admonition(node, level):
    children = list(node)
    if isinstance(node, nodes.admonition):
        title = inline(children.pop(0))
    else:
        title = admonitionlabels[node.tagname]
    return _quote(f"**{title}**\n\n{blocks(children)}")


def _list(node, level):
    first = node.get("start", 1)
    numbered = isinstance(node, nodes.enumerated_list)
    items = []
    for number, item in enumerate(node, first):
        mark = f"{number}. " if numbered else "- "
        tight = all(isinstance(c, (nodes.bullet_list, nodes.enumerated_list)) for c in item[1:])
        parts = filter(None, (block(child) for child in item))
        items.append(_item(mark, ("\n" if tight else "\n\n").join(parts)))
    return "\n".join(items)


def _item(mark, text):
    return mark + text.replace("\n", "\n" + " " * len(mark)).replace(" " * len(mark) + "\n", "\n")


def _definitions(node, level):
    """A term, in bold, and what it means, below it; also for fields."""
    items = []
    for item in node:
        name = "".join(inline(part) for part in item[:-1])
        name += ":" if isinstance(item, nodes.field) else ""
        items.append(_item("- ", f"**{name}**\n\n{blocks(item[-1])}"))
    return "\n".join(items)


def _table(node, level):
    rows, heads, title = [], 0, ""
    for part in node.findall(lambda n: isinstance(n, (nodes.title, nodes.row))):
        if isinstance(part, nodes.title):
            title = f"**{inline(part)}**\n\n"
            continue
        heads += isinstance(part.parent, nodes.thead)
        rows.append([_cell(entry) for entry in part])
    if not heads:
        rows.insert(0, [""] * len(rows[0]))
    rows.insert(1, ["---"] * len(rows[0]))
    return title + "\n".join(f"| {' | '.join(row)} |" for row in rows)


def _cell(entry):
    if {"morerows", "morecols"} & set(entry.attributes):
        raise Unsupported(entry)
    for child in entry:
        if not isinstance(child, nodes.paragraph):
            raise Unsupported(child)
    for literal in list(entry.findall(nodes.literal)):
        if "|" in literal.astext():  # no escape holds in inline code in every program that shows notebooks
            text = re.sub(r"[!-/:-@[-`{-~]", lambda match: f"&#{ord(match[0])};", literal.astext())
            literal.replace_self(nodes.raw("", f"<code>{text}</code>", format="markdown"))
    return "<br>".join(inline(child) for child in entry).replace("|", "\\|")


def _raw(node, level=0):
    if node["format"] != "markdown":
        raise Unsupported(node)
    return node.astext()


def _beginning(text):
    return BEGINNING.sub(r"\1\\", text)


#: How each kind of part is written; the first that fits counts.
BLOCKS = {
    NOTHING: lambda node, level: "",
    nodes.title: lambda node, level: f"{'#' * min(level, 6)} {inline(node)}",
    nodes.paragraph: lambda node, level: _beginning(inline(node)),
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
