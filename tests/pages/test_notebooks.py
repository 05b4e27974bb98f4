"""The notebooks: valid, and saying what the pages say, as Jupyter turns them into HTML."""

import base64
import importlib.metadata
import json
import re
from collections import Counter
from pathlib import Path
from urllib.parse import urljoin, urlsplit

import nbformat
import pytest
from bs4 import BeautifulSoup
from conftest import RECIPES, recipe
from nbconvert import HTMLExporter
from packaging.requirements import Requirement
from reading import downloads, lines, target

RST = {
    "a role": r":[\w:.+-]+:`",
    "a literal": r"(?<!`)``(?!`)",
    "a directive or a target": r"^\s*\.\. ",
    "a link": r"`__?(?![\w`])",
    "a literal block": r"::\s*$",
    "an underline": r"^([=~^\"'+#*-])\1{3,}$",
}


def squeeze(tag):
    return re.sub(r"\s+", " ", tag if isinstance(tag, str) else tag.get_text()).strip()


def outline(tag):
    """Return a list as ``(name, start, [(text of an item, lists in it), ...])``."""
    items = []
    for item in tag.find_all("li", recursive=False):
        inner = item.find_all(["ul", "ol"], recursive=False)
        own = [c for c in item.children if c not in inner]
        text = squeeze("".join(c.get_text() for c in own))
        items.append((text, [outline(i) for i in inner]))
    return tag.name, tag.get("start", "1"), items


def prose(root, admonition, title):
    """Return what the text under *root* says and how, for comparison."""
    boxes = []
    for box in root.select(admonition):
        head = box.select_one(title)
        boxes.append((squeeze(head), squeeze(box).removeprefix(squeeze(head)).strip()))
        head.decompose()
    return {
        "headings": [(h.name, squeeze(h)) for h in root.find_all(re.compile("^h[1-6]$"))],
        "admonitions": boxes,
        "lists": [outline(t) for t in root.find_all(["ul", "ol"]) if not t.find_parent(["ul", "ol"])],
        "tables": [
            [[squeeze(cell) for cell in row.find_all(["th", "td"])] for row in table.find_all("tr")]
            for table in root.find_all("table")
        ],
        "code": [pre.get_text().strip("\n") for pre in root.find_all("pre")],
        "literals": [squeeze(c) for c in root.find_all("code") if not c.find_parent("pre")],
        "emphasis": [(t.name, squeeze(t)) for t in root.find_all(["em", "strong"])],
        "text": re.sub(r"\s", "", root.get_text()),
    }


def _top(address):
    """Return *address* without an anchor that is the top of its page."""
    return re.sub("#sphx-glr-.*", "", address)


def on_page(path):
    """Return what the page at *path* says: prose, links, code, outputs and figures."""
    page = BeautifulSoup(Path(path).read_text(encoding="utf-8"), "html.parser")
    canonical = page.select_one("link[rel=canonical]")
    root = page.select_one("article section")
    ours = ".provenance, .page-toc, .take-away"
    for tag in root.select(f".sphx-glr-timing, .sphx-glr-example-tags, .sphx-glr-footer, .headerlink, {ours}"):
        tag.decompose()
    shown = {
        "inputs": [said_in_code(cell) for cell in root.select(".cell")],
        "outputs": [pre.get_text().rstrip() for pre in root.select(".sphx-glr-script-out pre")],
        "figures": [
            (image["alt"], target(path, image["src"])[0].read_bytes()) for image in root.select("img[class^=sphx-glr]")
        ],
    }
    for tag in root.select("details:has(> .cell), .cell, .sphx-glr-script-out, img"):
        tag.decompose()
    for summary in root.select("details.fold > summary"):
        summary.name = "strong"
        summary.wrap(page.new_tag("p"))
    links = []
    for link in root.select("a[href]:not(pre a)"):  # Markdown has no links in code
        if urlsplit(link["href"]).scheme:
            links.append((squeeze(link), link["href"]))
        elif canonical:
            links.append((squeeze(link), _top(urljoin(canonical["href"], link["href"]))))
    return {**shown, "links": links, **prose(root, ".admonition", ".admonition-title")}


def said_in_code(cell):
    """Return the lines of a cell of a page, its checks and the line behind which it is folded, sorted."""
    folded = cell.find_parent("details")
    summary = [f"# @title {squeeze(folded.summary)}"] if folded else []
    code = "\n".join(pre.get_text() for pre in cell.select("pre"))
    return sorted(summary + [line for line in code.splitlines() if line.strip()])


def in_notebook(path):
    """Return the same of the notebook at *path*, after nbconvert; without its first cell."""
    notebook = nbformat.read(path, as_version=4)
    nbformat.validate(notebook)
    if "# %pip install" in notebook.cells[0].source:
        del notebook.cells[0]
    html, _ = HTMLExporter(template_name="classic").from_notebook_node(notebook)
    root = BeautifulSoup(html, "html.parser").body
    for tag in root.select(".anchor-link, .prompt"):
        tag.decompose()
    figures = [
        (image["alt"], base64.b64decode(image["src"].partition("base64,")[2]))
        for image in root.select(".output_png img")
    ]
    shown = {
        "inputs": [
            sorted(line.replace("``", "") if line.startswith("# @title") else line for line in lines(pre.get_text()))
            for pre in root.select(".input_area pre")
        ],
        "outputs": [pre.get_text().rstrip() for pre in root.select(".output_area pre")],
        "figures": figures,
    }
    for tag in root.select(".input, .output_wrapper"):
        tag.decompose()
    links = [(squeeze(link), link["href"]) for link in root.select("a[href]")]
    return {**shown, "links": links, **prose(root, "blockquote:has(strong)", "strong")}


def cells(path, kind):
    notebook = nbformat.read(path, as_version=4)
    return [cell for cell in notebook.cells if cell.cell_type == kind]


def remnants(path):
    """Return what is left of reStructuredText in the Markdown of the notebook at *path*."""
    found = []
    for cell in cells(path, "markdown"):
        text = re.sub(r"^( *)(```+).*?^\1\2$", "", cell.source, flags=re.MULTILINE | re.DOTALL)
        found += [f"{what}: {text}" for what, like in RST.items() if re.search(like, text, re.MULTILINE)]
    return found


def notebook_of(site, name):
    return downloads(site / f"recipes/{name}.html")[".ipynb"]


# -- the notebooks of the site ---------------------------------------------------


@pytest.mark.parametrize("name", RECIPES)
def test_notebook_says_what_the_page_says(site, name):
    page, notebook = on_page(site / f"recipes/{name}.html"), in_notebook(notebook_of(site, name))
    assert page["outputs"] and page["inputs"] and page["headings"] and page["links"]
    for what in page:
        assert notebook[what] == page[what], what
    assert not remnants(notebook_of(site, name))


@pytest.mark.parametrize("name", RECIPES)
def test_notebook_is_in_the_current_form(site, name):
    path = notebook_of(site, name)
    notebook = nbformat.read(path, as_version=nbformat.NO_CONVERT)
    nbformat.validate(notebook)
    assert (notebook.nbformat, notebook.nbformat_minor) == (4, 5)
    assert max(Counter(cell.id for cell in notebook.cells).values()) == 1
    assert nbformat.writes(notebook) + "\n" == path.read_text(encoding="utf-8")
    assert notebook.metadata.kernelspec == {
        "display_name": "Python 3",
        "language": "python",
        "name": "python3",
    }
    assert notebook.metadata.language_info.name == "python"
    assert "version" not in notebook.metadata.language_info
    counts = [cell.execution_count for cell in notebook.cells if cell.cell_type == "code"]
    assert counts == list(range(1, len(counts) + 1))


@pytest.mark.parametrize("name", RECIPES)
def test_first_cell_says_what_to_install(site, name):
    files = downloads(site / f"recipes/{name}.html")
    first = nbformat.read(files[".ipynb"], as_version=4).cells[0]
    needs = json.loads(re.search(r"^# dependencies = (.*)", files[".py"].read_text(), re.MULTILINE)[1])
    names = [Requirement(need).name for need in needs]
    pins = [f"{name}=={importlib.metadata.version(name).partition('+')[0]}" for name in names]
    assert f"%pip install {' '.join(pins)}\n" in f"{first.source}\n"
    assert all(pin.replace("==", " ") in first.source.splitlines()[0] for pin in pins)
    assert all(line.startswith("#") for line in first.source.splitlines()), "it needs a network"


# -- what a recipe can say ---------------------------------------------------------

RICH = r'''
"""
``Load`` isn't "magic" & more
=============================

What `Markdown`:code: must not take for its own: a * b * c, _x_, __init__ of state_dict,
$5 and $6, <b>bold</b>, &lt;, a\\b, [text](no link), ~~so~~, # no heading.

1986. This is a year, in a paragraph. :sub:`low`

Section
-------

A quoted ````code with `backticks` in it````, *emphasis*, **strong**\ er, an address
https://example.org/a_b_c, `a link <https://example.org/x_(y)>`__, `another`_,
:class:`torch.nn.Module`, :meth:`~torch.nn.Module.load_state_dict`, :mod:`pickle`,
:attr:`the shape <torch.Tensor.shape>`, :ref:`sphx_glr_recipes_section_two.py`,
:ref:`the other <sphx_glr_recipes_section_two.py>` and :ref:`here <place>`, :ref:`place`.

.. _another: https://example.org/another
.. _place:

Subsection
~~~~~~~~~~

- one

  with a second paragraph::

      code * of the list

  and

  1. first
  2. second, with :func:`torch.load`

     - deep

- two

3. three
4. four

.. list-table::
   :header-rows: 1

   * - key
     - a | b
   * - ``x|y``
     - :func:`torch.save`

+----+-------+
| A  | *B*   |
+====+=======+
| 1  | ``2`` |
+----+-------+

.. warning:: Take care.

   - of this

   .. code-block:: python

      x = "```"

.. admonition:: Use ``this``

   Text with a :ref:`reference <sphx_glr_recipes_section_two.py>`.

.. seealso:: :func:`torch.load`

.. code-block:: console

   $ pip install torch

A quotation:

    It is so.

term
    What it means.

| line one
| line two

:field: body

.. only:: html

   Only in HTML.
"""

# sphinx_gallery_tags = ["loading"]

# %%
# More
# ----
# Text in the section.

print("  indented * text\n\n  <b>`x`</b>")

# %%
# Subsection again
# ~~~~~~~~~~~~~~~~

print("two")
'''
BASE = "https://example.org/cookbook/"


@pytest.fixture(scope="module")
def rich(module_site):
    site = module_site({"one.py": RICH, "two.py": recipe("print(2)", title="``Two`` isn't one")})
    site.done = site.build("-D", f"html_baseurl={BASE}")
    return site


def test_whatever_a_recipe_says_is_the_same_in_the_notebook(rich):
    assert rich.done.code == 0, rich.done.log
    page, path = on_page(rich.page("one.html")), downloads(rich.page("one.html"))[".ipynb"]
    notebook = in_notebook(path)
    # Definitions and fields are no lists of Markdown's: there they are lists of bold terms.
    extra = [("ul", "1", [("term What it means.", [])]), ("ul", "1", [("field: body", [])])]
    assert [o for o in notebook["lists"] if o in extra] == extra
    notebook["lists"] = [o for o in notebook["lists"] if o not in extra]
    notebook["emphasis"] = [e for e in notebook["emphasis"] if e[1] not in ("term", "field:")]
    assert len(page["admonitions"]) == 3
    for what in page:
        assert notebook[what] == page[what], what


def test_links_lead_to_the_site_where_its_address_is_known(rich):
    links = dict(in_notebook(downloads(rich.page("one.html"))[".ipynb"])["links"])
    assert links["Two isn’t one"] == links["the other"] == f"{BASE}recipes/section/two.html"
    assert links["here"] == f"{BASE}recipes/section/one.html#place"


def test_links_to_the_site_are_text_where_its_address_is_not_known(tiny_site):
    site = tiny_site({"one.py": RICH, "two.py": recipe("print(2)")})
    assert site.build().code == 0
    links = in_notebook(downloads(site.page("one.html"))[".ipynb"])["links"]
    assert "torch.load()" in dict(links)
    assert all(urlsplit(address).scheme == "https" for _, address in links), links


def test_what_markdown_cannot_say_fails_the_build(tiny_site):
    text = recipe("print(1)").replace("# Some text.", "# Some text.\n#\n# .. raw:: html\n#\n#    <hr>")
    done = tiny_site({"one.py": text}).build()
    assert done.code != 0
    assert re.search(r"recipes_source/section/one\.py:11: .*'raw'.*<hr>", done.log), done.log


def test_a_notebook_is_made_anew_when_what_it_says_changes_and_only_then(tiny_site):
    link = "# Some text, :ref:`sphx_glr_recipes_section_two.py`."
    one = recipe("print(1)").replace("# Some text.", link)
    site = tiny_site({"one.py": one, "two.py": recipe("print(2)", title="Two")})
    folder, kinds = site.folder / "recipes/section", (".py", ".ipynb", ".zip", ".rst")

    def state():
        done = site.build()
        assert done.code == 0, done.log
        return {p.name: p.stat().st_mtime_ns for p in folder.iterdir() if p.suffix in kinds}

    first = state()
    assert state() == first
    site.add({"two.py": recipe("print(2)", title="A new title")})
    second = state()
    assert second["one.ipynb"] != first["one.ipynb"] and second["one.py"] == first["one.py"]
    assert "Some text, A new title." in (folder / "one.ipynb").read_text()
    site.add({"two.py": recipe("print(3)", title="A new title")})
    assert state()["one.ipynb"] == second["one.ipynb"]
    assert cells(folder / "two.ipynb", "code")[0].outputs[0].text == "3\n"


def test_a_notebook_of_a_recipe_that_was_not_executed_has_no_outputs(tiny_site):
    site = tiny_site({"one.py": recipe("print(1)")})
    assert site.build("-D", "plot_gallery=0").code == 0
    code = cells(downloads(site.page("one.html"))[".ipynb"], "code")
    assert [(cell.execution_count, cell.outputs) for cell in code] == [(None, [])]
