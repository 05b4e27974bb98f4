"""The classes of an output, which decide how a page shows it."""

import pytest
from cookbook.pages.outputs import LONG, WIDE, classify
from docutils import nodes


@pytest.mark.parametrize(
    ("text", "classes"),
    [
        ("\n".join("x" * LONG), []),
        ("\n\n" + "\n".join("x" * LONG) + "\n\n", []),
        ("\n".join("x" * (LONG + 1)), ["long-output"]),
        ("x" * WIDE, []),
        ("x\n" + "x" * (WIDE + 1), ["wide-output"]),
        ("\n".join(["x" * (WIDE + 1)] * (LONG + 1)), ["long-output", "wide-output"]),
    ],
)
def test_a_long_or_wide_output_is_told_from_the_others(text, classes):
    output = nodes.literal_block("", text, classes=["sphx-glr-script-out"])
    code = nodes.literal_block("", text)
    classify(None, nodes.container("", output, code))
    assert output["classes"] == ["sphx-glr-script-out", *classes] and code["classes"] == []
