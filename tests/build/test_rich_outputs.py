"""What is shown where the configuration asks for it: values in HTML, animations, pictures of several scrapers."""

import base64
import io
import json
import re
import shutil

import nbformat
import pytest
from axe_playwright_python.sync_playwright import Axe
from conftest import TWO_FRAMES, recipe
from nbconvert import HTMLExporter
from PIL import Image
from reading import outputs, parse, seal

#: A class with the HTML of pandas.
FRAME = """
class Frame:
    columns = [f"column {number}" for number in range(12)]

    def _repr_html_(self):
        head = "".join(f"<th>{name}</th>\\n" for name in self.columns)
        rows = "".join(
            f'<tr>\\n<th rowspan="1" valign="top">{row}</th>\\n' + "".join("<td>0.25</td>\\n" for _ in self.columns) + "</tr>\\n"
            for row in range(40)
        )
        return (
            "<div>\\n<style scoped>\\n    .dataframe tbody tr th {\\n        vertical-align: top;\\n    }\\n</style>\\n"
            '<table border="1" class="dataframe">\\n  <thead>\\n    <tr>\\n      <th></th>\\n'
            '<th colspan="12" halign="left">a &lt;b&gt;</th></tr>\\n    <tr style="text-align: right;">\\n      <th></th>\\n'
            f"{head}</tr>\\n  </thead>\\n  <tbody>\\n{rows}</tbody>\\n</table>\\n<p>40 rows × 12 columns</p>\\n</div>"
        )

    def __repr__(self):
        return "    column 0  column 1\\n0       0.25      0.25"

"""
HOSTILE = """<script>alert(1)</script><img src=x onerror=alert(1)><a href="javascript:alert(1)">link</a>
<p id="main-content" class="copy-text" style="background: url(//x.org/a)" onclick="alert(1)">text</p>
<style>@import '//x.org/a.css'; body { display: none }</style></div></section></article></main><table><tr><td>open"""
LARGE = "class Large:\n    _repr_html_ = lambda self: '<td>x</td>' * 10**6\n\nLarge()"
VALUE = "class Value:\n    def _repr_html_(self):\n        return {!r}\n\nValue()"
ANIMATION = """
import matplotlib.pyplot as plt
from matplotlib.animation import FuncAnimation

figure, axes = plt.subplots(figsize=(5, 3))
(line,) = axes.plot([0, 1], [0, 0])
axes.set(title="A line", ylim=(0, 3))
animation = FuncAnimation(figure, lambda n: line.set_ydata([0, n]), frames=3)
_ = plt.figure().gca().set(title="No animation")
"""
DRAWN = "DRAW = {}"
RECIPES = {
    "frame.py": recipe(f"{FRAME}Frame()", "A table"),
    "frame_in_text.py": recipe(
        f'# sphinx_gallery_capture_repr_block = ("__repr__",)\n{FRAME}Frame()', "A table in text"
    ),
    "hostile.py": recipe(VALUE.format(HOSTILE), "A hostile value"),
    "plot.py": recipe(
        VALUE.format("<div id=plot></div><script>plot()</script>").replace(
            "Value()", "Value.__repr__ = lambda self: 'a plot'\nValue()"
        ),
        "A plot",
    ),
    "large.py": recipe(LARGE, "A large value"),
    "animation.py": recipe(ANIMATION, "An animation"),
    "drawing.py": recipe(DRAWN.format(["svg", "jpg"]), "A drawing"),
}
CONF = """
recipe_rules = []
sphinx_gallery_conf.update(
    capture_repr=("_repr_html_", "__repr__"),
    matplotlib_animations=(True, "gif"),
    image_scrapers=("scraping.scraper", "cookbook.run.process.figures.scraper"),
)
"""
#: A scraper that draws in the formats of the recipe's DRAW.
SCRAPER = """
from pathlib import Path
from PIL import Image
from sphinx_gallery.scrapers import figure_rst

SVG = '<svg xmlns="http://www.w3.org/2000/svg" width="72pt" height="36pt" {}><circle cx="36" cy="18" r="9"/></svg>'


def scraper(block, block_vars, gallery_conf):
    rst = ""
    for kind in block_vars["example_globals"].pop("DRAW", ()):
        path = Path(next(block_vars["image_path_iterator"])).with_suffix("." + kind.partition(" ")[0])
        if path.suffix == ".svg":
            path.write_text(SVG.format(kind.partition(" ")[2]))
        else:
            Image.new("RGB", (60, 30), "red").save(path)
        rst += figure_rst([path], gallery_conf["src_dir"], f"A drawing in {kind}")
    return rst
"""


def prepare(site):
    (site.folder / "scraping.py").write_text(SCRAPER)
    with open(site.folder / "conf.py", "a") as conf:
        conf.write(CONF)
    return site


def make(site, **environment):
    return site.build(PYTHONPATH=str(site.folder), **environment)


@pytest.fixture(scope="module")
def built(module_site):
    site = prepare(module_site(RECIPES))
    site.done = make(site)
    assert site.done.code == 0, site.done.log
    return site


def shown(site, name):
    """Return the outputs in the notebook of a recipe, as data by type."""
    notebook = nbformat.read(site.folder / f"recipes/section/{name}.ipynb", as_version=4)
    nbformat.validate(notebook)
    return [output.get("data", output) for cell in notebook.cells for output in cell.get("outputs", ())]


def test_a_value_in_html_is_a_table_on_the_page_and_in_the_notebook_and_text_elsewhere(built):
    (output,) = parse(built.page("frame.html")).select(".sphx-glr-script-out")
    assert output["id"] == "a-table-output" and not output.select("style, [style], [class], [border], div")
    assert output.select_one("th[colspan='12']").text == "a <b>" and len(output.select("td")) == 40 * 12 + 2
    (data,) = shown(built, "frame")
    assert data.keys() == {"text/html", "text/plain"} and "<style" not in data["text/html"]
    assert parse(built.page("frame.html")).table.text in output.text and "<table>" in data["text/html"]
    text = "    column 0  column 1\n0       0.25      0.25"
    assert data["text/plain"] == f"{text}\n"
    markdown = built.page("frame.md").read_text()
    assert f"```\n{text}\n```" in markdown and "<table>\n" not in markdown
    index = next((built.out / "_static").glob("search-index*.js")).read_text()
    assert json.dumps(["output", text], separators=(",", ":")) in index and "<td>0.25" not in index.replace(
        "<td>0.25</td>\\", ""
    )
    assert outputs(built.page("frame_in_text.html")) == [text.strip("\n")]


def test_the_script_is_the_recipe(built):
    assert (built.folder / "recipes/section/frame.py").read_text().startswith(RECIPES["frame.py"])


def test_a_hostile_value_shows_its_text_and_leaves_the_page_whole(built):
    page = parse(built.page("hostile.html"))
    (output,) = page.select(".sphx-glr-script-out")
    assert "".join(str(child) for child in output.children).split() == (
        ["link", "<p>text</p>", "<table><tbody><tr><td>open</td></tr></tbody></table>"]
    )
    assert len(page.select("main article .sphx-glr-script-out")) == 1 and page.select("body > footer")
    assert not any(element.get("onclick") or element.get("style") for element in page())
    (data,) = shown(built, "hostile")
    assert not {"script", "onerror", "javascript", "url("} & set(data["text/html"].split("<>")) and "x.org" not in str(
        data
    )
    assert data["text/plain"] == "link text open\n"


@pytest.mark.parametrize(("name", "text"), [("plot", "a plot"), ("large", "... (cut: 10,000,000 more characters)")])
def test_html_that_cannot_be_shown_is_text(built, name, text):
    assert outputs(built.page(f"{name}.html")) == [text]
    (output,) = shown(built, name)
    assert output["text"] == f"{text}\n"


def test_an_animation_is_a_gif_with_its_first_frame_on_the_page_and_a_png_that_moves_in_the_notebook(built):
    moving, still, other = parse(built.page("animation.html")).select("article img")
    for image, kind in ((moving, "GIF"), (still, "PNG")):
        with Image.open(built.page("animation.html").parent / image["src"]) as picture:
            assert picture.format == kind and (str(picture.width), str(picture.height)) == (
                image["width"],
                image["height"],
            )
        assert image["alt"] == "A line" and kind.lower() in image["src"]
    assert other["alt"] == "No animation" and "_002.png" in other["src"]
    one, two = shown(built, "animation")
    with Image.open(io.BytesIO(base64.b64decode(one["image/png"]))) as picture:
        assert picture.n_frames == 3 and one["text/plain"] == "A line"
    assert two["text/plain"] == "No animation"
    assert re.findall(r"!\[(.*?)\]", built.page("animation.md").read_text()) == ["A line", "No animation"]


def test_pictures_of_several_scrapers_are_shown_by_their_own_types(built):
    vector, photo = parse(built.page("drawing.html")).select("article img")
    assert vector["src"].endswith("_001.svg") and (vector["width"], vector["height"]) == ("96", "48")
    assert photo["src"].endswith("_002.jpg") and not parse(built.page("drawing.html")).select("circle[r='9']")
    one, two = shown(built, "drawing")
    assert one["image/svg+xml"].startswith("<svg") and one["text/plain"] == "A drawing in svg"
    assert two.keys() == {"image/jpeg", "text/plain"}


def test_cards_have_a_picture_that_does_not_move(built):
    cards = {
        card.select_one("p a").text: card.img["src"] for card in parse(built.page("section/index.html")).select(".card")
    }
    assert cards["An animation"].endswith("sphx_glr_animation_thumb.png")
    assert cards["A drawing"].endswith("sphx_glr_drawing_thumb.svg")


@pytest.mark.parametrize("name", ["frame", "hostile", "animation", "drawing"])
def test_other_programs_show_the_notebook(built, name):
    html, _ = HTMLExporter().from_filename(str(built.folder / f"recipes/section/{name}.ipynb"))
    assert {"frame": "column 11", "hostile": "open", "animation": "image/png;base64", "drawing": "image/svg+xml"}[
        name
    ] in html


def test_what_a_cache_says_is_cleaned_or_executed_again(built, tiny_site, tmp_path):
    shutil.copytree(built.folder / ".recipe_cache", tmp_path / "cache")
    for path in (tmp_path / "cache").glob("*.json"):
        result = json.loads(path.read_bytes().partition(b"\n")[2])
        result["outputs"] = [
            text.replace("<td>0.25</td>", "<td><script>alert(2)</script>forged", 1) for text in result["outputs"]
        ]
        forged = base64.b64encode(b'<svg xmlns="http://www.w3.org/2000/svg" onload="alert(2)"/>').decode()
        result["images"] = {name: forged if name.endswith("svg") else data for name, data in result["images"].items()}
        seal(path, result)
    site = prepare(tiny_site(RECIPES))
    done = make(site, RECIPE_CACHE=str(tmp_path / "cache"))
    assert done.code == 0 and "1 to execute" in done.log and "drawing_001.svg is no SVG" in done.log
    page = site.page("frame.html").read_text()
    assert "forged" in page and "alert(2)" not in page
    assert "alert(2)" not in (site.out / "_images/sphx_glr_drawing_001.svg").read_text()


def test_what_cannot_be_shown_fails_its_recipe_alone_and_says_why(tiny_site):
    names = {
        "one.py": recipe(DRAWN.format(['svg onload="alert(1)"'])),
        "two.py": recipe(DRAWN.format(["svg"]), "Two"),
        "three.py": recipe(LARGE, "Three", '# sphinx_gallery_overflow = "fail"'),
        "four.py": recipe(ANIMATION, "Four", "# sphinx_gallery_thumbnail_number = 3"),
    }
    site = prepare(tiny_site(names))
    done = make(site)
    assert done.code == 1 and site.page("two.html").exists() and not list(site.out.rglob("*one_001*"))
    told = re.findall(r"^recipes_source/section/(\w+)\.py:(\d+): WARNING: (.*)$", done.log, re.MULTILINE)
    assert sorted(told) == [
        ("four", "7", "sphinx_gallery_thumbnail_number = 3: the recipe has 2 figure(s): give the number of one"),
        (
            "one",
            "1",
            "ValueError: sphx_glr_one_001.svg is no SVG that a page shows: it has onload=alert(1), which does not draw. "
            "Leave that out, or save the figure as PNG.",
        ),
        (
            "three",
            "1",
            "RuntimeError: more than 1,048,576 characters of output in one block. Print less, or raise the limit: "
            "# sphinx_gallery_output = CHARACTERS",
        ),
    ]


# -- in a browser ------------------------------------------------------------------------------


@pytest.fixture
def opened(browser, built):
    """Open the page of a recipe; nothing that it loads may run a script of its own."""
    contexts = []

    def opened(name, width=1400, **options):
        contexts.append(browser.new_context(viewport={"width": width, "height": 900}, **options))
        page = contexts[-1].new_page()
        page.said = []
        page.on("dialog", lambda dialog: page.said.append(dialog.message) or dialog.dismiss())
        page.on("console", lambda message: page.said.append(message.text))
        page.goto(built.page(f"{name}.html").as_uri())
        page.evaluate(TWO_FRAMES)
        return page

    yield opened
    for context in contexts:
        context.close()


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [1400, 400])
@pytest.mark.parametrize("name", ["frame", "hostile", "animation"])
def test_a_page_is_accessible_and_as_wide_as_its_window(opened, name, width, scheme):
    page = opened(name, width, color_scheme=scheme)
    assert page.said == []
    assert page.evaluate("document.documentElement.scrollWidth") == width
    found = Axe().run(page, None, {"resultTypes": ["violations"]}).response["violations"]
    assert [(rule["id"], node["html"]) for rule in found for node in rule["nodes"]] == []


def test_a_wide_table_scrolls_in_itself_with_the_keyboard_too(opened):
    table = opened("frame", 400).locator(".html-output table")
    assert table.evaluate("it => it.scrollWidth > it.clientWidth && it.tabIndex === 0")
    assert table.evaluate("it => getComputedStyle(it.querySelector('td')).whiteSpace") == "nowrap"


def test_a_wide_table_is_whole_on_paper(opened):
    page = opened("frame", 700)
    page.emulate_media(media="print")
    assert page.locator(".html-output table").evaluate("it => it.getBoundingClientRect().right <= innerWidth")


@pytest.mark.parametrize(
    ("options", "media", "kind"),
    [({}, "screen", "gif"), ({"reduced_motion": "reduce"}, "screen", "png"), ({}, "print", "png")],
)
def test_who_wants_no_motion_and_paper_have_the_first_frame(opened, options, media, kind):
    page = opened("animation", **options)
    page.emulate_media(media=media)
    images = page.locator("article img[alt='A line']:visible")
    assert images.count() == 1 and images.get_attribute("src").endswith(kind)


def test_an_animation_on_white_is_inverted_on_dark_pages(opened):
    image = opened("animation", color_scheme="dark").locator("article img.moving")
    assert image.evaluate("it => getComputedStyle(it).filter") == "invert(0.9) hue-rotate(180deg)"
