"""The tags of a recipe: from a fixed vocabulary, and links on its page.

The vocabulary is ``recipe_tags`` in ``conf.py``. A tag outside it fails the build:

    recipes_source/recipes/x.py:13: the tag "lodaing" is not in recipe_tags of conf.py:
    did you mean "loading"?

sphinx-gallery ends a page with the paragraph *(label) Tags: saving, file size*, of which
this makes links to the gallery with only the recipes of that tag,
``index.html?tags=file-size``, and ``env.recipe_tags[docname] = ["saving", "file size"]``.

Relies on ``sphinx_gallery.gen_rst.TAGS_CONTENT`` of 0.22.1 and on ``recipe_build`` of
:mod:`execution`; ``tests/test_finding.py`` fails when they change.
"""

import difflib

from docutils import nodes

from navigation import GALLERY
from settings import line_of


def check_tags(app):
    """Report every tag that is not in the vocabulary, with the line of the recipe's setting."""
    known, build = app.config.recipe_tags, app.recipe_build
    for name, recipe in build.recipes.items():
        for tag in recipe.file_conf.get("tags", []):
            if tag not in known:
                close = difflib.get_close_matches(tag, known, n=1, cutoff=0.5)
                advice = f'did you mean "{close[0]}"?' if close else f"take one of: {', '.join(known)}"
                line = line_of(recipe.task["source"], "tags")
                build.problem(
                    f"{build.source.name}/{name}:{line}",
                    f'the tag "{tag}" is not in recipe_tags of conf.py: {advice}',
                )


def remember_tags(app, doctree):
    """Keep the tags of the page that was read."""
    for paragraph in _paragraphs(doctree):
        tags = paragraph.astext().partition("Tags: ")[2].split(", ")
        _tags(app.env)[app.env.docname] = tags


def link_tags(app, doctree, docname):
    """Make links of the tags on the page that is written."""
    gallery = app.builder.get_relative_uri(docname, GALLERY)
    for paragraph in _paragraphs(doctree):
        paragraph.children = [nodes.Text("Tags: ")]
        for i, tag in enumerate(_tags(app.env)[docname]):
            paragraph += nodes.Text(", " if i else "")
            uri = f"{gallery}?tags={nodes.make_id(tag)}"
            paragraph += nodes.reference("", tag, refuri=uri, internal=True)


def _paragraphs(doctree):
    return [p for p in doctree.findall(nodes.paragraph) if "sphx-glr-example-tags" in p["classes"]]


def _tags(env):
    if not hasattr(env, "recipe_tags"):
        env.recipe_tags = {}
    return env.recipe_tags


def purge_tags(app, env, docname):
    """Forget the tags of a page that is read anew or gone."""
    _tags(env).pop(docname, None)


def merge_tags(app, env, docnames, other):
    """Take over what another process has read."""
    _tags(env).update((name, tags) for name, tags in _tags(other).items() if name in docnames)


def setup(app):
    app.add_config_value("recipe_tags", [], "env", [list])
    app.connect("builder-inited", check_tags, priority=450)
    app.connect("doctree-read", remember_tags)
    app.connect("doctree-resolved", link_tags)
    app.connect("env-purge-doc", purge_tags)
    app.connect("env-merge-info", merge_tags)
    return {"version": "1", "env_version": 1, "parallel_read_safe": True, "parallel_write_safe": True}
