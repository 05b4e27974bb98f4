"""The tags of a recipe: taken from a fixed vocabulary, and links on its page.

The vocabulary is ``recipe_tags`` in ``conf.py``; without one, any tags go. Any other tag fails the build:

    recipes_source/recipes/x.py:13: the tag "lodaing" is not in recipe_tags of conf.py:
    did you mean "loading"?

sphinx-gallery ends a page with the paragraph *(label) Tags: saving, file size*. The page's metadata
gets ``"tags": ["saving", "file size"]``, and the tags become links to the gallery that filter it,
``index.html?tags=file-size``.

Relies on ``sphinx_gallery.gen_rst.TAGS_CONTENT`` of 0.22.1; ``tests/pages/test_finding.py`` fails
when it changes.
"""

from __future__ import annotations

import difflib
import json
from collections.abc import Iterator, Sequence

from docutils import nodes
from sphinx.application import Sphinx

from cookbook.build import build_of
from cookbook.pages import classes
from cookbook.pages.navigation import GALLERY
from cookbook.recipes.settings import line_of

#: How many tags a recipe has.
LEAST, MOST = 2, 5


def check_tags(app: Sphinx) -> None:
    """Report what is wrong with the tags of each recipe, with the line of its setting."""
    build = build_of(app)
    for name, recipe in build.recipes.items():
        line = line_of(recipe.task["source"], "tags")
        for problem in problems(recipe.file_conf.get("tags", []), app.config.recipe_tags):
            build.problem(f"{build.source.name}/{name}:{line}", problem)


def problems(tags: Sequence[str], known: Sequence[str]) -> Iterator[str]:
    """Yield what is wrong with the *tags* of a recipe, and what to do, where the *known* ones are the vocabulary."""
    if not known:
        return
    count = len(set(tags))
    if not LEAST <= count == len(tags) <= MOST:
        example = json.dumps(list(known[:LEAST]))
        yield (
            f"{count} tags: give it {LEAST} to {MOST} different ones of recipe_tags in conf.py, "
            f"as in # sphinx_gallery_tags = {example}"
        )
    for tag in tags:
        if tag not in known:
            close = difflib.get_close_matches(tag, known, n=1, cutoff=0.5)
            advice = f'did you mean "{close[0]}"?' if close else f"take one of: {', '.join(known)}"
            yield f'the tag "{tag}" is not in recipe_tags of conf.py: {advice}'


def store_tags(app: Sphinx, doctree: nodes.document) -> None:
    """Store the tags of a page that was read in its metadata."""
    for paragraph in _paragraphs(doctree):
        tags = paragraph.astext().partition("Tags: ")[2].split(", ")
        app.env.metadata[app.env.docname]["tags"] = tags


def link_tags(app: Sphinx, doctree: nodes.document, docname: str) -> None:
    """Turn the tags on a page that is written into links."""
    gallery = app.builder.get_relative_uri(docname, GALLERY)
    for paragraph in _paragraphs(doctree):
        paragraph.children = [nodes.Text("Tags: ")]
        for i, tag in enumerate(app.env.metadata[docname]["tags"]):
            paragraph += nodes.Text(", " if i else "")
            uri = f"{gallery}?tags={nodes.make_id(tag)}"
            paragraph += nodes.reference("", tag, refuri=uri, internal=True)


def _paragraphs(doctree: nodes.document) -> list[nodes.paragraph]:
    return [node for node in doctree.findall(nodes.paragraph) if classes.TAGS in node["classes"]]
