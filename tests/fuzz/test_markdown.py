"""Whatever a text says, Markdown of it says the same, read by another's parser; so does clean()."""

import re

from cookbook.markdown import block
from cookbook.run.process.text import CONTROL, clean
from docutils import nodes
from fuzzing import ANY, MARKUP, WORD, fuzz
from hypothesis import example, given
from hypothesis import strategies as st
from markdown_it import MarkdownIt

READER = MarkdownIt("commonmark", {"html": True}).enable(["table", "strikethrough"])
#: The only HTML that is written, where Markdown has no words for it.
TAGS = {"<sub>", "</sub>", "<sup>", "</sup>", "<br>", "<code>", "</code>"}


def squeeze(text):
    return " ".join(text.split())


def read(markdown):
    """Return ``(text, code)`` that a reader sees of *markdown*; fail if anything else is in it."""
    text, code = "", []
    for part in READER.parse(markdown):
        assert part.type not in ("html_block", "heading_open", "blockquote_open", "hr"), (part, markdown)
        if part.type in ("fence", "code_block"):
            assert part.type == "fence"
            code.append(part.content)
        for inner in part.children or ():
            assert inner.type not in ("image", "s_open"), (inner, markdown)
            if inner.type == "code_inline":
                code.append(inner.content)
            elif inner.type == "html_inline":
                assert inner.content in TAGS, (inner, markdown)
            else:
                text += " " if inner.type in ("softbreak", "hardbreak") else inner.content
    return squeeze(text), code


PLAIN = st.lists(WORD, min_size=1, max_size=4).map(lambda words: squeeze(" ".join(words))).filter(bool)
#: Letters next to a mark: how docutils reads a mark, it stands between spaces.
INLINE = st.lists(
    st.tuples(st.sampled_from([nodes.Text, nodes.emphasis, nodes.strong, nodes.literal, nodes.reference]), PLAIN),
    min_size=1,
    max_size=4,
)


@fuzz(600)
@given(INLINE)
@example([(nodes.Text, "[a]: b")])
@example([(nodes.Text, "\\")])
def test_a_paragraph_says_what_it_said(parts):
    paragraph, text, code = nodes.paragraph(), [], []
    for kind, words in parts:
        if paragraph.children:
            paragraph += nodes.Text(" ")
        if kind is nodes.Text:
            paragraph += nodes.Text(words)
        elif kind is nodes.reference:
            paragraph += nodes.reference("", words, refuri="https://example.org/a_(b)")
        else:
            paragraph += kind("", words)
        (code if kind is nodes.literal else text).append(words)
    markdown = block(paragraph)
    assert "\n" not in markdown
    assert read(markdown) == (squeeze(" ".join(text)), code), markdown


@fuzz()
@given(st.lists(WORD | ANY, max_size=6).map("\n".join).map(clean).filter(str.strip))
def test_a_code_block_says_what_it_said(text):
    markdown = block(nodes.literal_block("", text))
    assert read(markdown) == ("", [f"{text}\n"])


@fuzz()
@given(st.lists(st.lists(st.tuples(st.booleans(), PLAIN), min_size=2, max_size=2), min_size=1, max_size=3))
def test_a_table_has_its_cells(rows):
    body = nodes.tbody()
    for row in rows:
        body += nodes.row(
            "",
            *(
                nodes.entry("", nodes.paragraph("", "", nodes.literal("", words) if code else nodes.Text(words)))
                for code, words in row
            ),
        )
    markdown = block(nodes.table("", nodes.tgroup("", body)))
    cells = [part for part in READER.parse(markdown) if part.type == "inline"][2:]
    assert len(cells) == 2 * len(rows), markdown
    for cell, (_, words) in zip(cells, (cell for row in rows for cell in row)):
        assert all(c.content in TAGS for c in cell.children if c.type == "html_inline")
        assert "".join(c.content for c in cell.children if c.type != "html_inline") == words, markdown


@fuzz(600)
@given(
    st.lists(
        ANY | st.sampled_from([*MARKUP, "\x1b[31m", "\x1b]8;;x\x07", "\r", "\b", "\n", "\x1b", "\x00"]), max_size=8
    ).map("".join)
)
def test_clean_leaves_what_a_page_can_show(text):
    shown = clean(text)
    assert not CONTROL.search(shown) and clean(shown) == shown
    shown.encode()
    assert shown.count("\n") == text.count("\n") or "\x1b" in text
    if not re.search(r"[\x1b\r\b]", text):
        assert len(shown) == len(text)
