"""The CSS classes of parts of a page that several modules look for in documents that Sphinx has read.

Names that begin with ``sphx-glr`` are those of sphinx-gallery 0.22.1; ``tests/pages/test_errors.py``
and ``tests/pages/test_finding.py`` fail when they change.
"""

#: The literal block with the output of a code block.
OUTPUT = "sphx-glr-script-out"
#: The cell with the code of the short answer, and a cell with code that the recipe warns of.
ANSWER, WRONG = "answer", "wrong"
#: The paragraph that lists the tags of a recipe.
TAGS = "sphx-glr-example-tags"
#: What `cookbook.pages.failures` adds to the page of a recipe that failed.
FAILED, NEVER_RAN = "failed-recipe", "never-ran"
#: Everything that is added to the text, code and output of a recipe.
ADDED = {
    FAILED,
    NEVER_RAN,
    TAGS,
    "sphx-glr-footer",
    "sphx-glr-timing",
    "sphx-glr-download-link-note",
    "sphx-glr-signature",
}
