"""The search page: the first hit answers the query, in the browser, also without a server."""

import re
import tomllib

import pytest
from conftest import RECIPES, ROOT, recipe
from reading import parse

QUERIES = tomllib.loads((ROOT / "tests/pages/queries.toml").read_text(encoding="utf-8"))


@pytest.fixture(scope="module")
def search(browser, site):
    """Submit a query in the search page, opened from its file; return the addresses of the hits."""
    page = browser.new_page()
    page.errors = []
    page.on("pageerror", lambda error: page.errors.append(str(error)))
    page.on("console", lambda message: message.type == "error" and page.errors.append(message.text))
    page.goto((site / "search.html").as_uri())

    def search(query):
        page.fill("main input[name=q]", query)
        page.press("main input[name=q]", "Enter")
        return page.eval_on_selector_all("#search-results h2 a", "all => all.map(a => a.getAttribute('href'))")

    search.page = page
    yield search
    page.close()


def test_queries_are_in_words_of_their_own(site):
    assert set(QUERIES) <= set(RECIPES), "queries for a recipe that is gone"
    for name, queries in QUERIES.items():
        title = (ROOT / f"recipes_source/{name}.py").read_text(encoding="utf-8").splitlines()[1]
        assert len(set(queries)) >= 3, name
        assert title.casefold() not in [query.casefold() for query in queries]


@pytest.mark.parametrize("name", RECIPES)
def test_first_hit_is_the_recipe_that_answers(search, site, name):
    wrong = {}
    title = parse(site / f"recipes/{name}.html").h1.find(string=True).strip()
    for query in [title, *QUERIES.get(name, [])]:
        hits = search(query)
        if hits[:1] != [f"recipes/{name}.html"]:
            wrong[query] = hits[:2]
    assert not wrong
    assert search.page.errors == []


def test_hit_has_title_section_place_and_a_snippet(visit):
    page = visit("search", query="?q=RuntimeError: PytorchStreamReader failed reading zip archive")
    hit = page.locator("#search-results li").first
    assert hit.locator("h2 a").inner_text() == "Surviving truncated checkpoints"
    assert hit.locator(".where").inner_text().startswith("When loading fails › ")
    assert "failed reading zip archive" in hit.locator("p:not(.where), pre").inner_text()
    assert "failed" in hit.locator("mark").all_inner_texts()
    hit.locator(".where a").click()
    assert re.search(r"surviving_truncated_checkpoints\.html#\w", page.url)
    assert page.evaluate("document.querySelector(location.hash) !== null")
    assert page.complaints == []


def test_number_of_hits_and_no_hit_are_announced(visit):
    page = visit("search")
    status = page.get_by_role("status")
    assert status.inner_text() == "" and page.locator("#search-results li").count() == 0
    page.fill("main input[name=q]", "GradScaler")
    page.press("main input[name=q]", "Enter")
    number = page.locator("#search-results li").count()
    assert re.match(rf"{number} recipes?, ", status.inner_text())
    page.fill("main input[name=q]", "zzqqxx")
    page.press("main input[name=q]", "Enter")
    assert status.inner_text().startswith("No recipe has any of these words.")
    assert page.locator("#search-results li").count() == 0
    page.go_back()
    assert page.input_value("main input[name=q]") == "GradScaler"
    assert page.locator("#search-results li").count() == number
    assert page.complaints == []


def test_what_is_typed_stays_text(search):
    for query in ("<img src=x onerror=alert(1)>", "'\"><script>alert(1)</script>", "a" * 5000, "%", "constructor"):
        search(query)
        assert search.page.locator("main img, main script").count() == 0
    assert search.page.errors == []


def test_other_pages_lead_to_the_results(visit):
    page = visit("recipes/training/averaging_weights")
    page.fill(".site-search input", "weights_only")
    page.press(".site-search input", "Enter")
    page.wait_for_selector("#search-results li a")
    first = page.locator("#search-results h2 a").first
    assert first.get_attribute("href") == "recipes/troubleshooting/loading_safely_with_weights_only.html"


def test_keywords_that_are_no_list_of_strings_are_reported(tiny_site):
    built = tiny_site({"one.py": recipe("print(1)", settings="# sphinx_gallery_keywords = 'disk'\n")}).build()
    assert built.code != 0
    assert re.search(
        r"recipes_source/section/one\.py:7: .*give a list of strings, as in # sphinx_gallery_keywords = ", built.log
    )
