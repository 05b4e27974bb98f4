"""What search engines and other sites read of a page."""

from types import SimpleNamespace
from xml.etree import ElementTree

import pytest
from cookbook.pages.head import DEFAULT, add_head, check, first_paragraph, write_sitemap
from docutils import nodes
from sphinx.errors import ConfigError

BASE = "https://example.org/cookbook/"


def page(*parts):
    return nodes.container("", nodes.section("", nodes.title("", "Title"), *parts))


def test_the_first_paragraph_is_that_of_a_section_on_one_line():
    box = nodes.note("", nodes.paragraph("", "in a box"))
    promise = nodes.paragraph("", "", nodes.Text("It  maps\nnames to "), nodes.literal("", "tensors"), nodes.Text("."))
    document = page(box, nodes.paragraph("", "  "), promise, nodes.paragraph("", "Second."))
    assert first_paragraph(document) == "It maps names to tensors."
    assert first_paragraph(page(box)) is None


@pytest.fixture
def published(app):
    """A page's context where the site is at *base*."""

    def published(base, name="recipes/s/one", document=None):
        app.config.html_baseurl = base
        app.builder = SimpleNamespace(get_target_uri=lambda name: f"{name}.html", format="html")
        app.env = SimpleNamespace(
            images={"recipes/s/images/thumb/sphx_glr_one_thumb.png": (set(), "sphx glr_one_thumb.png")},
            found_docs={"index", "recipes/s/one & two"},
        )
        context = {}
        add_head(app, name, "page.html", context, document)
        return context

    return published


def test_a_published_page_knows_its_address_and_its_picture(published):
    assert published(BASE, document=page(nodes.paragraph("", "Promise."))) == {
        "description": "Promise.",
        "site_root": "/cookbook/",
        "page_address": f"{BASE}recipes/s/one.html",
        "page_picture": f"{BASE}_images/sphx%20glr_one_thumb.png",
    }
    assert published(BASE, "index", page())["page_picture"] is None


@pytest.mark.parametrize(("base", "document"), [("", page()), (BASE, None)])
def test_without_an_address_or_a_document_a_page_knows_neither(published, base, document):
    context = published(base, document=document)
    assert context["page_address"] is context["page_picture"] is None
    assert context["description"] == DEFAULT and context["site_root"] == ("/cookbook/" if base else "/")


def test_the_sitemap_has_every_page_and_goes_with_the_address(app, published, project):
    sitemap = project / "_build/html/sitemap.xml"
    published(BASE)
    write_sitemap(app, None)
    urls = ElementTree.fromstring(sitemap.read_text())
    names = "{http://www.sitemaps.org/schemas/sitemap/0.9}"
    assert urls.tag == f"{names}urlset" and not (urls.text or "").strip()
    pages = [(url.tag, [(place.tag, place.text) for place in url], url.tail) for url in urls]
    addresses = [f"{BASE}index.html", f"{BASE}recipes/s/one%20%26%20two.html"]
    assert pages == [(f"{names}url", [(f"{names}loc", address)], "\n") for address in addresses]
    published("")
    write_sitemap(app, ValueError())
    assert sitemap.exists(), "a build that failed writes nothing"
    app.builder.format = "text"
    write_sitemap(app, None)
    assert sitemap.exists(), "it belongs to the site"
    app.builder.format = "html"
    write_sitemap(app, None)
    write_sitemap(app, None)
    assert not sitemap.exists()


@pytest.mark.parametrize("address", ["", "https://example.org/", BASE])
def test_an_address_of_a_site_is_taken(address):
    check(None, SimpleNamespace(html_baseurl=address))


@pytest.mark.parametrize("address", ["example.org/", "https://example.org", "https://a.b/c", "https://a b/", "/x/"])
def test_another_address_ends_the_build_with_what_to_write(address):
    with pytest.raises(ConfigError) as raised:
        check(None, SimpleNamespace(html_baseurl=address))
    assert f"conf.py: html_baseurl = {address!r}" in str(raised.value) and "as in" in str(raised.value)
