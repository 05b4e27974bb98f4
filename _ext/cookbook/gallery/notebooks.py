"""Notebooks that are as good as the pages: outputs, figures and Markdown.

A notebook is made from the document that Sphinx has read for the page, so a role, a list or
a quotation mark is the same in both; :mod:`cookbook.markdown` writes its text. Input, of a recipe:

    # %%
    # 2. Load it
    # ~~~~~~~~~~
    # :func:`torch.load` reads the file.

    print(torch.load(path))

Result: a cell ``### 2. Load it`` with a link to the API documentation, and a code cell with
the output of the page; before them, a cell that says what to install.

A link to another page of the site is one where ``html_baseurl`` says where the site is,
and else plain text: a file on a reader's disk cannot know.

Relies on ``sphinx_gallery.gen_rst.RST_BLOCK_HEADER`` of 0.22.1, the comment before each block.
"""

import base64
import hashlib
import json
import re
import struct
from collections import Counter
from pathlib import Path
from urllib.parse import urljoin

from docutils import nodes
from sphinx import addnodes
from sphinx.errors import NoUri
from sphinx.util.tags import Tags

from cookbook import markdown
from cookbook.build import build_of
from cookbook.recipes import dependencies

#: The comment that begins the part of a block in the page.
BLOCK = re.compile(r"GENERATED FROM PYTHON SOURCE LINES (\d+)-\d+")
#: Parts of a page that belong to no block, by class.
FOOTER = {"sphx-glr-footer", "sphx-glr-example-tags", "sphx-glr-timing", "sphx-glr-download-link-note"}
#: The widest that a figure is shown, in pixels; it has more, for sharp screens.
WIDEST = 640
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

    def __init__(self, app):
        self.app, self.build = app, build_of(app)
        self.site = (app.config.html_baseurl or "").rstrip("/")
        self.titles = {
            f"sphx_glr_{recipe.docname.replace('/', '_')}.py": app.env.titles[recipe.docname].astext()
            for recipe in self.build.recipes.values()
            if recipe.docname in app.env.titles
        }

    def links(self, name):
        """Return a digest of what the links of a notebook depend on, besides its recipe."""
        text = "".join(block.content for block in self.build.recipes[name].blocks)
        labels = {label: self.titles.get(label) for label in re.findall(r"sphx_glr_\w+\.py", text)}
        parts = [self.site, labels]
        return hashlib.sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()

    def text(self, name):
        """Return the content of the notebook of the recipe *name*."""
        notebook = {"cells": self.cells(name), "metadata": METADATA, "nbformat": 4, "nbformat_minor": 5}
        return json.dumps(notebook, ensure_ascii=False, indent=1, sort_keys=True) + "\n"

    # -- what is in it -------------------------------------------------------

    def cells(self, name):
        """Return the cells: text and code in their order, code with what the page shows."""
        recipe, result = self.build.recipes[name], self.build.results.get(name)
        executed = result is not None and not result["error"]
        parts = _parts(self.document(recipe.docname), recipe.blocks)
        cells, count = [_cell("code", install(dependencies.requirements(recipe.code)))], 1
        for block, shown in zip(recipe.blocks, parts, strict=True):
            if block.type == "text":
                cells.append(_cell("markdown", self.markdown(name, block, shown)))
            else:
                cells.append(_cell("code", block.content.strip("\n")))
                cells[-1]["outputs"] = [o for node, _ in shown for o in self.outputs(node)]
        for cell in cells:
            if cell["cell_type"] == "code" and executed:
                cell["execution_count"], count = count, count + 1
        return _with_ids([cell for cell in cells if cell["source"]])

    def document(self, docname):
        """Return the document that Sphinx has read, with its references resolved for a notebook."""
        document = self.app.env.get_doctree(docname)
        for node in list(document.findall(addnodes.only)):
            wanted = Tags([*self.app.tags, "html"]).eval_condition(node["expr"])
            node.replace_self(node.children if wanted else nodes.comment())
        for node in list(document.findall(addnodes.pending_xref)):
            node.replace_self(self.resolve(docname, node))
        for node in document.findall(nodes.reference):
            if "refid" in node and self.site:
                node["refuri"] = f"{self.site}/{docname}.html#{node['refid']}"
        return document

    def resolve(self, docname, node):
        """Return what stands for the reference *node*: a link, or its text."""
        env, builder, content = self.app.env, self.app.builder, node[0].deepcopy()
        domain = env.domains.get(node.get("refdomain"))
        try:
            found = domain and domain.resolve_xref(
                env, docname, builder, node["reftype"], node["reftarget"], node, content
            )
            found = found or self.app.emit_firstresult(
                "missing-reference", env, node, content, allowed_exceptions=(NoUri,)
            )
        except NoUri:
            found = None
        if found and found.get("internal") and "refuri" in found:
            if not self.site:
                return nodes.inline("", found.astext())
            found["refuri"] = urljoin(f"{self.site}/{docname}.html", found["refuri"])
            if node["reftarget"] in self.titles:  # a page as a whole
                found["refuri"] = found["refuri"].partition("#")[0]
        return found or content

    def markdown(self, name, block, shown):
        """Return the Markdown of *shown*, what Sphinx made of the text *block*."""
        try:
            return "\n\n".join(filter(None, (markdown.block(*part) for part in shown)))
        except markdown.Unsupported as error:
            location = f"{self.build.source.name}/{name}:{block.lineno}"
            text = error.node.astext()[:60]
            self.build.problem(location, f"{error}: say it in another way: {text!r}")
            return ""

    def outputs(self, shown):
        """Yield the outputs of a cell that the node *shown* of the page holds."""
        for node in shown.findall():
            if isinstance(node, nodes.literal_block) and "sphx-glr-script-out" in node["classes"]:
                stream = "stderr" if node.get("language") == "pytb" else "stdout"
                text = f"{node.astext()}\n".splitlines(True)
                yield {"output_type": "stream", "name": stream, "text": text}
            elif isinstance(node, nodes.image) and "only-dark" not in node["classes"]:
                content = Path(self.app.srcdir, node["uri"].lstrip("/")).read_bytes()
                width, height = struct.unpack(">II", content[16:24])
                shown_width = min(width, WIDEST)
                size = {"width": shown_width, "height": round(height * shown_width / width)}
                picture = base64.b64encode(content).decode()
                yield {
                    "output_type": "display_data",
                    "data": {"image/png": picture, "text/plain": [node.get("alt", "")]},
                    "metadata": {"image/png": {"alt": node.get("alt", ""), **size}},
                }


def install(requirements):
    """Return the code of the first cell."""
    names = [requirement.replace("==", " ") for requirement in requirements]
    listed = " and ".join(filter(None, [", ".join(names[:-1]), *names[-1:]]))
    return (
        f"# This notebook was made with {listed}.\n"
        "# Where they are missing, remove the # from the next line and run this cell first.\n"
        f"# %pip install {' '.join(requirements)}"
    )


def _with_ids(cells):
    """Give each cell an id that changes only with the cell itself."""
    seen = Counter()
    for cell in cells:
        source = "".join(cell["source"])
        seen[source] += 1
        key = f"{cell['cell_type']} {seen[source]} {source}"
        cell["id"] = hashlib.sha256(key.encode()).hexdigest()[:12]
    return cells


def _cell(kind, source):
    code = {"execution_count": None, "outputs": []} if kind == "code" else {}
    return {"cell_type": kind, "metadata": {}, "source": source.splitlines(True), **code}


def _parts(document, blocks):
    """Return for each of *blocks* the parts of the page that are of it, ``[(node, level), ...]``."""
    parts = [[]]
    for node, level in markdown.flow(document):
        begin = isinstance(node, nodes.comment) and BLOCK.fullmatch(node.astext())
        if begin and len(parts) < len(blocks) and int(begin[1]) == blocks[len(parts)].lineno:
            parts.append([])
        elif level and not FOOTER.intersection(node.get("classes", ())):
            parts[-1].append((node, level))
    return parts
