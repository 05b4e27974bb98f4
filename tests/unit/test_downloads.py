"""When the files that readers download have to be made anew."""

from types import SimpleNamespace

import pytest
from cookbook.gallery.downloads import fingerprint, is_current, stamp_path

NAME = "section/one.py"


@pytest.fixture
def state(tmp_path):
    """A build of one recipe whose files are current."""
    recipe = SimpleNamespace(key="key", task={"source": "text"})
    build = SimpleNamespace(gallery=tmp_path, recipes={NAME: recipe}, results={NAME: {}}, failed=set(), maker="maker")
    (tmp_path / "section").mkdir()
    stamp_path(build, NAME).write_text(fingerprint(build, NAME))
    return build


def other_key(build):
    build.recipes[NAME].key = "other"


def other_text(build):
    build.recipes[NAME].task["source"] = "other"


def other_maker(build):
    build.maker = "other"


def no_result(build):
    build.results.clear()


def failure(build):
    build.failed.add(NAME)


def killed(build):
    stamp_path(build, NAME).unlink()


def cut(build):
    stamp_path(build, NAME).write_text(fingerprint(build, NAME)[:-1])


def test_files_are_current_where_nothing_has_changed(state):
    assert is_current(state, NAME)


@pytest.mark.parametrize("change", [other_key, other_text, other_maker, no_result, failure, killed, cut])
def test_files_are_not_current_after_a_change(state, change):
    change(state)
    assert not is_current(state, NAME)


@pytest.mark.parametrize("change", [other_key, other_text, other_maker, no_result])
def test_the_stamp_says_what_the_files_are_made_from(state, change):
    before = fingerprint(state, NAME)
    change(state)
    assert fingerprint(state, NAME) != before and "\n" not in before


def test_without_a_result_its_key_says_nothing_of_the_files(state):
    no_result(state)
    before = fingerprint(state, NAME)
    other_key(state)
    assert fingerprint(state, NAME) == before


def test_the_stamp_lies_beside_the_recipe_s_files(state, tmp_path):
    assert stamp_path(state, NAME) == tmp_path / "section/one.py.stamp"
