"""What a page says of how its recipe was verified."""

import json
import platform
from types import SimpleNamespace

import pytest
from cookbook.environ import Environ
from cookbook.pages import provenance as module
from cookbook.pages.provenance import outdated, provenance, verified
from cookbook.recipes import dependencies
from cookbook.recipes.recipe import code_of
from sphinx_gallery.py_source_parser import Block

RESULT = {"error": None, "seconds": 4.9, "date": "2026-11-23"}
PYTHON = f"Python {platform.python_version()}"
TODAY, DECLARED = Environ(jobs=1), Environ(jobs=1, epoch=1700000000)


@pytest.fixture(autouse=True)
def torch(monkeypatch):
    monkeypatch.setattr(dependencies, "version", {"torch": "2.13.0+cpu"}.__getitem__)


@pytest.fixture(autouse=True)
def nothing_verified(monkeypatch, tmp_path):
    monkeypatch.setattr(module, "VERIFIED", tmp_path / "verified.json")


def test_it_is_the_versions_the_day_and_the_time():
    assert provenance(RESULT, TODAY) == {
        "torch": "2.13.0",
        "python": platform.python_version(),
        "date": "2026-11-23",
        "said": f"Verified with torch 2.13.0 and {PYTHON} on 2026-11-23. Runs in under 5 seconds.",
        "exceptions": "",
        "others": [],
    }


def test_a_declared_date_is_all_that_is_said_of_the_time():
    assert provenance(RESULT, DECLARED)["said"] == f"Verified with torch 2.13.0 and {PYTHON} on 2023-11-14."


@pytest.mark.parametrize(
    ("seconds", "time"),
    [
        (0, "under 5 seconds"),
        (5, "under 20 seconds"),
        (20, "under a minute"),
        (59.9, "under a minute"),
        (60, "under 2 minutes"),
        (120, "minutes"),
    ],
)
def test_the_time_is_in_steps(seconds, time):
    assert provenance({**RESULT, "seconds": seconds}, TODAY)["said"].endswith(f". Runs in {time}.")


@pytest.mark.parametrize("result", [None, {**RESULT, "error": {"text": "x"}}])
def test_what_was_not_executed_or_failed_is_not_verified(result):
    assert provenance(result, TODAY) is None


def test_pages_are_out_of_date_when_what_they_say_changes_and_only_then(app, build):
    env = SimpleNamespace(found_docs={"recipes/one", "recipes/two"})
    names = ("one", "two", "new")
    build.recipes = {
        f"{name}.py": SimpleNamespace(name=f"{name}.py", docname=f"recipes/{name}", blocks=[]) for name in names
    }
    build.results = {f"{name}.py": RESULT for name in names}

    def pages():
        return outdated(app, env, set(), set(), set())

    assert pages() == ["recipes/one", "recipes/two"] and pages() == []
    build.results["one.py"] = {**RESULT, "date": "2026-11-24"}
    build.results["two.py"] = {**RESULT, "seconds": 4.8}
    assert pages() == ["recipes/one"] and pages() == []
    record = {"code": code_of([]), "found": []}
    module.VERIFIED.write_text(json.dumps({"2.12.0": {"2.14.1": {"two.py": record}}}))
    assert pages() == [], "that is how it compares with the output of 2.12.0"
    module.VERIFIED.write_text(json.dumps({"2.13.0": {"2.14.1": {"two.py": record}}}))
    assert pages() == ["recipes/two"] and pages() == []
    build.results["one.py"] = {**RESULT, "error": {"text": "x"}}
    assert pages() == [], "its failure is in its output"


def block(code):
    return Block("code", code, 1)


def test_another_torch_counts_while_the_code_is_what_ran_there():
    recipe = SimpleNamespace(name="one.py", blocks=[Block("text", "prose", 1), block("x = 1  # why\n")])
    code = code_of(recipe.blocks)
    versions = {
        "2.14.1": {"one.py": {"code": code, "found": []}},
        "2.6.0": {"one.py": {"code": code, "found": "KeyError: 1"}, "two.py": {"code": code, "found": []}},
        "2.9.0": {"one.py": {"code": code, "found": ["-1", "+2"]}},
        "2.8.0": {},
    }
    everything = {"2.14.1": [], "2.6.0": "KeyError: 1", "2.9.0": ["-1", "+2"]}
    assert verified(versions, recipe) == everything
    recipe.blocks[0] = Block("text", "other prose", 1)
    recipe.blocks.append(block("# sphinx_gallery_fold = 'Scene'\n"))
    assert verified(versions, recipe) == everything
    recipe.blocks[1] = block("x = 2  # why\n")
    assert verified(versions, recipe) == {}


@pytest.mark.parametrize(
    ("others", "said", "exceptions"),
    [
        ({"2.14.1": []}, "Same output on torch 2.13.0 and 2.14.1.", ""),
        ({"2.13.0": ["-a"]}, "Runs in under 5 seconds.", ""),
        ({"2.14.1": [], "2.6.0": [], "2.10.0": []}, "Same output on torch 2.6.0, 2.10.0, 2.13.0 and 2.14.1.", ""),
        (
            {"2.14.0": [], "2.15.0": ["-a"], "2.6.0": ["+b"], "2.5.1": "KeyError: 1"},
            "Same output on torch 2.13.0 and 2.14.0.",
            "Output differs on torch 2.6.0 and 2.15.0. Does not run on torch 2.5.1.",
        ),
        (
            {f"2.{minor}.0": "KeyError: 1" if minor < 2 else [] if minor > 7 else ["-a"] for minor in range(15)},
            "Same output on 7 versions of torch from 2.8.0 to 2.14.0.",
            "Output differs on 6 versions of torch from 2.2.0 to 2.7.0. Does not run on torch 2.0.0 and 2.1.0.",
        ),
    ],
)
def test_it_names_versions_in_order_and_counts_many(others, said, exceptions):
    found = provenance(RESULT, TODAY, others)
    assert found["said"].endswith(f" {said}") and found["exceptions"] == exceptions


def test_what_other_versions_print_is_in_order():
    others = {"2.14.1": [], "2.15.0": ["-a", "+b"], "2.6.0": "KeyError: 1"}
    assert [text for _, text in provenance(RESULT, TODAY, others)["others"]] == ["KeyError: 1", "-a\n+b"]
