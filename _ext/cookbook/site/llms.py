"""For language models and other programs: each page as Markdown, and ``llms.txt``, a list of them.

The Markdown is made from the page's document by :mod:`cookbook.markdown`, and written beside the
page: ``recipes/recipes/what_is_state_dict.md`` has the text, code, outputs and figures of the page
of that name. ``llms.txt`` (llmstxt.org) has one line for each recipe:

    - [What is a state_dict in PyTorch](recipes/recipes/what_is_state_dict.md): A `state_dict` is ...

Links lead to the Markdown versions. They are relative, or begin with ``html_baseurl``.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

from docutils import nodes
from sphinx import addnodes
from sphinx.application import Sphinx
from sphinx.util import logging

from cookbook import inline, markdown
from cookbook.build import build_of
from cookbook.files import write_if_changed
from cookbook.pages import classes
from cookbook.pages.cells import unfold
from cookbook.pages.head import first_paragraph
from cookbook.pages.navigation import recipes_of, sections_of
from cookbook.pages.provenance import Provenance
from cookbook.run.process.figures import STILL
from cookbook.state import state_of

logger = logging.getLogger(__name__)

#: Left out: what is added to a recipe, and what only browsers understand.
SKIPPED_NODES = (nodes.raw, addnodes.toctree)


def page_markdown(doctree: nodes.document) -> str:
    """Return a page as Markdown; *doctree* is the one that its HTML is made from."""
    doctree = doctree.deepcopy()
    unfold(doctree)
    for node in list(doctree.findall(nodes.Element)):
        skipped = isinstance(node, SKIPPED_NODES) or classes.ADDED.intersection(node["classes"])
        if skipped and node.parent is not None:
            node.parent.remove(node)
    for reference in doctree.findall(nodes.reference):
        if reference.get("internal") and reference.get("refuri"):
            reference["refuri"] = re.sub(r"\.html(?=#|$)", ".md", reference["refuri"])
    for paragraph in list(doctree.findall(addnodes.compact_paragraph)):
        if paragraph.get("toctree"):
            paragraph.replace_self(paragraph.children)
    for code in [node for node in doctree.findall(nodes.Element) if node.tagname == "code_links_block"]:
        code.replace_self(nodes.literal_block("", code.rawsource.rstrip("\n"), language=code.get("lang", "")))
    for image in list(doctree.findall(nodes.image)):
        if image.get("alt") == "" or STILL in image["classes"]:  # only for decoration, or beside the animation
            image.parent.remove(image)
    blocks = (markdown.block(node, level) for node, level in markdown.iter_blocks(doctree))
    return "\n\n".join(filter(None, blocks)) + "\n"


def verified_with(provenance: Provenance | None) -> str:
    """Return the end of a recipe's Markdown: what it was verified with, and what other versions of torch print."""
    if not provenance:
        return ""
    parts: list[nodes.Element] = [nodes.paragraph("", f"{provenance['said']} {provenance['exceptions']}".strip())]
    for label, text in provenance["others"]:
        parts += [nodes.paragraph("", label), nodes.literal_block("", text, language="text")]
    return "\n" + "\n\n".join(map(markdown.block, parts)) + "\n"


def store_promise(app: Sphinx, doctree: nodes.document) -> None:
    """Store a page's first paragraph, for a recipe its promise, in its metadata."""
    app.env.metadata[app.env.docname]["promise"] = first_paragraph(doctree) or ""


def write_page(
    app: Sphinx, pagename: str, templatename: str, context: dict[str, Any], doctree: nodes.document | None
) -> None:
    """Write the Markdown version of a page, and put its name, ``markdown_page``, into the context."""
    if doctree is None:
        return
    try:
        text = page_markdown(doctree) + verified_with(state_of(app.env).provenance.get(pagename))
        write_if_changed(Path(app.outdir, f"{pagename}.md"), text)
        context["markdown_page"] = f"{pagename.rpartition('/')[2]}.md"
    except inline.UnsupportedNode as error:
        recipes = build_of(app).recipes.values()
        if all(recipe.docname != pagename for recipe in recipes):  # what is wrong is in the notebook of a recipe too
            logger.warning("no Markdown version of this page: %s", error, location=error.node, type="llms")


def write_list(app: Sphinx, exception: Exception | None) -> None:
    """Write ``llms.txt``, the recipes by section, and delete the Markdown of pages that are gone."""
    if exception or app.builder.format != "html":
        return
    env, base = app.env, app.config.html_baseurl
    promises = {name: metadata.get("promise", "") for name, metadata in env.metadata.items()}
    text = f"# {app.config.project}\n\n> {promises.get(app.config.root_doc, '')}\n"
    for section in sections_of(env):
        text += f"\n## {env.titles[section].astext()}\n\n"
        for name in recipes_of(env, section):
            text += f"- [{env.titles[name].astext()}]({base}{name}.md): {promises.get(name, '')}\n"
    write_if_changed(Path(app.outdir, "llms.txt"), text)
