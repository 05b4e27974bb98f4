"""What is a problem, where it is, and the list of all at the end."""

import logging
from types import SimpleNamespace

import pytest
from cookbook.problems import one_line, pages, place, summarize
from sphinx.util import logging as sphinx_logging

ONE = SimpleNamespace(docname="recipes/section/one")


@pytest.mark.parametrize(
    ("message", "line"),
    [
        ("what. What to do", "what. What to do"),
        ("Title underline too short.\n\nTitle\n---", "Title underline too short: Title"),
        ('Unknown directive type "x".\n\n.. x::\n   y\n', 'Unknown directive type "x": .. x::'),
        ("two\nlines  of text ", "two lines of text"),
        ("", ""),
    ],
)
def test_a_message_is_one_line(message, line):
    assert one_line(message) == line


@pytest.mark.parametrize(
    ("location", "where"),
    [
        ("", ""),
        ("{root}/recipes_source/section/one.py:9", "recipes_source/section/one.py:9"),
        ("recipes_source/section/one.py:9", "recipes_source/section/one.py:9"),
        ("{root}/recipes_source/section/one.py:", "recipes_source/section/one.py:1"),
        ("{root}/recipes/section/one.rst", "recipes_source/section/one.py:1"),
        ("{root}/recipes/section/one.rst:12", "recipes_source/section/one.py:12"),
        ("{root}/recipes/section/index.rst:12", "recipes/section/index.rst:12"),
        ("{root}/index.rst", "index.rst:1"),
        ("/elsewhere/x.rst:3", "/elsewhere/x.rst:3"),
    ],
)
def test_a_place_is_a_file_of_the_project_and_a_line(build, project, location, where):
    build.recipes = {"section/one.py": ONE}
    assert place(build, location.format(root=project)) == where


@pytest.mark.parametrize(
    ("location", "names"),
    [
        ("recipes_source/section/one.py:9", ["recipes/section/one"]),
        ("recipes_source/section/GALLERY_HEADER.rst:2", ["recipes/index", "recipes/section/index"]),
        ("recipes_source/GALLERY_HEADER.rst:2", ["recipes/index", "recipes/index"]),
        ("index.rst:3", ["index"]),
    ],
)
def test_the_pages_of_a_place_are_those_made_from_its_file(build, location, names):
    build.recipes = {"section/one.py": ONE}
    assert pages(build, location) == names


def test_each_warning_is_a_problem_once_and_they_are_listed_by_place(app, build, project, caplog):
    caplog.set_level(logging.INFO, "sphinx")
    logger = sphinx_logging.getLogger("elsewhere")
    summarize(app, None)
    assert caplog.messages == []
    build.recipes = {"section/one.py": ONE}
    build.problem("recipes_source/section/one.py:10", "what else")
    for _ in range(2):
        logger.warning("100%%: %s", "what", location=f"{project}/recipes_source/section/one.py:9")
    logger.warning("without a place")
    logger.info("no problem")
    doctree = project / "_build/doctrees/recipes/section/one.doctree"
    doctree.parent.mkdir(parents=True)
    doctree.touch()
    summarize(app, None)
    assert caplog.messages[-1].splitlines()[1:] == [
        "3 problem(s) with recipes:",
        "  without a place",
        "  recipes_source/section/one.py:9: 100%: what",
        "  recipes_source/section/one.py:10: what else",
    ]
    assert not doctree.exists(), "its page is read again in the next build"
