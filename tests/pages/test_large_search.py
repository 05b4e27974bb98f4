"""The search page of a site with more recipes than texts that it loads: what it finds, and how much it loads."""

import json
import random
import re
import shutil
import tomllib
from pathlib import Path
from urllib.parse import unquote, urlsplit

import pytest
from conftest import ROOT
from cookbook.site import postings

QUERIES = tomllib.loads((ROOT / "tests/pages/queries.toml").read_text(encoding="utf-8"))


@pytest.fixture(scope="module")
def large(browser, site, tmp_path_factory):
    """Open a search page of the cookbook's recipes and *more* that are like them; it has a list of what it loads."""
    small = browser.new_page()
    small.goto((site / "search.html").as_uri())
    recipes = small.evaluate("searchIndex")
    small.close()
    pages = []

    def large(more, whole=False):
        out, mixed = tmp_path_factory.mktemp("large"), random.Random(0)
        shutil.copytree(site / "_static", out / "_static")
        shutil.copy(site / "search.html", out)
        others = [mix(mixed, *mixed.sample(recipes, 2), number) for number in range(more)]
        every = [*recipes, *others]
        index = json.dumps(every if whole else postings.write(out / "_search", every))
        next(out.glob("_static/search-index.*.js")).write_text(f"const searchIndex = {index};\n")
        page = browser.new_page()
        pages.append(page)
        page.folder, page.loaded, page.errors = out, [], []
        page.on("request", lambda request: page.loaded.append(Path(unquote(urlsplit(request.url).path))))
        page.on("pageerror", lambda error: page.errors.append(str(error)))
        page.goto((out / "search.html").as_uri())
        return page

    yield large
    for page in pages:
        page.close()


def mix(mixed, one, other, number):
    """Return a recipe with two of three words of *one*, a quarter of them replaced by words of *other*."""
    words = re.findall(r"\w+", json.dumps(other["parts"]))

    def change(text):
        kept = [word for word in re.findall(r"\w+", text) if mixed.random() < 2 / 3]
        return " ".join(mixed.choice(words) if mixed.random() < 1 / 4 else word for word in kept)

    parts = [
        (anchor, change(head), [(kind, change(text)) for kind, text in blocks]) for anchor, head, blocks in one["parts"]
    ]
    more = {"title": change(one["title"]), "keywords": [], "messages": [], "parts": parts}
    return {**one, **more, "url": f"recipes/{number}.html"}


def ask(page, query):
    """Submit a query; return the addresses of the hits."""
    page.evaluate("document.querySelector('#search-status').textContent = ''")
    page.fill("main input[name=q]", query)
    page.press("main input[name=q]", "Enter")
    page.wait_for_selector("#search-status:not(:empty)")
    return page.eval_on_selector_all("#search-results h2 a", "all => all.map(a => a.getAttribute('href'))")


@pytest.fixture(scope="module")
def page(large):
    return large(300)


def test_the_first_hit_is_the_same_as_in_the_texts_of_all(page, large):
    whole = large(300, whole=True)
    queries = sorted({queries[0] for queries in QUERIES.values()})
    first = {query: [ask(where, query)[:1] for where in (page, whole)] for query in queries}
    other = {query: hits for query, hits in first.items() if hits[0] != hits[1]}
    assert len(other) <= len(queries) / 10, other
    assert page.errors == []


@pytest.mark.parametrize(
    ("query", "recipe"), [("safetensosr", "safetensors"), ("GradSca", "gradient_scaler"), ("lr", "learning_rate")]
)
def test_a_typo_a_beginning_and_a_synonym_find_it(page, query, recipe):
    ask(page, query)
    assert re.search(recipe, " ".join(ask(page, query))), page.inner_text("#search-results")


def test_what_is_in_no_recipe_is_not_found(page):
    assert ask(page, "zzqqxxjj") == [] == ask(page, "the")
    assert page.inner_text("#search-status").startswith("No recipe has any of these words.")


def test_a_part_that_cannot_be_loaded_is_said_and_tried_again(large):
    page = large(120)
    folder = next(page.folder.glob("_search/*"))
    folder.rename(page.folder / "away")
    assert ask(page, "gradient scaler") == []
    assert page.inner_text("#search-status") == "A part of the search index could not be loaded. Try again."
    (page.folder / "away").rename(folder)
    assert ask(page, "gradient scaler")


def test_what_is_loaded_does_not_grow_with_the_number_of_recipes(large):
    size = {}
    for more in (150, 1200):
        page = large(more)
        assert ask(page, "missing keys when loading") and len(page.loaded) > 10
        size[more] = sum(path.stat().st_size for path in page.loaded)
    assert size[1200] < 1.5 * size[150]
    assert size[1200] < 1_000_000
