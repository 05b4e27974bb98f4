"""Figures: which are inverted on dark pages, and that their text can be read there."""

import itertools
import subprocess
import sys
from pathlib import PurePosixPath

import matplotlib
import numpy as np
import pytest
from conftest import ROOT
from cookbook.run.process.figures import (
    CONTRAST,
    CROSSED,
    DPI,
    animation_rst,
    contrast,
    inverted,
    read_images,
    scraper,
)
from cookbook.run.result import check_output
from matplotlib import patheffects
from matplotlib import pyplot as plt
from matplotlib.animation import FuncAnimation
from matplotlib.backends.backend_agg import FigureCanvasAgg, RendererAgg
from matplotlib.figure import Figure
from matplotlib.text import Text
from PIL import Image
from sphinx_gallery import scrapers
from sphinx_gallery.scrapers import ImagePathIterator

CONF = {"image_srcset": [], "compress_images": (), "matplotlib_animations": (False, None)}
STYLES = ["default", *plt.style.available]


@pytest.fixture(autouse=True)
def agg():
    """Draw without a screen, and leave no figure."""
    backend = matplotlib.get_backend()
    plt.switch_backend("agg")
    yield
    plt.close("all")
    plt.switch_backend(backend)


@pytest.fixture
def scrape(tmp_path):
    """Save all open figures; return the reStructuredText that shows them."""
    images = tmp_path / "recipes/images"
    images.mkdir(parents=True)
    block_vars = {
        "image_path_iterator": ImagePathIterator(f"{images}/sphx_glr_one_{{0:03}}.png"),
        "example_globals": {},
    }
    return lambda: scraper(None, block_vars, {**CONF, "src_dir": str(tmp_path)})


def draw(bars, **box):
    """Draw what figures have: curves, a legend, text in a box of its own, turned labels, and *bars* with labels."""
    figure, axes = plt.subplots(figsize=(5, 4))
    for number in range(4):
        axes.plot([0, 1, 2], [number, 3, number], label=f"curve {number}")
    if bars:
        axes.bar_label(axes.bar([0, 1, 2], [1, 2, 3]), label_type="center")
    axes.annotate("text", (0, 5), bbox=box)
    axes.tick_params(axis="x", rotation=40)
    axes.legend(loc="upper right")
    axes.set(title="A title", xlabel=r"steps $x^2$", ylabel="a label\nof two lines", ylim=(0, 8))
    return figure


def text_and_what_lies_under_it(figure):
    """Yield each text of *figure*, its color and the pixels below its letters, found by drawing it without text."""
    figure.set_dpi(DPI)
    canvas = FigureCanvasAgg(figure)
    canvas.draw()
    texts = [text for text in figure.findobj(Text) if text.get_visible() and text.get_text().strip()]
    boxes = [text.get_window_extent() for text in texts]
    shown = np.array(canvas.buffer_rgba())
    colors = [matplotlib.colors.to_rgb(text.get_color()) for text in texts]
    for text in texts:
        text.set_alpha(0)
    canvas.draw()
    without, height = np.array(canvas.buffer_rgba()), len(shown)
    for text, color, box in zip(texts, colors, boxes, strict=True):
        part = np.s_[max(height - int(box.y1) - 1, 0) : height - int(box.y0) + 1, max(int(box.x0), 0) : int(box.x1) + 1]
        letters = (shown[part] != without[part]).any(axis=-1)
        if letters.any():
            yield text.get_text(), np.array(color), without[part][letters][:, :3] / 255


@pytest.mark.parametrize("style", STYLES)
def test_text_of_every_style_can_be_read_on_dark_pages(scrape, style):
    with plt.style.context(style):
        figures = [draw(False, facecolor="wheat", alpha=0.5), draw(True, facecolor="C1")]
        on_white = matplotlib.colors.to_rgb(plt.rcParams["figure.facecolor"]) == (1, 1, 1)
    inverts = ["invertible" in block for block in scrape().split(".. image::")[1:]]
    assert len(inverts) == 2 and inverts[0] == on_white and inverts[1] <= on_white
    for figure in itertools.compress(figures, inverts):
        measured = list(text_and_what_lies_under_it(figure))
        assert len(measured) > 10
        for text, color, under in measured:
            found = contrast(inverted(np.broadcast_to(color, under.shape)), inverted(under))
            assert np.quantile(found, CROSSED) >= CONTRAST, text


def show(code):
    """Run *code* on new axes, as a recipe would."""
    figure, axes = plt.subplots(figsize=(5, 3))
    exec(code, {"figure": figure, "axes": axes, "plt": plt, "np": np, "patheffects": patheffects})


@pytest.mark.parametrize(
    "code",
    [
        "axes.plot([1, 2])",
        "axes.axis('off')",
        "axes.scatter([1, 2], [2, 1])",
        "axes.fill_between([1, 2], [1, 2], alpha=0.3)",
        "figure.set_facecolor('none')",
        "plt.rcParams['savefig.transparent'] = True",
        "plt.rcParams['savefig.bbox'] = 'tight'",
        "axes.set_facecolor('#e5e5e5')",
        "axes.plot([0, 1], label='x'); axes.grid(); axes.legend()",
        "axes.bar_label(axes.bar([0], [1]), ['white on a bar'], label_type='center', color='white')",
        "axes.text(0.2, 0.5, 'in a box', bbox={'facecolor': 'wheat', 'alpha': 0.5})",
        "axes.text(2, 2, 'outside of the figure', color='yellow')",
        "axes.text(0, 0, '')",
        "axes.text(0, 0, 'x', color='yellow').set_visible(False)",
        "axes.set_xticks(range(9), ['turned and close'] * 9, rotation=45)",
        "axes.text(0, 0, 'x', path_effects=[patheffects.withStroke(linewidth=2, foreground='w')])",
    ],
)
def test_black_on_white_is_inverted(scrape, code):
    with plt.rc_context():
        show(code)
        assert "invertible" in scrape()


@pytest.mark.parametrize(
    "code",
    [
        "axes.imshow(np.eye(9))",
        "axes.imshow(np.zeros((9, 9, 3)))",
        "figure.figimage(np.eye(9))",
        "axes.pcolormesh(np.eye(9))",
        "axes.scatter([1, 2], [2, 1], c=[1, 2])",
        "axes.contourf(np.eye(9))",
        "axes.hexbin([1, 2], [2, 1])",
        "figure.colorbar(plt.cm.ScalarMappable(), ax=axes)",
        "figure.set_facecolor('#f0f0f0')",
        "figure.set_facecolor('black')",
        "axes.text(0.2, 0.5, 'black on orange', bbox={'facecolor': 'C1'})",
        "axes.text(0.2, 0.5, 'turned, on orange', rotation=30, bbox={'facecolor': 'C1'})",
        "axes.axhspan(0.6, 1, color='C1'); axes.set_ylim(0, 1); axes.text(0, 0.1, 'upward and then on orange', rotation=90)",
        "axes.axvspan(0.3, 1, color='C1'); axes.set_xlim(0, 1); axes.text(0.1, 0, 'onward and then on orange')",
        "axes.text(0.2, 0.5, '$x^2$ on orange', bbox={'facecolor': 'C1'})",
        "axes.text(0.2, 0.5, 'black on orange\\nin two lines', bbox={'facecolor': 'C1'})",
        "axes.bar_label(axes.bar([0], [1], color='C1'), ['black on a bar'], label_type='center')",
        "axes.set_facecolor('C1'); axes.legend(axes.plot([1]), ['x'], framealpha=0)",
        "axes.set_title('gray', color='0.5')",
        "axes.set_ylabel('gray, upward', color='0.5')",
        "axes.set_title('pale', alpha=0.4)",
        "axes.set_title('yellow', color='y')",
    ],
)
def test_what_would_be_wrong_or_unreadable_stays_as_it_is(scrape, code):
    show(code)
    assert "invertible" not in scrape()


def test_each_figure_is_one_file_drawn_once_and_an_output_that_a_result_may_have(scrape, tmp_path, monkeypatch):
    drawn = []
    stock = Figure.savefig
    monkeypatch.setattr(Figure, "savefig", lambda self, *args, **options: drawn.append(stock(self, *args, **options)))
    for code in ("axes.set_title('one')", "axes.set_title('two'); axes.imshow(np.eye(9))", "axes.plot([1, 2])"):
        show(code)
    text = scrape()
    images = sorted((tmp_path / "recipes/images").iterdir())
    assert [path.name for path in images] == [f"sphx_glr_one_00{number}.png" for number in (1, 2, 3)]
    assert len(drawn) == 3
    blocks = text.split(".. image::")[1:]
    assert ["invertible" in block for block in blocks] == [True, False, True]
    assert [path.name in block for path, block in zip(images, blocks, strict=True)] == [True] * 3
    assert ":alt: one" in blocks[0] and ":alt: two" in blocks[1]
    check_output(text, {f"/recipes/images/{path.name}" for path in images})
    for path in images:
        with Image.open(path) as picture:
            assert picture.size == (5 * DPI, 3 * DPI)


def test_without_a_figure_there_is_no_output(scrape):
    assert scrape().strip() == ""


def test_a_figure_that_cannot_be_drawn_raises_and_leaves_matplotlib_as_it_was(scrape):
    before = RendererAgg.draw_text
    show("axes.set_title('$x^$')")
    with pytest.raises(ValueError, match="Expected"):
        scrape()
    assert RendererAgg.draw_text is before


def test_what_matplotlib_warns_of_is_said_once_and_not_as_if_it_were_ours(scrape):
    show(r"axes.set_title('\ue000')")
    with pytest.warns(UserWarning, match="Glyph 57344") as caught:
        scrape()
    assert {warning.filename for warning in caught} == {scrapers.__file__}


def test_the_build_which_imports_the_scraper_does_not_import_matplotlib_or_numpy():
    code = "import sys, cookbook.run.process.figures; print({'matplotlib', 'numpy'} & sys.modules.keys())"
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, env={"PYTHONPATH": "_ext"}, cwd=ROOT
    )
    assert done.stdout == "set()\n", done.stderr


def test_contrasts_are_those_of_wcag():
    black, white, gray = np.zeros((1, 3)), np.ones((1, 3)), np.full((1, 3), 0x77 / 255)
    assert contrast(black, white) == pytest.approx(21)
    assert contrast(gray, white) == contrast(white, gray) == pytest.approx(4.48, abs=0.01)


def test_curves_have_no_less_contrast_inverted_than_on_white():
    for style in STYLES:
        with plt.style.context(style):
            colors = matplotlib.colors.to_rgba_array(plt.rcParams["axes.prop_cycle"].by_key()["color"])[:, :3]
        white = np.ones_like(colors)
        before, after = contrast(colors, white), contrast(inverted(colors), inverted(white))
        assert (after >= np.minimum(before, 3)).all(), (style, before, after)


# -- what a recipe has drawn ------------------------------------------------------------------


def test_images_are_read_by_name_and_nothing_else(tmp_path):
    for name in ("b.png", "a.png", "a.gif", "a.svg", "a.jpg", "a.webp", "c.txt", "d.html"):
        (tmp_path / name).write_bytes(name.encode())
    (tmp_path / "thumb").mkdir()
    assert list(read_images(tmp_path)) == ["a.gif", "a.jpg", "a.png", "a.svg", "a.webp", "b.png"]
    assert read_images(tmp_path)["a.png"] == "YS5wbmc="
    assert read_images(tmp_path / "no_such") == {}


def animated(count=3):
    figure, axes = plt.subplots(figsize=(5, 3))
    (line,) = axes.plot([0, 1], [0, 0])
    axes.set(title="A line", ylim=(0, count))
    return FuncAnimation(figure, lambda n: line.set_ydata([0, n]), frames=count, interval=100)


@pytest.fixture
def animate(tmp_path):
    """Save an animation; return what shows it, and the folder of images."""

    def animate(number=1):
        folder = tmp_path / f"recipes/images{number}"
        folder.mkdir(parents=True)
        rst = animation_rst(animated(), PurePosixPath(folder, "sphx_glr_one_001.png"), {"src_dir": str(tmp_path)})
        return rst, folder

    return animate


def test_an_animation_is_a_gif_that_moves_and_its_first_frame(animate):
    rst, folder = animate()
    with Image.open(folder / "sphx_glr_one_001.gif") as moving, Image.open(folder / "sphx_glr_one_001.png") as still:
        assert moving.n_frames == 3 and moving.info["duration"] == 100 and moving.size == still.size == (640, 384)
        first = np.asarray(moving.convert("RGB"))
        assert (first == np.asarray(still.convert("RGB"))).all()
        moving.seek(2)
        assert (np.asarray(moving.convert("RGB")) != first).any()
    assert [line.strip() for line in rst.splitlines() if ":class:" in line] == [
        ":class: sphx-glr-single-img moving",
        ":class: sphx-glr-single-img still",
    ]
    assert rst.count(":alt: A line") == 2


def test_an_animation_is_the_same_bytes_each_time(animate):
    one, other = (animate(number)[1] for number in (1, 2))
    for name in ("sphx_glr_one_001.gif", "sphx_glr_one_001.png"):
        assert (one / name).read_bytes() == (other / name).read_bytes()
