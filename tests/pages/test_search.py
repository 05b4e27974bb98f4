"""The search page: the first hit answers the query, in the browser, also without a server."""

import json
import re
import tomllib
from functools import cache
from urllib.parse import quote

import pytest
from conftest import RECIPES, ROOT, recipe
from reading import parse

#: What people wrote in real threads, and the recipes that answer.
CASES = json.loads((ROOT / "tests/pages/cases.json").read_text(encoding="utf-8"))
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


def title_of(site, name):
    return parse(site / f"recipes/{name}.html").h1.get_text().rstrip("#").strip()


def test_queries_are_in_words_of_their_own(site):
    assert set(QUERIES) <= set(RECIPES), "queries for a recipe that is gone"
    for name, queries in QUERIES.items():
        assert len(set(queries)) >= 3, name
        assert title_of(site, name).casefold() not in [query.casefold() for query in queries]


@pytest.mark.parametrize("name", RECIPES)
def test_first_hit_is_a_recipe_that_answers(search, site, name):
    wrong = {}
    for query in [title_of(site, name), *QUERIES.get(name, [])]:
        right = [f"recipes/{other}.html" for other in RECIPES if other == name or query in QUERIES.get(other, [])]
        hits = search(query)
        if not hits or hits[0] not in right:
            wrong[query] = hits[:2]
    assert not wrong
    assert search.page.errors == []


@pytest.mark.parametrize("name", QUERIES)
def test_what_answers_a_message_shows_that_message(search, site, name):
    for query in QUERIES[name]:
        if re.match(r"[\w.]*(Error|Warning|Exception): ", query):
            words, fixed = (re.findall(r"[a-z_]+", text.lower()) for text in (query, words_of(site, search(query)[0])))
            size = min(3, len(words) - 1)
            there = {tuple(fixed[i : i + size]) for i in range(len(fixed))}
            assert any(tuple(words[i : i + size]) in there for i in range(1, len(words) - size + 1)), query


@cache
def words_of(site, path):
    return parse(site / path).article.get_text(" ")


def test_readers_own_words_find_a_recipe_that_answers(search):
    """The words of real threads, nine in ten of them."""
    wrong = {}
    for case in CASES:
        hits = [hit.rpartition("/")[2].removesuffix(".html") for hit in search(case["words"])[:1]]
        if case["accept"] and not set(hits) & set(case["accept"]):
            wrong[case["words"]] = hits
    assert len(wrong) <= len(CASES) / 10, wrong


@pytest.mark.parametrize(
    ("query", "recipe"),
    [
        ("gradscalar state", "saving_the_gradient_scaler"),
        ("safetensosr", "safetensors"),
        ("expnential moving average", "averaging_weights"),
        ("dataparalel prefix", "removing_wrapper_prefixes"),
    ],
)
def test_a_typo_is_forgiven(search, query, recipe):
    assert re.search(recipe, search(query)[0])


def test_results_come_while_typing(visit):
    page = visit("search")
    page.locator("main input[name=q]").press_sequentially("GradSca", delay=10)
    page.wait_for_selector("#search-results li")
    assert "saving_the_gradient_scaler" in page.locator("#search-results h2 a").first.get_attribute("href")
    assert page.input_value("main input[name=q]") == "GradSca"


def test_a_hit_has_the_short_answer_and_never_quotes_a_wrong_fix(visit, site):
    page = visit("search", query="?q=replace module. prefix")
    first = page.locator("#search-results li:has(h2)").first
    assert "removing_wrapper_prefixes" in first.locator("h2 a").get_attribute("href")
    assert "load_state_dict" in first.locator("details[open] pre").inner_text()
    wrong = [
        line.strip()
        for name in RECIPES
        for block in parse(site / f"recipes/{name}.html").select(".wrong pre")
        for line in block.get_text().splitlines()
        if len(line) > 20
    ]
    assert len(wrong) > 20
    snippets = page.locator("#search-results li > pre").all_inner_texts()
    assert not [line for line in wrong for snippet in snippets if line in snippet]


def test_an_error_message_is_handed_to_the_finder(visit):
    message = 'RuntimeError: Error(s) in loading state_dict for Net:\n\tUnexpected key(s) in state_dict: "module.a".'
    page = visit("search", query=f"?q={quote(message)}")
    page.click(".to-finder a")
    page.wait_for_url("**/errors.html*")
    assert page.input_value("#error-message").split() == message.split()
    assert page.locator("#error-matches a").count()
    assert page.complaints == []


def test_a_traceback_that_is_pasted_goes_to_the_finder(visit):
    message = "Traceback (most recent call last):\n  File 'x.py', line 1\nKeyError: 'state_dict'"
    for name in ("search", "recipes/training/averaging_weights"):
        page = visit(name)
        page.evaluate(
            """text => {
                const data = new DataTransfer();
                data.setData("text/plain", text);
                const field = document.querySelector("input[name=q]");
                field.dispatchEvent(new ClipboardEvent("paste", { clipboardData: data, bubbles: true, cancelable: true }));
            }""",
            message,
        )
        page.wait_for_url("**/errors.html*")
        assert page.input_value("#error-message") == message


def test_hit_has_title_section_place_and_a_snippet(visit):
    page = visit("search", query="?q=RuntimeError: PytorchStreamReader failed reading zip archive")
    hit = page.locator("#search-results li:has(h2)").first
    assert "surviving_truncated_checkpoints" in hit.locator("h2 a").get_attribute("href")
    assert hit.locator(".where").inner_text().startswith("When loading fails › ")
    assert "failed reading zip archive" in hit.locator("> p:not(.where), > pre").inner_text()
    assert "failed" in hit.locator("mark").all_inner_texts()
    hit.locator(".where a").click()
    page.wait_for_url(re.compile(r"surviving_truncated_checkpoints\.html#\w"))
    assert page.evaluate("document.querySelector(location.hash) !== null")
    assert page.complaints == []


def test_number_of_hits_and_no_hit_are_announced(visit):
    page = visit("search")
    status = page.locator("#search-status")
    assert status.inner_text() == "" and page.locator("#search-results h2").count() == 0
    page.fill("main input[name=q]", "GradScaler")
    page.press("main input[name=q]", "Enter")
    number = page.locator("#search-results h2").count()
    assert re.search(rf"\b{number} (recipes?, |of \d+ recipes )", status.inner_text())
    page.fill("main input[name=q]", "zzqqxx")
    page.press("main input[name=q]", "Enter")
    assert status.inner_text().startswith("No recipe has any of these words.")
    assert page.locator("#search-results h2").count() == 0
    page.go_back()
    assert page.input_value("main input[name=q]") == "GradScaler"
    assert page.locator("#search-results h2").count() == number
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
