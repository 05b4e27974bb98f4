"""Builds that are killed, that meet, and whose clock is wrong.

Twenty cold builds are killed, ten at times spread over the whole of one, ten in what follows
the execution, when certain files are there. The next build has to give what a clean one gives.
"""

import os
import shutil
import tempfile
import time

import pytest
from conftest import TinySite, recipe
from fault_table import said
from reading import differences, outputs

pytestmark = pytest.mark.slow

FIGURE = "import matplotlib.pyplot as plt\nplt.plot([1, 2])\nplt.title('Line')\nplt.show()"
RECIPES = {
    "figure.py": recipe(FIGURE, "Figure"),
    "tensor.py": recipe("import torch\nprint(torch.zeros(2))", "Tensor"),
    "plain.py": recipe("print('plain')", "Plain"),
}
#: When to kill: at these parts of the time of a cold build, or when so many of these files are there.
TIMES = [part / 100 for part in range(3, 100, 10)]
FILES = [
    ("recipes/**/*.rst", 1),
    ("recipes/**/*.zip", 2),
    ("recipes/**/*.stamp", 3),
    ("_build/doctrees/**/*.doctree", 2),
    ("_build/doctrees/environment.pickle", 1),
    ("_build/html/**/*.html", 1),
    ("_build/html/**/*.html", 4),
    ("_build/html/search.html", 1),
    ("_build/html/.buildinfo", 1),
    ("_build/html/_static/styles.*.css", 1),
]


@pytest.fixture(scope="module")
def clean(tmp_path_factory):
    """A site after one clean build, and how long that took."""
    site = TinySite(tmp_path_factory.mktemp("clean"), RECIPES)
    started = time.monotonic()
    done = site.build()
    site.seconds = time.monotonic() - started
    assert done.code == 0, done.log
    return site


def kill_and_build(folder, temporary, clean, point):
    """Kill a cold build at *point* and build again; return the site, with what was seen."""
    site = TinySite(folder / "site", RECIPES)
    if not isinstance(point, float):
        shutil.copytree(clean.folder / ".recipe_cache", site.folder / ".recipe_cache")
    started = time.monotonic()
    build = site.start(TMPDIR=temporary)
    while build.poll() is None and not (
        time.monotonic() - started > clean.seconds * point
        if isinstance(point, float)
        else len(list(site.folder.glob(point[0]))) >= point[1]
    ):
        time.sleep(0.002)
    build.kill()
    if build.wait() == 0:  # the machine was slower when the clean build was timed
        clean.seconds *= 0.8
        return kill_and_build(folder / "again", temporary, clean, point)
    site.code = build.returncode
    site.marked = (site.out / ".unfinished").exists()
    site.done = site.build(TMPDIR=temporary)
    deadline = time.monotonic() + 15
    while (left := os.listdir(temporary)) and time.monotonic() < deadline:
        time.sleep(0.1)
    site.left = left
    return site


@pytest.mark.parametrize("point", [*TIMES, *FILES], ids=str)
def test_build_after_a_killed_one_is_a_clean_one(clean, tmp_path, note, point):
    with tempfile.TemporaryDirectory() as temporary:  # a short path
        site = kill_and_build(tmp_path, temporary, clean, point)
    assert site.code == -9
    assert site.done.code == 0, site.done.log
    assert ("the last build was interrupted" in site.done.log) == site.marked
    assert differences(site.out, clean.out) == []
    assert site.left == [], "temporary files"
    if point == FILES[-1]:
        last = said(r"the last build was interrupted.*", site.done.log)
        note("SIGKILL at 20 points of a cold build", "the next build gives the bytes of a clean one", last)


def test_two_builds_at_once_are_one_after_the_other(clean, tmp_path, note):
    site = TinySite(tmp_path / "site", RECIPES)
    builds = [site.start() for _ in range(2)]
    assert [build.wait(300) for build in builds] == [0, 0], [build.log.read_text() for build in builds]
    waited = [build for build in builds if "waiting" in build.log.read_text()]
    assert len(waited) == 1
    assert "recipes: 3 from the cache, 0 to execute" in waited[0].log.read_text()
    assert differences(site.out, clean.out) == []
    again = said(r"waiting for another build .*", waited[0].log.read_text())
    note("two builds at once in one checkout", "the second waits, then builds", again)


def test_change_shows_after_the_clock_was_set_back(clean, tmp_path, note):
    site = TinySite(tmp_path / "site", RECIPES)
    shutil.copytree(clean.folder / ".recipe_cache", site.folder / ".recipe_cache")
    (tmp_path / "sitecustomize.py").write_text(
        "import time\nnow, now_ns = time.time, time.time_ns\n"
        "time.time, time.time_ns = lambda: now() + 86400, lambda: now_ns() + 86400 * 10**9\n"
    )
    done = site.build(PYTHONPATH=str(tmp_path))
    assert done.code == 0, done.log
    for path in [*site.out.rglob("*"), *(site.folder / "recipes").rglob("*"), *(site.folder / "_build").rglob("*")]:
        os.utime(path, (time.time() + 86400,) * 2)
    site.write("section/plain.py", RECIPES["plain.py"].replace("Some text", "Another text"))
    done = site.build()
    assert done.code == 0, done.log
    assert "Another text" in site.page("plain.html").read_text()
    assert outputs(site.page("plain.html")) == ["plain"]
    note(
        "the clock is set back by a day, then a recipe changes",
        "builds, the change shows",
        said(r"the last build is dated in the future.*", done.log),
    )
    assert "in the future" not in site.build().log


@pytest.mark.parametrize("builder", ["html", "dirhtml"])
def test_a_folder_with_files_of_others_is_left_as_it_is(tmp_path, builder):
    site = TinySite(tmp_path / "site", {"plain.py": RECIPES["plain.py"]})
    mine = tmp_path / "public"
    for name in ("notes.html", "_static/mine.css", "recipes/photo.png"):
        (mine / name).parent.mkdir(parents=True, exist_ok=True)
        (mine / name).write_text("mine")
    before = {path: path.read_text() for path in mine.rglob("*") if path.is_file()}
    done = site.build("-b", builder, out=mine)
    assert done.code != 0 and "public has _static, which no build has made: " in done.log
    assert {path: path.read_text() for path in mine.rglob("*") if path.is_file()} == before
