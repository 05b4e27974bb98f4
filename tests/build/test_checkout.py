"""A checkout may hold whatever its owner puts there: environments, packages of other tools, notes.

No build reads it, no page comes of it, and `make clean` leaves it.
"""

import shlex
import subprocess
from itertools import pairwise

import pytest
from conftest import ROOT, TinySite, recipe
from sphinx_autobuild.filter import IgnoreFilter

FOREIGN = (
    "venv/lib/python3.11/site-packages/sphinx/templates/base.rst",
    "venv/lib/python3.11/site-packages/fmt/README.md",
    "env/share/doc/index.rst",
    ".tox/py311/lib/AUTHORS.rst",
    "node_modules/a/README.md",
    "node_modules/a/docs/index.rst",
    "notes/recipes/draft.rst",
    "recipes_source/section/.ipynb_checkpoints/notes.rst",
)
CACHES = (
    "venv/lib/python3.11/site-packages/fmt/__pycache__/fmt.pyc",
    "node_modules/gyp/__pycache__/gyp.pyc",
)


def put(folder, names):
    for name in names:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(f"{name}\n{'=' * len(name)}\n\n:ref:`that nobody has`\n")


@pytest.fixture(scope="module")
def built(tmp_path_factory):
    site = TinySite(tmp_path_factory.mktemp("checkout"), {"one.py": recipe("print(1)", "One")})
    put(site.folder, FOREIGN)
    (site.folder / "more.rst").write_text("More\n====\n\nA page beside the others.\n")
    with open(site.folder / "index.rst", "a") as index:
        index.write("   more\n")
    site.done = site.build()
    return site


def test_only_pages_of_the_site_are_read(built):
    assert built.done.code == 0, built.done.log
    pages = {path.relative_to(built.out).as_posix() for path in built.out.rglob("*.html")}
    assert pages == {
        *("index.html", "more.html", "genindex.html", "search.html", "404.html"),
        *("recipes/index.html", "recipes/section/index.html", "recipes/section/one.html"),
    }


def make(folder, *arguments):
    command = ["make", "-f", str(ROOT / "Makefile"), "VENV=venv", *arguments]
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, check=True).stdout


def test_clean_removes_what_is_built_and_nothing_else(tmp_path):
    ours = [
        f"{folder}/__pycache__/x.pyc" for folder in ("_ext/cookbook/run", "tests/build", "tools", "recipes_source/a")
    ]
    put(tmp_path, [*FOREIGN, *CACHES, *ours, "_build/html/index.html", "recipes/index.rst", ".recipe_cache/KEY.json"])
    make(tmp_path, "clean")
    left = {path.relative_to(tmp_path).as_posix() for path in tmp_path.rglob("*") if path.is_file()}
    assert left == {*FOREIGN, *CACHES}


def test_serve_builds_again_when_a_file_of_the_site_changes_and_at_no_other_time():
    words = shlex.split(make(ROOT, "--dry-run", "serve"))
    given = {
        option: [value for name, value in pairwise(words) if name == option] for option in ("--ignore", "--re-ignore")
    }
    ignored = IgnoreFilter(given["--ignore"], given["--re-ignore"])
    tracked = subprocess.run(["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, check=True).stdout
    assert [name for name in tracked.splitlines() if ignored(str(ROOT / name))] == []
    written = [
        "_build/html/index.html",
        "recipes/recipes/x.rst",
        "recipes/.lock",
        ".recipe_cache/KEY.json",
        "venv/x.py",
    ]
    assert [name for name in written if not ignored(str(ROOT / name))] == []
