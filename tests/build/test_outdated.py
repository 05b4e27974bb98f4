"""Pages that Sphinx would leave as they were: old times of files, links to pages that change, warnings.

One site is edited step by step; `fuzz/test_rebuilds.py` does any edits in any order.
"""

import io
import os
import zipfile

import pytest
from conftest import TinySite, recipe
from PIL import Image
from reading import downloads, parse

pytestmark = pytest.mark.slow

LONG_AGO = 1_000_000_000


def picture(color):
    data = io.BytesIO()
    Image.new("RGB", (30, 20), color).save(data, "PNG")
    return data.getvalue()


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    recipes = {"one.py": recipe("print(1)", "One"), "two.py": recipe("print(2)", "Two")}
    site = TinySite(tmp_path_factory.mktemp("outdated"), recipes)
    site.write("section/one.py", recipes["one.py"].replace("Some text", "See :ref:`sphx_glr_recipes_section_two.py`"))
    (site.folder / "index.rst").write_text("Tiny\n====\n\n.. toctree::\n\n   recipes/index\n   more\n")
    (site.folder / "more.rst").write_text(
        "More\n====\n\nSome text.\n\n.. image:: picture.png\n\n.. include:: part.txt\n\n"
        "See :ref:`sphx_glr_recipes_section_two.py`, :ref:`other` and :doc:`recipes/section/two`.\n"
    )
    (site.folder / "other.rst").write_text(":orphan:\n\n.. _other:\n\nOther\n=====\n\nText.\n")
    (site.folder / "part.txt").write_text("A part.\n")
    (site.folder / "picture.png").write_bytes(picture("red"))
    (site.folder / "_templates").unlink()
    (site.folder / "_templates").mkdir()
    (site.folder / "_templates/layout.html").write_text('{% extends "pydata_sphinx_theme/layout.html" %}\n')
    (site.folder / "_templates/404.html").write_text("not found")
    done = site.build()
    assert done.code == 0, done.log
    return site


def edit(site, name, content):
    """Write *content*, bytes or a pair of texts to replace, with a time before the last build."""
    path = site.folder / name
    if isinstance(content, tuple):
        assert content[0] in path.read_text()
        content = path.read_text().replace(*content).encode()
    path.write_bytes(content)
    os.utime(path, (LONG_AGO, LONG_AGO))


def text(page):
    return " ".join(parse(page).get_text().split())


@pytest.mark.parametrize(
    ("name", "before", "after", "page"),
    [
        ("more.rst", "Some text", "Edited text", "more.html"),
        ("part.txt", "A part", "An edited part", "more.html"),
        ("recipes_source/section/GALLERY_HEADER.rst", "Some recipes", "Some edited recipes", "recipes/index.html"),
        ("recipes_source/section/two.py", "It shows something", "It shows an edit", "recipes/section/two.html"),
        ("_templates/layout.html", "html' %}", "html' %}{% block body_tag %}<body>Edited layout{% endblock %}", "more.html"),
    ],
)  # fmt: skip
def test_an_edited_file_of_an_old_time_shows(site, name, before, after, page):
    edit(site, name, (before.replace("'", '"'), after.replace("'", '"')))
    done = site.build()
    assert done.code == 0 and "0 to execute" in done.log, done.log
    assert after.rpartition(">Edited")[2].partition("{")[0] in text(site.out / page)


def test_a_picture_of_an_old_time_shows(site):
    edit(site, "picture.png", picture("blue"))
    assert site.build().code == 0
    assert (site.out / "_images/picture.png").read_bytes() == picture("blue")


def test_a_file_that_is_only_touched_changes_nothing(site):
    before = (site.out / "more.html").stat().st_mtime_ns
    edit(site, "more.rst", (site.folder / "more.rst").read_bytes())
    assert " 0 added, 0 changed, 0 removed" in site.build().log
    assert (site.out / "more.html").stat().st_mtime_ns == before


def test_links_to_a_page_have_its_new_title(site):
    edit(site, "recipes_source/section/two.py", ("Two\n===", "Second\n======"))
    edit(site, "other.rst", ("Other\n=====", "Another\n======="))
    assert site.build().code == 0
    for page in (site.out / "more.html", site.page("one.html")):
        links = [link.get_text() for link in parse(page).select("article a, main a") if "two.html" in link["href"]]
        assert links and all("Second" in link or link == "" for link in links), (page, links)
    assert "Another" in text(site.out / "more.html") and "Other" not in text(site.out / "more.html")
    assert "Second" in downloads(site.page("one.html"))[".ipynb"].read_text()


def test_a_warning_is_repeated_until_its_cause_is_gone(site):
    """Of reading, of resolving references, and of the check that all pages are in a list."""
    edit(site, "more.rst", ("Edited text", "Edited ``text. See :ref:`nowhere`"))
    edit(site, "other.rst", (":orphan:\n\n", ""))
    for _ in range(2):
        done = site.build()
        assert done.code == 1
        for said in ("Inline literal start-string", "undefined label: 'nowhere'", "isn't included in any toctree"):
            assert done.errors.count(said) == 1, done.log
    edit(site, "more.rst", ("Edited ``text. See :ref:`nowhere`", "Edited text"))
    edit(site, "other.rst", (".. _other", ":orphan:\n\n.. _other"))
    assert site.build().code == 0
    assert " 0 added, 0 changed, 0 removed" in site.build().log


def test_a_removed_page_is_missed_where_it_is_listed_and_linked(site):
    (site.folder / "more.rst").rename(site.folder / "more.txt")
    (site.folder / "other.rst").rename(site.folder / "other.txt")
    for _ in range(2):
        done = site.build()
        assert done.code == 1 and "nonexisting document 'more'" in done.errors, done.log
    assert not parse(site.out / "index.html").select("main a[href='more.html']")
    assert not (site.out / "more.html").exists()
    (site.folder / "more.txt").rename(site.folder / "more.rst")
    for _ in range(2):
        done = site.build()
        assert done.code == 1 and "undefined label: 'other'" in done.errors, done.log
    (site.folder / "other.txt").rename(site.folder / "other.rst")
    done = site.build()
    assert done.code == 0, done.log
    assert "Another" in text(site.out / "more.html")


def test_archives_hold_no_removed_recipe(site):
    (site.source / "section/two.py").unlink()
    edit(site, "recipes_source/section/one.py", ("See :ref:`sphx_glr_recipes_section_two.py`", "Text"))
    more = site.folder / "more.rst"
    more.write_text(more.read_text().replace(":ref:`sphx_glr_recipes_section_two.py`", "").partition("and :doc")[0])
    (site.source / "section/three.py").write_text(recipe("print(3)", "Three"))
    assert site.build().code == 0
    (site.source / "section/three.py").unlink()
    assert site.build().code == 0
    for archive in ("recipes_python.zip", "recipes_jupyter.zip"):
        (path,) = site.out.glob(f"_downloads/*/{archive}")
        assert [name.partition(".")[0] for name in zipfile.ZipFile(path).namelist()] == ["section/one"]
