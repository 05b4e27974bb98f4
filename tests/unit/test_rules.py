"""The rules for results that `recipe_rules` in `conf.py` chooses."""

import pytest
from cookbook.run import rules
from cookbook.run.result import check
from sphinx.errors import ConfigError

from unit.test_result import PICTURE, RESULT, TASK


def error(result, *chosen, task=TASK):
    result = {**RESULT, **result}
    rules.apply(list(chosen), task, result)
    assert check(result, task)
    return result["error"]


@pytest.mark.parametrize(
    ("changed", "silent"),
    [
        ({}, True),
        ({"outputs": ["\n\n", " \n"]}, True),
        ({"outputs": ["", "\n.. rst-class:: sphx-glr-script-out\n\n .. code-block:: none\n\n    x\n"]}, False),
        ({"images": {"sphx_glr_one_001.png": PICTURE}}, False),
    ],
)
def test_a_recipe_that_shows_nothing_breaks_a_rule_at_its_first_line(changed, silent):
    found = error(changed, "some output")
    assert bool(found) == silent
    assert not silent or (found["line"] == 9 and "no output" in found["reason"])
    assert not error(changed)


def test_a_recipe_without_code_needs_no_output():
    assert not error({"outputs": []}, "some output", task={**TASK, "blocks": []})


def test_the_first_line_of_code_that_begins_with_empty_ones_is_the_first_that_is_not():
    found = error({"outputs": [""]}, "some output", task={**TASK, "blocks": TASK["blocks"][1:]})
    assert found["line"] == 22


def test_what_is_written_past_python_breaks_a_rule_at_the_line_of_its_block():
    written = {"log": [(20, "from a program\nmore")]}
    found = error(written, "captured output")
    assert found["line"] == 20 and found["reason"].endswith(": from a program")
    assert not error(written)


def test_a_recipe_that_failed_keeps_its_reason():
    failed = {"error": {"text": "x", "line": 3, "reason": "ValueError: x", "ran": 1}}
    assert error(failed, *rules.RULES)["reason"] == "ValueError: x"


def test_an_unknown_rule_is_named():
    with pytest.raises(ConfigError, match="recipe_rules has 'gray': take of 'some output'"):
        rules.check(None, type("Config", (), {"recipe_rules": ["gray"]}))
