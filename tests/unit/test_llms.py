"""The Markdown version of a page: what is said, what is left out, where links lead."""

from types import SimpleNamespace

import pytest
from cookbook.inline import UnsupportedNode
from cookbook.site import llms
from cookbook.site.llms import page_markdown, store_promise, write_list, write_page
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
        nodes.image(uri="x.png", alt=""),
        nodes.comment("", "x"),
    ],
)
def test_what_only_a_browser_understands_is_left_out(node):
    assert said(nodes.paragraph("", "before"), node, nodes.paragraph("", "after")) == "before\n\nafter"


def test_a_figure_is_there_with_its_text():
    figure = nodes.image(uri="../_images/a b(1).png", alt="A [figure]\nof *two* lines")
    assert said(nodes.image(uri="x.png")) == "![](x.png)"
    assert said(figure) == "![A \\[figure\\]\nof \\*two\\* lines](<../_images/a%20b(1).png>)"


@pytest.mark.parametrize(("attributes", "language"), [({"lang": "Python"}, "python"), ({}, "")])
def test_code_is_there_as_it_was_written(attributes, language):
    assert said(code_links_block("x = '*'\n\ny\n\n", **attributes)) == f"```{language}\nx = '*'\n\ny\n```"


def test_the_list_of_a_gallery_s_pages_is_a_list():
    items = nodes.bullet_list("", nodes.list_item("", link("two.html")))
    assert said(addnodes.compact_paragraph("", "", items, toctree=True)) == "- [text](two.md)"


def test_a_paragraph_of_a_list_that_is_none_of_pages_stays_one():
    assert said(addnodes.compact_paragraph("", "text")) == "text"


def test_a_link_within_the_page_is_its_text():
    assert said(nodes.paragraph("", "", nodes.reference("", "text", refid="part", internal=True))) == "text"


@pytest.fixture
def site(app, build):
    """A site of one recipe in one section; ``site.read(name)`` returns a file of its output, or None."""
    recipe, section = "recipes/s/one", "recipes/s/index"
    app.env = SimpleNamespace(
        docname=recipe,
        toctree_includes={"recipes/index": [section], section: [recipe]},
        titles={section: nodes.title("", "Save"), recipe: nodes.title("", "One")},
        metadata={"index": {"promise": "All of them."}, recipe: {}},
    )
    app.config.project, app.config.root_doc = "Book", "index"
    app.builder = SimpleNamespace(format="html")
    folder = build.gallery.parent / "_build/html"
    app.read = lambda name: (folder / name).read_text(encoding="utf-8") if (folder / name).exists() else None
    return app


@pytest.mark.parametrize("base", ["", "https://a.b/"])
@pytest.mark.parametrize("promise", ["It keeps weights.", ""])
def test_the_list_has_each_recipe_with_its_promise_below_its_section(site, base, promise):
    site.config.html_baseurl = base
    store_promise(site, page(nodes.paragraph("", promise)))
    write_list(site, None)
    line = f"- [One]({base}recipes/s/one.md): {promise}\n"
    assert site.read("llms.txt") == f"# Book\n\n> All of them.\n\n## Save\n\n{line}"


@pytest.mark.parametrize("metadata", [{}, {"index": {}, "recipes/s/one": {}}])
def test_a_page_that_has_no_promise_is_listed_too(site, metadata):
    site.env.metadata = metadata
    write_list(site, None)
    assert site.read("llms.txt") == "# Book\n\n> \n\n## Save\n\n- [One](recipes/s/one.md): \n"


def test_a_build_that_failed_or_makes_no_site_writes_no_list(site):
    write_list(site, ValueError())
    site.builder.format = "text"
    write_list(site, None)
    assert site.read("llms.txt") is None


def test_a_page_is_written_beside_its_html_which_links_to_it(site):
    context = {}
    write_page(site, "recipes/s/one", "page.html", context, page(nodes.paragraph("", "promise")))
    assert site.read("recipes/s/one.md") == "# Title\n\npromise\n" and context == {"markdown_page": "one.md"}
    write_page(site, "index", "page.html", context, page())
    assert site.read("index.md") == "# Title\n" and context == {"markdown_page": "index.md"}


def test_a_page_without_a_document_has_no_markdown(site):
    context = {}
    write_page(site, "search", "search.html", context, None)
    assert site.read("search.md") is None and context == {}


def test_a_page_that_markdown_cannot_say_is_a_warning_at_the_place(site, monkeypatch):
    warnings, context, node = [], {}, nodes.docinfo()
    monkeypatch.setattr(llms.logger, "warning", lambda text, *values, **where: warnings.append((text % values, where)))
    write_page(site, "index", "page.html", context, page(node))
    ((message, where),) = warnings
    assert message == "no Markdown version of this page: Markdown has no syntax for 'docinfo'" and context == {}
    assert where["type"] == "llms" and isinstance(where["location"], nodes.docinfo)


def test_the_page_itself_is_left_as_it_is():
    document = page(link("two.html"), nodes.raw("", "<hr>", format="html"), code_links_block("x = 1"))
    before = document.pformat()
    page_markdown(document)
    assert document.pformat() == before


def test_what_markdown_cannot_say_is_an_error_with_its_node():
    with pytest.raises(UnsupportedNode) as raised:
        page_markdown(page(nodes.docinfo()))
    assert isinstance(raised.value.node, nodes.docinfo)
