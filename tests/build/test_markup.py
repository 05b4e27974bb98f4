"""Whatever reStructuredText a recipe has: page, notebook and Markdown say it, or the build says where they cannot."""

import json
import re

import pytest
from conftest import recipe
from reading import parse

#: The text of a recipe; each says ``marker`` where readers see it.
TEXTS = {
    **{
        name.partition("::")[0]: f".. {name}\n\n   The marker.\n"
        for name in (
            *("attention::", "caution::", "danger::", "error::", "hint::", "important::", "note::", "tip::"),
            *("warning::", "seealso::", "admonition:: A title", "topic:: A title", "sidebar:: A title"),
            *("versionadded:: 2.13", "versionchanged:: 2.13", "deprecated:: 2.13", "container:: box", "compound::"),
            *("epigraph::", "highlights::", "pull-quote::", "parsed-literal::", "code-block:: python", "math::"),
            *("py:function:: f(x, y=1) -> int", "py:class:: A(x)", "py:data:: x", "envvar:: A", "option:: -a, --all X"),
            *(
                "cpp:function:: int f(int x)",
                "js:function:: f(x)",
                "rst:directive:: a",
                "describe:: a",
                "class:: special",
            ),
            *(
                "only:: html",
                "fold:: A *fold*",
                "code-block::\n   :caption: A",
            ),
        )
    },
    "citation": "By [Marker2026]_.\n\n.. [Marker2026] A book, marker.\n",
    "footnote": "Text [1]_, text [#]_, text [#name]_, text [*]_.\n\n.. [1] a\n.. [#] b\n.. [#name] c\n.. [*] The marker.\n",
    "glossary": ".. glossary::\n\n   one\n   two\n      The marker.\n\nA :term:`one`.\n",
    "productionlist": '.. productionlist::\n   marker: `marker` | "b"\n',
    "centered": ".. centered:: The marker\n\n.. rubric:: A title\n",
    "hlist": ".. hlist::\n\n   * marker\n   * b\n",
    "acks": ".. acks::\n\n   * marker\n   * b\n",
    "lines": "| marker\n|    two\n",
    "options": "-a  The marker.\n--all=x  b\n",
    "fields": ":marker: a\n:b: c\n",
    "definitions": "marker : int\n  a\nb\n  c\n",
    "doctest": ">>> print('marker')\nmarker\n",
    "quotation": "Text.\n\n  The marker.\n\n  -- Ana\n",
    "list-table": ".. list-table:: A title\n\n   * - marker\n     - b\n",
    "csv-table": ".. csv-table:: A title\n   :header: a, b\n\n   marker, 2\n",
    "grid table": "+--------+---+\n| marker | b |\n+--------+---+\n",
    "spanning table": "+--------+---+\n| marker     |\n+--------+---+\n| b      | c |\n+--------+---+\n",
    "table with a list": ".. list-table::\n\n   * - * marker\n       * a\n",
    "toctree": ".. toctree::\n\n   The marker <https://example.org>\n   /recipes/section/good\n",
    "contents": ".. contents::\n   :local:\n\nThe marker.\n",
    "doc": ":doc:`/index`, :doc:`marker </index>`, :doc:`good`\n",
    "ref": ".. _a-label:\n\nA marker\n--------\n\n:ref:`a-label`, :ref:`marker <a-label>`, :any:`a-label`\n",
    "numref": ".. _a-figure:\n\n.. figure:: /_static/icon.svg\n\n   marker\n\n:numref:`a-figure`\n",
    "equation": ".. math:: marker\n   :label: one\n\nBy :eq:`one`, :math:`a`.\n",
    "roles": ":abbr:`marker (a)` :command:`a` :dfn:`a` :file:`a` :guilabel:`a` :kbd:`a` :manpage:`ls(1)` :pep:`8` :rfc:`1`\n",
    "more roles": ":sub:`a` :sup:`b` :samp:`a{b}` :menuselection:`a --> b` :program:`a` :mailheader:`a` :token:`marker`\n",
    "download": ":download:`marker </_static/icon.svg>`\n",
    "reference": "`marker`_ and `a place`__ and _`inline place`\n\n.. _marker: https://example.org\n__ https://a.org\n",
    "substitution": ".. |name| replace:: marker\n.. |icon| image:: /_static/icon.svg\n\nThe |name| |icon| |today|.\n",
    "literalinclude": ".. literalinclude:: /section.txt\n",
    "include": ".. include:: /section.txt\n",
    "image": "The marker.\n\n.. image:: /_static/icon.svg\n   :target: https://example.org\n",
    "picture": ".. image:: /_static/icon.svg\n   :alt: marker\n",
    "figure": ".. figure:: /_static/icon.svg\n   :alt: An icon\n\n   The marker.\n\n   A legend.\n",
    "raw": ".. raw:: html\n\n   <b>marker</b>\n",
    "meta": "The marker.\n\n.. meta::\n   :keywords: a\n",
    "entries of an index": "The marker.\n\n.. index:: a\n\n.. highlight:: c\n\n.. tabularcolumns:: |l|\n",
    "codeauthor": "The marker.\n\n.. codeauthor:: Ana\n\n.. sectionauthor:: Ben\n",
    "transition": "a\n\n-----\n\nThe marker.\n",
    "module": ".. py:module:: a\n\n.. py:currentmodule:: a\n\nThe marker, :py:mod:`a`.\n",
    "minigallery": "The marker.\n\n.. minigallery:: recipes_source/section/good.py\n",
    "minigallery of none": "The marker.\n\n.. minigallery:: ../section/gone.py\n",
    "minigallery without a recipe": "The marker.\n\n.. minigallery::\n",
    "unknown directive": "The marker.\n\n.. nothing::\n",
    "unknown role": "The marker :nothing:`a`.\n",
    "wrong markup": "The *marker, ``a, [1]_, |a|, `b`_\n\n  b\n c\n",
    "wrong heading": "The marker\n~~~~~~~~~~\n\nB\n=====\n\nC\n,,,,,,,\n",
}
#: What a notebook cannot say, and is named.
UNSAID = {
    "raw",
    "spanning table",
    "table with a list",
    "unknown directive",
    "unknown role",
    "wrong markup",
    "minigallery of none",
    "minigallery without a recipe",
}


def stem(name):
    return re.sub(r"\W", "_", name)


@pytest.fixture(scope="module")
def built(module_site):
    site = module_site({"good.py": recipe("print(1)")})
    (site.folder / "section.txt").write_text("The marker.\n")
    for name, text in TEXTS.items():
        lines = "".join(f"# {line}".rstrip() + "\n" for line in text.splitlines())
        site.add({f"{stem(name)}.py": f'"""\nRecipe {name}\n{"=" * 40}\n\nA.\n"""\n\n# %%\n{lines}\nprint(1)\n'})
    site.done = site.build()
    return site


def problems(site, name):
    return re.findall(rf"recipes_source/section/{stem(name)}\.py:(\d+): [A-Z]+: (.*)", site.done.log)


def test_the_build_goes_to_its_end(built):
    assert built.done.code == 1 and "problem(s) with recipes" in built.done.log, built.done.log[-3000:]
    assert "Extension error" not in built.done.log and "exception" not in built.done.log
    named = {name for name in TEXTS if problems(built, name)}
    assert named >= UNSAID


@pytest.mark.parametrize("name", TEXTS)
def test_page_notebook_and_markdown_say_it_or_the_build_says_where(built, name):
    named = problems(built, name)
    cells = json.loads((built.folder / f"recipes/section/{stem(name)}.ipynb").read_text())["cells"]
    notebook = "".join(text for cell in cells if cell["cell_type"] == "markdown" for text in cell["source"])
    if name in UNSAID:
        assert any(int(line) > 1 for line, _ in named)
    else:
        assert "marker" in notebook.lower()
        assert "marker" in built.page(f"{stem(name)}.md").read_text().lower()
    assert "marker" in built.page(f"{stem(name)}.html").read_text().lower()


def test_a_small_gallery_has_the_card_of_its_recipe_in_page_and_notebook(built):
    page = parse(built.page("minigallery.html"))
    assert [card.get_text().split()[:2] for card in page.select(".cards .card")] == [["A", "recipe"]]
    assert "A recipe" in (built.folder / "recipes/section/minigallery.ipynb").read_text()
