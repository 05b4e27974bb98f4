"""The pages in a real browser: Debian's Chromium, headless, driven by Playwright.

Without a Chromium the tests are skipped, unless ``REQUIRE_BROWSER=1`` (as in ``.ci/run``).
"""

import pytest
from conftest import PAGES, RECIPES, TWO_FRAMES, VIOLATIONS, recipe
from playwright.sync_api import expect
from reading import parse


def looks_as_it_should(page):
    assert page.evaluate("getComputedStyle(document.body).display") == "flex", "no styles"
    assert page.locator("button.color-theme").is_visible(), "no script"
    assert page.evaluate("document.cookie || Object.keys(localStorage).length") == 0


@pytest.mark.parametrize("name", PAGES)
def test_page_opens_clean_in_both_themes_and_widths(visit, name):
    for scheme in ("light", "dark"):
        page = visit(name, 1400, scheme)
        looks_as_it_should(page)
        for width in (1400, 400):
            page.set_viewport_size({"width": width, "height": 900})
            page.evaluate(TWO_FRAMES)
            assert page.complaints == [], (scheme, width)
            assert page.evaluate("document.documentElement.dataset.theme") == scheme
            overflow = "document.documentElement.scrollWidth - document.documentElement.clientWidth"
            assert page.evaluate(overflow) <= 0, (scheme, width)


@pytest.mark.parametrize("width", [1400, 400])
def test_answers_on_cards_are_equally_high_and_nothing_of_them_scrolls(visit, width):
    page = visit("recipes/index", width)
    heights = page.eval_on_selector_all(".card-code", "all => all.map((it) => it.offsetHeight)")
    assert len(heights) == len(RECIPES) and len(set(heights)) == 1
    assert page.locator(".card :is(button, [tabindex], .more-right)").count() == 0


@pytest.mark.parametrize(
    ("name", "part", "control"), [("recipes/index", ".filter", "button"), ("errors", ".error-form", "textarea")]
)
def test_what_scripts_use_is_in_the_page_so_that_it_does_not_jump(site, browser, address, visit, name, part, control):
    assert parse(site / f"{name}.html").select_one(f"{part}:not([hidden]) {control}")
    assert visit(name).locator(f"{part} {control}").first.is_visible()
    without = browser.new_context(java_script_enabled=False)
    page = without.new_page()
    page.goto(f"{address}/{name}.html")
    assert page.locator("article h1").is_visible() and not page.locator(part).is_visible()
    without.close()


def test_theme_switch_is_remembered(visit):
    page = visit("index", scheme="light")
    page.click("button.color-theme")
    assert page.evaluate("document.documentElement.dataset.theme") == "dark"
    page.reload()
    assert page.evaluate("document.documentElement.dataset.theme") == "dark"
    assert page.context.cookies() == []
    assert page.evaluate("Object.keys(localStorage)") == ["theme"]


def test_search_works_without_a_server_side(visit):
    page = visit("index")
    page.fill(".site-search input", "momentum_buffer")
    page.press(".site-search input", "Enter")
    page.wait_for_selector("#search-results li a")
    links = page.eval_on_selector_all("#search-results li a", "all => all.map(a => a.href)")
    assert any("what_is_state_dict.html" in link for link in links)
    assert page.complaints == []


def test_every_section_is_listed_on_a_phone(visit):
    page = visit("recipes/recipes/what_is_state_dict", width=400)
    link = page.get_by_role("navigation", name="Recipes").get_by_role("link", name="When loading fails")
    link.click()
    page.wait_for_url("**/recipes/troubleshooting/index.html")


def test_code_and_output_are_copied_as_they_are_typed(visit):
    page = visit("recipes/recipes/what_is_state_dict")
    page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    for label, block in (("Copy this code", ".answer > div"), ("Copy this output", ".sphx-glr-script-out")):
        button = page.locator(block).first.get_by_role("button", name=label)
        button.focus()
        button.press("Enter")
        expect(page.locator(":focus")).to_have_text("Copied")
        shown = page.locator(f"{block} pre").first.inner_text().rstrip("\n")
        assert page.evaluate("navigator.clipboard.readText()") == shown
    assert page.complaints == []


def test_long_output_folds_and_unfolds_and_prints_whole(browser, module_site):
    tiny = module_site({"one.py": recipe("for i in range(60):\n    print(f'line {i}')")})
    assert tiny.build().code == 0
    page = browser.new_page()
    page.goto(tiny.page("one.html").as_uri())
    block = page.locator(".long-output pre")
    assert "line 59" in block.inner_text()
    cut = "it => it.scrollHeight > it.clientHeight + 1"
    assert block.evaluate(cut) and block.get_attribute("tabindex") == "0"
    button = page.get_by_role("button", name="Show all 60 lines")
    button.click()
    assert not block.evaluate(cut)
    page.get_by_role("button", name="Show fewer lines").click()
    page.emulate_media(media="print")
    assert not block.evaluate(cut)
    page.close()


@pytest.mark.parametrize("name", [name for name in PAGES if name != "404"])  # a host shows it, nobody opens it
def test_no_page_violates_its_policy_from_a_file(browser, site, name):
    page = browser.new_page()
    complaints = []
    page.on("console", lambda m: m.type == "error" and complaints.append(m.text))
    page.add_init_script(VIOLATIONS)
    page.goto(f"{site.as_uri()}/{name}.html", wait_until="load")
    assert complaints == []
    looks_as_it_should(page)
    page.close()
