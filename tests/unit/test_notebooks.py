"""The parts of a notebook: which part of a page is of which block, ids, outputs, the first cell."""

import base64
import io
import re
from types import SimpleNamespace

import nbformat
import pytest
from cookbook.gallery import notebooks
from cookbook.gallery.notebooks import Notebooks, install
from cookbook.run.process.figures import STILL
from docutils import nodes
from fuzzing import fuzz
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image


@pytest.mark.parametrize(
    ("needs", "listed"),
    [
        (["torch==2.13.0"], "torch 2.13.0."),
        (["torch==2.13.0", "numpy==2.4.6"], "torch 2.13.0 and numpy 2.4.6."),
        (["torch==2", "a==1", "b==1"], "torch 2, a 1 and b 1."),
    ],
)
def test_the_first_cell_says_what_to_install_and_does_nothing(needs, listed):
    first, *_, last = lines = install(needs).splitlines()
    assert first.endswith(f" {listed}") and last == f"# %pip install {' '.join(needs)}"
    assert all(line.startswith("# ") for line in lines)


# -- cells -----------------------------------------------------------------------------

CELLS = st.lists(st.tuples(st.sampled_from(["code", "markdown"]), st.text(max_size=5)), max_size=8)


def ids(cells):
    made = notebooks._with_ids([notebooks._cell(kind, source) for kind, source in cells])
    return [cell["id"] for cell in made]


@fuzz(100)
@given(CELLS)
def test_cells_are_valid_and_have_ids_of_their_own(cells):
    made = notebooks._with_ids([notebooks._cell(kind, source) for kind, source in cells])
    notebook = {"cells": made, "metadata": notebooks.METADATA, "nbformat": 4, "nbformat_minor": 5}
    nbformat.validate(nbformat.from_dict(notebook))
    assert len({cell["id"] for cell in made}) == len(cells)
    assert ["".join(cell["source"]) for cell in made] == [source for _, source in cells]


@fuzz(100)
@given(CELLS, st.text(min_size=6, max_size=9), st.integers(0, 8))
def test_an_id_changes_only_with_its_own_cell(cells, source, at):
    changed = [*cells[:at], ("code", source), *cells[at:]]
    before, after = ids(cells), ids(changed)
    del after[min(at, len(cells))]
    assert after == before


# -- which part of a page is of which block ----------------------------------------------


def comment(first, last):
    text = f"GENERATED FROM PYTHON SOURCE LINES {first}-{last}"
    return nodes.comment(text, text)


def blocks(*lines):
    return [SimpleNamespace(lineno=line) for line in lines]


def texts(parts):
    return [[(node.astext(), level) for node, level in part] for part in parts]


def test_each_part_of_the_page_goes_to_its_block_with_its_level():
    paragraph = lambda text: nodes.paragraph("", text)  # noqa: E731
    footer = nodes.container("", paragraph("download"), classes=["sphx-glr-footer", "other"])
    document = nodes.section("", nodes.title("", "Title"), paragraph("promise"), comment(8, 9), paragraph("code"))
    inner = nodes.section("", nodes.title("", "1. Do it"), paragraph("text"), comment(20, 22), paragraph("shown"))
    document += [comment(10, 19), inner, footer]
    root = nodes.container("", nodes.comment("", "a comment of sphinx-gallery"), document)
    assert texts(notebooks._split_at_blocks(root, blocks(1, 8, 10, 20))) == [
        [("Title", 1), ("promise", 1)],
        [("code", 1)],
        [("1. Do it", 2), ("text", 2)],
        [("shown", 2)],
    ]


def test_a_comment_that_a_recipe_has_itself_begins_no_block():
    section = nodes.section("", comment(5, 6), nodes.paragraph("", "a"), comment(8, 9), nodes.paragraph("", "b"))
    section += [comment(8, 9), nodes.paragraph("", "c")]
    parts = texts(notebooks._split_at_blocks(nodes.container("", section), blocks(1, 8)))
    assert [[text for text, _ in part if not text.startswith("GENERATED")] for part in parts] == [["a"], ["b", "c"]]


# -- outputs -----------------------------------------------------------------------------


@pytest.fixture
def made(app, build):
    app.config.intersphinx_mapping = {}
    app.env = SimpleNamespace(titles={})
    return Notebooks(app)


def png(width, height):
    file = io.BytesIO()
    Image.new("L", (width, height)).save(file, "PNG")
    return file.getvalue()


@pytest.mark.parametrize(("language", "stream"), [("none", "stdout"), ("pytb", "stderr")])
def test_what_is_printed_is_a_stream_and_a_traceback_that_of_errors(made, language, stream):
    shown = nodes.container("", nodes.literal_block("", "one\ntwo", language=language, classes=["sphx-glr-script-out"]))
    assert list(made.outputs(shown)) == [{"output_type": "stream", "name": stream, "text": ["one\n", "two\n"]}]


def test_a_figure_is_shown_and_of_an_animation_only_what_moves(made, project):
    (project / "recipes/x.png").write_bytes(png(10, 8))
    image = nodes.image(uri="/recipes/x.png", alt="A figure")
    still = nodes.image(uri="/recipes/x.png", alt="A figure", classes=["sphx-glr-single-img", STILL])
    (output,) = made.outputs(nodes.container("", image, still))
    assert base64.b64decode(output["data"]["image/png"]) == png(10, 8)
    assert output["data"]["text/plain"] == ["A figure"]


def test_an_output_in_html_is_that_and_its_text(made):
    shown = nodes.literal_block("", "a  b", classes=["sphx-glr-script-out"], html="<p>a</p>\n<p>b</p>")
    assert list(made.outputs(nodes.container("", shown))) == [
        {
            "output_type": "display_data",
            "data": {"text/html": ["<p>a</p>\n", "<p>b</p>"], "text/plain": ["a  b\n"]},
            "metadata": {},
        }
    ]


def test_code_of_the_page_is_no_output(made):
    assert list(made.outputs(nodes.container("", nodes.literal_block("", "x = 1"), nodes.paragraph("", "x")))) == []


def test_what_markdown_cannot_say_is_a_problem_of_the_recipe_at_its_block(made, build):
    shown = [(nodes.paragraph("", "text"), 1), (nodes.raw("", "<hr>", format="html"), 1)]
    assert made.markdown("section/one.py", SimpleNamespace(lineno=9), shown) == ""
    ((location, message),) = build.problems
    assert location == "recipes_source/section/one.py:9" and "'raw'" in message and "<hr>" in message
    assert made.markdown("section/one.py", SimpleNamespace(lineno=9), shown[:1]) == "text"


# -- what links depend on ------------------------------------------------------------------


def links(app, build, text, **changed):
    """Return the digest of what the links of a recipe with this *text* depend on."""
    two = "recipes/section/two"
    app.config.intersphinx_mapping = {"x": ("x", ("https://x", (None, "x.inv")))}
    app.config.html_baseurl = changed.get("site", "")
    (build.gallery.parent / "x.inv").write_text(changed.get("inventory", ""))
    app.env = SimpleNamespace(titles={two: nodes.title("", changed.get("title", "Two"))})
    one = SimpleNamespace(docname="recipes/section/one", blocks=[SimpleNamespace(content=text)])
    build.recipes = {"section/one.py": one, "section/two.py": SimpleNamespace(docname=two)}
    return Notebooks(app).links("section/one.py")


@pytest.mark.parametrize(
    ("changed", "matters"),
    [
        ({"title": "Other"}, True),
        ({"site": "https://a.b/"}, True),
        ({"other": 1}, False),
    ],
)
def test_links_change_with_what_they_show_and_where_they_lead(app, build, changed, matters):
    text = "See :ref:`sphx_glr_recipes_section_two.py`."
    assert (links(app, build, text) != links(app, build, text, **changed)) == matters


def test_links_do_not_change_with_titles_that_the_recipe_does_not_link_to(app, build):
    assert links(app, build, "Text.") == links(app, build, "Text.", title="Other")
    assert re.fullmatch("[0-9a-f]{64}", links(app, build, "Text."))
