"""The classes of an output, which decide how a page shows it, and what stays of one in HTML."""

import re
import sys
import time

import pytest
from bs4 import BeautifulSoup
from cookbook.pages.outputs import ELEMENTS, LARGEST, LONG, SPANS, TAGS, WIDE, classify, cleaned
from docutils import nodes
from fuzzing import ANY, MARKUP, fuzz
from hypothesis import given
from hypothesis import strategies as st


@pytest.mark.parametrize(
    ("text", "classes"),
    [
        ("\n".join("x" * LONG), []),
        ("\n\n" + "\n".join("x" * LONG) + "\n\n", []),
        ("\n".join("x" * (LONG + 1)), ["long-output"]),
        ("x" * WIDE, []),
        ("x\n" + "x" * (WIDE + 1), ["wide-output"]),
        ("\n".join(["x" * (WIDE + 1)] * (LONG + 1)), ["long-output", "wide-output"]),
    ],
)
def test_a_long_or_wide_output_is_told_from_the_others(text, classes):
    output = nodes.literal_block("", text, classes=["sphx-glr-script-out"])
    code = nodes.literal_block("", text)
    table = nodes.literal_block("", f"<p>x</p>\n{text}", classes=["sphx-glr-script-out"], language="html")
    classify(None, nodes.container("", output, code, table))
    assert output["classes"] == ["sphx-glr-script-out", *classes] and code["classes"] == []
    assert table["classes"] == ["sphx-glr-script-out"]


# -- HTML ------------------------------------------------------------------------------------

#: Of pandas, as it gives them.
FRAME = """<div>
<style scoped>
    .dataframe tbody tr th:only-of-type {
        vertical-align: middle;
    }
</style>
<table border="1" class="dataframe">
  <thead>
    <tr>
      <th></th>
      <th colspan="2" halign="left">loss &amp; more</th>
    </tr>
    <tr style="text-align: right;">
      <th>step</th>
      <th>train</th>
      <th>test</th>
    </tr>
  </thead>
  <tbody>
    <tr>
      <th rowspan="2" valign="top">1</th>
      <td>0.5</td>
      <td>&lt;NA&gt;</td>
    </tr>
  </tbody>
</table>
<p>1 rows × 2 columns</p>
</div>"""


def test_a_table_of_pandas_keeps_its_form_and_nothing_else():
    found = BeautifulSoup(cleaned(FRAME), "html.parser")
    assert [
        [(cell.name, cell.text.strip(), cell.attrs) for cell in row.select("th, td")] for row in found.select("tr")
    ] == [
        [("td", "", {}), ("th", "loss & more", {"colspan": "2"})],
        [("th", "step", {}), ("th", "train", {}), ("th", "test", {})],
        [("th", "1", {"rowspan": "2"}), ("td", "0.5", {}), ("td", "<NA>", {})],
    ]
    assert found.p.text == "1 rows × 2 columns" and {tag.name for tag in found()} <= ELEMENTS


@pytest.mark.parametrize(
    ("html", "shown"),
    [
        ("<script>alert(1)</script>x", "x"),
        ("<img src=x onerror=alert(1)>x", "x"),
        ("<a href='javascript:alert(1)'>x</a><a href='https://x.org'>y</a>", "xy"),
        ("<b onclick=alert(1) style='background: url(//x.org)' class=copy-text id=main-content>x</b>", "<b>x</b>"),
        ("<style>@import '//x.org'</style><p style='position: fixed'>x", "<p>x</p>"),
        ("</div></section></main><p>x", "<p>x</p>"),
        ("<table><tr><td>x", "<table><tbody><tr><td>x</td></tr></tbody></table>"),
        ("<table><tr><td colspan=9999 rowspan='1;'>x", "<table><tbody><tr><td>x</td></tr></tbody></table>"),
        ("<ul><li><div><li>x</li></div></li></ul>", "<ul><li> </li><li>x</li> </ul>"),
        ("<iframe srcdoc='<script>alert(1)</script>'></iframe><object data=x></object><embed src=x>x", "x"),
        ("<form action=//x.org><input><button>x</button></form>", "x"),
        ("<meta http-equiv=refresh content='0;//x.org'><base href=//x.org><link rel=stylesheet href=//x.org>x", "x"),
        ("<!--[if IE]><script>alert(1)</script><![endif]-->x<!-- -->", "x"),
        ("<div>x</div><div>y</div>", "x  y"),
        ("<h1>x</h1>", "x"),
        ("&lt;script&gt;", "&lt;script&gt;"),
        ("<pre>a&#10; b</pre>", "<pre>a\n b</pre>"),
    ],
)
def test_what_stays_is_tables_lists_and_text(html, shown):
    assert cleaned(html).strip() == shown


@pytest.mark.parametrize(
    "html",
    [
        "<script>plot()</script>",
        "<svg><text>x</text></svg>",
        "<img src='data:image/png;base64,AAAA'>",
        "<div id=plot></div>",
        "<table><tr><td> </td></tr></table>",
        "<math><mtext><table><mglyph><style><!--</style><img title='--&gt;&lt;img src=1 onerror=alert(1)&gt;'>",
        "",
    ],
)
def test_html_without_text_is_none(html):
    assert cleaned(html) == ""


def doctree(text, language="html", classes=("sphx-glr-script-out",)):
    """Return a page with one block, and the block after it was read."""
    block = nodes.literal_block(text, text, language=language, classes=list(classes))
    classify(None, nodes.container("", block))
    return block


@pytest.mark.parametrize(
    ("text", "html", "said"),
    [
        ("<p>x</p>\n   a  b\n0  1  2", "<p>x</p>", "   a  b\n0  1  2"),
        ("<p>x</p><p>y &lt; z</p>", "<p>x</p><p>y &lt; z</p>", "x y < z"),
        ("<svg></svg>\na plot", "", "a plot"),
        ("<svg></svg>", "", "(HTML of 11 characters)"),
        ("<p>x" * (TAGS + 1) + "\na table", "", "a table"),
        ("x" * (LARGEST + 1) + "\na text", "", "a text"),
    ],
)
def test_an_output_in_html_has_its_text_too(text, html, said):
    block = doctree(text)
    assert (block.get("html"), block.astext(), block["language"]) == (html, said, "none")


def test_other_blocks_stay():
    for block in (doctree("<p>x</p>", "none"), doctree("<p>x</p>", classes=())):
        assert block.astext() == "<p>x</p>" and "html" not in block


TAG = st.sampled_from([*sorted(ELEMENTS), "div", "a", "svg", "math", "style", "script", "template", "select", "form"])
PIECE = st.one_of(
    TAG.map("<{}>".format),
    TAG.map("</{}>".format),
    TAG.map("<{} class='a' onclick=alert(1) colspan=2 href='javascript:x'>".format),
    ANY,
    st.sampled_from([*MARKUP, "<!--", "<![CDATA[", "<?x", "<plaintext>", "'", '"', "<th></th>"]),
)


@fuzz(1000)
@given(st.lists(PIECE, max_size=12).map("".join))
def test_whatever_comes_nothing_else_stays_and_each_element_ends(html):
    opened = []
    shown = cleaned(html.encode("utf-8", "replace").decode())
    for slash, name, attributes in re.findall(r"<(/?)([^\s>]*)([^>]*)>", shown):
        assert name in ELEMENTS
        assert re.fullmatch(rf'(?: (?:{"|".join(SPANS)})="[0-9]{{1,3}}")*', attributes)
        if slash:
            assert opened.pop() == name
        elif name != "br":
            opened.append(name)
    assert not opened


@pytest.mark.parametrize(
    "html",
    [
        "<div>" * TAGS,
        "".join(f"<b a={number}>" for number in range(TAGS // 2)) + "<p>x" * (TAGS // 2),
        "&" * LARGEST,
        "<b " + " ".join(f"a{number}" for number in range(LARGEST // 8)) + ">x",
        "<table><tr>" + "<th> " * (TAGS - 2),
        "x<" * 5_000_000,
        "<td>10 MB</td>" * 750_000,
    ],
    ids=["depth", "formatting", "references", "attributes", "headings", "no tags", "10 MB"],
)
def test_what_is_made_to_take_long_takes_seconds(html):
    before = time.process_time()
    cleaned(html)
    assert time.process_time() - before < 20


def test_html_is_text_where_nothing_can_clean_it(monkeypatch):
    monkeypatch.setitem(sys.modules, "nh3", None)
    assert cleaned(FRAME) == ""
