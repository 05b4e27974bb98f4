"""Every page for every reader: axe-core's rules, the keyboard alone, print, reduced motion."""

import pytest
from axe_playwright_python.sync_playwright import Axe
from conftest import PAGES, TWO_FRAMES
from playwright.sync_api import expect

RECIPE = "recipes/recipes/what_is_state_dict"
#: What has the focus: its name, whether it is seen, and whether an outline shows it.
FOCUS = """() => {
  const it = document.activeElement, box = it.getBoundingClientRect(), style = getComputedStyle(it);
  return {
    name: (it.getAttribute("aria-label") || it.textContent || it.name || "").trim().replace(/\\s+/g, " "),
    tag: it.tagName, kind: it.className, opacity: style.opacity,
    seen: box.width > 0 && box.height > 0 && box.right > 0,
    outlined: style.outlineStyle !== "none" && parseFloat(style.outlineWidth) > 0,
  };
}"""


CONTRAST = "color-contrast"
#: Where axe looks for what, at each width: code has the same colors at both, and takes it long.
LOOK = {
    1400: [(None, {})],
    400: [(None, {"rules": {CONTRAST: {"enabled": False}}}), ({"exclude": [["pre"]]}, {"runOnly": [CONTRAST]})],
}


@pytest.mark.parametrize("name", PAGES)
def test_axe_finds_no_violation(visit, name):
    page = visit(name)
    for scheme in ("light", "dark"):
        page.emulate_media(color_scheme=scheme)
        expect(page.locator("html")).to_have_attribute("data-theme", scheme)
        for width, looks in LOOK.items():
            page.set_viewport_size({"width": width, "height": 900})
            page.evaluate(TWO_FRAMES)
            for context, options in looks:
                found = Axe().run(page, context, {"resultTypes": ["violations"], **options}).response["violations"]
                told = [
                    f"{rule['id']}: {node['html'][:200]} {node['failureSummary']}"
                    for rule in found
                    for node in rule["nodes"]
                ]
                assert not told, (scheme, width, told[:5], len(told))


def walk(page, steps=400):
    """Press Tab until the page is left; return what had the focus, in order."""
    stops = []
    for _ in range(steps):
        page.keyboard.press("Tab")
        stop = page.evaluate(FOCUS)
        if stop["tag"] == "BODY":
            break
        stops.append(stop)
    return stops


@pytest.mark.parametrize("name", ["index", RECIPE])
@pytest.mark.parametrize("width", [1400, 400])
def test_keyboard_reaches_everything_and_sees_where_it_is(visit, name, width):
    page = visit(name, width)
    stops = walk(page)
    assert [s for s in stops if not s["seen"] or not s["outlined"] or float(s["opacity"]) < 0.5] == []
    names = [stop["name"] for stop in stops]
    assert names[0] == "Skip to main content"
    wanted = ["state_dict cookbook", "Recipes", "Search the cookbook", "Switch to the dark theme"]
    if name == RECIPE:
        wanted += ["Copy this code", "Copy this output", "Script", "Notebook"]
        wanted += ["Skip to the short answer", "Link to this code", "Back to top"]
    assert [one for one in wanted if one not in names] == []
    controls = page.locator("a[href]:visible, button:visible, input:visible, summary:visible").count()
    assert len(stops) >= controls


def test_keyboard_operates_skip_link_menu_theme_and_search(visit):
    page = visit(RECIPE, 400)
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    assert page.evaluate("document.activeElement.id") == "main-content"
    assert page.get_by_role("link", name="Resume training", exact=True).is_visible()
    page.focus("button.color-theme")
    page.keyboard.press("Space")
    assert page.evaluate("document.documentElement.dataset.theme") == "dark"
    page.focus(".site-search input")
    page.keyboard.type("missing key")
    page.keyboard.press("Enter")
    page.wait_for_url("**/search.html?q=missing+key")


@pytest.mark.parametrize("name", PAGES)
def test_what_scrolls_can_be_scrolled_with_the_keyboard(visit, name):
    page = visit(name, 400)
    page.evaluate("for (const it of document.querySelectorAll('details')) it.open = true")
    unreachable = """[...document.querySelectorAll("main *")].filter((it) =>
      it.scrollWidth > it.clientWidth && it.clientWidth && it.tabIndex < 0
      && ["auto", "scroll"].includes(getComputedStyle(it).overflowX)).map((it) => it.outerHTML.slice(0, 200))"""
    page.evaluate(TWO_FRAMES)
    assert page.evaluate(unreachable) == []


def test_print_cuts_nothing_and_leaves_out_what_paper_cannot_do(visit):
    page = visit(RECIPE, 700)
    page.emulate_media(media="print")
    cut = page.evaluate("""() => [...document.querySelectorAll("main pre, main table")].filter((it) =>
      it.clientWidth && (it.scrollWidth > it.clientWidth + 1 || it.scrollHeight > it.clientHeight + 1)).length""")
    assert cut == 0
    for control in (".site-header", ".copy-text", ".site-sections", ".prev-next"):
        assert page.locator(f"{control}:visible").count() == 0, control
    assert page.locator(".sphx-glr-script-out pre:visible").count() == page.locator(".sphx-glr-script-out pre").count()


def test_nothing_moves_for_who_wants_no_motion(visit):
    page = visit("index")
    page.emulate_media(reduced_motion="reduce")
    moving = page.evaluate("""() => [...document.querySelectorAll("*")].filter((it) => {
      const style = getComputedStyle(it);
      return parseFloat(style.transitionDuration) > 0 || style.animationName !== "none";
    }).length""")
    assert moving == 0
