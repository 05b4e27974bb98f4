"""The page of a recipe that failed says so at the top, and marks the code that never ran.

Below the title stand the reason and the line, and before each code block after the one that
failed, *Never ran*. A notebook has neither.

Relies on the comment before each block, ``sphinx_gallery.gen_rst.RST_BLOCK_HEADER`` of 0.22.1.
"""

from __future__ import annotations

from docutils import nodes
from sphinx.application import Sphinx
from sphinx.environment import BuildEnvironment

from cookbook.build import build_of
from cookbook.pages import classes


def outdated(app: Sphinx, env: BuildEnvironment, added: set[str], changed: set[str], removed: set[str]) -> list[str]:
    """Return the pages of the recipes that failed in this build."""
    build = build_of(app)
    return [page for name in build.failed if (page := build.recipes[name].docname) in env.found_docs]


def mark(app: Sphinx, doctree: nodes.document) -> None:
    """Mark a page that was read, if its recipe failed."""
    build = build_of(app)
    for name in build.failed:
        recipe, error = build.recipes[name], build.results[name]["error"]
        if recipe.docname != app.env.docname or not error:
            continue
        never = [f"GENERATED FROM PYTHON SOURCE LINES {block.lineno}-" for block in recipe.code[error["ran"] :]]
        for comment in list(doctree.findall(nodes.comment)):
            if comment.astext().startswith(tuple(never)):
                paragraph = nodes.paragraph("", "Never ran", classes=[classes.NEVER_RAN])
                comment.parent.insert(comment.parent.index(comment) + 1, paragraph)
        text = f"This recipe failed in line {error['line']}: {error['reason']}"
        note = nodes.error("", nodes.paragraph("", text), classes=[classes.FAILED])
        if never:
            note += nodes.paragraph("", f"{len(never)} of its {len(recipe.code)} code blocks never ran.")
        title = next(iter(doctree.findall(nodes.title)))
        title.parent.insert(title.parent.index(title) + 1, note)
