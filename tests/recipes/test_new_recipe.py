"""``make new`` writes a recipe that builds and keeps the rules, or says why it does not."""

import subprocess
import sys

import pytest
from conftest import ROOT
from reading import outputs, parse
from rules import RULES, Source, problems
from running import run_script


@pytest.fixture
def copy(tiny_site):
    """A tiny site with a Makefile and two recipes of the real one, in two sections."""
    names = ("recipes/what_is_state_dict", "training/averaging_weights")
    site = tiny_site({f"{name}.py": (ROOT / f"recipes_source/{name}.py").read_text() for name in names})
    (site.folder / "Makefile").symlink_to(ROOT / "Makefile")
    return site


def make_new(site, *variables):
    # the environment that runs the tests, so that make installs nothing
    # and none of the `make test` that may be running this
    command = [
        "env",
        "-u",
        "MAKEFLAGS",
        "-u",
        "MAKELEVEL",
        "-u",
        "MFLAGS",
        "make",
        "--no-print-directory",
        "new",
        f"VENV={sys.prefix}",
        *variables,
    ]
    return subprocess.run(command, cwd=site.folder, capture_output=True, text=True)


def test_the_new_recipe_builds_and_keeps_every_rule(copy, tmp_path_factory):
    done = make_new(copy, "NAME=my_first_recipe", "SECTION=training")
    assert done.returncode == 0, done.stderr
    path = copy.source / "training/my_first_recipe.py"
    assert "recipes_source/training/my_first_recipe.py" in done.stdout
    assert problems(path) == []
    assert Source(path).settings["reading_order"] == 70

    done = run_script(path, tmp_path_factory.mktemp("new"))
    assert (done.code, done.stderr, done.left) == (0, "", [])

    for recipe in copy.source.glob("*/*.py"):  # the two others link to recipes that are not here
        if recipe != path:
            recipe.write_text(recipe.read_text().split('"""')[1].join(['"""', '"""\n\nprint(1)\n']))
    built = copy.build()
    assert built.code == 0, built.log
    page = copy.page("training/my_first_recipe.html")
    assert parse(page).h1.get_text().startswith("My first recipe?")
    shown, error = outputs(page)
    assert shown == "<All keys matched successfully>" and error.startswith("RuntimeError: Error(s) in loading")


def test_a_second_new_recipe_comes_after_the_first(copy):
    for name in ("one", "two"):
        assert make_new(copy, f"NAME={name}", "SECTION=recipes").returncode == 0
    paths = [copy.source / f"recipes/{name}.py" for name in ("one", "two")]
    assert [Source(path).settings["reading_order"] for path in paths] == [20, 30]
    assert [problem for path in paths for rule in RULES for problem in rule(Source(path))] == []


@pytest.mark.parametrize(
    ("variables", "says"),
    [
        ((), "NAME and SECTION missing: make new NAME=my_recipe SECTION=recipes (sections: recipes, training)"),
        (("NAME=fine",), "SECTION missing: make new NAME=fine SECTION=recipes (sections: recipes, training)"),
        (("SECTION=training",), "NAME missing: make new NAME=my_recipe SECTION=training (sections: recipes, training)"),
        (("NAME=averaging_weights", "SECTION=recipes"), "training/averaging_weights.py has this name"),
        (("NAME=fine", "SECTION=trainings"), "choose one of recipes, training"),
        (("NAME=fine", "SECTION=../tests"), "choose one of recipes, training"),
        (("NAME=My-Recipe", "SECTION=training"), "lower-case words"),
        (("NAME=../my_recipe", "SECTION=training"), "lower-case words"),
        (("NAME=two words", "SECTION=training"), "lower-case words"),
        (("NAME=it's; b", "SECTION=training"), "lower-case words"),
        (("NAME=_helper", "SECTION=training"), "lower-case words"),
        (("NAME=index", "SECTION=training"), "lower-case words"),
    ],
)
def test_bad_input_ends_with_one_line_and_writes_nothing(copy, variables, says):
    before = sorted(copy.source.rglob("*"))
    done = make_new(copy, *variables)
    said = [line for line in done.stderr.splitlines() if not line.startswith("make: ***")]
    assert done.returncode != 0 and len(said) == 1 and says in said[0]
    assert sorted(copy.source.rglob("*")) == before
