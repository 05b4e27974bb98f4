"""Which statements of a cell are checks, and what is left of its code without them."""

import ast

import pytest
from cookbook.pages.cells import is_check, split_checks


@pytest.mark.parametrize(
    ("code", "check"),
    [
        ("assert x", True),
        ("torch.testing.assert_close(a, b)", True),
        ("assert_equal(a, b)", True),
        ("for a in b:\n    assert a", True),
        ("if a:\n    assert a\nelse:\n    assert b", True),
        ("with a:\n    assert_close(a, b)", True),
        ("for a in b:\n    print(a)\n    assert a", False),
        ("if a:\n    assert a\nelse:\n    print(b)", False),
        ("print(x)", False),
        ("result = assert_close(a, b)", False),
        ("def f():\n    assert x", False),
        ("asserted(x)", False),
    ],
)
def test_what_only_checks_is_a_check(code, check):
    assert is_check(ast.parse(code).body[0]) == check


def test_checks_go_wherever_they_stand_and_the_rest_stays_as_it_is():
    code = 'x = """\nassert no\n"""\nassert x\n\n\ny = 2  # two\nassert (\n    y\n)\nprint(y)'
    kept = 'x = """\nassert no\n"""\n\n\ny = 2  # two\nprint(y)'
    assert split_checks(code) == (kept, "assert x\nassert (\n    y\n)", 2)


def test_a_cell_of_checks_only_has_no_code_left():
    assert split_checks("assert x\nassert y") == ("", "assert x\nassert y", 2)


@pytest.mark.parametrize("code", ["", "x = 1", "print(", "%pip install torch"])
def test_what_has_no_check_or_is_no_python_stays(code):
    assert split_checks(code) == (code, "", 0)
