"""The recipes that a page lists, and those before and after it."""

from types import SimpleNamespace

import pytest
from cookbook.pages.navigation import MAX_LISTED, add_gallery_sections, find_neighbors, nearest, recipes_in_order
from cookbook.state import state_of
from counting import calls
from docutils import nodes
from fuzzing import fuzz
from hypothesis import given
from hypothesis import strategies as st

SECTIONS = {"s/index": ["s/a", "s/b"], "t/index": ["t/c"], "u/index": []}


def env_of(sections):
    names = [name for section, recipes in sections.items() for name in (section, *recipes)]
    return SimpleNamespace(
        toctree_includes={"recipes/index": list(sections), **sections},
        titles={name: nodes.title("", name.upper()) for name in ["index", "recipes/index", *names]},
    )


@pytest.fixture
def env():
    return env_of(SECTIONS)


@fuzz()
@given(st.integers(0, 3 * MAX_LISTED), st.data())
def test_the_nearest_are_in_order_around_the_current_one(count, data):
    recipes = list(range(count))
    current = data.draw(st.integers(0, count - 1)) if count else None
    found = nearest(recipes, current)
    assert len(found) == min(count, MAX_LISTED)
    assert found == recipes[found[0] : found[-1] + 1] if found else not count
    if count:
        before, after = current - found[0], found[-1] - current
        assert before >= 0 <= after
        assert abs(before - after) <= 1 or found[0] == 0 or found[-1] == count - 1


def test_as_many_are_listed_on_each_side():
    found = nearest(list(range(100)), 50)
    assert found.index(50) == MAX_LISTED // 2 == len(found) - 1 - found.index(50)


def test_without_a_current_one_the_nearest_are_the_first():
    assert nearest(list(range(100)), "other") == list(range(MAX_LISTED))
    assert nearest([], "other") == []


def test_recipes_are_in_order_across_sections(env):
    assert recipes_in_order(env) == ["s/a", "s/b", "t/c"]
    assert recipes_in_order(SimpleNamespace(toctree_includes={})) == []


def test_neighbors_go_across_sections_and_not_around(env):
    find_neighbors(None, env)
    found = {name: (of.prev, of.next) for name, of in state_of(env).neighbors.items() if of.prev or of.next}
    assert found == {
        "s/a": (None, ("s/b", "S/B")),
        "s/b": (("s/a", "S/A"), ("t/c", "T/C")),
        "t/c": (("s/b", "S/B"), None),
    }


def test_nothing_has_changed_in_the_first_build_nor_in_one_without_a_change(env):
    assert find_neighbors(None, env) == find_neighbors(None, env) == []
    assert state_of(env).neighbors.keys() == {"s/index", "s/a", "s/b", "t/index", "t/c", "u/index"}


@pytest.mark.parametrize(
    ("renamed", "pages"),
    [
        ("s/a", {"s/index", "s/a", "s/b"}),  # its section lists it, and s/b leads to it
        ("s/b", {"s/index", "s/a", "s/b", "t/c"}),
        ("t/c", {"t/index", "t/c", "s/b"}),
        ("t/index", {"s/index", "s/a", "s/b", "t/index", "t/c", "u/index"}),  # every page lists the sections
        ("index", set()),
    ],
)
def test_pages_that_show_a_changed_title_are_written_anew(env, renamed, pages):
    find_neighbors(None, env)
    env.titles[renamed] = nodes.title("", "New")
    changed = find_neighbors(None, env)
    assert set(changed) == pages and len(changed) == len(pages)


@pytest.mark.parametrize("sections", [{}, {"s/index": []}])
def test_a_site_without_a_recipe_has_no_neighbors(sections):
    env = env_of(sections)
    assert find_neighbors(None, env) == []
    assert all(of.prev is of.next is None for of in state_of(env).neighbors.values())


def test_pages_around_a_new_recipe_are_written_anew(env):
    find_neighbors(None, env)
    env.toctree_includes["t/index"] = ["t/c", "t/new"]
    env.titles["t/new"] = nodes.title("", "New")
    assert set(find_neighbors(None, env)) == {"t/index", "t/c"}


def test_of_a_large_section_only_what_is_listed_counts():
    recipes = [f"s/{i:03}" for i in range(3 * MAX_LISTED)]
    env = env_of({"s/index": recipes})
    find_neighbors(None, env)
    assert state_of(env).neighbors[recipes[0]].count == len(recipes)
    env.titles[recipes[-1]] = nodes.title("", "New")
    changed = find_neighbors(None, env)
    assert recipes[-1] in changed and recipes[0] not in changed
    env.toctree_includes["s/index"] = recipes[:-1]
    assert recipes[0] in find_neighbors(None, env), "it says how many there are"


def sections_of(env, page):
    context = {"pathto": lambda name: f"{name}.html"}
    find_neighbors(None, env)
    add_gallery_sections(SimpleNamespace(env=env), page, "page.html", context, None)
    return context


def test_a_page_lists_all_sections_and_the_recipes_of_its_own(env):
    context = sections_of(env, "s/b")
    found = context["gallery_sections"]
    assert [(s["title"], s["link"], s["current"]) for s in found] == [
        ("S/INDEX", "s/index.html", True),
        ("T/INDEX", "t/index.html", False),
        ("U/INDEX", "u/index.html", False),
    ]
    assert found[0]["count"] == 2
    assert [(r["title"], r["link"], r["current"]) for r in found[0]["recipes"]] == [
        ("S/A", "s/a.html", False),
        ("S/B", "s/b.html", True),
    ]
    assert not found[1]["recipes"] and context["recipe_section"] is found[0]
    assert context["prev"] == {"link": "s/a.html", "title": "S/A"}
    assert context["next"] == {"link": "t/c.html", "title": "T/C"}


@pytest.mark.parametrize(("page", "current"), [("t/index", [False, True, False]), ("search", [False, False, False])])
def test_a_page_that_is_no_recipe_has_no_neighbors(env, page, current):
    context = sections_of(env, page)
    assert [section["current"] for section in context["gallery_sections"]] == current
    assert context["recipe_section"] is context["prev"] is context["next"] is None


def test_with_eight_times_as_many_recipes_it_is_eight_times_the_work():
    def navigate(count):
        recipes = [f"s/{i:03}" for i in range(count)]
        env = env_of({"s/index": recipes[: count // 2], "t/index": recipes[count // 2 :]})
        find_neighbors(None, env)
        for page in recipes:
            add_gallery_sections(SimpleNamespace(env=env), page, "page.html", {"pathto": str}, None)

    assert 7 < calls(navigate, 800) / calls(navigate, 100) < 10
