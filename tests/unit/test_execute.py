"""Which recipes may be executed."""

from dataclasses import replace

import pytest
from cookbook.run.execute import select
from sphinx.errors import ExtensionError

RECIPES = ("a/load.py", "a/load_more.py", "b/save.py", "b/wörter.py")


@pytest.fixture
def choose(build):
    """Return the recipes that ``RECIPE=wanted`` chooses."""
    build.recipes = dict.fromkeys(RECIPES)
    build.conf["plot_gallery"] = True

    def choose(wanted):
        build.environ = replace(build.environ, recipe=wanted)
        return select(build)

    return choose


def test_without_a_wish_they_are_all(choose):
    assert choose("") == set(RECIPES)


@pytest.mark.parametrize(
    "wanted",
    ["load", "load.py", "a/load", "a/load.py", "recipes_source/a/load.py", "./recipes_source/a/load", "./load"],
)
def test_one_is_chosen_by_its_file_name_or_its_path(choose, wanted):
    assert choose(wanted) == {"a/load.py"}


def test_one_is_chosen_by_an_absolute_path_also_through_a_link(choose, project, tmp_path_factory):
    link = tmp_path_factory.mktemp("link") / "project"
    link.symlink_to(project)
    (project / "recipes_source/a").mkdir()
    (project / "recipes_source/a/load.py").touch()
    for folder in (project, link):
        assert choose(f"{folder}/recipes_source/a/load.py") == {"a/load.py"}


@pytest.mark.parametrize(
    ("wanted", "hint"),
    [("loda", "load"), ("b/load", "load"), ("sav.py", "save"), ("/elsewhere/recipes_source/a/load.py", "load")],
)
def test_a_name_that_is_none_ends_the_build_with_those_that_are(choose, wanted, hint):
    with pytest.raises(ExtensionError) as raised:
        choose(wanted)
    told = str(raised.value)
    assert told.startswith(f"RECIPE={wanted}: ") and f"Did you mean RECIPE={hint}" in told and "recipes_source/" in told
    assert "There are: load, load_more, save, w\u00f6rter" in told


@pytest.mark.parametrize("wanted", ["x", ".", "/", "a", "a/", ".py"])
def test_a_name_like_no_other_ends_it_too(choose, wanted):
    with pytest.raises(ExtensionError, match=r"There are: load, load_more"):
        choose(wanted)


def test_a_name_of_two_recipes_ends_it_with_their_paths(choose, build):
    build.recipes["b/load.py"] = None
    with pytest.raises(
        ExtensionError, match=r"RECIPE=load\.py is the name of 2 recipes: give one of a/load\.py, b/load\.py"
    ):
        choose("load.py")
    assert choose("b/load") == {"b/load.py"}


def test_without_plots_none_is_executed(choose, build):
    build.conf["plot_gallery"] = False
    assert choose("load") == choose("no_such") == set()
