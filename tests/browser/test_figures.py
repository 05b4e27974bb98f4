"""Figures on light and dark pages and on paper, in a real browser."""

import io

import numpy as np
import pytest
from conftest import recipe
from cookbook.run.process.figures import inverted
from PIL import Image

INVERTED = "invert(0.9) hue-rotate(180deg)"
#: Colors in the middle of a figure on transparent paper, one of them white.
SWATCHES = ["#000000", "#ffffff", "#808080", "#ff0000", "#00ff00", "#0000ff", "#ffa90e", "#3f90da", "#bd1f01"]
CODE = f"""
import matplotlib.pyplot as plt

fig = plt.figure(figsize=(5, 3), facecolor="none")
ax = fig.add_axes([0, 0, 1, 1])
ax.axis("off")
ax.set(xlim=(0, {len(SWATCHES)}), ylim=(0, 3))
for x, color in enumerate({SWATCHES}):
    ax.fill_between([x, x + 1], 1, 2, color=color, linewidth=0)

# %%
# Two figures of one block.

plt.figure().gca().plot([1, 2])
plt.matshow([[1, 2]])

# %%
# Another style.

plt.style.use("dark_background")
plt.figure().gca().plot([1, 2])
"""


@pytest.fixture(scope="module")
def built(module_site):
    tiny = module_site({"one.py": recipe(CODE)})
    done = tiny.build()
    assert done.code == 0, done.log
    return tiny.page("one.html").as_uri()


@pytest.fixture
def opened(browser, built):
    """Open the page in a color scheme."""
    contexts = []

    def opened(scheme):
        contexts.append(browser.new_context(color_scheme=scheme, viewport={"width": 1400, "height": 900}))
        page = contexts[-1].new_page()
        page.goto(built)
        return page

    yield opened
    for context in contexts:
        context.close()


def filters(page):
    return page.locator("article img").evaluate_all("all => all.map((it) => getComputedStyle(it).filter)")


def test_figures_are_inverted_on_dark_pages_alone_and_not_on_paper(opened):
    page = opened("dark")
    assert filters(page) == [INVERTED, INVERTED, "none", "none"]
    page.emulate_media(media="print")
    page.evaluate("document.documentElement.dataset.theme = 'dark'")
    assert filters(page) == ["none"] * 4
    assert filters(opened("light")) == ["none"] * 4


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_colors_are_those_that_text_was_measured_with(opened, scheme):
    figure = opened(scheme).locator("article img").first
    shown = Image.open(io.BytesIO(figure.screenshot())).convert("RGB")
    width, height = shown.size
    found = [shown.getpixel((round((x + 0.5) * width / len(SWATCHES)), height // 2)) for x in range(len(SWATCHES))]
    paper = shown.getpixel((width // 2, height // 6))
    wanted = np.array([[int(color[i : i + 2], 16) for i in (1, 3, 5)] for color in [*SWATCHES, "#ffffff"]])
    if scheme == "dark":
        wanted = inverted(wanted / 255) * 255
    assert np.abs(np.array([*found, paper]) - wanted).max() <= 2


def test_several_figures_of_a_block_are_as_wide_as_one_and_have_no_bullets(opened):
    page = opened("light")
    boxes = page.locator("article img").evaluate_all("all => all.map((it) => it.getBoundingClientRect().toJSON())")
    assert len({(box["left"], box["width"]) for box in boxes}) == 1
    assert page.locator(".sphx-glr-horizontal").evaluate("it => getComputedStyle(it).listStyleType") == "none"
