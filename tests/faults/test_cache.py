"""A cache of results that is damaged, forged, full, or used by two at once."""

import json
import os
import re
import shutil
import time

import pytest
from conftest import TinySite, recipe
from fault_table import said
from reading import flip, outputs, seal

pytestmark = pytest.mark.slow


def executed(log):
    return re.findall(r"executed \[\d+ of \d+\] section/(\w+)\.py", log)


def link(path):
    other = path.with_name("elsewhere")
    path.rename(other)
    path.symlink_to(other)


def forge(path):
    result = json.loads(path.read_bytes().split(b"\n", 1)[1])
    result["outputs"][0] = ".. raw:: html\n\n   <script>alert(1)</script>\n"
    seal(path, result)


def older(path):
    result = json.loads(path.read_bytes().split(b"\n", 1)[1])
    result["format"] = 1
    seal(path, result)


DAMAGES = {
    "flipped": ("one byte is another", flip),
    "linked": ("a symbolic link", link),
    "forged": ("forged, with its checksum", forge),
    "older": ("of another version of the site", older),
    "truncated": ("its end is missing", lambda path: path.write_bytes(path.read_bytes()[:-10])),
    "empty": ("empty", lambda path: path.write_bytes(b"")),
    "foreign": ("a pickle", lambda path: path.write_bytes(b"\x80\x04\x95 a pickle")),
}
RECIPES = {f"{name}.py": recipe(f"print('{name}')", name.title()) for name in ("good", *DAMAGES)}


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
        assert done.code == 0 and f"recipes: {len(RECIPES)} from the cache, 0 to execute" in done.log
        one = {p.relative_to(warm.out): p.read_bytes() for p in warm.out.rglob("*") if p.is_file()}
        two = {p.relative_to(checkout.out): p.read_bytes() for p in checkout.out.rglob("*") if p.is_file()}
        assert {name for name in one.keys() | two.keys() if one.get(name) != two.get(name)} == set()

    def test_damaged_entry_is_a_miss_with_a_note(self, checkout, note):
        paths = {name: self.entry(checkout, name) for name in DAMAGES}
        for name, (_, damage) in DAMAGES.items():
            damage(paths[name])
        done = self.build(checkout)
        assert done.code == 0, done.log
        assert sorted(executed(done.log)) == sorted(DAMAGES)
        for name, (case, _) in DAMAGES.items():
            pattern = rf"cache: corrupt entry .*{paths[name].name} \(.+\): executing the recipe again"
            note(f"a kept result: {case}", "builds", said(pattern, done.log))
            assert outputs(checkout.page(f"{name}.html")) == [name]
        assert "alert" not in checkout.page("forged.html").read_text()

    def test_cache_that_is_no_folder_is_said_so_before_anything_is_executed(self, checkout, tmp_path, note):
        (tmp_path / "file").write_text("no folder")
        done = checkout.build(RECIPE_CACHE=str(tmp_path / "file/cache"))
        assert done.code == 2 and executed(done.log) == []
        message = said(rf"RECIPE_CACHE={tmp_path}/file/cache: {tmp_path}/file is a file; .*", done.log)
        note("the folder of kept results is no folder", "fails", message)

    def test_two_builds_at_once_do_not_harm_each_other(self, checkout, tmp_path):
        other = TinySite(tmp_path / "other", RECIPES)
        shutil.rmtree(tmp_path / "cache")
        builds = [site.start(RECIPE_CACHE=str(tmp_path / "cache")) for site in (checkout, other)]
        for build in builds:
            assert build.wait(120) == 0, build.log.read_text()
        assert outputs(checkout.page("good.html")) == outputs(other.page("good.html")) == ["good"]
        done = self.build(checkout)
        assert executed(done.log) == [] and "corrupt entry" not in done.log

    def test_size_is_bounded_and_the_oldest_unused_go_first(self, checkout):
        cache = checkout.folder.parent / "cache"
        for age in (3, 2, 1):
            old = cache / f"{'0' * 63}{age}.json"
            old.write_bytes(b"x" * 200_000)
            os.utime(old, (time.time() - age * 86400,) * 2)
        for name, age in (("killed", 7200), ("writing", 60)):  # by another build
            (cache / f"{name}.new").write_text("{")
            os.utime(cache / f"{name}.new", (time.time() - age,) * 2)
        done = self.build(checkout, RECIPE_CACHE_SIZE="300000")
        assert done.code == 0
        assert [path.stem for path in cache.glob("*.new")] == ["writing"]
        left = {path.name[-6:-5] for path in cache.glob("000*.json")}
        assert left == {"1"}
        assert executed(self.build(checkout).log) == []
