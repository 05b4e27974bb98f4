"""Pictures in notebooks: each in a form that all viewers have, with its text and its size."""

import base64
import io

import pytest
from cookbook.gallery.display import MAX_WIDTH, display
from PIL import Image

COLORS = ["red", "green", "blue"]


@pytest.fixture
def shown(tmp_path):
    """Display a picture of three frames, or of one, in this format; return type, content and metadata."""

    def shown(suffix, size=(20, 10), frames=3):
        path = tmp_path / f"picture{suffix}"
        first, *others = (Image.new("RGB", size, color) for color in COLORS[:frames])
        more = {"save_all": True, "append_images": others, "duration": 100, "loop": 0} if others else {}
        first.save(path, **more)
        output = display(path, "Three colors")
        assert output["output_type"] == "display_data" and output["data"].pop("text/plain") == ["Three colors"]
        ((kind, content),) = output["data"].items()
        assert output["metadata"].keys() == {kind}
        return kind, content, output["metadata"][kind], path.read_bytes()

    return shown


@pytest.mark.parametrize(("suffix", "kind"), [(".png", "image/png"), (".jpg", "image/jpeg")])
def test_png_and_jpeg_are_what_they_are(shown, suffix, kind):
    found, content, about, file = shown(suffix, frames=1)
    assert found == kind and base64.b64decode(content) == file
    assert about == {"alt": "Three colors", "width": 20, "height": 10}


def test_webp_is_a_png(shown):
    kind, content, _, _ = shown(".webp", frames=1)
    with Image.open(io.BytesIO(base64.b64decode(content))) as picture:
        assert kind == "image/png" and picture.format == "PNG" and picture.size == (20, 10)


def test_an_animation_is_a_png_that_moves(shown):
    kind, content, _, _ = shown(".gif")
    assert kind == "image/png"
    with Image.open(io.BytesIO(base64.b64decode(content))) as picture:
        assert picture.format == "PNG" and picture.n_frames == 3 and picture.info["duration"] == 100
        assert picture.info["loop"] == 0
        picture.seek(2)
        assert picture.convert("RGB").getpixel((5, 5))[2] > 200
    assert shown(".gif")[1] == content


@pytest.mark.parametrize(
    ("size", "width", "height"),
    [((1000, 800), MAX_WIDTH, 512), ((MAX_WIDTH, 7), MAX_WIDTH, 7), ((100, 800), 100, 800), ((2000, 1), MAX_WIDTH, 0)],
)
def test_a_picture_is_no_wider_than_a_page(shown, size, width, height):
    about = shown(".png", size, frames=1)[2]
    assert (about["width"], about["height"]) == (width, height)


@pytest.mark.parametrize(
    ("size", "about"), [('width="72pt" height="36pt"', {"width": 96, "height": 48}), ('viewBox="0 0 1 1"', None)]
)
def test_svg_is_text_with_its_size_in_pixels(tmp_path, size, about):
    text = f'<svg xmlns="http://www.w3.org/2000/svg" {size}>\n<path/>\n</svg>\n'
    path = tmp_path / "x.svg"
    path.write_text(text)
    output = display(path, "A path")
    assert output["data"] == {"image/svg+xml": text.splitlines(True), "text/plain": ["A path"]}
    if about:
        assert output["metadata"]["image/svg+xml"] == {"alt": "A path", **about}
