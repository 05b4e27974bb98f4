"""Finding a recipe: tags, the gallery's filter, related recipes, previous and next."""

import re
import shutil

import pytest
from conftest import RECIPES, ROOT, TWO_FRAMES, recipe
from reading import parse, target


def tagged(title, *tags):
    settings = f"# sphinx_gallery_tags = {list(tags)!r}\n".replace("'", '"')
    return recipe(f"print({title!r})", title, settings)


# -- Tags --------------------------------------------------------------------


def test_tags_that_are_not_of_the_vocabulary_or_too_few_fail_the_build_and_no_other_recipe(tiny_site):
    tiny = tiny_site(
        {
            "wrong.py": tagged("Wrong", "saving", "lodaing"),
            "odd.py": tagged("Odd", "zebra", "saving"),
            "few.py": tagged("Few", "saving"),
            "same.py": tagged("Same", "saving", "saving"),
            "none.py": recipe("print(1)", "None"),
            "good.py": tagged("Good", "loading", "saving"),
        }
    )
    shutil.copy(ROOT / "conf.py", tiny.folder)
    built = tiny.build()
    assert built.code != 0
    few = r'tags: give it 2 to 5 different ones of recipe_tags in conf\.py, as in # sphinx_gallery_tags = \["loading", "sav'
    for place, said in (
        (r"wrong\.py:7", r'.*"lodaing".* did you mean "loading"\?'),
        (r"odd\.py:7", r'.*"zebra".* take one of: loading, '),
        (r"few\.py:7", f"1 {few}"),
        (r"same\.py:7", f"1 {few}"),
        (r"none\.py:1", f"0 {few}"),
    ):
        assert re.search(rf"recipes_source/section/{place}: WARNING: {said}", built.log), place
    assert "good.py" not in built.errors
    assert tiny.page("good.html").exists() and tiny.page("wrong.html").exists()


def test_tags_that_are_no_list_of_strings_end_the_build_with_their_place(tiny_site):
    built = tiny_site({"number.py": recipe("print(1)", "Number", "# sphinx_gallery_tags = [1]\n")}).build()
    assert built.code != 0
    assert re.search(
        r"recipes_source/section/number\.py:7: .*give a list of strings, as in # sphinx_gallery_tags = ", built.log
    )


def test_contributing_names_the_vocabulary(site):
    conf = {}
    exec((ROOT / "conf.py").read_text(encoding="utf-8"), {"__file__": str(ROOT / "conf.py")}, conf)
    text = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")
    paragraph = re.search(r"^Tags: .*?\n\n", text, re.MULTILINE | re.DOTALL)[0]
    assert [" ".join(tag.split()) for tag in re.findall(r"`([^`]+)`", paragraph)] == conf["recipe_tags"]


@pytest.mark.parametrize("name", RECIPES)
def test_tags_lead_to_the_gallery_with_their_filter(site, name):
    page = site / f"recipes/{name}.html"
    line = parse(page).select_one(".sphx-glr-example-tags")
    cards = parse(site / "recipes/index.html").select("li.card")
    card = next(c for c in cards if target(site / "recipes/index.html", c.a["href"])[0] == page.resolve())
    expected = [tag.removeprefix("tag-") for tag in card["class"] if tag.startswith("tag-")]
    assert re.fullmatch(r"Tags: [a-z ]+(, [a-z ]+)*", line.get_text())
    assert [a["href"] for a in line.select("a")] == [f"../index.html?tags={tag}" for tag in expected]


# -- The filter ----------------------------------------------------------------

SHOWN = "document.querySelectorAll('li.card:not([hidden])').length"


def test_filter_shows_the_recipes_with_all_chosen_tags(visit):
    page = visit("recipes/index")
    status = page.locator(".filter [role=status]")
    assert status.inner_text() == f"{len(RECIPES)} of {len(RECIPES)} recipes"
    page.get_by_role("button", name="loading", exact=True).click()
    loading = page.evaluate(SHOWN)
    assert 0 < loading < len(RECIPES)
    page.get_by_role("button", name="device", exact=True).click()
    both = page.evaluate(SHOWN)
    assert 0 < both < loading
    assert page.locator("li.card:visible").count() == both
    assert page.locator("li.card.tag-loading.tag-device:visible").count() == both
    assert status.inner_text() == f"{both} of {len(RECIPES)} recipes"
    headings = page.locator("article h2:visible").count()
    assert headings == page.locator("article section:has(> ul.cards li.card:not([hidden]))").count() < 4
    assert page.complaints == []


def test_filter_is_in_the_address(visit):
    page = visit("recipes/index", query="?tags=loading,file-size,nonsense")
    assert page.evaluate(SHOWN) == page.locator("li.card.tag-loading.tag-file-size").count() > 0
    pressed = page.locator(".filter [aria-pressed=true]")
    assert sorted(pressed.all_inner_texts()) == ["file size", "loading"]
    page.get_by_role("button", name="loading", exact=True).click()
    assert page.url.endswith("?tags=file-size")
    page.reload()
    assert pressed.all_inner_texts() == ["file size"]
    page.get_by_role("button", name="Clear the filter").click()
    assert page.url.endswith("recipes/index.html") and page.evaluate(SHOWN) == len(RECIPES)
    page.go_back()
    assert pressed.all_inner_texts() == ["file size"]
    page.go_back()
    assert sorted(pressed.all_inner_texts()) == ["file size", "loading"]
    assert page.complaints == []


def test_filter_works_with_the_keyboard(visit):
    page = visit("recipes/index")
    page.locator(".filter button").first.focus()
    chosen = page.evaluate("document.activeElement.textContent")
    page.keyboard.press("Space")
    assert page.evaluate("document.activeElement.getAttribute('aria-pressed')") == "true"
    assert page.url.endswith(f"?tags={chosen}")
    page.keyboard.press("Enter")
    assert page.evaluate(SHOWN) == len(RECIPES)
    page.keyboard.press("Space")
    page.locator(".filter-clear").focus()
    page.keyboard.press("Enter")
    assert page.evaluate("document.activeElement.textContent") == chosen, "the focus is lost"


def test_filter_works_from_a_file(browser, site):
    page = browser.new_page()
    page.goto((site / "recipes/index.html").as_uri())
    page.get_by_role("button", name="scheduler", exact=True).click()
    assert page.url.endswith("index.html?tags=scheduler")
    assert page.evaluate(SHOWN) == page.locator("li.card.tag-scheduler").count()
    page.close()


def test_without_javascript_every_card_is_shown_and_no_dead_control(browser, address):
    context = browser.new_context(java_script_enabled=False)
    page = context.new_page()
    page.goto(f"{address}/recipes/index.html?tags=loading")
    assert page.locator("li.card:visible").count() == len(RECIPES)
    assert page.locator("main button:visible").count() == 0
    context.close()


def test_filter_is_only_where_it_is_used(site):
    pages = [p for p in site.rglob("*.html") if "_static" not in p.parts]
    having = [p for p in pages if parse(p).select("script[src*='/filter.']")]
    assert having == [site / "recipes/index.html"]


# -- Related recipes, previous and next ------------------------------------------


@pytest.mark.parametrize("name", RECIPES)
def test_each_page_ends_with_three_related_recipes_that_it_does_not_link_to(site, name):
    page = site / f"recipes/{name}.html"
    links = [target(page, a["href"])[0] for a in parse(page).select("nav.related li a")]
    said = {target(page, a["href"])[0] for a in parse(page).select("article a.reference.internal")}
    recipes = {(site / f"recipes/{other}.html").resolve() for other in RECIPES if other != name}
    assert len(links) == len(set(links)) == 3
    assert set(links) <= recipes - said


def test_previous_and_next_go_from_recipe_to_recipe_in_the_gallery_order(site):
    gallery = site / "recipes/index.html"
    order = [target(gallery, card.a["href"])[0] for card in parse(gallery).select("li.card")]
    assert len(order) == len(RECIPES)
    for before, page, after in zip([None, *order], order, [*order[1:], None]):
        for rel, expected in (("prev", before), ("next", after)):
            link = parse(page).select_one(f".prev-next a[rel={rel}]")
            assert (target(page, link["href"])[0] if link else None) == expected, (page.name, rel)


def test_related_recipes_share_tags_and_only_changed_pages_are_written_again(module_site):
    tags = {"a": ["loading", "dtype"], "b": ["loading", "dtype"], "c": ["saving"], "d": ["saving"], "e": ["memory"]}
    tiny = module_site({f"{name}.py": tagged(f"Recipe {name}", *found) for name, found in tags.items()})
    tiny.write("other/GALLERY_HEADER.rst", "Other\n-----\n\nSome.\n")
    for name in "xyz":
        tiny.write(f"other/{name}.py", tagged(f"Recipe {name}", "sharing"))
    assert tiny.build().code == 0

    def related(name):
        return [a.get_text() for a in parse(tiny.page(f"{name}.html")).select("nav.related li a")]

    assert related("a")[0] == "Recipe b" and related("c")[0] == "Recipe d"
    assert set(related("other/x")[:2]) == {"Recipe y", "Recipe z"}
    assert parse(tiny.page("e.html")).select_one("a[rel=next]").get_text() == "Next Recipe x"

    written = {p.name: p.stat().st_mtime_ns for p in tiny.out.glob("recipes/*/[a-z].html")}
    tiny.write("other/z.py", tagged("Better title", "sharing"))
    assert tiny.build().code == 0
    again = {p.name for p in tiny.out.glob("recipes/*/[a-z].html") if p.stat().st_mtime_ns != written[p.name]}
    assert "Better title" in related("other/x")
    assert parse(tiny.page("other/y.html")).select_one("a[rel=next]").get_text() == "Next Better title"
    assert {"x.html", "y.html", "z.html"} <= again
    assert not {"a.html", "b.html"} & again, "their lists did not change"


@pytest.mark.parametrize(
    ("name", "item", "inside"), [("recipes/index", "li.card", ".promise"), ("errors", ".error-entry", ".cause")]
)
def test_of_long_lists_the_browser_lays_out_the_beginning_and_what_is_on_the_screen(visit, name, item, inside):
    page = visit(name)
    multiply = """([item, times]) => {
        for (const one of document.querySelectorAll(`article ${item}`)) {
            for (let i = 1; i < times; i++) one.parentElement.append(one.cloneNode(true));
        }
    }"""
    laid_out = """text => [...document.querySelectorAll(text)].filter(
        (it) => it.checkVisibility({ contentVisibilityAuto: true })).length"""
    counts = []
    for times in (10, 4):  # ten times as many, then forty
        page.evaluate(multiply, [item, times])
        page.evaluate(TWO_FRAMES)
        counts.append(page.evaluate(laid_out, f"article {item} {inside}"))
    assert counts[1] < 1.5 * counts[0] < page.locator(f"article {item} {inside}").count() / 4
    last = page.locator(f"article {item} {inside}").last
    last.scroll_into_view_if_needed()
    page.evaluate(TWO_FRAMES)
    assert last.evaluate("it => it.checkVisibility({ contentVisibilityAuto: true })")
