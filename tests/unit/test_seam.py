"""Replacing the names of a table, all of them, and giving them back."""

import sys
from types import ModuleType

import pytest
from cookbook.seam import PAGES, PROCESS, Seam

NAMES = ("someone.package.load", "someone.save")


@pytest.fixture
def someone(monkeypatch):
    """A package of another's with the two functions."""
    package = ModuleType("someone")
    package.package, package.save = ModuleType("someone.package"), max
    package.package.load = min
    monkeypatch.setitem(sys.modules, "someone", package)
    monkeypatch.setitem(sys.modules, "someone.package", package.package)
    return package


def test_ours_stand_in_for_the_stock_functions_until_they_are_taken_back(someone):
    seam = Seam(NAMES)
    assert seam.stock == {"someone.package.load": min, "someone.save": max}
    seam.attach({"someone.package.load": print, "someone.save": repr})
    assert (someone.package.load, someone.save) == (print, repr)
    seam.detach()
    assert (someone.package.load, someone.save) == (min, max)


@pytest.mark.parametrize("names", [NAMES[:1], (*NAMES, "someone.other"), ()])
def test_other_names_than_those_of_the_table_are_refused_and_nothing_is_replaced(someone, names):
    with pytest.raises(KeyError) as raised:
        Seam(NAMES).attach(dict.fromkeys(names, print))
    assert all((name in str(raised.value)) == (name not in names or name not in NAMES) for name in {*NAMES, *names})
    assert (someone.package.load, someone.save) == (min, max)


def test_a_name_that_is_gone_is_an_error_before_anything_is_replaced(someone):
    del someone.save
    with pytest.raises(AttributeError, match="save"):
        Seam(NAMES)


def test_no_name_is_in_both_tables():
    assert len({*PAGES, *PROCESS}) == len(PAGES) + len(PROCESS)
