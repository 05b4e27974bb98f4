"""Execution: isolation, the cache, and what a rebuild does and leaves alone."""

import os
import re
import shutil
import signal
import time

import psutil
import pytest
from conftest import TinySite, recipe
from reading import outputs, parse, snapshot

pytestmark = pytest.mark.slow

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
        and not (
            path in before
            and path in after
            and sheet.search(before[path][1])
            and sheet.sub(b"", before[path][1]) == sheet.sub(b"", after[path][1])
            and before[path][1] != after[path][1]
        )
    }


def test_nothing_leaks_into_the_next_recipe(tiny_site):
    site = tiny_site({"a_leaks.py": recipe(LEAKS), "b_checks.py": recipe(CHECKS)})
    assert site.build(JOBS="1").code == 0
    first = outputs(site.page("b_checks.html"))
    assert first[0].startswith("torch.float32 cpu 0\nFalse ['b_checks.py'] False False\n1 ")
    (site.source / "section/a_leaks.py").unlink()
    shutil.rmtree(site.folder / ".recipe_cache")
    assert site.build(JOBS="2").code == 0
    assert outputs(site.page("b_checks.html")) == first


def test_the_working_folder_stays_from_cell_to_cell_as_in_a_script(tiny_site):
    code = """
    import os
    import tempfile
    from pathlib import Path

    here = os.getcwd()
    folder = tempfile.TemporaryDirectory()
    os.chdir(folder.name)
    Path("model.pt").write_text("saved")

    # %%
    # In the next cell.

    print(Path("model.pt").read_text())
    os.chdir(here)
    folder.cleanup()

    # %%
    # One that is deleted.

    os.mkdir("gone")
    os.chdir("gone")
    os.rmdir(Path.cwd())

    # %%
    # Goes on in the folder of the recipe.

    print(Path("one.py").exists())
    """
    site = tiny_site({"one.py": recipe(code)})
    done = site.build()
    assert done.code == 0, done.log
    assert outputs(site.page("one.html")) == ["saved", "True"]


def test_progress_is_plain_lines_where_there_is_no_terminal(tiny_site):
    site = tiny_site({"one.py": recipe("print(1)"), "two.py": recipe("print(2)")})
    log = site.build().log
    assert "recipes: 0 from the cache, 2 to execute" in log
    assert re.search(r"executed \[1 of 2\] section/\w+\.py in \d+\.\d s\n", log)
    assert re.search(r"executed \[2 of 2\] section/\w+\.py in \d+\.\d s\n", log)


def test_recipes_that_start_programs_come_first(tiny_site):
    program = "import subprocess\nprint(subprocess.run(['echo', '1'], capture_output=True).stdout)"
    site = tiny_site({"one.py": recipe("print(1)"), "two.py": recipe("print(2)"), "zero.py": recipe(program)})
    assert executed(site.build(JOBS="1").log) == ["zero", "one", "two"]


def test_recipe_that_changes_during_the_build_is_shown_as_it_was_executed(tiny_site):
    site = tiny_site({"one.py": recipe("print(1)"), "two.py": recipe("print(2)")})
    conf = (site.folder / "conf.py").read_text()
    (site.folder / "conf.py").write_text(
        conf
        + """
def setup(app):
    one = Path(app.srcdir, "recipes_source/section/one.py")
    app.connect("builder-inited", lambda app: one.write_text(one.read_text().replace("(1)", "(11)")), priority=450)
"""
    )
    assert site.build().code == 0
    assert outputs(site.page("one.html")) == ["1"]
    assert "print(11)" not in parse(site.page("one.html")).get_text()
    (site.folder / "conf.py").write_text(conf)
    assert site.build().code == 0
    assert outputs(site.page("one.html")) == ["11"]


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
        done, _files = self.rebuild(site)
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
        assert not [path for path in site.out.rglob("*") if "fresh" in path.name]

    def test_removed_section_leaves_no_page(self, site):
        site.add({"gone/gone.py": recipe("print('gone')", "Gone")})
        assert site.build().code == 0
        shutil.rmtree(site.source / "gone")
        site.write("gone/__pycache__/gone.pyc", b"what git leaves of a folder")
        done = site.build()
        assert done.code == 0, done.log
        assert not (site.folder / "recipes/gone").exists()
        assert not [
            path for path in site.out.rglob("*") if "gone" in str(path.relative_to(site.out)) and path.is_file()
        ]


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGKILL])
def test_signal_ends_everything_and_the_next_build_goes_on(tiny_site, number):
    slow = "import subprocess, time\nprocess = subprocess.Popen(['sleep', '{}'])\ntime.sleep({})\nprint(1)"
    marker = f"986.{os.getpid()}{int(number):02}"
    site = tiny_site({"quick.py": recipe("print(1)", "Quick")})
    site.write("section/slow.py", recipe(slow.format(marker, 100), "Slow"))
    build = site.start()

    def running():
        return [p for p in psutil.process_iter(["cmdline"]) if marker in (p.info["cmdline"] or [])]

    deadline = time.monotonic() + 60
    while not (running() and any((site.folder / ".recipe_cache").glob("*.json"))):
        assert time.monotonic() < deadline and build.poll() is None, build.log.read_text()
        time.sleep(0.1)
    family = psutil.Process(build.pid).children(recursive=True)
    build.send_signal(number)
    assert build.wait(15) != 0
    _gone, alive = psutil.wait_procs(family, timeout=10)
    assert not alive and not running()
    site.write("section/slow.py", recipe(slow.format(marker, 0), "Slow"))
    done = site.build()
    assert done.code == 0 and executed(done.log) == ["slow"]
    assert outputs(site.page("quick.html")) == ["1"]
