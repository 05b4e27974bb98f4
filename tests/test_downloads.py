"""The three things a reader takes away: script, notebook and zip, each saying the same."""

import os
import zipfile

import nbformat
import pytest
from conftest import RECIPES
from nbclient import NotebookClient
from pages import downloads, lines, outputs, parse, target


def run_notebook(path, folder):
    os.environ.update(OMP_NUM_THREADS="1")
    notebook = nbformat.read(path, as_version=4)
    NotebookClient(notebook, timeout=300, resources={"metadata": {"path": str(folder)}}).execute()
    return notebook


@pytest.fixture(scope="session")
def notebooks(site, pool, names, tmp_path_factory):
    """Run every downloaded notebook, each in an empty folder."""
    return {
        name: pool.submit(
            run_notebook,
            downloads(site / f"recipes/{name}.html")[".ipynb"],
            tmp_path_factory.mktemp("notebook"),
        )
        for name in names
    }


@pytest.mark.parametrize("name", RECIPES)
def test_script_prints_what_the_page_shows(site, scripts, name):
    done = scripts[name, 1].result()
    assert done.code == 0, done.stderr
    assert not done.stderr
    shown = lines("\n".join(outputs(site / f"recipes/{name}.html")))
    assert lines(done.stdout) == shown


@pytest.mark.parametrize("name", RECIPES)
def test_notebook_prints_what_the_page_shows(site, notebooks, name):
    notebook = notebooks[name].result()
    cells = [cell for cell in notebook.cells if cell.cell_type == "code"]
    assert not [o for c in cells for o in c.outputs if o.output_type == "execute_result"]
    # a kernel sends what a cell prints in pieces of any length
    printed = "\n".join("".join(o.text for o in c.outputs if o.output_type == "stream") for c in cells)
    shown = lines("\n".join(outputs(site / f"recipes/{name}.html")))
    assert lines(printed) == shown
    figures = [o for c in cells for o in c.outputs if o.output_type == "display_data"]
    assert len(figures) == len(parse(site / f"recipes/{name}.html").select("img.only-light"))


@pytest.mark.parametrize("name", RECIPES)
def test_page_offers_each_download_at_the_top_and_at_the_end(site, name):
    page = parse(site / f"recipes/{name}.html")
    for place in (".take-away", ".sphx-glr-footer"):
        names = [link["href"].rsplit("/", 1)[1] for link in page.select(f"{place} a[download]")]
        stem = name.rsplit("/", 1)[1]
        assert sorted(names) == sorted(f"{stem}.{suffix}" for suffix in ("py", "ipynb", "zip"))


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
