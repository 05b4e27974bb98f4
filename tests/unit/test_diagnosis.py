"""What a diagnosis says of a message: its patterns, and the lines to paste."""

import re

import pytest
from cookbook.site.diagnosis import Diagnosis, example, parts, regex
from cookbook.site.message import pattern_of


@pytest.mark.parametrize(
    ("pattern", "text", "names"),
    [
        ("Unsupported operand 118", "error: Unsupported operand 118", {}),
        ("Unsupported operand 118", "Unsupported operand 18", None),
        ("from {} to {size}.", "from a b to [3].", {"size": "[3]"}),
        ('"{prefix:module|a.b}.{key}"', 'key "a.b.c.weight"', {"prefix": "a.b", "key": "c.weight"}),
        ('"{prefix:module|model}.{key}"', '"net.weight"', None),
        ("{n} is not {n},", "1 is not 1,", {"n": "1"}),
        ("{n} is not {n},", "1 is not 2,", None),
        ("[{{'a'}}] (b|c)?", "[{{'a'}}] (b|c)?", {}),
    ],
)
def test_a_pattern_fits_what_it_says_and_names_what_varies(pattern, text, names):
    found = regex(pattern).search(text)
    assert (found and found.groupdict()) == names


@pytest.mark.parametrize(
    ("message", "pattern"),
    [
        ("RuntimeError: Sizes of 'a' and 'b' are not the same. Use (1) this", "Sizes of {} and {} are not the same."),
        ("KeyError: 'lr'", "KeyError: 'lr'"),
        ("KeyError: \"param 'initial_lr' is not specified anywhere\"", "param {} is not specified anywhere"),
        ("ValueError: the first of three\nlines", "ValueError: the first of three"),
        ("UserWarning: the first line of as many as three\nand the others", "the first line of as many as three"),
    ],
)
def test_a_printed_message_is_told_by_its_first_sentence(message, pattern):
    assert pattern_of(message) == pattern
    assert regex(pattern).search(message)


def test_readers_of_the_page_see_names_and_no_placeholders():
    assert parts('"{}" of {key:a|b}') == [('"', False), ("…", True), ('" of ', False), ("…", True)]
    assert example("x[{size}] = {key}, {k: v}", "{size:3|4}", "{key}") == "x[3] = key, {k: v}"


def test_a_diagnosis_of_keys_may_be_about_messages_that_list_keys():
    keys = Diagnosis("A.", "b", (), ("{key}",), (), (), (), "short-answer", "x.py:1")
    listing = 'RuntimeError: Error(s)\n\tMissing key(s) in state_dict: "a".'
    assert keys.may_fit(listing) and not keys.may_fit("KeyError: 'a'")
    other = keys._replace(missing=(), messages=("a  b", "not in {}."))
    assert not other.may_fit(listing)
    assert re.search("Missing", keys.pattern) and other.pattern == "a  b\nnot in {}."
