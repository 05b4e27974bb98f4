"""What is printed and raised, made fit for a page."""

import traceback

import pytest
from cookbook.run.process.text import CONTROL, LONGEST_MESSAGE, bounded, clean
from fuzzing import ANY, fuzz
from hypothesis import given
from hypothesis import strategies as st

UNKNOWN = "\N{REPLACEMENT CHARACTER}"


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("plain\n  text\t\n", "plain\n  text\t\n"),
        ("\x1b[31mred\x1b[0m", "red"),
        ("\x1b[38;5;1mred\x1b[K\x1b[2J\x1b[?25l", "red"),
        ("\x1b]8;;http://x\x07link\x1b]8;;\x07", "link"),
        ("\x1b]0;title\x1b\\text", "text"),
        ("\x1bMup", "up"),
        ("\x1b", UNKNOWN),
        ("10%\r50%\r100%", "100%"),
        ("10%\r100%\r\nnext\r\n", "100%\nnext\n"),
        ("ab\bc", "ac"),
        ("a\n\bb\b\b\bc", "a\nc"),
        ("nul\x00 \x7f\x85", f"nul{UNKNOWN} {UNKNOWN}{UNKNOWN}"),
        ("\ud800\ufffe\U0001f600é", f"{UNKNOWN}{UNKNOWN}\U0001f600é"),
        ("a\x0bb\x0cc", f"a{UNKNOWN}b{UNKNOWN}c"),
        ("", ""),
    ],
)
def test_text_is_what_a_terminal_would_show_of_it(text, shown):
    assert clean(text) == shown


def info(error):
    """Return what ``sys.exc_info()`` says of *error*, which is raised."""
    try:
        raise error
    except BaseException as raised:
        return type(raised), raised, raised.__traceback__


def text_of(exc_info):
    """Return the text of an exception as Python prints it below the traceback."""
    return "".join(traceback.format_exception_only(*exc_info[:2]))


@pytest.mark.parametrize(
    "error", [ValueError("x"), KeyError("lr"), ValueError(), SystemExit(0), OSError(28, "full", "x")]
)
def test_an_exception_that_can_be_shown_is_left_as_it_is(error):
    found = info(error)
    assert bounded(found) is found


def test_a_long_message_is_cut_with_a_note_and_keeps_its_type_and_place():
    found = info(LookupError("x" * 20_000_000))
    kind, error, trace = bounded(found)
    assert (kind.__name__, kind.__module__, trace) == ("LookupError", "builtins", found[2])
    assert text_of((kind, error)).startswith(f"LookupError: {'x' * LONGEST_MESSAGE} ... (")
    assert len(str(error)) < LONGEST_MESSAGE + 100


def test_a_message_with_what_no_page_can_show_is_cleaned():
    assert text_of(bounded(info(ValueError("\x1b[31mred\x1b[0m")))) == "ValueError: red\n"


def test_of_a_message_that_cannot_be_made_python_says_so():
    class Broken(Exception):
        def __str__(self):
            raise TypeError("inside")

    assert text_of(bounded(info(Broken()))).endswith("Broken: <exception str() failed>\n")


@pytest.mark.parametrize("note", ["x" * 20_000_000, "\x1b[31mred\x1b[0m"])
def test_notes_of_an_exception_are_bounded_too(note):
    error = ValueError("message")
    error.add_note("short")
    assert bounded(info(error))[1] is error
    error.add_note(note)
    text = text_of(bounded(info(error)))
    assert text.startswith("ValueError: message\nshort\n") and len(text) < LONGEST_MESSAGE + 100
    assert not CONTROL.search(text)


@fuzz()
@given(ANY, st.sampled_from([1, LONGEST_MESSAGE // 20, LONGEST_MESSAGE]))
def test_any_message_is_short_and_can_be_shown(message, times):
    exc_info = bounded(info(ValueError(message * times)))
    assert len(str(exc_info[1])) < LONGEST_MESSAGE + 100
    assert str(exc_info[1]) == clean(str(exc_info[1]))
    assert not CONTROL.search(text_of(exc_info))
