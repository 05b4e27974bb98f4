"""Execution: isolation, the cache, and what a rebuild does and leaves alone."""

import json
import os
import re
import shutil
import signal
import subprocess
import sys
import time

import psutil
import pytest
from conftest import TinySite, recipe
from pages import outputs, parse

LEAKS = """
import os, random, sys, textwrap
import numpy, torch
torch.set_default_dtype(torch.float64)
torch.set_default_device("meta")
torch.manual_seed(99)
os.environ["LEAKED"] = "1"
os.mkdir("elsewhere"); os.chdir("elsewhere")
textwrap.dedent = None
sys.path.insert(0, "/leaked")
print("leaked")
"""
CHECKS = """
import os, sys, textwrap
import torch
print(torch.get_default_dtype(), torch.empty(1).device, torch.initial_seed())
print("LEAKED" in os.environ, os.listdir("."), textwrap.dedent is None, "/leaked" in sys.path)
print(torch.get_num_threads(), torch.rand(1).item(), hash("a") == hash("a"))
"""


def executed(log):
    return re.findall(r"executed \[\d+ of \d+\] section/(\w+)\.py", log)


def snapshot(*folders):
    """Return the time and content of every file below *folders*."""
    return {
        path: (path.stat().st_mtime_ns, path.read_bytes())
        for folder in folders
        for path in folder.rglob("*")
        if path.is_file()
    }


def changed(before, after):
    """Return the names of what was written anew.

    A page that uses styles as the first one gives all pages a stylesheet of another name,
    which is not what these tests look at.
    """
    sheet = re.compile(rb"styles\.[0-9a-f]{8}\.css")
    return {
        path.name
        for path in before.keys() | after.keys()
        if before.get(path) != after.get(path)
        and not (path in before and path in after and sheet.search(before[path][1])
                 and sheet.sub(b"", before[path][1]) == sheet.sub(b"", after[path][1])
                 and before[path][1] != after[path][1])
    }  # fmt: skip


def test_nothing_leaks_into_the_next_recipe(tiny_site):
    site = tiny_site({"a_leaks.py": recipe(LEAKS), "b_checks.py": recipe(CHECKS)})
    assert site.build(JOBS="1").code == 0
    first = outputs(site.page("b_checks.html"))
    assert first[0].startswith("torch.float32 cpu 0\nFalse ['b_checks.py'] False False\n1 ")
    (site.source / "section/a_leaks.py").unlink()
    shutil.rmtree(site.folder / ".recipe_cache")
    assert site.build(JOBS="2").code == 0
    assert outputs(site.page("b_checks.html")) == first


def test_progress_is_plain_lines_where_there_is_no_terminal(tiny_site):
    site = tiny_site({"one.py": recipe("print(1)"), "two.py": recipe("print(2)")})
    log = site.build().log
    assert "recipes: 0 from the cache, 2 to execute" in log
    assert re.search(r"executed \[1 of 2\] section/\w+\.py in \d+\.\d s\n", log)
    assert re.search(r"executed \[2 of 2\] section/\w+\.py in \d+\.\d s\n", log)


@pytest.mark.parametrize("value", ["two", "0", "-1"])
def test_bad_jobs_is_a_plain_error(tiny_site, value):
    done = tiny_site({"one.py": recipe("print(1)")}).build(JOBS=value)
    assert done.code != 0
    assert f"JOBS={value}: give the number of recipes to run at a time, as in JOBS=2" in done.log


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    site = TinySite(tmp_path_factory.mktemp("rebuild"))
    site.add(
        {
            "alone.py": recipe("import torch\nprint(torch.zeros(1))", "Alone"),
            "helped.py": recipe("import _helper\nprint(_helper.VALUE)", "Helped"),
            "reads.py": recipe("print(open('data/numbers.csv').read())", "Reads"),
            "failing.py": recipe("print(1)", "Failing"),
        }
    )
    site.write("section/_helper.py", "from _deep import VALUE\n")
    site.write("section/_deep.py", "VALUE = 'one'\n")
    site.write("section/data/numbers.csv", "1,2\n")
    done = site.build()
    assert done.code == 0, done.log
    assert len(executed(done.log)) == 4
    return site


class TestRebuild:
    """One site, changed step by step; the tests run in the order they are in."""

    def rebuild(self, site, **environment):
        folders = (site.out, site.folder / "recipes")
        before = snapshot(*folders)
        done = site.build(**environment)
        return done, changed(before, snapshot(*folders))

    def test_no_change(self, site):
        site.build()
        done, files = self.rebuild(site)
        assert done.code == 0 and executed(done.log) == []
        assert files == set()
        junit = (site.folder / "_build/junit.xml").read_text()
        assert 'tests="4"' in junit and 'failures="0"' in junit and 'skipped="0"' in junit

    def test_changed_prose_executes_nothing_and_changes_its_page(self, site):
        path = site.source / "section/alone.py"
        path.write_text(path.read_text().replace("Some text.", "Some other text,\n# in two lines."))
        done, files = self.rebuild(site)
        assert done.code == 0 and executed(done.log) == []
        assert {"alone.html", "alone.py", "alone.ipynb", "alone.zip"} <= files
        assert not {"helped.html", "reads.html"} & files
        assert "in two lines" in parse(site.page("alone.html")).get_text()
        assert outputs(site.page("alone.html")) == ["tensor([0.])"]

    def test_changed_code_executes_only_that_recipe(self, site):
        path = site.source / "section/alone.py"
        path.write_text(path.read_text().replace("zeros(1)", "zeros(2)"))
        done, files = self.rebuild(site)
        assert executed(done.log) == ["alone"]
        assert "alone.html" in files and not {"helped.html", "reads.html"} & files
        assert outputs(site.page("alone.html")) == ["tensor([0., 0.])"]

    @pytest.mark.parametrize(
        ("file", "content", "name"),
        [("_deep.py", "VALUE = 'two'\n", "helped"), ("data/numbers.csv", "3,4\n", "reads")],
    )
    def test_changed_helper_or_data_executes_what_uses_it(self, site, file, content, name):
        site.write(f"section/{file}", content)
        done, files = self.rebuild(site)
        assert executed(done.log) == [name]
        assert outputs(site.page(f"{name}.html")) in (["two"], ["3,4"])

    def test_changed_versions_execute_what_depends_on_them(self, site, tmp_path):
        metadata = tmp_path / "torch-2.13.99.dist-info/METADATA"
        metadata.parent.mkdir()
        metadata.write_text("Metadata-Version: 2.1\nName: torch\nVersion: 2.13.99\n")
        done = site.build(PYTHONPATH=str(tmp_path))
        assert len(executed(done.log)) == 4
        assert executed(site.build().log) == [], "the results of the version before are still kept"

    def test_failure_is_not_kept_and_the_rest_stays(self, site):
        path = site.source / "section/failing.py"
        good = path.read_text()
        path.write_text(good.replace("print(1)", "print(1)\n1 / 0"))
        done, files = self.rebuild(site)
        assert done.code != 0 and executed(done.log) == ["failing"]
        assert "ZeroDivisionError" in outputs(site.page("failing.html"))[-1]
        assert "alone.html" not in files
        assert executed(site.build().log) == ["failing"], "a failure is executed again"
        path.write_text(good)
        done = site.build()
        assert done.code == 0 and executed(done.log) == []
        assert outputs(site.page("failing.html")) == ["1"]

    def test_recipe_names_the_only_one_to_execute(self, site):
        for name in ("alone", "helped"):
            path = site.source / f"section/{name}.py"
            path.write_text(path.read_text().replace("print(", "print('new',"))
        done, files = self.rebuild(site, RECIPE="alone")
        assert done.code == 0, done.log
        assert executed(done.log) == ["alone"]
        assert outputs(site.page("alone.html"))[0].startswith("new")
        assert not {"helped.html", "helped.py", "helped.ipynb"} & files, "left as it was"
        assert executed(site.build(RECIPE="section/alone.py").log) == ["alone"], "even if it is kept"
        assert executed(site.build().log) == ["helped"]
        assert outputs(site.page("helped.html"))[0].startswith("new")

    def test_unknown_recipe_is_a_plain_error(self, site):
        done = site.build(RECIPE="alon")
        assert done.code != 0
        assert "RECIPE=alon: there is no such recipe in recipes_source/" in done.log
        assert "RECIPE=alone" in done.log

    def test_noplot_executes_nothing(self, site):
        site.write("section/fresh.py", recipe("print('fresh')", "Fresh"))
        out = site.out
        site.out = site.folder / "_build/html-noplot"
        done = site.build("-D", "plot_gallery=0")
        assert done.code == 0 and executed(done.log) == []
        assert outputs(site.page("fresh.html")) == []
        assert outputs(site.page("reads.html")) == ["3,4"]
        site.out = out
        assert executed(site.build().log) == ["fresh"]
        assert outputs(site.page("fresh.html")) == ["fresh"]

    def test_removed_recipe_leaves_no_page(self, site):
        (site.source / "section/fresh.py").unlink()
        done = site.build()
        assert done.code == 0, done.log
        assert not list((site.folder / "recipes").rglob("*fresh*"))
        assert not site.page("fresh.html").exists()


RECIPES = {f"{name}.py": recipe(f"print('{name}')", name.title()) for name in ("one", "two", "three")}


@pytest.fixture(scope="module")
def warm(tmp_path_factory):
    site = TinySite(tmp_path_factory.mktemp("warm"), RECIPES)
    assert site.build().code == 0
    return site

@pytest.fixture
def checkout(warm, tmp_path):
    """A clean checkout of the same recipes, with a copy of the warm cache."""
    shutil.copytree(warm.folder / ".recipe_cache", tmp_path / "cache")
    return TinySite(tmp_path / "checkout", RECIPES)


class TestCache:
    """The folder of results: copied, shared, damaged, forged, bounded."""

    def build(self, checkout, **environment):
        return checkout.build(RECIPE_CACHE=str(checkout.folder.parent / "cache"), **environment)

    def entry(self, checkout, text):
        folder = checkout.folder.parent / "cache"
        return next(p for p in folder.glob("*.json") if f"    {text}\\n" in p.read_text())

    def test_clean_checkout_executes_nothing_and_gives_the_same_bytes(self, warm, checkout):
        done = self.build(checkout)
        assert done.code == 0 and "recipes: 3 from the cache, 0 to execute" in done.log
        one = {p.relative_to(warm.out): p.read_bytes() for p in warm.out.rglob("*") if p.is_file()}
        two = {p.relative_to(checkout.out): p.read_bytes() for p in checkout.out.rglob("*") if p.is_file()}
        assert {name for name in one.keys() | two.keys() if one.get(name) != two.get(name)} == set()

    def flip(path):
        data = bytearray(path.read_bytes())
        data[len(data) // 2] ^= 1
        path.write_bytes(data)

    def link(path):
        other = path.with_name("elsewhere")
        path.rename(other)
        path.symlink_to(other)

    def forge(path):
        import hashlib

        result = json.loads(path.read_bytes().split(b"\n", 1)[1])
        result["outputs"][0] = ".. raw:: html\n\n   <script>alert(1)</script>\n"
        body = json.dumps(result).encode()
        path.write_bytes(hashlib.sha256(body).hexdigest().encode() + b"\n" + body)

    @pytest.mark.parametrize(
        "damage",
        [
            flip,
            link,
            forge,
            lambda path: path.write_bytes(path.read_bytes()[:-10]),
            lambda path: path.write_bytes(b""),
            lambda path: path.write_bytes(b"\x80\x04\x95 a pickle"),
        ],
        ids=["flipped", "symbolic link", "forged", "truncated", "empty", "foreign"],
    )
    def test_damaged_entry_is_a_miss_with_a_note(self, checkout, damage):
        damage(self.entry(checkout, "two"))
        done = self.build(checkout)
        assert done.code == 0, done.log
        assert executed(done.log) == ["two"]
        assert re.search(r"cache: .*\.json is no usable entry \(.+\): executing again", done.log)
        assert outputs(checkout.page("two.html")) == ["two"]
        assert "alert" not in checkout.page("two.html").read_text()

    def test_cache_that_cannot_be_written_is_said_so_and_the_build_goes_on(self, checkout, tmp_path):
        (tmp_path / "file").write_text("no folder")
        done = checkout.build(RECIPE_CACHE=str(tmp_path / "file/cache"))
        assert done.code == 0 and sorted(executed(done.log)) == ["one", "three", "two"]
        assert f"cache: nothing is kept in {tmp_path}/file/cache: " in done.log

    def test_two_builds_at_once_do_not_harm_each_other(self, checkout, tmp_path):
        other = TinySite(tmp_path / "other", RECIPES)
        shutil.rmtree(tmp_path / "cache")
        command = [sys.executable, "-m", "sphinx", "-nW", "--keep-going", "-q"]
        environment = {**os.environ, "RECIPE_CACHE": str(tmp_path / "cache")}
        builds = [
            subprocess.Popen(
                [*command, "-d", str(s.folder / "_build/doctrees"), str(s.folder), str(s.out)],
                env=environment, stderr=subprocess.PIPE, stdout=subprocess.PIPE, cwd=s.folder,
            )
            for s in (checkout, other)
        ]  # fmt: skip
        for build in builds:
            assert build.wait(120) == 0, build.stderr.read()
        assert outputs(checkout.page("one.html")) == outputs(other.page("one.html")) == ["one"]
        done = self.build(checkout)
        assert executed(done.log) == [] and "no usable entry" not in done.log

    def test_size_is_bounded_and_the_oldest_unused_go_first(self, checkout):
        cache = checkout.folder.parent / "cache"
        for age in (3, 2, 1):
            old = cache / f"{'0' * 63}{age}.json"
            old.write_bytes(b"x" * 200_000)
            os.utime(old, (time.time() - age * 86400,) * 2)
        done = self.build(checkout, RECIPE_CACHE_SIZE="300000")
        assert done.code == 0
        left = {path.name[-6:-5] for path in cache.glob("000*.json")}
        assert left == {"1"}
        assert executed(self.build(checkout).log) == []


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGKILL])
def test_signal_ends_everything_and_the_next_build_goes_on(tiny_site, number):
    slow = "import subprocess, time\nprocess = subprocess.Popen(['sleep', '{}'])\ntime.sleep({})\nprint(1)"
    marker = f"986.{os.getpid()}{int(number):02}"
    site = tiny_site({"quick.py": recipe("print(1)", "Quick")})
    site.write("section/slow.py", recipe(slow.format(marker, 100), "Slow"))
    build = subprocess.Popen(
        [sys.executable, "-m", "sphinx", "-nW", "--keep-going",
         "-d", str(site.folder / "_build/doctrees"), str(site.folder), str(site.out)],
        cwd=site.folder, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
        start_new_session=True,
    )  # fmt: skip

    def running():
        return [p for p in psutil.process_iter(["cmdline"]) if marker in (p.info["cmdline"] or [])]

    deadline = time.monotonic() + 60
    while not (running() and any((site.folder / ".recipe_cache").glob("*.json"))):
        assert time.monotonic() < deadline and build.poll() is None, build.stdout.read()
        time.sleep(0.1)
    family = psutil.Process(build.pid).children(recursive=True)
    build.send_signal(number)
    assert build.wait(15) != 0
    gone, alive = psutil.wait_procs(family, timeout=10)
    assert not alive and not running()
    site.write("section/slow.py", recipe(slow.format(marker, 0), "Slow"))
    done = site.build()
    assert done.code == 0 and executed(done.log) == ["slow"]
    assert outputs(site.page("quick.html")) == ["1"]
