"""Markdown of each kind of part; that a text says the same whatever is in it, `fuzz/test_markdown.py` tests."""

import pytest
from cookbook.inline import INVISIBLE, UnsupportedNode
from cookbook.markdown import block, iter_blocks
from docutils import nodes
from docutils.core import publish_doctree
from sphinx import addnodes


def document(rst):
    options = {"halt_level": 2, "doctitle_xform": False, "syntax_highlight": "none", "smart_quotes": False}
    return publish_doctree(rst, settings_overrides=options)


def said(rst):
    return "\n\n".join(filter(None, (block(node, level) for node, level in iter_blocks(document(rst)))))


CASES = {
    "sections": ("A\n=\n\nText.\n\nB\n-\n\nC\n-\n", "# A\n\nText.\n\n## B\n\n## C"),
    "a list": ("- one\n- two", "- one\n- two"),
    "a numbered list": ("3. three\n4. four", "3. three\n4. four"),
    "a list in a list": ("- one\n\n  1. a\n  2. b\n\n- two", "- one\n  1. a\n  2. b\n- two"),
    "a list with paragraphs": ("- one\n\n  more\n\n- two", "- one\n\n  more\n- two"),
    "a list with code": ("- one::\n\n      a\n\n      b", "- one:\n\n  ```\n  a\n\n  b\n  ```"),
    "code in a list of ten": ("10. one::\n\n        a", "10. one:\n\n    ```\n    a\n    ```"),
    "code": ("::\n\n  a = '```'\n", "````\na = '```'\n````"),
    "a session": (">>> 1\n1", "```\n>>> 1\n1\n```"),
    "a quotation": ("Text.\n\n  It is.\n\n  So.\n\n  -- Ana", "Text.\n\n> It is.\n>\n> So.\n>\n> — Ana"),
    "a warning": (".. warning:: Take *care*.\n\n   - a", "> **Warning**\n>\n> Take *care*.\n>\n> - a"),
    "a box": (".. admonition:: Use ``this``\n\n   Text.", "> **Use `this`**\n>\n> Text."),
    "definitions": ("one\n  First.\n\ntwo\n  Second.", "- **one**\n\n  First.\n- **two**\n\n  Second."),
    "fields": ("Text.\n\n:one: First.", "Text.\n\n- **one:**\n\n  First."),
    "lines": ("| one\n| *two*", "one\\\n*two*"),
    "options": ("-a, --all=x  Take *all*.", "- **`-a`, `--all=x`**\n\n  Take *all*."),
    "classes of terms": ("one : int : x\n  First.", "- **one : int : x**\n\n  First."),
    "a footnote": ("Text [1]_.\n\n.. [1] A *note*.", "Text \\[1\\].\n\n\\[1\\] A *note*."),
    "a citation": ("By [Lab_1]_.\n\n.. [Lab_1] A book.", "By \\[Lab_1\\].\n\n\\[Lab_1\\] A book."),
    "a place in text": ("A _`place` here.", "A place here."),
    "lines of lines": (
        "| one\n|   two\n|     three\n| four",
        "one\\\n&nbsp;&nbsp;two\\\n&nbsp;&nbsp;&nbsp;&nbsp;three\\\nfour",
    ),
    "a topic": (".. topic:: A *title*\n\n   Text.", "**A *title***\n\nText."),
    "a sidebar": (".. sidebar:: A title\n\n   Text.", "> **A title**\n>\n> Text."),
    "a rubric": (".. rubric:: Notes", "**Notes**"),
    "a line across": ("a\n\n-----\n\nb", "a\n\n---\n\nb"),
    "mathematics": (".. math:: a^2", "$$\na^2\n$$"),
    "mathematics in lines": (".. math::\n\n   a \\\\ b", "$$\n\\begin{aligned}\na \\\\ b\n\\end{aligned}\n$$"),
    "mathematics with an environment": (
        ".. math::\n\n   \\begin{matrix} a \\\\ b \\end{matrix}",
        "$$\n\\begin{matrix} a \\\\ b \\end{matrix}\n$$",
    ),
    "a title of a work": ("`Title`", "*Title*"),
    "mathematics in text": (":math:`a_b`", "$a_b$"),
    "low and high": ("H\\ :sub:`2`\\ O\\ :sup:`3`", "H<sub>2</sub>O<sup>3</sup>"),
    "a link": ("`the text <https://a.b/c_d>`__", "[the text](https://a.b/c_d)"),
    "a link with parentheses": ("`text <https://a.b/c_(d)>`__", "[text](<https://a.b/c_(d)>)"),
    "an address": ("https://a.b/c_d", "<https://a.b/c_d>"),
    "brackets in a link": ("`a [b] <https://a.b>`__", "[a \\[b\\]](https://a.b)"),
    "markup as text": ("\\*a\\* \\`b\\` $5 <b> a_b _c &lt; ~~", "\\*a\\* \\`b\\` \\$5 \\<b> a_b \\_c \\&lt; \\~\\~"),
    "code on two lines": ("``a\nb``", "`a b`"),
    "a cell of two paragraphs": (
        ".. list-table::\n\n   * - one\n\n       two",
        "|  |\n| --- |\n| one<br>two |",
    ),
    "code with backticks": ("```a``b``", "``` `a``b ```"),
    "a beginning that is no list": ("1986\\. A year.", "1986\\. A year."),
    "a beginning that is no heading": ("\\# a", "\\# a"),
    "what is not shown": (".. a comment\n\n.. _target:\n\n.. |a| replace:: b", ""),
}
TABLE = """
.. list-table:: A title
   {option}

   * - key
     - a | b
   * - ``x|y``
     - *z*
"""


@pytest.mark.parametrize(("rst", "markdown"), CASES.values(), ids=CASES)
def test_a_part_is_written_as_markdown_has_it(rst, markdown):
    assert said(rst) == markdown


@pytest.mark.parametrize(
    ("option", "rows"),
    [
        (":header-rows: 1", ["| key | a \\| b |", "| --- | --- |"]),
        ("", ["|  |  |", "| --- | --- |", "| key | a \\| b |"]),
    ],
)
def test_a_table_has_a_title_and_a_row_of_headings(option, rows):
    title, empty, *found = said(TABLE.format(option=option)).split("\n")
    assert (title, empty) == ("**A title**", "")
    assert found == [*rows, "| <code>x&#124;y</code> | *z* |"]


@pytest.mark.parametrize(
    "rst",
    [
        ".. raw:: html\n\n   <hr>",
        ".. list-table::\n\n   * - - a list\n",
        "+---+---+\n| a     |\n+---+---+\n| b | c |\n+---+---+",
        "+---+---+\n| a | b |\n|   +---+\n|   | c |\n+---+---+",
        ".. list-table::\n\n   * - ::\n\n          code\n",
    ],
)
def test_what_markdown_has_no_words_for_is_an_error_with_its_node(rst):
    with pytest.raises(UnsupportedNode) as raised:
        said(rst)
    assert isinstance(raised.value.node, nodes.Node) and repr(raised.value.node.tagname) in str(raised.value)


@pytest.mark.parametrize(
    ("language", "shown"), [("Python", "python"), ("none", ""), ("pytb", ""), ("default", ""), ("console", "console")]
)
def test_code_says_its_language_where_it_has_one(language, shown):
    assert block(nodes.literal_block("", "x = 1", language=language)) == f"```{shown}\nx = 1\n```"


def test_the_seventh_level_is_the_sixth():
    assert block(nodes.title("", "A"), 7) == "###### A"


def test_what_sphinx_adds_is_written_too():
    text = nodes.paragraph("", "text")
    version = addnodes.versionmodified(
        "", "", nodes.paragraph("", "New in 2.1: text"), type="versionadded", version="2.1"
    )
    assert block(version) == block(nodes.container("", version)) == "New in 2.1: text"
    assert block(nodes.paragraph("", "", addnodes.literal_strong("", "a"), addnodes.index())) == "**a**"
    grammar = addnodes.productionlist("", addnodes.production("", "b | c", tokenname="a"))
    assert block(grammar) == "```\na ::= b | c\n```"
    function = addnodes.desc("", addnodes.desc_signature("", "f(x)"), addnodes.desc_content("", text))
    assert block(function) == "- `f(x)`\n\n  text"
    assert block(addnodes.seealso("", text)).startswith("> **") and block(addnodes.highlightlang()) == ""


@pytest.mark.parametrize(
    ("node", "markdown"),
    [
        (addnodes.literal_emphasis("", "a"), "*a*"),
        (nodes.abbreviation("", "LIFO", explanation="last in, _first out"), "LIFO (last in, \\_first out)"),
        (nodes.inline("", "a_ b", classes=["menu"]), "a\\_ b"),
        (nodes.Text("a [b] c"), "a [b] c"),
        (nodes.literal("", "a`"), "`` a` ``"),
        (nodes.reference("", "a", refuri="b c"), "[a](b%20c)"),
        (nodes.reference("", "a [b]", refid="part"), "a \\[b\\]"),
        (nodes.reference("", "", nodes.strong("", "[b]"), refuri="https://a.b"), "[**\\[b\\]**](https://a.b)"),
    ],
)
def test_what_sphinx_adds_to_a_line_is_written_too(node, markdown):
    assert block(nodes.paragraph("", "", node)) == markdown


# -- all kinds of parts ------------------------------------------------------------------


def kinds():
    """Return every class of nodes that docutils and Sphinx have."""
    found = {kind for module in (nodes, addnodes) for kind in vars(module).values() if isinstance(kind, type)}
    return sorted(
        (kind for kind in found if issubclass(kind, nodes.Element) and not issubclass(kind, nodes.document)),
        key=lambda kind: (kind.__module__, kind.__name__),
    )


#: What the nodes with parts of a certain kind, or with arguments, are made of.
PARTS = {
    nodes.definition_list: lambda: nodes.definition_list_item("", nodes.term("", "word"), nodes.definition()),
    nodes.field_list: lambda: nodes.field("", nodes.field_name("", "word"), nodes.field_body()),
    nodes.option_list: lambda: nodes.option_list_item(
        "", nodes.option_group("", nodes.option("", nodes.option_string("", "word"))), nodes.description()
    ),
    nodes.table: lambda: nodes.tgroup(
        "", nodes.tbody("", nodes.row("", nodes.entry("", nodes.paragraph("", "word")), nodes.entry())), cols=2
    ),
    addnodes.desc: lambda: [addnodes.desc_signature("", "word"), addnodes.desc_content()],
    nodes.footnote: lambda: nodes.label("", "word"),
    nodes.citation: lambda: nodes.label("", "word"),
    nodes.image: list,
}
ARGUMENTS = {
    nodes.image: {"uri": "a.png", "alt": "word"},
    nodes.raw: {"format": "markdown"},
    addnodes.desc_inline: {"domain": "py"},
    nodes.pending: {"transform": None},
}


@pytest.mark.parametrize("kind", kinds(), ids=lambda kind: f"{kind.__module__}.{kind.__name__}")
@pytest.mark.parametrize("place", ["block", "in a line"])
def test_every_kind_of_part_is_said_with_its_text_or_named(kind, place):
    node = kind(**ARGUMENTS.get(kind, {}))
    if kind in PARTS:
        node += PARTS[kind]()
    else:
        node += nodes.Text("word") if issubclass(kind, nodes.TextElement) else nodes.paragraph("", "word")
    try:
        text = block(node, 1) if place == "block" else block(nodes.paragraph("", "", node))
    except UnsupportedNode:
        pass
    else:
        invisible = isinstance(node, INVISIBLE) or kind in (nodes.transition, nodes.target)
        assert invisible or "word" in text


def test_markdown_that_is_there_already_stays():
    assert block(nodes.raw("", "![a](b)", format="markdown")) == "![a](b)"
