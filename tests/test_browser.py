"""The pages in a real browser: Debian's Chromium, headless, driven by Playwright.

Without a Chromium the tests are skipped, unless ``REQUIRE_BROWSER=1`` (as in ``.ci/run``).
"""

import pytest
from conftest import PAGES


@pytest.mark.parametrize("name", PAGES)
def test_page_opens_clean_in_both_themes_and_widths(visit, name):
    for scheme in ("light", "dark"):
        for width in (1400, 400):
            page = visit(name, width, scheme)
            assert page.complaints == [], (scheme, width)
            assert page.evaluate("document.documentElement.dataset.theme") == scheme
            overflow = "document.documentElement.scrollWidth - document.documentElement.clientWidth"
            assert page.evaluate(overflow) <= 0, (scheme, width)
            if name.count("/") == 2 and not name.endswith("index"):
                assert page.locator("a[download]:visible", has_text=".py").count() >= 2
                shown = page.locator("img.sphx-glr-single-img:visible")
                other = page.locator(f"img.only-{'dark' if scheme == 'light' else 'light'}:visible")
                assert shown.count() > 0 or page.locator("img.sphx-glr-single-img").count() == 0
                assert other.count() == 0


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


def test_menu_of_recipes_opens_on_a_phone(visit):
    page = visit("recipes/recipes/what_is_state_dict", width=400)
    link = page.get_by_role("navigation", name="Recipes").get_by_role("link", name="When loading fails")
    assert not link.is_visible()
    page.click("text=All recipes")
    link.click()
    assert page.url.endswith("recipes/troubleshooting/index.html")
