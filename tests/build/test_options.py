"""Options and settings of sphinx-gallery that work do what its documentation says; what is refused ends the build at once."""

import json

import pytest
from conftest import recipe
from PIL import Image
from reading import outputs, parse

FIGURES = "import matplotlib.pyplot as plt\nplt.figure()\nplt.plot([1])\nplt.figure()\nplt.plot([2])"
RECIPES = {
    "value.py": recipe("import json\njson.dumps([1])\n[2]", "A value"),
    "ignored.py": recipe("{1}", "An ignored value"),
    "fails.py": recipe("raise ValueError(1)", "It fails"),
    "picture.py": recipe(
        "import matplotlib.pyplot as plt\nplt.plot([1, 2])\n# sphinx_gallery_defer_figures\n\n# %%\n# Then\n\nplt.plot([2, 1])",
        "A picture",
    ),
    "two.py": recipe(FIGURES, "Two", '# sphinx_gallery_multi_image = "single"\n'),
    "two_of_a_block.py": recipe(f'# sphinx_gallery_multi_image_block = "single"\n{FIGURES}', "Two of a block"),
    "block.py": recipe(
        "class A:\n    __str__ = lambda self: 'str'\n    __repr__ = lambda self: 'repr'\n\nA()\n\n# %%\n# Text.\n\n"
        '# sphinx_gallery_capture_repr_block = ("__str__",)\nA()',
        "Values",
    ),
    "silent.py": recipe("[3]", "No value", "# sphinx_gallery_capture_repr = ()\n"),
    "hidden.py": recipe("x = 1\n# sphinx_gallery_start_ignore\nx = 2\n# sphinx_gallery_end_ignore\nprint(x)", "Hidden"),
    "programs.py": recipe("import os\nos.write(2, b'a remark')\nprint(1)", "Programs"),
    "old.py": recipe(
        "import tempfile, warnings\nwarnings.warn('old', FutureWarning)\nprint(tempfile.mkdtemp())", "Old"
    ),
    "font.py": recipe(
        "import matplotlib.pyplot as plt\nplt.rcParams['font.family'] = 'No such font'\nplt.title('A title')", "Font"
    ),
    "left_out.py": recipe("raise ValueError(2)", "Left out", "# sphinx_gallery_dummy_images = 1\n"),
}
CONF = """
recipe_rules = []
sphinx_gallery_conf.update(
    backreferences_dir="backreferences",
    capture_repr=("__repr__",),
    default_thumb_file="thumb.png",
    doc_module=("json",),
    download_all_examples=False,
    examples_dirs="recipes_source",
    expected_failing_examples=["recipes_source/section/fails.py"],
    filename_pattern=r"/(?!left_out)\\w+\\.py$",
    gallery_dirs="recipes",
    ignore_pattern="^_|skipped",
    ignore_repr_types="set",
    image_scrapers="matplotlib",
    junit="junit.xml",
    line_numbers=True,
    min_reported_time=0,
    prefer_full_module={"json"},
    show_signature=True,
    thumbnail_size=(100, 50),
    within_subsection_order="FileNameSortKey",
)
"""


@pytest.fixture(scope="module")
def built(module_site):
    site = module_site({**RECIPES, "skipped.py": "x = 1\n"})
    site.write("top.py", recipe("print('top')", "At the top"))
    Image.new("RGB", (20, 10), "red").save(site.folder / "thumb.png")
    conf = site.folder / "conf.py"
    conf.write_text(conf.read_text() + CONF)
    site.done = site.build()
    return site


def notebook(site, name):
    return json.loads((site.folder / f"recipes/section/{name}.ipynb").read_text())["cells"]


def test_the_build_has_no_problem(built):
    assert built.done.code == 0, built.done.log


@pytest.mark.parametrize(
    ("name", "shown"),
    [
        ("value", ["[2]"]),
        ("ignored", []),
        ("block", ["repr", "str"]),
        ("silent", []),
        ("hidden", ["2"]),
        ("left_out", []),
    ],
)
def test_the_value_of_a_block_is_its_output_where_that_is_asked_for(built, name, shown):
    assert [text.strip() for text in outputs(built.page(f"{name}.html"))] == shown
    cells = notebook(built, name)
    assert [out["text"] for cell in cells for out in cell.get("outputs", ())] == [[f"{text}\n"] for text in shown]


def test_figures_are_those_of_the_stock_scraper(built):
    page = parse(built.page("picture.html"))
    (figure,) = page.select("article img.sphx-glr-single-img")
    assert figure["src"].endswith("sphx_glr_picture_001.png")
    for name in ("two", "two_of_a_block"):
        assert len(parse(built.page(f"{name}.html")).select("article img.sphx-glr-single-img")) == 2


def test_what_is_ignored_is_on_no_page_and_in_no_notebook(built):
    for text in (built.page("hidden.html").read_text(), json.dumps(notebook(built, "hidden"))):
        assert "_ignore" not in text and "x = 2" not in text


def test_what_is_written_while_a_figure_is_drawn_is_output(built):
    assert "findfont" in outputs(built.page("font.html"))[-1]


def test_what_a_program_writes_is_in_the_log_with_its_line(built):
    assert "recipes_source/section/programs.py:11: wrote past sys.stdout: a remark" in built.done.log
    assert "WARNING" not in built.done.log


def test_deprecations_and_temporary_paths_are_output(built):
    text = outputs(built.page("old.html"))[-1]
    assert "FutureWarning: old" in text and "tmp/" in text


def test_other_options_do_what_they_say(built):
    gallery = built.folder / "recipes"
    assert (built.folder / "backreferences/json.dumps.examples").exists()
    assert "ValueError" in outputs(built.page("fails.html"))[-1]
    assert not built.page("skipped.html").exists()
    assert not (gallery / "recipes_python.zip").exists()
    assert (built.out / "junit.xml").exists()
    with Image.open(gallery / "section/images/thumb/sphx_glr_value_thumb.png") as thumb:
        assert thumb.size == (100, 50) and thumb.convert("RGB").getpixel((50, 25))[0] > 200
    page = built.page("value.html").read_text()
    assert "linenos" in page and "Total running time" in page and "Gallery generated by" in page
    assert "Gallery generated by" not in json.dumps(notebook(built, "value"))


def test_a_recipe_at_the_top_is_a_recipe_like_others(built):
    assert outputs(built.out / "recipes/top.html") == ["top"]
    assert '"url":"recipes/top.html"' in next((built.out / "_static").glob("search-index*.js")).read_text()
    assert "recipes/top.md" in (built.out / "llms.txt").read_text()


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("sphinx_gallery_conf['binder'] = {'org': 'x'}", "sphinx_gallery_conf['binder'] = {'org': 'x'}: pages have no"),
        ("sphinx_gallery_conf['image_scrapers'] = (len,)", "so give the name of a function"),
        (
            "sphinx_gallery_conf['gallery_dirs'] = 'other'",
            "there is one gallery, made from recipes_source/ in recipes/",
        ),
        ("sphinx_gallery_conf['matplotlib_animations'] = True", 'allows no players: give (True, "gif")'),
        (
            "sys.modules['nh3'] = None\nsphinx_gallery_conf['capture_repr'] = ('_repr_html_',)",
            "('_repr_html_',): HTML is shown where nh3 is installed, which cleans it: pip install nh3",
        ),
        ("sphinx_gallery_conf['default_thumb_file'] = 'gone.png'", "['default_thumb_file']: there is no picture"),
        ("recipe_rules = ['other']", "recipe_rules has 'other': take of 'some output'"),
    ],
)
def test_what_is_refused_ends_the_build_in_one_sentence(tiny_site, line, said):
    site = tiny_site({"one.py": recipe("print(1)")})
    with open(site.folder / "conf.py", "a") as conf:
        conf.write(f"{line}\n")
    done = site.build()
    assert done.code == 2 and "executed" not in done.log
    assert len([row for row in done.errors.splitlines() if row.strip()]) <= 2 and said in done.errors


def test_what_is_expected_to_fail_is_a_recipe_and_fails(tiny_site):
    site = tiny_site({"one.py": recipe("print(1)")})
    names = [f"recipes_source/section/{name}.py" for name in ("one", "gone")]
    with open(site.folder / "conf.py", "a") as conf:
        conf.write(f"sphinx_gallery_conf['expected_failing_examples'] = {names}\n")
    done = site.build()
    assert done.code == 1 and "one.py:1: WARNING: it ran to its end: remove it from expected" in done.log
    assert "conf.py:1: WARNING: expected_failing_examples has gone.py, which is no recipe" in done.log
