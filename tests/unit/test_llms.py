"""The Markdown version of a page: what is said, what is left out, where links lead."""

import pytest
from cookbook.markdown import UnsupportedNode
from cookbook.site.llms import page_markdown
from docutils import nodes
from docutils.utils import new_document
from sphinx import addnodes


def page(*parts):
    """Return a page with the title *Title* and these parts."""
    document = new_document("page")
    document += nodes.section("", nodes.title("", "Title"), *parts, ids=["title"])
    return document


def said(*parts):
    """Return what the Markdown version says below the title."""
    text = page_markdown(page(*parts))
    assert text.startswith("# Title\n") and text.endswith("\n") and not text.endswith("\n\n")
    return text.removeprefix("# Title\n").strip("\n")


def link(address, internal=True):
    return nodes.paragraph("", "", nodes.reference("", "text", refuri=address, internal=internal))


def code_links_block(text, **attributes):
    """Return what sphinx-gallery makes of a block of code, as `pages/api_links.py` leaves it."""
    kind = type("code_links_block", (nodes.Element,), {"tagname": "code_links_block"})
    return kind(text, nodes.raw("", "<span>x</span>", format="html"), **attributes)


def test_sections_keep_their_levels():
    inner = nodes.section("", nodes.title("", "Inner"), nodes.paragraph("", "text"))
    assert said(nodes.paragraph("", "promise"), inner) == "promise\n\n## Inner\n\ntext"


@pytest.mark.parametrize(
    ("address", "internal", "leads"),
    [
        ("../two.html", True, "../two.md"),
        ("two.html#part", True, "two.md#part"),
        ("#part", True, "#part"),
        ("x.html.zip", True, "x.html.zip"),
        ("https://a.b/c.html", False, "https://a.b/c.html"),
    ],
)
def test_links_within_the_site_lead_to_markdown_versions(address, internal, leads):
    assert said(link(address, internal)) == f"[text]({leads})"


@pytest.mark.parametrize(
    "node",
    [
        nodes.raw("", "<hr>", format="html"),
        nodes.meta(),
        addnodes.toctree(),
        addnodes.tabular_col_spec(),
        nodes.note("", nodes.paragraph("", "Go to the end"), classes=["sphx-glr-download-link-note"]),
        nodes.container("", nodes.paragraph("", "x"), classes=["other", "sphx-glr-footer"]),
        nodes.paragraph("", "Tags: x", classes=["sphx-glr-example-tags"]),
        nodes.image(uri="x_dark.png", alt="A figure", classes=["only-dark"]),
        nodes.image(uri="x.png"),
        nodes.comment("", "x"),
    ],
)
def test_what_only_a_browser_understands_is_left_out(node):
    assert said(nodes.paragraph("", "before"), node, nodes.paragraph("", "after")) == "before\n\nafter"


def test_a_figure_is_there_with_its_text():
    figure = nodes.image(uri="../_images/a b(1).png", alt="A [figure]\nof *two* lines", classes=["only-light"])
    assert said(figure).endswith("](<../_images/a%20b(1).png>)")
    assert said(figure).startswith(r"![A \[figure\]")


@pytest.mark.parametrize(("attributes", "language"), [({"lang": "Python"}, "python"), ({}, "")])
def test_code_is_there_as_it_was_written(attributes, language):
    assert said(code_links_block("x = '*'\n\ny\n\n", **attributes)) == f"```{language}\nx = '*'\n\ny\n```"


def test_the_list_of_a_gallery_s_pages_is_a_list():
    items = nodes.bullet_list("", nodes.list_item("", link("two.html")))
    assert said(addnodes.compact_paragraph("", "", items, toctree=True)) == "- [text](two.md)"


def test_the_page_itself_is_left_as_it_is():
    document = page(link("two.html"), nodes.raw("", "<hr>", format="html"), code_links_block("x = 1"))
    before = document.pformat()
    page_markdown(document)
    assert document.pformat() == before


def test_what_markdown_cannot_say_is_an_error_with_its_node():
    with pytest.raises(UnsupportedNode) as raised:
        page_markdown(page(nodes.option_list()))
    assert isinstance(raised.value.node, nodes.option_list)
