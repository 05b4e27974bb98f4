"""A folder of results: what is read back, what is a miss, and what goes when it is full."""

import errno
import os
import tempfile
import time
from pathlib import Path

import pytest
from cookbook.run.cache import ABANDONED_AFTER, Cache, logger
from fuzzing import fuzz
from hypothesis import given
from hypothesis import strategies as st

TASK = {
    "name": "section/one.py",
    "gallery": "recipes",
    "conf": {},
    "file_conf": {},
    "blocks": [["code", "print(1)", 9]],
}
RESULT = {"outputs": [""], "seconds": 0.5, "error": None, "codeobj": {}, "images": {}, "date": "2026-11-23"}


@pytest.fixture
def cache(tmp_path):
    return Cache(tmp_path / "cache", 100)


@pytest.fixture
def logged(monkeypatch):
    """``logged()`` returns what was logged."""
    messages = []
    monkeypatch.setattr(logger, "info", lambda text, *values: messages.append(text % values))
    return lambda: messages


def put(cache, name, size=10, age=0):
    """Put a file of *size* bytes, *age* seconds old, into the folder of *cache*."""
    cache.folder.mkdir(exist_ok=True)
    path = cache.folder / name
    path.write_bytes(b"x" * size)
    written = time.time() - age
    os.utime(path, (written, written))
    return path


def names(cache):
    return {path.name for path in cache.folder.iterdir()}


# -- reading and writing -----------------------------------------------------------


def test_a_result_is_read_as_it_was_written(cache):
    cache.write("key", RESULT)
    assert names(cache) == {"key.json"}
    assert cache.read("key", TASK) == RESULT
    assert Cache(cache.folder, 100).read("key", TASK) == RESULT


def test_a_second_result_takes_the_place_of_the_first(cache):
    cache.write("key", {**RESULT, "seconds": 1.5})
    cache.write("key", RESULT)
    assert names(cache) == {"key.json"} and cache.read("key", TASK) == RESULT


def test_there_is_no_result_before_one_is_written(cache, tmp_path):
    assert cache.read("key", TASK) is None
    (tmp_path / "file").write_text("")
    assert Cache(tmp_path / "file", 100).read("key", TASK) is None


def test_a_result_of_another_task_is_a_miss(cache):
    cache.write("key", RESULT)
    assert cache.read("key", {**TASK, "blocks": []}) is None


@fuzz(200)
@given(st.data())
def test_an_entry_that_is_cut_or_has_a_flipped_bit_is_a_miss(data):
    with tempfile.TemporaryDirectory() as folder:
        cache, path = Cache(folder, 100), Path(folder, "key.json")
        cache.write("key", RESULT)
        content = bytearray(path.read_bytes())
        at = data.draw(st.integers(0, len(content) - 1))
        if data.draw(st.booleans()):
            del content[at:]
        else:
            content[at] ^= 1 << data.draw(st.integers(0, 7))
        path.write_bytes(content)
        reader = Cache(folder, 100)
        assert reader.read("key", TASK) is None and reader.used == set()


def test_an_entry_that_was_read_is_as_good_as_new(cache):
    cache.write("key", RESULT)
    os.utime(cache.folder / "key.json", (0, 0))
    cache.read("key", TASK)
    assert (cache.folder / "key.json").stat().st_mtime >= time.time() - 60


def test_a_folder_whose_times_cannot_be_set_can_be_read(cache, monkeypatch):
    cache.write("key", RESULT)

    def refuse(path):
        raise PermissionError

    monkeypatch.setattr(os, "utime", refuse)
    assert cache.read("key", TASK) == RESULT


@pytest.mark.parametrize("make", [os.mkfifo, lambda path: path.symlink_to("other"), Path.mkdir])
def test_what_is_no_file_is_neither_followed_nor_waited_for(cache, make):
    cache.write("other", RESULT)
    (cache.folder / "other.json").rename(cache.folder / "other")
    make(cache.folder / "key.json")
    assert cache.read("key", TASK) is None


def test_a_folder_is_made_with_those_that_it_is_in(tmp_path, logged):
    cache = Cache(tmp_path / "a/b", 100)
    cache.write("key", RESULT)
    assert names(cache) == {"key.json"} and not cache.write_failed and logged() == []


def test_a_folder_that_cannot_be_made_is_told_once(tmp_path, logged):
    (tmp_path / "file").write_text("")
    cache = Cache(tmp_path / "file", 100)
    cache.write("one", RESULT)
    cache.write("two", RESULT)
    (message,) = logged()
    assert message.startswith(
        f"cache: cannot write to {tmp_path}/file: {os.strerror(errno.EEXIST)}. The build continues"
    )


def test_a_corrupt_entry_is_told(cache, logged):
    put(cache, "key.json")
    assert cache.read("key", TASK) is None
    path = cache.folder / "key.json"
    assert logged() == [f"cache: corrupt entry {path} (checksum mismatch): executing the recipe again"]


def test_a_result_that_cannot_be_kept_leaves_what_was_there(cache, monkeypatch):
    cache.write("key", RESULT)

    def refuse(*paths):
        raise OSError(errno.ENOSPC, "full")

    monkeypatch.setattr(Path, "replace", refuse)
    cache.write("key", {**RESULT, "seconds": 1.5})
    cache.write("other", RESULT)
    assert cache.write_failed and names(cache) == {"key.json"}
    assert cache.used == {"key.json"} and cache.read("key", TASK) == RESULT


# -- pruning -------------------------------------------------------------------------


def test_a_folder_that_is_not_there_needs_no_pruning(cache):
    cache.prune()
    assert not cache.folder.exists()


@pytest.mark.parametrize(("size", "left"), [(30, "abc"), (29, "bc"), (20, "bc"), (19, "c"), (1, "")])
def test_the_oldest_go_until_the_rest_fits(cache, size, left):
    for age, name in enumerate("cba"):
        put(cache, f"{name}.json", age=age * 60)
    cache.size = size
    cache.prune()
    assert names(cache) == {f"{name}.json" for name in left}


def test_those_that_this_build_used_stay_even_above_the_size(cache):
    cache.write("written", RESULT)
    cache.write("read", RESULT)
    reader = Cache(cache.folder, 1)
    assert reader.read("read", TASK)
    reader.write("written", RESULT)
    for name in ("read", "written"):
        os.utime(cache.folder / f"{name}.json", (0, 0))
    put(cache, "young.json")
    reader.prune()
    assert names(cache) == {"read.json", "written.json"}


@pytest.mark.parametrize(("age", "stays"), [(ABANDONED_AFTER - 60, True), (ABANDONED_AFTER + 60, False)])
def test_what_a_killed_build_was_writing_goes_and_what_another_is_writing_stays(cache, age, stays):
    put(cache, "tmp123.new", size=1000, age=age)
    put(cache, "entry.json", size=100, age=2 * ABANDONED_AFTER)
    cache.prune()
    assert names(cache) == {"entry.json", *(["tmp123.new"] if stays else [])}


def test_files_that_are_not_ours_stay(cache):
    put(cache, "README.md", size=1000, age=9 * ABANDONED_AFTER)
    put(cache, "one.json.old", size=1000, age=9 * ABANDONED_AFTER)
    cache.prune()
    assert names(cache) == {"README.md", "one.json.old"}


@pytest.mark.parametrize("method", ["lstat", "unlink"])
@pytest.mark.parametrize("gone", ["a.json", "b.json", "left.new"])
def test_another_build_may_delete_the_same_files_at_the_same_time(cache, monkeypatch, method, gone):
    for age, name in enumerate("cba"):
        put(cache, f"{name}.json", size=60, age=age * 60)
    put(cache, "left.new", age=ABANDONED_AFTER + 60)
    stock = getattr(Path, method)

    def raced(path, *arguments, **options):
        if path.name == gone:
            os.unlink(path)
        return stock(path, *arguments, **options)

    monkeypatch.setattr(Path, method, raced)
    cache.prune()
    assert names(cache) == {"c.json"}


def test_an_entry_that_cannot_be_deleted_keeps_no_other(cache):
    (cache.folder / "folder.json").mkdir(parents=True)
    os.utime(cache.folder / "folder.json", (0, 0))
    put(cache, "a.json", size=60, age=60)
    put(cache, "b.json", size=60)
    cache.size = 60 + (cache.folder / "folder.json").stat().st_size
    cache.prune()
    assert names(cache) == {"folder.json", "b.json"}


@fuzz(100)
@given(
    st.lists(st.tuples(st.integers(0, 50), st.booleans()), max_size=8),
    st.integers(1, 200),
    st.permutations(range(8)),
)
def test_no_more_goes_than_has_to(files, size, ages):
    """What is deleted is older than what stays, unless that was used; one more would not fit."""
    with tempfile.TemporaryDirectory() as folder:
        cache = Cache(folder, size)
        for i, (weight, used) in enumerate(files):
            put(cache, f"{i}.json", weight, ages[i] * 60)
            cache.used.update([f"{i}.json"] if used else [])
        cache.prune()
        stayed = {i for i in range(len(files)) if f"{i}.json" in names(cache)}
    used = {i for i, (_, of_this_build) in enumerate(files) if of_this_build}
    gone = set(range(len(files))) - stayed
    total = sum(files[i][0] for i in stayed)
    assert used <= stayed and (total <= size or stayed == used)
    assert all(ages[i] > ages[j] for i in gone for j in stayed - used)
    if gone:
        youngest = min(gone, key=ages.__getitem__)
        assert total + files[youngest][0] > size
