"""The CSS classes that sphinx-gallery gives to parts of a page.

Several modules look for them in documents that Sphinx has read. The names are those of
sphinx-gallery 0.22.1; ``tests/pages/test_errors.py`` and ``tests/pages/test_finding.py`` fail
when they change.
"""

#: The literal block with the output of a code block.
OUTPUT = "sphx-glr-script-out"
#: The paragraph that lists the tags of a recipe.
TAGS = "sphx-glr-example-tags"
#: Everything that sphinx-gallery adds to the text, code and output of a recipe.
ADDED = {TAGS, "sphx-glr-footer", "sphx-glr-timing", "sphx-glr-download-link-note"}
