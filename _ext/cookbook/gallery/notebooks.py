"""Notebooks with the text, outputs and figures of the pages.

A notebook is made from the document that Sphinx has read for the page, so roles, lists and
quotation marks are rendered as on the page; :mod:`cookbook.markdown` writes the text. From

    # %%
    # 2. Load it
    # ~~~~~~~~~~
    # :func:`torch.load` reads the file.

    print(torch.load(path))

come a cell with the heading ``### 2. Load it`` and a link to the API documentation, and a code
cell with its output. The first cell says what to install.

Links to other pages of the site need ``html_baseurl``, the address of the published site. Without
it they become plain text.

Relies on the comment before each block, ``sphinx_gallery.gen_rst.RST_BLOCK_HEADER`` of 0.22.1.
"""

from __future__ import annotations

import base64
import hashlib
import json
import mimetypes
import re
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urljoin

from docutils import nodes
from docutils.utils import get_source_line
from sphinx import addnodes
from sphinx.application import Sphinx
from sphinx.errors import NoUri
from sphinx.util.tags import Tags
from sphinx_gallery.py_source_parser import extract_file_config, remove_config_comments, remove_ignore_blocks

from cookbook import inline, markdown
from cookbook.build import build_of
from cookbook.gallery.display import display
from cookbook.pages import classes
from cookbook.pages.cells import BLOCK, unfold
from cookbook.recipes import dependencies
from cookbook.run.process.figures import STILL

Cell = dict[str, Any]
#: Nodes of a document, each with the level of its section.
Parts = list[tuple[nodes.Node, int]]

METADATA = {
    "kernelspec": {"display_name": "Python 3", "language": "python", "name": "python3"},
    "language_info": {
        "codemirror_mode": {"name": "ipython", "version": 3},
        "file_extension": ".py",
        "mimetype": "text/x-python",
        "name": "python",
        "nbconvert_exporter": "python",
        "pygments_lexer": "ipython3",
    },
}


class Notebooks:
    """The notebooks of one build."""

    def __init__(self, app: Sphinx) -> None:
        self.app, self.build = app, build_of(app)
        self.site = app.config.html_baseurl.rstrip("/")
        self.titles = {
            f"sphx_glr_{recipe.docname.replace('/', '_')}.py": app.env.titles[recipe.docname].astext()
            for recipe in self.build.recipes.values()
            if recipe.docname in app.env.titles
        }

    def links(self, name: str) -> str:
        """Return a digest of what the links in a notebook depend on, besides the recipe *name*."""
        text = "".join(block.content for block in self.build.recipes[name].blocks)
        labels = {label: self.titles.get(label) for label in re.findall(r"sphx_glr_\w+\.py", text)}
        parts = [self.site, labels]
        return hashlib.sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()

    def text(self, name: str) -> str:
        """Return the notebook of the recipe *name*, as JSON."""
        notebook = {"cells": self.cells(name), "metadata": METADATA, "nbformat": 4, "nbformat_minor": 5}
        return json.dumps(notebook, ensure_ascii=False, indent=1, sort_keys=True) + "\n"

    def cells(self, name: str) -> list[Cell]:
        """Return the cells of the notebook, with the outputs that the page shows."""
        recipe, result = self.build.recipes[name], self.build.results.get(name)
        executed = result is not None and not result["error"]
        parts = _split_at_blocks(self.document(recipe.docname), recipe.blocks)
        cells, count = [_cell("code", install(dependencies.requirements(recipe.code)))], 1
        for block, shown in zip(recipe.blocks, parts, strict=True):
            if block.type == "text":
                attachments = self.attach([node for node, _ in shown])
                cells.append(_cell("markdown", self.markdown(name, block, shown)))
                cells[-1].update({"attachments": attachments} if attachments else {})
            else:
                cells.append(_code_cell(block))
                cells[-1]["outputs"] = [output for node, _ in shown for output in self.outputs(node)]
        for cell in cells:
            if cell["cell_type"] == "code" and executed:
                cell["execution_count"], count = count, count + 1
        return _with_ids([cell for cell in cells if cell["source"]])

    def document(self, docname: str) -> nodes.document:
        """Return the document of a page, with its references resolved for a notebook."""
        document = self.app.env.get_doctree(docname)
        unfold(document)
        for only in list(document.findall(addnodes.only)):
            included = Tags([*self.app.tags, "html"]).eval_condition(only["expr"])
            only.replace_self(only.children if included else nodes.comment())
        for toctree in list(document.findall(addnodes.toctree)):
            toctree.replace_self([] if toctree["hidden"] else self.listed(docname, toctree))
        for xref in list(document.findall(addnodes.pending_xref)):
            xref.replace_self(self.resolve(docname, xref))
        for reference in document.findall(nodes.reference):
            if "refid" in reference and self.site:
                reference["refuri"] = f"{self.site}/{docname}.html#{reference['refid']}"
        return document

    def listed(self, docname: str, toctree: addnodes.toctree) -> nodes.Node:
        """Return the pages of a *toctree* as a list."""
        items = []
        for title, name in toctree["entries"]:
            text = title or (self.app.env.titles[name].astext() if name in self.app.env.titles else name)
            uri = name if "://" in name else self.site and f"{self.site}/{self.app.builder.get_target_uri(name)}"
            link = nodes.reference("", text, refuri=uri) if uri else nodes.inline("", text)
            items.append(nodes.list_item("", nodes.paragraph("", "", link)))
        return nodes.bullet_list("", *items)

    def resolve(self, docname: str, xref: addnodes.pending_xref) -> nodes.Node:
        """Return the link that the reference *xref* resolves to, or else its text."""
        env, builder = self.app.env, self.app.builder
        content: Any = xref[0].deepcopy() if len(xref) else nodes.Text(xref["reftarget"])
        domain = env.domains.get(xref.get("refdomain"))
        try:
            found = domain and domain.resolve_xref(
                env, docname, builder, xref["reftype"], xref["reftarget"], xref, content
            )
            found = found or self.app.emit_firstresult(
                "missing-reference", env, xref, content, allowed_exceptions=(NoUri,)
            )
        except NoUri:
            found = None
        if found and found.get("internal") and "refuri" in found:
            if not self.site:
                return nodes.inline("", found.astext())
            found["refuri"] = urljoin(f"{self.site}/{docname}.html", found["refuri"])
            if xref["reftarget"] in self.titles:  # the whole page, so no fragment
                found["refuri"] = found["refuri"].partition("#")[0]
        return found or content

    def attach(self, shown: list[nodes.Node]) -> dict[str, dict[str, str]]:
        """Return the pictures in the text *shown*, by name and type, and let their nodes refer to these."""
        attached = {}
        for image in [image for node in shown for image in node.findall(nodes.image)]:
            path = Path(self.app.srcdir, image["uri"].lstrip("/"))
            if "://" not in image["uri"] and path.is_file():
                kind = mimetypes.guess_type(path.name)[0] or "application/octet-stream"
                key = image["uri"].lstrip("/").replace("/", "_")
                attached[key] = {kind: base64.b64encode(path.read_bytes()).decode()}
                image["uri"] = f"attachment:{key}"
        return attached

    def markdown(self, name: str, block: Any, shown: Parts) -> str:
        """Return *shown*, what Sphinx made of the text *block*, as Markdown."""
        try:
            return "\n\n".join(filter(None, (markdown.block(*part) for part in shown)))
        except inline.UnsupportedNode as error:
            line = get_source_line(error.node)[1] or block.lineno
            advice = f"rephrase {error.node.astext()[:60]!r}"
            self.build.problem(f"{self.build.source.name}/{name}:{line}", f"{error}: {advice}")
            return ""

    def outputs(self, shown: nodes.Node) -> Iterator[Cell]:
        """Yield the outputs that the node *shown* of the page contains."""
        for node in shown.findall():
            if isinstance(node, nodes.literal_block) and classes.OUTPUT in node["classes"]:
                stream = "stderr" if node.get("language") == "pytb" else "stdout"
                text = f"{node.astext()}\n".splitlines(True)
                if node.get("html"):
                    data = {"text/html": node["html"].splitlines(True), "text/plain": text}
                    yield {"output_type": "display_data", "data": data, "metadata": {}}
                    continue
                yield {"output_type": "stream", "name": stream, "text": text}
            elif isinstance(node, nodes.image) and STILL not in node["classes"]:
                yield display(Path(self.app.srcdir, node["uri"].lstrip("/")), node.get("alt", ""))


def install(requirements: list[str]) -> str:
    """Return the code of the first cell, which installs *requirements*; "" if there are none."""
    if not requirements:
        return ""
    names = [requirement.replace("==", " ") for requirement in requirements]
    listed = " and ".join(filter(None, [", ".join(names[:-1]), *names[-1:]]))
    return (
        f"# This notebook was made with {listed}.\n"
        "# Where they are missing, remove the # from the next line and run this cell first.\n"
        f"# %pip install {' '.join(requirements)}"
    )


def _with_ids(cells: list[Cell]) -> list[Cell]:
    """Give each cell an id that depends only on its own content."""
    seen: Counter[str] = Counter()
    for cell in cells:
        source = "".join(cell["source"])
        seen[source] += 1
        key = f"{cell['cell_type']} {seen[source]} {source}"
        cell["id"] = hashlib.sha256(key.encode()).hexdigest()[:12]
    return cells


def _cell(kind: str, source: str) -> Cell:
    code: Cell = {"execution_count": None, "outputs": []} if kind == "code" else {}
    return {"cell_type": kind, "metadata": {}, "source": source.splitlines(True), **code}


def _code_cell(block: Any) -> Cell:
    """Return the cell of a code *block*; one with the setting ``fold`` is closed where a program can do so."""
    summary = extract_file_config(block.content).get("fold")
    source = remove_config_comments(remove_ignore_blocks(block.content)).strip("\n")
    cell = _cell("code", f"# @title {summary}\n{source}" if summary else source)
    if summary:
        cell["metadata"] = {"cellView": "form", "jupyter": {"source_hidden": True}, "tags": ["hide-input"]}
    return cell


def _split_at_blocks(document: nodes.document, blocks: list[Any]) -> list[Parts]:
    """Return the parts of the page that belong to each of *blocks*."""
    parts: list[Parts] = [[]]
    for node, level in markdown.iter_blocks(document):
        start = isinstance(node, nodes.comment) and BLOCK.fullmatch(node.astext())
        if start and len(parts) < len(blocks) and int(start[1]) == blocks[len(parts)].lineno:
            parts.append([])
        elif level and not (isinstance(node, nodes.Element) and classes.ADDED.intersection(node["classes"])):
            parts[-1].append((node, level))
    return parts + [[] for _ in blocks[len(parts) :]]  # those after an error of the parser
