"""Whatever recipes say and print, pages and notebooks say it in that order, and none of it is markup.

Hypothesis writes 18 recipes of all that means something to some parser; one site is built of them.
"""

import ast
import re

import nbformat
import pytest
from cookbook.run.process.text import clean
from fuzzing import ANY, WORD, fuzz
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from reading import downloads, lines, parse
from test_markdown import READER, TAGS

pytestmark = pytest.mark.slow

WORDS = st.lists(WORD, min_size=1, max_size=5).map(" ".join)
LITERAL = (
    st.lists(WORD, min_size=1, max_size=2)
    .map(" ".join)
    .map(str.strip)
    .filter(lambda text: text and not set(text) & set("`\\"))
)
PARAGRAPH = st.lists(
    st.tuples(st.just("plain"), WORDS) | st.tuples(st.just("literal"), LITERAL), min_size=1, max_size=3
)
TEXT = st.tuples(st.just("text"), st.none() | WORDS, st.lists(PARAGRAPH, min_size=1, max_size=2))
PRINTED = st.lists(
    WORDS | ANY | st.sampled_from(["  deep", "\tx", "\n\n", "...", ">>> 1", "\u2028.. raw:: html"]),
    min_size=1,
    max_size=4,
)
CODE = st.tuples(st.just("code"), PRINTED)
COUNT = 18


def escaped(text):
    """Return *text* as reStructuredText that says just it."""
    return re.sub(r"([!-/:-@[-`{-~])", r"\\\1", text)


def straight(text):
    """Return *text* without blanks, and with quotes, dashes and dots as they are typed."""
    for typed, shown in (('"', "“”"), ("'", "‘’"), ("--", "–"), ("---", "—"), ("...", "…")):
        text = re.sub(f"[{shown}]", typed, text)
    return re.sub(r"\s", "", text)


def said(block):
    """Return what the page must say of a text *block*, its heading first."""
    _, heading, paragraphs = block
    return [*filter(None, [heading]), *(" ".join(words for _, words in paragraph) for paragraph in paragraphs)]


def source(number, title, blocks):
    """Return the recipe, and the code of its cells."""
    docstring = f"{escaped(title)}\n{'=' * 120}\n\nRecipe {number} prints.\n".replace("\\", "\\\\").replace('"', '\\"')
    parts, cells = [f'"""\n{docstring}"""\n'], []
    for kind, *content in blocks:
        if kind == "code":
            mark = f"{number}.{len(cells)}"
            texts = [text if text.isprintable() else None for text in content[0]]
            prints = [f"print({text!r})" if known else f"print({text!a})" for text, known in zip(content[0], texts)]
            cells.append("\n".join([f"print('mark {mark}')", *prints]))
            parts.append(f"\n# %%\n# Cell {mark}.\n\n{cells[-1]}\n")
        else:
            heading, paragraphs = content
            text = f"{escaped(heading)}\n{'-' * 120}\n\n" if heading else ""
            text += "\n\n".join(
                " ".join(escaped(words) if how == "plain" else f"``{words}``" for how, words in paragraph)
                for paragraph in paragraphs
            )
            parts.append("\n# %%\n" + "".join(f"# {line}\n" for line in text.split("\n")))
    return "".join(parts), cells


@pytest.fixture(scope="module")
def recipes():
    """What the recipes say: ``[(title, blocks), ...]``."""
    made = []

    @settings(fuzz(COUNT), suppress_health_check=list(HealthCheck))
    @given(WORDS, st.lists(TEXT | CODE, min_size=4, max_size=10), CODE)
    def make(title, blocks, last):
        made.append((f"Recipe {title}", [*blocks, last]))

    make()
    return made


@pytest.fixture(scope="module")
def site(module_site, recipes):
    files = {f"r{i:02}.py": source(i, title, blocks)[0] for i, (title, blocks) in enumerate(recipes)}
    site = module_site(files)
    done = site.build()
    assert done.code == 0, done.log[-6000:]
    return site


@pytest.fixture(params=range(COUNT))
def number(request):
    return request.param


def shown(texts):
    return lines("\n".join(clean(text).expandtabs() for text in texts))


def test_the_recipes_are_many_things(recipes):
    everything = repr(recipes)
    assert len(recipes) == COUNT and everything.count("('text', ") > COUNT and everything.count("('code', ") > 2 * COUNT
    assert all(part in everything for part in ("<script>", "```", ".. raw:: html", "]: b"))


def test_a_page_says_everything_in_order(site, recipes, number):
    title, blocks = recipes[number]
    page = parse(site.page(f"r{number:02}.html"))
    assert straight(page.select_one("h1").get_text().removesuffix("#")) == straight(title)
    assert straight(page.title.get_text()).startswith(straight(title))
    _, cells = source(number, title, blocks)
    found = [pre.get_text().strip("\n") for pre in page.select("article pre")]
    wanted = []
    for cell, (_, texts) in zip(cells, (block for block in blocks if block[0] == "code")):
        wanted += [cell, shown([f"mark {cell[12:].split(chr(39))[0]}", *texts])]
    assert [text if i % 2 == 0 else lines(text) for i, text in enumerate(found)] == wanted
    text, at = straight(page.select_one("article").get_text()), 0
    for block in blocks:
        for part in said(block) if block[0] == "text" else ["Cell"]:
            at = text.find(straight(part), at)
            assert at >= 0, part


def test_a_notebook_says_the_same_in_cells(site, recipes, number):
    title, blocks = recipes[number]
    notebook = nbformat.read(downloads(site.page(f"r{number:02}.html"))[".ipynb"], as_version=4)
    nbformat.validate(notebook)
    code = [cell for cell in notebook.cells[1:] if cell.cell_type == "code"]
    assert [cell.source for cell in code] == source(number, title, blocks)[1]
    printed = [block[1] for block in blocks if block[0] == "code"]
    for cell, texts in zip(code, printed):
        assert lines("".join(output.text for output in cell.outputs))[1:] == shown(texts)
    texts = [straight(words(cell.source)) for cell in notebook.cells if cell.cell_type == "markdown"]
    assert straight(title) in texts[0]
    at = 0
    for block in (block for block in blocks if block[0] == "text"):
        part = straight("".join(said(block)))
        at = next((i for i in range(at, len(texts)) if part in texts[i]), None)
        assert at is not None, part


def words(markdown):
    """Return the text of *markdown* as a program shows it; fail where it has markup of a recipe's."""
    said = ""
    for part in READER.parse(markdown):
        assert part.type not in ("html_block", "hr", "blockquote_open", "table_open"), (part, markdown)
        for inner in part.children or ():
            assert inner.type not in ("image", "s_open"), (inner, markdown)
            assert inner.type != "html_inline" or inner.content in TAGS, (inner, markdown)
            said += inner.content if inner.type != "html_inline" else ""
    return said


def test_a_markdown_version_has_code_and_outputs_in_order(site, recipes, number):
    title, blocks = recipes[number]
    text = site.page(f"r{number:02}.md").read_text(encoding="utf-8")
    fences = [part.content for part in READER.parse(text) if part.type == "fence"]
    assert [fence.strip("\n") for fence in fences[::2]] == source(number, title, blocks)[1]
    printed = [block[1] for block in blocks if block[0] == "code"]
    assert [lines(fence)[1:] for fence in fences[1::2]] == [shown(texts) for texts in printed]
    assert straight(title) in straight(words(text))


def test_a_script_is_python(site, number):
    ast.parse(downloads(site.page(f"r{number:02}.html"))[".py"].read_text(encoding="utf-8"))


def test_no_page_has_markup_of_a_recipe(site):
    pages = list(site.out.rglob("*.html"))
    assert len(pages) > COUNT
    for page in pages:
        for element in parse(page).find_all(True):
            assert not [name for name in element.attrs if name.startswith("on")], (page, element)
            assert element.name not in ("b", "iframe", "object", "embed"), (page, element)
            if element.name == "script":
                assert re.fullmatch(r"(\.\./)*_static/[\w.-]+\.js", element["src"]), (page, element)
                assert not element.get_text(), (page, element)
            address = element.get("href") or element.get("src") or ""
            assert re.match(r"https?:|[\w./#?=%-]*$|data:", address), (page, element)
        assert not parse(page).select("img[src=x]")
