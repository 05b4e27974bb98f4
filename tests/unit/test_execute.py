"""Which recipes may be executed, and the list of problems at the end."""

import logging
from dataclasses import replace

import pytest
from cookbook.run.execute import select, summarize
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


@pytest.mark.parametrize("wanted", ["load", "load.py", "a/load", "a/load.py"])
def test_one_is_chosen_by_its_file_name_or_its_path(choose, wanted):
    assert choose(wanted) == {"a/load.py"}


@pytest.mark.parametrize(("wanted", "hint"), [("loda", "load"), ("b/load", "load"), ("x", "load"), ("sav.py", "save")])
def test_a_name_that_is_none_ends_the_build_with_one_that_is(choose, wanted, hint):
    with pytest.raises(ExtensionError) as raised:
        choose(wanted)
    told = str(raised.value)
    assert told.startswith(f"RECIPE={wanted}: ") and f"RECIPE={hint} " in told and "recipes_source/" in told


def test_without_plots_none_is_executed(choose, build):
    build.conf["plot_gallery"] = False
    assert choose("load") == choose("no_such") == set()


def test_problems_are_listed_at_the_end_with_their_places(app, build, caplog):
    caplog.set_level(logging.INFO, "sphinx")
    summarize(app, None)
    assert caplog.messages == []
    build.problems = [("x.py:3", "what"), ("y.py:1", "what else")]
    summarize(app, None)
    assert caplog.messages[0].splitlines()[-2:] == ["  x.py:3: what", "  y.py:1: what else"]
