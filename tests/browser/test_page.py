"""A recipe's page as its reader meets it: the answer first, cells, folds, "On this page", the end."""

import re
import statistics
import subprocess
import sys
from functools import cache
from types import SimpleNamespace

import pytest
from conftest import PAGES, RECIPES, ROOT, TWO_FRAMES, recipe
from playwright.sync_api import expect
from reading import parse
from rules import Source

RECIPE = "recipes/troubleshooting/removing_wrapper_prefixes"
#: The top of an element in the page, in pixels.
TOP = "it => it.getBoundingClientRect().top + scrollY"


@pytest.fixture(scope="module")
def measured(browser, address):
    """Where a recipe's answer begins at 1280 and at 400 px, and how high its page is: ``measured(name)``, in pixels."""

    @cache
    def measure(name):
        page = browser.new_page(viewport={"width": 1280, "height": 900})
        page.goto(f"{address}/recipes/{name}.html")
        height = page.evaluate("document.documentElement.scrollHeight")
        desktop = page.locator(".answer pre").evaluate(TOP)
        page.set_viewport_size({"width": 400, "height": 850})
        page.evaluate(TWO_FRAMES)
        phone = page.locator(".answer pre").evaluate(TOP)
        page.close()
        return SimpleNamespace(desktop=desktop, phone=phone, height=height)

    return measure


@pytest.mark.parametrize("name", RECIPES)
def test_the_answer_is_on_the_first_screen(measured, name):
    assert measured(name).desktop <= 620
    assert measured(name).phone <= 800


def test_pages_are_short_with_folds_closed(measured):
    heights = {name: measured(name).height for name in RECIPES}
    assert statistics.median(heights.values()) <= 5500, heights


@pytest.mark.parametrize("width", [1280, 400])
def test_what_other_versions_of_torch_print_is_folded_at_the_end_behind_a_link(visit, site, width):
    differing = [name for name in RECIPES if parse(site / f"recipes/{name}.html").select_one(".provenance a")]
    for name in differing[:: len(differing) // 3 or 1]:
        page = visit(f"recipes/{name}", width)
        there = page.locator("#other-versions pre")
        assert not any(pre.is_visible() for pre in there.all())
        assert page.locator("article h2").last.evaluate(TOP) < page.locator("details:has(> #other-versions)").evaluate(
            TOP
        )
        page.locator(".provenance a").click()
        expect(there.first).to_be_in_viewport()
        assert all(pre.evaluate("it => it.scrollWidth <= it.clientWidth") for pre in there.all())
    assert differing


@pytest.mark.parametrize("name", RECIPES)
def test_the_answer_as_copied_runs_after_the_folded_scene(visit, tmp_path, name):
    page = visit(f"recipes/{name}")
    page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    page.locator(".answer").get_by_role("button", name="Copy this code").click()
    answer = page.evaluate("navigator.clipboard.readText()")
    assert "assert" not in answer
    source = Source(ROOT / f"recipes_source/{name}.py")
    scene = [block.content for block in source.blocks if block.type == "code" and block.lineno < source.answer[0]]
    clean = ["import os, tempfile", "os.chdir(globals().get('here', os.curdir))"]
    (tmp_path / "program.py").write_text("\n".join([*scene, answer, *clean]))
    done = subprocess.run([sys.executable, "program.py"], cwd=tmp_path, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("name", PAGES)
def test_header_and_footer_are_small_and_nothing_is_empty_between(visit, name):
    page = visit(name)
    for width in (1400, 1024, 400):
        page.set_viewport_size({"width": width, "height": 900})
        page.evaluate(TWO_FRAMES)
        height = {part: page.locator(part).bounding_box()["height"] for part in ("header.site-header", "footer")}
        assert height["header.site-header"] <= 100 and height["footer"] <= 140, width
        assert page.locator("h1:visible").evaluate(TOP) <= height["header.site-header"] + 90, width
        ends = page.locator("main").evaluate("it => it.lastElementChild.getBoundingClientRect().bottom + scrollY")
        whole = page.evaluate("document.documentElement.scrollHeight")
        if width == 1400 and whole > 900:  # elsewhere the list of recipes is below
            assert whole - ends <= height["footer"] + 100


@pytest.mark.parametrize("width", [1400, 1024, 400])
def test_a_link_to_a_heading_a_cell_or_an_output_shows_it_below_what_stays_at_the_top(visit, width):
    page = visit(RECIPE, width)
    ids = page.eval_on_selector_all("h2, .cell, .sphx-glr-script-out", "all => all.map(it => it.closest('[id]').id)")
    assert "short-answer-code" in ids
    for name in ids[:12]:
        page.evaluate(f"location.hash = '{name}'")
        page.evaluate(TWO_FRAMES)
        top = page.locator(f"[id='{name}']").evaluate("it => it.getBoundingClientRect().top")
        covered = page.evaluate("""() => Math.max(0, ...[...document.querySelectorAll(".site-header, .page-toc")]
            .filter((it) => getComputedStyle(it).position === "sticky")
            .map((it) => it.getBoundingClientRect()).filter((box) => box.top < 80).map((box) => box.bottom))""")
        end = page.evaluate("scrollY + innerHeight >= document.documentElement.scrollHeight - 2")
        assert top >= covered - 1 and (top < 500 or end), name


@pytest.mark.parametrize("width", [1400, 400])
@pytest.mark.parametrize("name", ["index", "recipes/index", RECIPE, "errors"])
def test_no_word_breaks_inside_a_button(visit, name, width):
    page = visit(name, width)
    broken = page.evaluate("""() => [...document.querySelectorAll("button, .take-away a, .prev-next a, .site-links a")]
      .filter((it) => it.offsetWidth && it.textContent.trim()).filter((it) => {
        const widest = Math.max(...it.textContent.trim().split(/\\s+/).map((word) => {
          const probe = document.createElement("span");
          probe.style.cssText = "position: absolute; white-space: nowrap; visibility: hidden";
          probe.textContent = word;
          it.append(probe);
          const width = probe.offsetWidth;
          probe.remove();
          return width;
        }));
        return it.clientWidth + 1 < widest;
      }).map((it) => it.textContent)""")
    assert broken == []


def test_headings_differ_and_their_sign_waits_for_the_pointer(visit):
    page = visit(RECIPE)
    style = "it => [parseFloat(getComputedStyle(it).fontSize), parseInt(getComputedStyle(it).fontWeight)]"
    (h1, bold), (h2, bold2) = (page.locator(f"article {tag}").first.evaluate(style) for tag in ("h1", "h2"))
    assert h1 > h2 * 1.2 and h2 > 20 and min(bold, bold2) >= 600
    heading = page.locator("article h2").first
    sign = heading.locator(".headerlink")
    opacity = "it => getComputedStyle(it).opacity"
    assert sign.evaluate(opacity) == "0"
    heading.hover()
    assert sign.evaluate(opacity) == "1"


def test_lines_of_text_are_short_and_underlines_spare_underscores(visit):
    page = visit(RECIPE)
    longest = page.evaluate("""() => Math.max(...[...document.querySelectorAll("article section > p:not(.provenance)")].map((it) => {
      const probe = document.createElement("span");
      probe.textContent = "0".repeat(100);
      it.append(probe);
      const letter = probe.getBoundingClientRect().width / 100;
      probe.remove();
      return it.clientWidth / letter;
    }))""")
    assert 60 <= longest <= 75
    offset = page.locator("article a.reference").first.evaluate("it => getComputedStyle(it).textUnderlineOffset")
    assert offset != "auto"


@pytest.mark.parametrize(("width", "toc"), [(1400, ".site-toc"), (400, ".page-toc")])
def test_on_this_page_follows_the_reader(visit, width, toc):
    page = visit(RECIPE, width)
    current = page.locator(f"{toc} ul [aria-current=true]")
    sections = page.eval_on_selector_all("article section section", "all => all.map(it => it.id)")
    for name in [sections[1], sections[-2], sections[0]]:
        page.locator(f"[id='{name}']").evaluate("it => it.scrollIntoView()")
        expect(current).to_have_attribute("href", f"#{name}")
    page.evaluate("scrollTo(0, document.documentElement.scrollHeight)")
    expect(current).to_have_attribute("href", f"#{sections[-1]}")
    page.locator("a", has_text="Back to top").locator("visible=true").last.click()
    expect(page.locator("header.site-header")).to_be_in_viewport()


@pytest.mark.parametrize("key", ["/", "Control+k"])
def test_a_key_leads_to_the_search_but_not_while_one_types(visit, key):
    page = visit(RECIPE)
    page.keyboard.press(key)
    expect(page.locator(".site-search input")).to_be_focused()
    page.keyboard.type("a/b")
    expect(page.locator(".site-search input")).to_have_value("a/b")


CELLS = recipe(
    """
    model = {"a": 1}
    print(model)
    assert model == {"a": 1}
    for value in model.values():
        assert value

    # %%
    # Wrong.

    # sphinx_gallery_wrong = True
    print("the wrong way")
    assert True

    # %%

    # sphinx_gallery_fold = "Code of the ``figure``"
    print("behind the fold")

    # %%
    # Error.

    print("KeyError: 'a'")
    """
).replace("# Some text.", "# Short answer\n# ------------\n#\n# Text.\n#\n# .. fold:: Setup\n#\n#    Install it.")


@pytest.fixture(scope="module")
def cells(browser, module_site):
    """The page of a recipe that has every kind of cell."""
    tiny = module_site({"one.py": CELLS})
    built = tiny.build()
    assert built.code == 0, built.log
    page = browser.new_context(permissions=["clipboard-read", "clipboard-write"]).new_page()
    page.goto(tiny.page("one.html").as_uri())
    yield page
    page.context.close()


def test_copy_leaves_out_the_checks_which_are_one_line_below(cells):
    checks = cells.locator(".answer .checks")
    assert checks.locator("summary").inner_text().strip() == "2 checks"
    assert not checks.locator("pre").is_visible()
    cells.locator(".answer").get_by_role("button", name="Copy this code").first.click()
    assert cells.evaluate("navigator.clipboard.readText()") == 'model = {"a": 1}\nprint(model)'
    checks.locator("summary").click()
    assert "for value in model.values():" in checks.locator("pre").inner_text()
    checks.locator("summary").click()


def test_wrong_code_is_marked_and_cannot_be_copied(cells):
    wrong = cells.locator(".cell.wrong")
    assert wrong.count() == 1 and wrong.locator("> div .copy-text").count() == 0
    assert wrong.evaluate("it => getComputedStyle(it, '::before').content") == '"Wrong"'
    border = "it => getComputedStyle(it).borderLeftColor"
    assert wrong.locator("> div pre").evaluate(border) != cells.locator(".answer > div pre").evaluate(border)


def test_only_errors_look_like_errors(cells):
    outputs = cells.locator(".sphx-glr-script-out")
    assert [("error-output" in kind) for kind in outputs.evaluate_all("all => all.map(it => it.className)")] == [
        *[False] * (outputs.count() - 1),
        True,
    ]


def test_every_cell_and_output_has_an_address_and_opens_its_fold(cells):
    ids = cells.eval_on_selector_all(".cell, .sphx-glr-script-out", "all => all.map(it => it.id)")
    assert all(ids) and len(ids) == len(set(ids))
    assert {"short-answer-code", "short-answer-output"} <= set(ids)
    fold = cells.locator("details.fold", has_text="Code of the figure")
    assert fold.locator("summary code").inner_text() == "figure"
    folded = fold.locator(".cell").get_attribute("id")
    assert not fold.locator("pre").is_visible()
    cells.evaluate(f"location.hash = '{folded}'")
    expect(fold.locator("pre")).to_be_visible()
    fold.locator("summary").click()


def test_paper_has_what_is_folded_in_dark_letters(cells):
    cells.evaluate("document.documentElement.dataset.theme = document.documentElement.dataset.mode = 'dark'")
    cells.emulate_media(media="print")
    cells.evaluate("dispatchEvent(new Event('beforeprint'))")
    assert cells.locator("details.fold pre").first.is_visible()
    for part in ("article p", ".answer > div pre", ".sphx-glr-script-out pre"):
        color = cells.locator(part).first.evaluate("it => getComputedStyle(it).color")
        assert max(map(int, re.findall(r"\d+", color)[:3])) < 130, (part, color)
    cells.emulate_media(media="screen")
    cells.evaluate("dispatchEvent(new Event('afterprint'))")
    cells.evaluate("document.documentElement.dataset.theme = document.documentElement.dataset.mode = 'light'")


def test_without_javascript_a_page_has_its_list_its_folds_and_its_colors(browser, address):
    context = browser.new_context(java_script_enabled=False, viewport={"width": 1400, "height": 900})
    page = context.new_page()
    page.goto(f"{address}/{RECIPE}.html")
    assert page.locator(".site-sections a").first.is_visible()
    page.locator("details.fold > summary").first.click()
    assert page.locator("details.fold pre").first.is_visible()
    color = page.locator("article a.reference").first.evaluate("it => getComputedStyle(it).color")
    red, green, blue = map(int, re.findall(r"\d+", color)[:3])
    assert red > green and red > blue
    context.close()


@pytest.mark.parametrize("width", [1400, 1024])
def test_no_ring_of_the_focus_is_clipped(visit, width):
    page = visit(RECIPE, width)
    clipped = page.evaluate("""() => [...document.querySelectorAll(".site-sections a, .site-toc a")].filter((it) => {
      const rail = it.closest("nav.site-sections, aside").getBoundingClientRect(), box = it.getBoundingClientRect();
      return box.width && (box.left - 4 < rail.left || box.right + 4 > rail.right);
    }).map((it) => it.textContent)""")
    assert clipped == []


def test_the_tab_key_is_soon_at_the_answer(visit):
    page = visit(RECIPE)
    for stops in range(1, 16):
        page.keyboard.press("Tab")
        if page.evaluate("document.activeElement.closest('.answer') && document.activeElement.matches('.copy-text')"):
            break
        if page.locator(":focus").inner_text() == "Skip to the short answer":
            page.keyboard.press("Enter")
    else:
        pytest.fail(f"Copy of the answer is not within {stops} stops")


@pytest.mark.parametrize("name", PAGES)
def test_each_page_has_one_viewport(site, name):
    assert len(parse(site / f"{name}.html").select("meta[name=viewport]")) == 1


def test_tags_say_how_many_recipes_they_have_and_none_leads_to_nothing(visit):
    page = visit("recipes/index")
    counts = page.eval_on_selector_all(".filter-tags button", "all => all.map(it => Number(it.dataset.count))")
    assert min(counts) >= 1
    page.locator(".filter-tags button").first.click()
    shown = page.locator("li.card:visible").count()
    others = "all => all.map((it) => it.dataset.tag)"
    for tag in page.eval_on_selector_all(".filter-tags button:enabled[aria-pressed=false]", others):
        page.click(f"[data-tag='{tag}']")
        assert 1 <= page.locator("li.card:visible").count() <= shown, tag
        page.click(f"[data-tag='{tag}']")
