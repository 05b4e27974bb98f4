"""The value of a block's last expression: as much as may be printed, and its HTML with its text."""

import pytest
from cookbook.run.process.values import HEADER, last_repr
from cookbook.run.result import check_output
from fuzzing import ANY, MARKUP, fuzz
from hypothesis import given
from hypothesis import strategies as st
from sphinx_gallery.gen_rst import _get_last_repr

HTML = ("_repr_html_", "__repr__")


def shown(value, methods=HTML, output=1000, overflow="cut"):
    return last_repr(_get_last_repr, {"output": output, "overflow": overflow})(methods, value)


class Frame:
    def __init__(self, html, text="a  b\n0  1"):
        self.html, self.text = html, text

    def _repr_html_(self):
        return self.html

    def __repr__(self):
        return self.text


class WithoutText:
    def _repr_html_(self):
        return "<b>x</b>"


class Wrong(WithoutText):
    def __repr__(self):
        raise ValueError


def test_html_is_one_line_and_the_text_is_below_it():
    assert shown(Frame("<p\n  class='a'>x\r\ny</p>\n")) == ("<p   class='a'>x&#10;y</p>\na  b\n0  1", "_repr_html_")


@pytest.mark.parametrize("value", [WithoutText(), Wrong()])
def test_an_address_is_no_text(value):
    assert shown(value) == ("<b>x</b>\n", "_repr_html_")


@pytest.mark.parametrize(
    ("value", "methods", "text"),
    [
        (Frame("<p>"), ("__repr__",), "a  b\n0  1"),
        (Frame(None), HTML, "a  b\n0  1"),
        (3, HTML, "3"),
        (Frame("<p>", "\x1b[31mred\x85"), ("__repr__",), "red\N{REPLACEMENT CHARACTER}"),
    ],
)
def test_where_no_html_is_asked_for_or_there_is_none_the_text_is_shown(value, methods, text):
    assert shown(value, methods)[0] == text


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ("x" * 100, f"'{'x' * 49}\n... (cut: 52 more characters)"),
        (Frame("<p>" + "x" * 97), "\n... (cut: 100 more characters)"),
    ],
)
def test_what_is_too_long_is_cut_and_half_a_table_is_not_shown(value, text):
    assert shown(value, output=50) == (text, "__repr__")
    with pytest.raises(RuntimeError, match="more than 50 characters of output"):
        shown(value, output=50, overflow="fail")
    assert shown(Frame("<p>", "y" * 100), output=50) == ("<p>\n" + "y" * 50, "_repr_html_")


@fuzz()
@given(
    *[st.lists(ANY | st.sampled_from([*MARKUP, "\n", "\r", "\x1b[31m", "<td\n>", "  "]), max_size=8).map("".join)] * 2
)
def test_whatever_the_html_is_the_output_is_one_literal_block(html, text):
    from textwrap import indent

    from cookbook.run.process.text import clean

    found, method = shown(Frame(html, text))
    if method == "_repr_html_" and found.strip():
        check_output(clean(f"\n\n\n\n{HEADER.format(indent(found, '    '))}\n\n"), set(), shows_html=True)
