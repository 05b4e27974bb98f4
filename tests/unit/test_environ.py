"""The environment variables of a build: what each sets, and what cannot be meant."""

import os
import re
from dataclasses import replace

import pytest
from cookbook.environ import CACHE_SIZE, Environ, processors
from fuzzing import fuzz
from hypothesis import given
from hypothesis import strategies as st
from sphinx.errors import ConfigError

GOOD = [
    ("JOBS", "3", "jobs", 3),
    ("RECIPE", "x.py", "recipe", "x.py"),
    ("EXECUTOR", "tcp://a:1", "executor", "tcp://a:1"),
    ("RECIPE_CACHE", "/cache", "cache", "/cache"),
    ("RECIPE_CACHE_SIZE", "1", "cache_size", 1),
    ("RECIPE_CACHE_SIZE", "2K", "cache_size", 2048),
    ("RECIPE_CACHE_SIZE", "3M", "cache_size", 3 * 2**20),
    ("RECIPE_CACHE_SIZE", "1G", "cache_size", 2**30),
    ("RECIPE_CACHE_SIZE", "2KiB", "cache_size", 2048),
    ("RECIPE_CACHE_SIZE", "3MiB", "cache_size", 3 * 2**20),
    ("RECIPE_CACHE_SIZE", "1GiB", "cache_size", 2**30),
    ("EXECUTOR", "tls://[::1]:8786", "executor", "tls://[::1]:8786"),
    ("SOURCE_DATE_EPOCH", "0", "epoch", 0),
]
BAD = [
    *(("JOBS", text) for text in ("two", "0", "-1", "1.5", "2 ", "0x2", "2\n")),
    *(
        ("RECIPE_CACHE_SIZE", text)
        for text in ("256B", "0", "0G", "-1", "1e9", "1.5G", "1 G", "1iB", "G", "1g", "1T", "\u0661G")
    ),
    *(("EXECUTOR", text) for text in ("foo", "foo:8786", "tcp://", "tcp://a b:1", "tcp://a:b", "8786")),
    *(("RECIPE_CACHE", text) for text in (__file__, f"{__file__}/below", f"{__file__}/a/b")),
    *(("SOURCE_DATE_EPOCH", text) for text in ("yesterday", "-1", "1.5", "1" * 12, "2026-11-23")),
]


def test_without_variables_everything_is_the_default():
    assert Environ.read({}) == Environ(jobs=processors(), cache_size=CACHE_SIZE, epoch=None)


@pytest.mark.parametrize(("name", "text", "field", "value"), GOOD)
def test_a_variable_sets_its_field_and_no_other(name, text, field, value):
    assert Environ.read({name: text, "OTHER": "x"}) == replace(Environ.read({}), **{field: value})


@pytest.mark.parametrize("name", [name for name, *_ in GOOD])
def test_an_empty_variable_is_the_default(name):
    assert Environ.read({name: ""}) == Environ.read({})


@pytest.mark.parametrize(("name", "text"), BAD)
def test_a_value_that_cannot_be_meant_is_named_with_an_example_that_can(name, text):
    with pytest.raises(ConfigError) as raised:
        Environ.read({name: text})
    told, _, example = str(raised.value).partition(f", as in {name}=")
    assert told.startswith(f"{name}={text}: ")
    Environ.read({name: example})


@fuzz()
@given(st.sampled_from(["JOBS", "RECIPE_CACHE_SIZE"]), st.text(max_size=20) | st.integers().map(str))
def test_any_text_is_a_number_above_0_or_an_error(name, text):
    try:
        environ = Environ.read({name: text})
    except ConfigError:
        assert not re.fullmatch(r"[1-9]\d*" + ("([KMG](iB)?)?" if name == "RECIPE_CACHE_SIZE" else ""), text, re.ASCII)
    else:
        assert environ.jobs > 0 and environ.cache_size > 0


def test_the_environment_is_that_of_the_process(monkeypatch):
    monkeypatch.setenv("JOBS", "17")
    assert Environ.read().jobs == 17


@pytest.mark.parametrize(("epoch", "date"), [(0, "1970-01-01"), (86399, "1970-01-01"), (1700000000, "2023-11-14")])
def test_the_declared_date_is_that_of_the_epoch_in_utc(monkeypatch, epoch, date):
    monkeypatch.setenv("TZ", "Pacific/Kiritimati")
    assert Environ(jobs=1, epoch=epoch).declared_date == date


def test_without_an_epoch_no_date_is_declared():
    assert Environ(jobs=1).declared_date is None


def test_the_processors_are_those_that_this_process_may_use(monkeypatch):
    monkeypatch.setattr(os, "sched_getaffinity", lambda pid: {0, 3, 5}, raising=False)
    assert processors() == 3


@pytest.mark.parametrize(("counted", "processors_there"), [(8, 8), (None, 1)])
def test_on_macos_the_processors_are_those_of_the_machine(monkeypatch, counted, processors_there):
    monkeypatch.delattr(os, "sched_getaffinity", raising=False)
    monkeypatch.setattr(os, "cpu_count", lambda: counted)
    assert processors() == processors_there
