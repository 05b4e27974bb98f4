"""How pages show long and wide outputs.

An output of more than 25 lines gets the class ``long-output``: the page collapses it behind a
button. One with a line of more than 100 characters, such as an error message, gets
``wide-output``: its lines wrap. All others scroll sideways, so that columns stay aligned on a
phone too. The page always contains the whole text.
"""

from __future__ import annotations

from docutils import nodes
from sphinx.application import Sphinx

from cookbook.pages import classes

LONG, WIDE = 25, 100


def classify(app: Sphinx, doctree: nodes.document) -> None:
    """Add the classes to the outputs on a page that was read."""
    for block in doctree.findall(nodes.literal_block):
        if classes.OUTPUT in block["classes"]:
            lines = block.astext().strip("\n").split("\n")
            if len(lines) > LONG:
                block["classes"].append("long-output")
            if max(map(len, lines)) > WIDE:
                block["classes"].append("wide-output")
