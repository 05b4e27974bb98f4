"""What the search reads of a page: prose, code and output, and no navigation."""

import json
import re
from types import SimpleNamespace

import pytest
from cookbook.site.diagnosis import Diagnosis
from cookbook.site.search import _blocks, collect_text, write_index
from docutils import nodes
from sphinx import addnodes


def paragraph(*parts):
    return nodes.paragraph("", "", *(nodes.Text(part) if isinstance(part, str) else part for part in parts))


def reference(kind, text, explicit):
    return addnodes.pending_xref("", nodes.inline("", text), reftype=kind, refexplicit=explicit)


def output(text):
    return nodes.literal_block("", text, classes=["sphx-glr-script-out"])


def test_paragraphs_code_and_outputs_come_in_order_with_their_kind():
    item = nodes.list_item("", paragraph("in a list"))
    section = nodes.section(
        "",
        nodes.title("", "Title"),
        paragraph("some \n  ", nodes.strong("", "bold"), " text"),
        nodes.literal_block("", "x = 1\n\ny = 2"),
        output("printed\n  text"),
        nodes.bullet_list("", item),
        nodes.warning("", paragraph("careful")),
    )
    assert list(_blocks(section)) == [
        ("prose", "some bold text"),
        ("code", "x = 1\n\ny = 2"),
        ("output", "printed\n  text"),
        ("prose", "in a list"),
        ("prose", "careful"),
    ]


@pytest.mark.parametrize(
    ("classes", "kind"), [(["cell"], "code"), (["cell", "answer"], "answer"), (["cell", "wrong"], "wrong")]
)
def test_the_answer_and_what_is_wrong_are_told_from_other_code(classes, kind):
    cell = nodes.container("", nodes.literal_block("", "x = 1"), classes=classes)
    assert list(_blocks(nodes.section("", cell))) == [(kind, "x = 1")]


@pytest.mark.parametrize(
    "node",
    [
        nodes.section("", paragraph("of another section")),
        nodes.comment("", "comment"),
        nodes.raw("", "<hr>", format="html"),
        nodes.title("", "Title"),
        nodes.Text("text"),
        paragraph("  \n "),
        nodes.container("", paragraph("x"), classes=["sphx-glr-footer", "other"]),
        nodes.paragraph("", "Tags: saving", classes=["sphx-glr-example-tags"]),
        nodes.paragraph("", "0 seconds", classes=["sphx-glr-timing"]),
        nodes.note("", paragraph("Go to the end"), classes=["sphx-glr-download-link-note"]),
        paragraph(reference("ref", "sphx_glr_two.py", False)),
    ],
)
def test_what_is_no_text_of_the_section_is_left_out(node):
    assert list(_blocks(nodes.section("", node))) == []


@pytest.mark.parametrize(
    ("link", "text"),
    [
        (reference("ref", "sphx_glr_two.py", False), "See ."),
        (reference("doc", "two", False), "See ."),
        (reference("ref", "the other", True), "See the other."),
        (reference("func", "torch.load()", False), "See torch.load()."),
        (nodes.reference("", "a link", refuri="https://a.b"), "See a link."),
    ],
)
def test_a_link_counts_with_the_text_that_its_recipe_gives_it(link, text):
    assert list(_blocks(nodes.section("", paragraph("See ", link, ".")))) == [("prose", text)]


@pytest.fixture
def page(tmp_path):
    inner = nodes.section("", nodes.title("", "1. Do it"), output("done"), ids=["1-do-it", "other"])
    learn = nodes.section("", nodes.title("", "Learn more"), paragraph("links"), ids=["learn-more"])
    outer = nodes.section("", nodes.title("", "Title"), paragraph("promise"), paragraph("more"), ids=["title"])
    outer += [inner, learn]
    env = SimpleNamespace(docname="recipes/one", metadata={"recipes/one": {}})
    (tmp_path / "recipes").mkdir()
    return SimpleNamespace(env=env, srcdir=str(tmp_path)), nodes.container("", outer)


def test_of_a_recipe_are_kept_its_title_its_promise_and_its_parts(page, tmp_path):
    app, document = page
    (tmp_path / "recipes/one.py").write_text("")
    collect_text(app, document)
    assert app.env.metadata["recipes/one"] == {
        "nosearch": True,
        "search": {
            "title": "Title",
            "promise": "promise",
            "parts": [
                ("title", "Title", [("prose", "promise"), ("prose", "more")]),
                ("1-do-it", "1. Do it", [("output", "done")]),
            ],
        },
    }


@pytest.mark.parametrize(("parts", "promise"), [([paragraph("prose")], "prose"), ([], "")])
def test_the_promise_is_prose_and_not_code(page, tmp_path, parts, promise):
    app, _ = page
    (tmp_path / "recipes/one.py").write_text("")
    code = nodes.literal_block("", "x = 1")
    collect_text(app, nodes.container("", nodes.section("", nodes.title("", "T"), code, *parts, ids=["t"])))
    assert app.env.metadata["recipes/one"]["search"]["promise"] == promise


def test_of_another_page_is_kept_nothing(page):
    app, document = page
    collect_text(app, document)
    assert app.env.metadata["recipes/one"] == {"nosearch": True}


@pytest.fixture
def site(app, build):
    """A site of two recipes, one of them a page that was never read; ``site()`` returns its index, if there is one."""
    env = SimpleNamespace(
        toctree_includes={"recipes/index": ["recipes/s/index"], "recipes/s/index": ["recipes/s/two", "recipes/s/one"]},
        titles={"recipes/s/index": nodes.title("", "Save & load")},
        metadata={"recipes/s/one": {"search": {"title": "Öne", "parts": []}}, "recipes/s/two": {}},
        found_docs={"recipes/s/one", "recipes/s/two"},
        collect_relations=lambda: ["recipes/s/one", "recipes/s/two"],
        tocs={},
    )
    app.env, app.builder = env, SimpleNamespace(get_target_uri=lambda name: f"{name}.html", format="html")
    build.recipes = {
        "s/one.py": SimpleNamespace(docname="recipes/s/one", file_conf={"tags": ["a"], "keywords": ["b c"]})
    }
    path = build.gallery.parent / "_build/html/_static/search-index.js"
    app.index = lambda: path.read_text(encoding="utf-8") if path.exists() else None
    return app


def test_the_index_is_a_script_with_all_recipes_that_have_a_page(site):
    write_index(site, None)
    found = re.fullmatch(r"const searchIndex = (.*);\n", site.index())[1]
    about = {"url": "recipes/s/one.html", "section": "Save & load", "tags": ["a"], "keywords": ["b c"], "messages": []}
    assert json.loads(found) == [{"title": "Öne", "parts": [], **about}]
    assert "Öne" in found and " " not in found.replace("Save & load", "").replace("b c", ""), "no byte is wasted"


def test_a_message_that_is_explained_is_found_where_its_fix_is(site):
    messages = ("no such layer: {name}", "layer {n} of {n}")
    one = Diagnosis("It was renamed.", "", messages, (), (), (), (), "one", "two.py:3")
    site.env.metadata["recipes/s/two"]["diagnoses"] = [one]
    write_index(site, None)
    (found,) = json.loads(re.fullmatch(r"const searchIndex = (.*);\n", site.index())[1])
    assert found["messages"] == [["no such layer: \nlayer  of ", "It was renamed."]]


def test_a_recipe_without_settings_has_neither_tags_nor_keywords(site, build):
    build.recipes["s/one.py"].file_conf = {}
    write_index(site, None)
    assert '"tags":[],"keywords":[]' in site.index()
    build.recipes = {}  # it was removed, and its page will be
    write_index(site, None)
    assert '"tags":[],"keywords":[]' in site.index()


def test_a_build_that_failed_or_makes_no_site_writes_no_index(site):
    write_index(site, ValueError())
    site.builder.format = "text"
    write_index(site, None)
    assert site.index() is None
