"""The workflow, run on this machine: with cold and with warm caches, after a change of Python, and what it publishes.

Its sites are tiny, its Python is the one of the tests and finds their packages: nothing is installed, all else is real.
"""

import shutil
import subprocess
import sys
import sysconfig

import pytest
from conftest import ROOT, TinySite, recipe
from workflow import Workflow

#: The Python that the workflow tests with, the release that the image has, and the one that it has later.
SHORT, BEFORE, LATER = "3.11", "3.11.98", "3.11.99"

pytestmark = pytest.mark.slow


def shrink(folder):
    """Put two small recipes into the place of those of a clone."""
    shutil.rmtree(folder / "recipes_source")
    tags = '# sphinx_gallery_tags = ["loading", "saving"]\n'
    recipes = {f"{name}.py": recipe(f"print('{name}')", name.title(), tags) for name in ("one", "two")}
    tiny = TinySite(folder / "tiny", recipes)
    shutil.move(tiny.source, folder)
    shutil.move(folder / "tiny/index.rst", folder / "index.rst")
    shutil.rmtree(folder / "tiny")
    (folder / "errors.rst").unlink()


@pytest.fixture(scope="module")
def runs(tmp_path_factory):
    """The results and logs of the job's runs in order, by name, and the repository that was pushed to."""
    top = tmp_path_factory.mktemp("github")
    packages = {
        "PYTHONPATH": sysconfig.get_path("purelib"),
        "ARGS": "-q -n 0 -p no:cacheprovider tests/unit/test_order.py",
    }
    workflow = Workflow(top, {}, shrink, packages)
    found = {}
    for name, version, ref in (
        ("cold", BEFORE, "refs/heads/main"),
        ("warm", BEFORE, "refs/pull/1/merge"),
        ("another Python", LATER, "refs/pull/2/merge"),
    ):
        workflow.pythons = {SHORT: (version, sys._base_executable)}
        results, log = workflow.run(ref, "push" if ref.endswith("main") else "pull_request")
        found[name] = results, "\n".join(log)
    found["pushed"] = top / "repository.git"
    return found


@pytest.mark.parametrize("run", ["cold", "warm", "another Python"])
def test_the_workflow_succeeds(runs, run):
    results, log = runs[run]
    built = [result for job, result in results.items() if job != "publish"]
    assert "success" in built and {*built} <= {"success", "unavailable"}, log
    assert "build succeeded" in log and "passed" in log


def test_caches_that_fit_are_used(runs):
    cold, warm, another = (runs[name][1] for name in ("cold", "warm", "another Python"))
    for path in (".venv", ".recipe_cache"):
        assert f"cache: {path}: miss" in cold and f"cache: {path}: hit" in warm
    assert "executed 2 recipes" in cold and "executed 2 recipes" not in warm
    assert "cache: .venv: miss" in another, "an environment belongs to one release of Python"


def test_what_is_on_main_is_published(runs):
    tree = subprocess.run(
        ["git", "--git-dir", str(runs["pushed"]), "ls-tree", "-r", "--name-only", "gh-pages"],
        capture_output=True,
        text=True,
        check=True,
    ).stdout.splitlines()
    assert {".nojekyll", "index.html", "recipes/section/one.html"} <= set(tree)
    assert not any(name.startswith(("_build", ".venv", "recipes_source")) for name in tree)
    assert runs["warm"][0]["publish"] == "skipped"
    assert "blob/gh-pages/" in (ROOT / "_ext/cookbook/pages/repository.py").read_text(), "where the links lead"
