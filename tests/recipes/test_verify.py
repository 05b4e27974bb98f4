"""`make verify` runs each recipe with another torch, and records what its page says of that."""

import json
import re
import sys
from types import SimpleNamespace

import pytest
import verify
from conftest import ROOT

#: A library that uses another where that is installed.
TRIED = """
import importlib.util
if importlib.util.find_spec("unusable"):
    try:
        import unusable
    except Exception as error:
        raise ImportError("cannot be imported") from error
"""


def ended(code=0, stdout="", stderr=""):
    return SimpleNamespace(code=code, stdout=stdout, stderr=stderr)


@pytest.mark.parametrize(
    ("golden", "printed", "found"),
    [
        ("1\n2\n", "1\n\n2\n", []),
        (f"1{verify.SEPARATOR}2\n", "1\n2\n", []),
        ("1\n2\n3\n", "1\n4\n3\n", ["-2", "+4"]),
        ("[at a.cc:672] b\n", "[at a.cc:671] b\n", []),
        ("[at a.cc:672] b\n", "[at a.cc:671] c\n", ["-[at a.cc:672] b", "+[at a.cc:671] c"]),
        ("-- a\n@@ b\n", "++ c\n", ["--- a", "-@@ b", "+++ c"]),
    ],
)
def test_the_lines_that_differ_are_found(golden, printed, found):
    assert verify.compare(golden, ended(stdout=printed)) == found


@pytest.mark.parametrize(
    ("stderr", "found"),
    [
        ("Traceback (most recent call last):\n  File ...\nKeyError: 'a'\n", "KeyError: 'a'"),
        ("Traceback ...:\na.b.SomeError: two\nlines of: it\n", "a.b.SomeError: two"),
        ("[rank1]:   File ...\n[rank1]: KeyError: 1\na.ChildFailedError: \n=====\n", "KeyError: 1"),
        ("ImportError: a\n[W1126] a process is left\n", "ImportError: a"),
        ("AssertionError\n", "AssertionError"),
        ("Killed\n", "Killed"),
        ("", "no message"),
    ],
)
def test_the_error_that_a_recipe_ends_with_is_found(stderr, found):
    assert verify.compare("1\n", ended(9, "1\n", stderr)) == found


def test_what_is_found_is_recorded_below_the_version_that_is_pinned(tmp_path, monkeypatch, capsys):
    for name, value in (("ROOT", tmp_path), ("GOLDEN", tmp_path / "golden"), ("VERIFIED", tmp_path / "verified.json")):
        monkeypatch.setattr(verify, name, value)
    (tmp_path / "requirements.txt").write_text("# Recipes.\ntorch==2.13.0\nuser==1.1\nunusable==1.2\n")
    recipes = {
        "same": "print(1)",
        "needs": "import unusable",
        "uses": "import user\nprint(1)",
        "other": "print(2)",
        "broken": "print(1)\nraise KeyError(1)",
    }
    for folder in ("golden/section", "recipes_source/section", "2.6.0/venv/bin"):
        (tmp_path / folder).mkdir(parents=True)
    for name, code in recipes.items():
        (tmp_path / f"recipes_source/section/{name}.py").write_text(f'"""\nOne\n===\n"""\n\n{code}\n')
        (tmp_path / f"golden/section/{name}.txt").write_text("1\n")
    python = tmp_path / "2.6.0/venv/bin/python"
    libraries = tmp_path / "site-packages"
    python.write_text(
        f'#!/bin/sh\nexport PYTHONPATH="{libraries}:$PYTHONPATH"\ncase "$*" in *uninstall*) rm -rf {libraries}/$6;; '
        f'*pip*) ;; *) exec {sys.executable} "$@";; esac\n'
    )
    python.chmod(0o755)
    code = {"unusable": "[].old", "user": TRIED}
    for name in code:
        (libraries / name).mkdir(parents=True)
        (libraries / name / "__init__.py").write_text(code[name])
    before = {"2.12.0": {"2.13.0": {}}, "2.13.0": {"2.14.1": {"section/same.py": {}}, "2.6.0": {}}}
    verify.VERIFIED.write_text(json.dumps(before))
    verify.main("2.6.0", tmp_path / "2.6.0")
    said = capsys.readouterr().out.splitlines()
    assert said[0] == "section/broken.py: does not run: KeyError: 1" and said[-1].startswith(
        "2 of 5 recipes print the same"
    )
    recorded = json.loads(verify.VERIFIED.read_text())
    assert recorded.keys() == {"2.13.0"} and recorded["2.13.0"]["2.14.1"] == before["2.13.0"]["2.14.1"]
    assert {name: result["found"] for name, result in recorded["2.13.0"]["2.6.0"].items()} == {
        "section/same.py": [],
        "section/other.py": ["-1", "+2"],
        "section/broken.py": "KeyError: 1",
        "section/uses.py": [],
        "section/needs.py": "unusable 1.2 does not run with torch 2.6.0: "
        "AttributeError: 'list' object has no attribute 'old'",
    }
    (tmp_path / "golden/section/other.txt").write_text("2\n")
    monkeypatch.setenv("RECIPE", "other")
    verify.main("2.6.0", tmp_path / "2.6.0")
    again = json.loads(verify.VERIFIED.read_text())["2.13.0"]["2.6.0"]
    assert again.pop("section/other.py")["found"] == [] and again.items() <= recorded["2.13.0"]["2.6.0"].items()


def test_no_recipe_claims_a_torch_that_it_does_not_run_with():
    def number(version):
        return [int(part) for part in version.split(".")]

    (versions,) = json.loads(verify.VERIFIED.read_text(encoding="utf-8")).values()
    for version, results in versions.items():
        for name in [name for name, result in results.items() if isinstance(result["found"], str)]:
            text = (ROOT / "recipes_source" / name).read_text(encoding="utf-8")
            (least,) = re.findall(r'pip install "torch>=([\d.]+)"', text)
            assert number(least) > number(version), f"{name} asks for torch>={least}, and {version} does not run it"
