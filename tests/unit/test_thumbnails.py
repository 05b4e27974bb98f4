"""The pictures of cards: their size, their colors, what lies behind them."""

import pytest
from cookbook.gallery.thumbnails import scale_image
from PIL import Image

SIZE = (48, 30)


@pytest.fixture
def card(tmp_path):
    """Make the card of a picture; return it."""

    def card(picture, name="card.png"):
        picture.save(tmp_path / "picture.png")
        scale_image(tmp_path / "picture.png", tmp_path / name, *SIZE)
        with Image.open(tmp_path / name) as made:
            made.load()
        return made

    return card


def colorful(size):
    return Image.merge("RGB", [Image.linear_gradient("L").rotate(angle).resize(size) for angle in (0, 90, 180)])


@pytest.mark.parametrize("size", [(480, 300), (100, 10), (10, 100), (1, 1), SIZE])
def test_a_card_has_the_size_it_is_shown_at_and_at_most_128_colors(card, size):
    made = card(colorful(size))
    assert made.size == SIZE and made.format == "PNG" and made.mode == "P"
    assert len(made.getcolors()) <= 128


@pytest.mark.parametrize(("size", "box"), [((100, 10), (0, 13, 48, 17)), ((10, 100), (22, 0, 25, 30))])
def test_a_picture_of_another_form_is_in_the_middle_on_white(card, size, box):
    made = card(Image.new("RGB", size, "black")).convert("L")
    dark = made.point(lambda value: 255 if value < 128 else 0).getbbox()
    assert all(abs(one - other) <= 1 for one, other in zip(dark, box))
    assert made.getpixel((0, 0)) == 255 == made.getpixel((47, 29))


def test_what_is_transparent_is_white(card):
    picture = Image.new("RGBA", SIZE, (0, 0, 0, 0))
    picture.putpixel((5, 5), (0, 0, 0, 255))
    made = card(picture).convert("RGB")
    assert made.getpixel((0, 0)) == (255, 255, 255) and made.getpixel((5, 5)) == (0, 0, 0)


def test_the_same_picture_is_the_same_bytes(card, tmp_path):
    card(colorful((300, 200)), "one.png")
    card(colorful((300, 200)), "two.png")
    assert (tmp_path / "one.png").read_bytes() == (tmp_path / "two.png").read_bytes()


def test_another_format_is_sphinx_gallery_s(card):
    made = card(colorful((480, 300)), "card.jpg")
    assert made.size == SIZE and made.format == "JPEG"
