"""Notebooks that are as good as the pages: outputs, figures and Markdown.

While sphinx-gallery makes its pages (``builder-inited``, between :mod:`execution`'s
handlers), its ``jupyter_notebook`` and ``save_notebook`` are replaced. Sphinx itself reads
the text of a recipe and what it shows, as it will for the page, so that a role, a list or a
quotation mark is the same in both (:mod:`recipe_text`); :mod:`to_markdown` writes it. Input,
of a recipe:

    # %%
    # 2. Load it
    # ~~~~~~~~~~
    # :func:`torch.load` reads the file.

    print(torch.load(path))

Result: a cell ``### 2. Load it`` with a link to the API documentation, and a code cell with
the output of the page; before them, a cell that says what to install.

A link to another page of the site is one where ``html_baseurl`` says where the site is,
and else plain text: a file on a reader's disk cannot know. Beside each notebook
``NAME.ipynb.sha256`` says what its links depend on, the title of another recipe for example:
where that changes, the notebook is made anew, though its recipe is as it was.

Private names relied on: the two of ``sphinx_gallery.gen_rst``.
"""

import base64
import hashlib
import json
import re
import struct
from collections import Counter
from pathlib import Path

from docutils import nodes
from sphinx_gallery import gen_rst

import dependencies
import to_markdown
from recipe_text import RecipeText

#: The comment that begins the part of a block in what is read at once.
MARK = "block of the recipe"
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
        self.app, self.build = app, app.recipe_build
        self.text = RecipeText(app)
        inventories = [
            Path(app.srcdir, path).read_bytes()
            for _, (_, paths) in app.config.intersphinx_mapping.values()
            for path in paths
            if path and Path(app.srcdir, path).is_file()
        ]
        self.addresses = hashlib.sha256(b"".join(inventories)).hexdigest()
        self.stock = {}

    def links(self, name):
        """Return a digest of what the links of a notebook depend on, besides its recipe."""
        text = "".join(block.content for block in self.build.recipes[name].blocks)
        labels = {label: self.text.labels.get(label) for label in re.findall(r"sphx_glr_\w+\.py", text)}
        parts = [self.text.site, labels, self.addresses]
        return hashlib.sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()

    def stamp(self, name):
        """Return the path of what says what the links of a notebook depend on."""
        return Path(self.build.gallery, name).with_suffix(".ipynb.sha256")

    # -- in sphinx-gallery's place -------------------------------------------

    def attach(self):
        """Take the place of sphinx-gallery's functions."""
        for name in self.build.recipes:
            stamp = self.stamp(name)
            if not stamp.exists() or stamp.read_text() != self.links(name):
                # so that execution.py lets it be made, though the recipe is as it was
                Path(self.build.gallery, f"{name}.stamp").unlink(missing_ok=True)
        ours = {"jupyter_notebook": self.jupyter_notebook, "save_notebook": self.save_notebook}
        for name, function in ours.items():
            self.stock[name] = getattr(gen_rst, name)
            setattr(gen_rst, name, function)

    def detach(self):
        """Give sphinx-gallery its own functions back."""
        for name, function in self.stock.items():
            setattr(gen_rst, name, function)

    def jupyter_notebook(self, script_blocks, gallery_conf, target_dir):
        """Pass the blocks on: which recipe they are of, only `save_notebook` is told."""
        return script_blocks

    def save_notebook(self, script_blocks, write_file):
        """Write the notebook of *script_blocks* to *write_file*, ``NAME.ipynb.new``."""
        target = Path(write_file).with_suffix("")
        name = target.relative_to(self.build.gallery).with_suffix(".py").as_posix()
        result = self.build.results.get(name) or {"outputs": [], "error": None}
        requirements = dependencies.requirements(b for b in script_blocks if b.type == "code")
        problems = len(self.build.problems)
        cells = self.cells(name, script_blocks, result, requirements)
        notebook = {"cells": cells, "metadata": METADATA, "nbformat": 4, "nbformat_minor": 5}
        text = json.dumps(notebook, ensure_ascii=False, indent=1, sort_keys=True)
        Path(write_file).write_text(text + "\n", encoding="utf-8")
        self.stamp(name).unlink(missing_ok=True)
        if len(self.build.problems) == problems:
            self.stamp(name).write_text(self.links(name))

    # -- what is in it -------------------------------------------------------

    def cells(self, name, blocks, result, requirements):
        """Return the cells: text and code in their order, code with what the page shows."""
        outputs, texts = iter(result["outputs"]), []
        for number, block in enumerate(blocks):
            content = block.content if block.type == "text" else next(outputs, "")
            texts.append(f".. {MARK} {number}\n\n{content}\n")
        docname, parts = self.build.recipes[name].docname, {}
        for node, level in to_markdown.flow(self.text.read(docname, "\n".join(texts))):
            if isinstance(node, nodes.comment) and node.astext().startswith(MARK):
                here = parts.setdefault(int(node.astext().split()[-1]), [])
            else:
                here.append((node, level))
        cells, count = [self._cell("code", install(requirements))], 1
        for number, block in enumerate(blocks):
            shown = parts.get(number, [])
            if block.type == "text":
                cells.append(self._cell("markdown", self.markdown(name, block, shown)))
            else:
                cells.append(self._cell("code", block.content.strip("\n")))
                cells[-1]["outputs"] = [o for node, _ in shown for o in self.outputs(node)]
        for cell in cells:
            if cell["cell_type"] == "code" and result["outputs"] and not result["error"]:
                cell["execution_count"], count = count, count + 1
        return _with_ids([cell for cell in cells if cell["source"]])

    def _cell(self, kind, source):
        code = {"execution_count": None, "outputs": []} if kind == "code" else {}
        return {"cell_type": kind, "metadata": {}, "source": source.splitlines(True), **code}

    def markdown(self, name, block, shown):
        """Return the Markdown of *shown*, what Sphinx made of the text *block*."""
        try:
            return "\n\n".join(filter(None, (to_markdown.block(*part) for part in shown)))
        except to_markdown.Unsupported as error:
            location = f"{self.build.source.name}/{name}:{block.lineno}"
            text = error.node.astext()[:60]
            self.build.problem(location, f"{error}: say it in another way: {text!r}")
            return ""

    def outputs(self, shown):
        """Yield the outputs of a cell that the node *shown* of the page holds."""
        for node in shown.findall():
            if isinstance(node, nodes.literal_block):
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


def attach(app):
    """Take the place of sphinx-gallery's functions."""
    app.notebooks = Notebooks(app)
    app.notebooks.attach()


def detach(app, *_):
    """Give sphinx-gallery its own functions back."""
    if hasattr(app, "notebooks"):
        app.notebooks.detach()


def setup(app):
    app.connect("builder-inited", attach, priority=450)
    app.connect("builder-inited", detach, priority=550)
    app.connect("build-finished", detach)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
