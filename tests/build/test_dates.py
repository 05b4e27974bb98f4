"""The date that a build declares is of that build alone; the tests build in a folder of their own.

Tests declare 2023-11-14, a day on which nothing here can have been executed.
"""

from datetime import UTC, datetime

import pytest
from conftest import ROOT, recipe
from reading import outputs, parse, snapshot

DECLARED = "2023-11-14"


def today():
    return datetime.now(UTC).date().isoformat()


def day(out, name):
    """Return the day on which the page below *out* says that its recipe was verified."""
    return parse(out / f"recipes/section/{name}.html").select_one(".provenance time")["datetime"]


@pytest.fixture(scope="module")
def both(module_site):
    """A site that the tests build first, executing its recipes, and then a user, who declares no date."""
    site = module_site({"one.py": recipe("print(1)", "One"), "two.py": recipe("print(2)", "Two")})
    site.began, site.tests = today(), site.folder / "_build/test/html"
    for out, environment in ((site.tests, {}), (site.out, {"SOURCE_DATE_EPOCH": None})):
        site.done = site.build(out=out, **environment)
        assert site.done.code == 0, site.done.log
    return site


def test_what_was_executed_under_a_declared_date_is_kept_with_the_day_it_was(both):
    assert "2 from the cache, 0 to execute" in both.done.log
    assert day(both.tests, "one") == DECLARED
    assert both.began <= day(both.out, "one") <= today()


def test_no_page_of_the_users_build_has_the_declared_date(both):
    assert [path for path in both.out.rglob("*.html") if "2023" in path.read_text()] == []


def test_neither_build_makes_anything_of_the_other_anew(both):
    folders = both.folder / "_build/html", both.folder / "_build/test/html", both.folder / "recipes"
    before = snapshot(*folders)
    logs = [both.build(out=both.tests).log, both.build(SOURCE_DATE_EPOCH=None).log]
    assert ["0 added, 0 changed, 0 removed" in log for log in logs] == [True, True], logs
    after = snapshot(*folders)
    assert {path for path in before | after if before.get(path) != after.get(path)} == set()


def test_a_change_shows_in_both(both):
    path = both.source / "section/two.py"
    path.write_text(path.read_text().replace("print(2)", "print('changed')"))
    both.build(out=both.tests)
    both.build(SOURCE_DATE_EPOCH=None)
    for out in (both.tests, both.out):
        assert outputs(out / "recipes/section/two.html") == ["changed"]
    assert day(both.tests, "two") == DECLARED
    assert both.began <= day(both.out, "two") <= today()


def test_a_removed_recipe_leaves_no_page_in_either(both):
    (both.source / "section/two.py").unlink()
    both.build(out=both.tests)
    both.build(SOURCE_DATE_EPOCH=None)
    for out in (both.tests, both.out):
        assert [path for path in out.rglob("*") if "two" in path.name] == []


def test_the_tests_build_the_real_site_in_a_folder_of_their_own(site):
    assert site.is_relative_to(ROOT / "_build/test")
