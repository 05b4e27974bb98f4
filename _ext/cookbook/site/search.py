"""The data of the search page: the text of every recipe, in one script.

``_static/search-index.js`` has the texts, and ``_static/search.js`` ranks them
(``docs/decisions/search.md`` says why this is not Sphinx's own index):

    const searchIndex = [{"title": "What is a state_dict in PyTorch", "section": "Save and
    load", "url": "recipes/recipes/what_is_state_dict.html", "promise": "A state_dict is ...",
    "tags": ["saving", "module"], "parts": [["1-import", "1. Import ...", [["prose", "..."],
    ["code", "..."], ["output", "..."]]], ...], "messages": [["EOFError: Ran out of input", "The file
    is empty."], ...]}, ...]

Kinds are prose, code, output, answer (the code of the short answer) and wrong (code that the recipe warns of).
Messages are those of the diagnoses whose fix is there, without their variable parts, and their causes.

It covers recipes only, without *Learn more* and links to other recipes, since other pages and
those parts only list recipes. ``# sphinx_gallery_keywords = ["too large", "disk space"]`` in a
recipe adds words that its readers use and it does not.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from docutils import nodes
from sphinx import addnodes
from sphinx.application import Sphinx

from cookbook.build import build_of
from cookbook.files import write_if_changed
from cookbook.pages import classes
from cookbook.pages.navigation import recipes_of, sections_of
from cookbook.site import diagnosis, postings

#: Of how many recipes the search page loads the texts at once, as above; for more see :mod:`cookbook.site.postings`.
ALL = 100


def collect_text(app: Sphinx, doctree: nodes.document) -> None:
    """Store the text of a page that was read in its metadata, if it is a recipe's."""
    docname = app.env.docname
    metadata = app.env.metadata[docname]
    metadata["nosearch"] = True  # in Sphinx's own index
    if not Path(app.srcdir, f"{docname}.py").exists():
        return
    parts = []
    for section in doctree.findall(nodes.section):
        heading = section[0].astext()
        if heading != "Learn more":
            parts.append((section["ids"][0], heading, list(_blocks(section))))
    title = parts[0][1]
    promise = next((text for kind, text in parts[0][2] if kind == "prose"), "")
    metadata["search"] = {"title": title, "promise": promise, "parts": parts}


def _blocks(node: nodes.Element) -> Iterator[tuple[str, str]]:
    """Yield ``(kind, text)`` of each paragraph, code block and output in *node*, without its subsections."""
    for child in node.children:
        if isinstance(child, nodes.section | nodes.title | nodes.comment | nodes.raw):
            continue
        if not isinstance(child, nodes.Element) or classes.ADDED.intersection(child["classes"]):
            continue
        if isinstance(child, nodes.literal_block):
            kinds = {classes.OUTPUT: "output", classes.ANSWER: "answer", classes.WRONG: "wrong"}
            marks = [*child["classes"], *node["classes"]]
            yield next((kind for mark, kind in kinds.items() if mark in marks), "code"), child.astext()
        elif isinstance(child, nodes.TextElement):
            if text := _text(child).strip():
                yield "prose", " ".join(text.split())
        else:
            yield from _blocks(child)


def _text(node: nodes.Node) -> str:
    """Return the text of *node*, without the labels of links that have no text of their own."""
    if isinstance(node, nodes.Text):
        return node.astext()
    if (
        isinstance(node, addnodes.pending_xref)
        and node.get("reftype") in ("ref", "doc")
        and not node.get("refexplicit")
    ):
        return ""
    return "".join(_text(child) for child in node.children)


def write_index(app: Sphinx, exception: Exception | None) -> None:
    """Write the texts of all recipes in reading order."""
    if exception or app.builder.format != "html":
        return
    env = app.env
    settings = {recipe.docname: recipe.file_conf for recipe in build_of(app).recipes.values()}
    messages: dict[str, list[tuple[str, str]]] = {}
    for name, one in diagnosis.all_of(env):
        fix, _ = diagnosis.target(env, name, one.fix)
        said = "\n".join("".join(text for text, varies in diagnosis.parts(line) if not varies) for line in one.messages)
        messages.setdefault(fix, []).append((said, one.cause))
    recipes = [
        {
            **env.metadata[name]["search"],
            "url": app.builder.get_target_uri(name),
            "section": env.titles[section].astext(),
            "tags": settings.get(name, {}).get("tags", []),
            "keywords": settings.get(name, {}).get("keywords", []),
            "messages": messages.get(name, []),
        }
        for section in sections_of(env)
        for name in recipes_of(env, section)
        if "search" in env.metadata[name]
    ]
    folder = Path(app.outdir, "_search")
    if len(recipes) > ALL:
        index: Any = postings.write(folder, recipes)
    else:
        index = recipes
        shutil.rmtree(folder, ignore_errors=True)
    text = f"const searchIndex = {json.dumps(index, ensure_ascii=False, separators=(',', ':'))};\n"
    write_if_changed(Path(app.outdir, "_static/search-index.js"), text)
