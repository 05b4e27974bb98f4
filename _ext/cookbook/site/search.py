"""What the search page searches: the text of every recipe, in one script.

Sphinx's own index knows in which pages a word is, but neither how often nor where, and
finds only pages that have all words of a query, so a pasted error message finds nothing.
``_static/search-index.js`` has the texts, and ``_static/search.js`` ranks them:

    const searchIndex = [{"title": "What is a state_dict in PyTorch", "section": "Save and
    load", "url": "recipes/recipes/what_is_state_dict.html", "promise": "A state_dict is ...",
    "tags": ["saving", "module"], "parts": [["1-import", "1. Import ...", [["prose", "..."],
    ["code", "..."], ["output", "..."]]], ...]}, ...]

Recipes are all it has: the other pages only list them. For the same reason *Learn more*, and
links to other recipes, are left out. What readers call a thing that a recipe calls otherwise
is in its setting ``# sphinx_gallery_keywords = ["too large", "disk space"]``. Pages get the metadata ``nosearch``, which keeps
Sphinx's index empty.
"""

import json
from pathlib import Path

from docutils import nodes
from sphinx import addnodes
from sphinx.util.osutil import FileAvoidWrite

from cookbook.build import build_of
from cookbook.pages.navigation import GALLERY

#: Parts of a page that are not its text, by class.
NOT_TEXT = {"sphx-glr-footer", "sphx-glr-example-tags", "sphx-glr-timing", "sphx-glr-download-link-note"}


def collect_text(app, doctree):
    """Keep the text of the page that was read, if it is a recipe's."""
    docname = app.env.docname
    metadata = app.env.metadata[docname]
    metadata["nosearch"] = True
    if not Path(app.srcdir, f"{docname}.py").exists():
        return
    parts = []
    for section in doctree.findall(nodes.section):
        heading = section.next_node(nodes.title).astext()
        if heading != "Learn more":
            parts.append((section["ids"][0], heading, list(_blocks(section))))
    title = parts[0][1]
    promise = next((text for kind, text in parts[0][2] if kind == "prose"), "")
    metadata["search"] = {"title": title, "promise": promise, "parts": parts}


def _blocks(node):
    """Yield ``(kind, text)`` of each paragraph, code and output in *node*, without its sections."""
    for child in node.children:
        if isinstance(child, (nodes.section, nodes.title, nodes.comment, nodes.raw)):
            continue
        if not isinstance(child, nodes.Element) or NOT_TEXT.intersection(child["classes"]):
            continue
        if isinstance(child, nodes.literal_block):
            output = "sphx-glr-script-out" in node["classes"]
            yield ("output" if output else "code"), child.astext()
        elif isinstance(child, nodes.TextElement):
            if text := _text(child).strip():
                yield "prose", " ".join(text.split())
        else:
            yield from _blocks(child)


def _text(node):
    """Return the text of *node*, but for the labels of links that have no text of their own."""
    if isinstance(node, nodes.Text):
        return node.astext()
    if isinstance(node, addnodes.pending_xref) and node.get("reftype") in ("ref", "doc") and not node["refexplicit"]:
        return ""
    return "".join(_text(child) for child in node.children)


def write_index(app, exception):
    """Write the texts of all recipes, in reading order, if they changed."""
    if exception or app.builder.format != "html":
        return
    env, recipes = app.env, []
    settings = {recipe.docname: recipe.file_conf for recipe in build_of(app).recipes.values()}
    for section in env.toctree_includes.get(GALLERY, ()):
        for name in env.toctree_includes.get(section, ()):
            if "search" in env.metadata[name]:
                recipes.append(
                    {
                        **env.metadata[name]["search"],
                        "url": app.builder.get_target_uri(name),
                        "section": env.titles[section].astext(),
                        "tags": settings.get(name, {}).get("tags", []),
                        "keywords": settings.get(name, {}).get("keywords", []),
                    }
                )
    text = f"const searchIndex = {json.dumps(recipes, ensure_ascii=False, separators=(',', ':'))};\n"
    with FileAvoidWrite(Path(app.outdir, "_static/search-index.js")) as file:
        file.write(text)
