"""Which printed messages a diagnosis is about, and that this is found without trying all of them."""

import pytest
from cookbook.site.diagnosis import Diagnosis
from cookbook.site.printed import Printed
from counting import calls
from fuzzing import fuzz
from hypothesis import given
from hypothesis import strategies as st

KEYS = 'RuntimeError: Error(s)\n\tMissing key(s) in state_dict: "a".'
SAID = "ValueError: 3 is\n  not in 4."


def diagnosis(*patterns, exceptions=()):
    return Diagnosis("A.", "b", patterns, ("{key}",), (), exceptions, (), "short-answer", "x.py:1")


@pytest.mark.parametrize(
    ("patterns", "about"),
    [
        ((), []),  # its keys are not looked at
        (("Missing key(s) in",), [KEYS]),
        (("a  b", "not in {}."), [SAID]),
        (("lueError: {n} is no",), [SAID]),  # parts of words
        (("Error",), [KEYS, SAID]),
        (("is in not",), []),
        (("nowhere",), []),
    ],
)
def test_a_diagnosis_is_about_the_messages_that_a_pattern_fits(patterns, about):
    assert Printed([KEYS, SAID]).about(diagnosis(*patterns)) == set(about)


@pytest.mark.parametrize(
    ("exceptions", "about"),
    [(("is not {}.",), [KEYS]), (("nowhere", 'state_dict: "{key}"'), [SAID])],
)
def test_a_diagnosis_is_about_none_of_its_exceptions(exceptions, about):
    assert Printed([KEYS, SAID]).about(diagnosis("Error", exceptions=exceptions)) == set(about)


@fuzz()
@given(st.lists(st.text("ab .('{}", min_size=1, max_size=12)), st.data())
def test_a_part_of_a_message_is_found_in_it(messages, data):
    said = [" ".join(message.split()) for message in messages]
    for message, text in zip(messages, said):
        start = data.draw(st.integers(0, len(text)))
        part = text[start : data.draw(st.integers(start, len(text)))]
        if "{" not in part:
            assert message in Printed(messages).about(diagnosis(part))


def explain(count):
    """Look for the patterns of *count* recipes in the messages that they print."""
    names = ["".join(chr(ord("a") + int(digit)) for digit in f"{number:04}") for number in range(count)]
    printed = Printed(f"RuntimeError: the tensor of {name} has no gradient" for name in names)
    assert all(len(printed.about(diagnosis(f"the tensor of {name} has {{}} gradient"))) == 1 for name in names)


def test_with_eight_times_as_many_recipes_it_is_eight_times_the_work():
    assert 7 < calls(explain, 800) / calls(explain, 100) < 10
