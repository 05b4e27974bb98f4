"""What a reader takes away: notebook and zips; `recipes/test_running.py` runs the scripts."""

import zipfile

import nbformat
import pytest
from conftest import RECIPES
from nbclient import NotebookClient
from reading import downloads, lines, outputs, parse, target


@pytest.mark.parametrize("name", RECIPES)
def test_notebook_prints_what_the_page_shows(site, tmp_path, monkeypatch, name):
    """It runs from top to bottom in a real kernel, in an empty folder."""
    monkeypatch.setenv("OMP_NUM_THREADS", "1")
    notebook = nbformat.read(downloads(site / f"recipes/{name}.html")[".ipynb"], as_version=4)
    NotebookClient(notebook, timeout=300, resources={"metadata": {"path": str(tmp_path)}}).execute()
    cells = [cell for cell in notebook.cells if cell.cell_type == "code"]
    values = [o["data"]["text/plain"] for c in cells for o in c.outputs if o.output_type == "execute_result"]
    reports = {"<All keys matched successfully>", "(set(), [])"}  # what loading returns, here and in safetensors
    assert set(values) <= reports, "shown by a notebook only: assign it"
    # a kernel sends what a cell prints in pieces of any length
    printed = "\n".join("".join(o.text for o in c.outputs if o.output_type == "stream") for c in cells)
    shown = lines("\n".join(outputs(site / f"recipes/{name}.html")))
    assert lines(printed) == shown
    figures = [o for c in cells for o in c.outputs if o.output_type == "display_data"]
    assert len(figures) == len(parse(site / f"recipes/{name}.html").select("img[class^=sphx-glr]"))


@pytest.mark.parametrize("name", RECIPES)
def test_page_offers_script_notebook_and_markdown_below_its_answer(site, name):
    page = parse(site / f"recipes/{name}.html")
    (row,) = page.select(".take-away")
    stem = name.rsplit("/", 1)[1]
    names = [link["href"].rsplit("/", 1)[-1] for link in row.select("a")]
    assert names == [f"{stem}.py", f"{stem}.ipynb", f"{stem}.md"]
    assert row.find_parent(id="short-answer") and "answer" in row.find_previous(class_="answer")["class"]


@pytest.mark.parametrize("name", RECIPES)
def test_zip_holds_the_script_and_the_notebook(site, name):
    files = downloads(site / f"recipes/{name}.html")
    with zipfile.ZipFile(files[".zip"]) as archive:
        for suffix in (".py", ".ipynb"):
            assert archive.read(files[suffix].name) == files[suffix].read_bytes()
        assert len(archive.namelist()) == 2


def test_gallery_offers_all_recipes_as_zips(site):
    page = site / "recipes/index.html"
    links = [target(page, a["href"])[0] for a in parse(page).select("a[download]")]
    contents = {}
    for link in links:
        with zipfile.ZipFile(link) as archive:
            assert archive.testzip() is None
            contents[link.name] = set(archive.namelist())
    assert contents == {
        "recipes_python.zip": {f"{name}.py" for name in RECIPES},
        "recipes_jupyter.zip": {f"{name}.ipynb" for name in RECIPES},
    }
