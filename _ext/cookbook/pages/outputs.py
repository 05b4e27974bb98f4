"""What pages need to know about a recipe's printed output.

An output of more than 25 lines gets the class ``long-output``: the page folds it behind a
button. One with a line of more than 100 characters, such as an error message, gets
``wide-output``: its lines wrap. All others keep their lines and scroll, so that tables of
keys line up on a phone too. The text itself stays whole on the page.
"""

from docutils import nodes

LONG, WIDE = 25, 100


def classify(app, doctree):
    """Give the outputs on the page that was read their classes."""
    for block in doctree.findall(nodes.literal_block):
        if "sphx-glr-script-out" in block["classes"]:
            lines = block.astext().strip("\n").split("\n")
            if len(lines) > LONG:
                block["classes"].append("long-output")
            if max(map(len, lines)) > WIDE:
                block["classes"].append("wide-output")
