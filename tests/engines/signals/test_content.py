"""The measures of missing content, through the public judge."""

from __future__ import annotations

import pytest
from PIL import Image, ImageDraw, ImageFont

pytest.importorskip("cv2")

from pytest_imagejudge.engines.signals import content
from pytest_imagejudge.engines.signals.planes import Planes

from . import pictures as p
from .failures import NATURALNESS, failed

PHOTO = p.photograph()
BROKEN = {
    "black": ("next to one colour, black", Image.new("RGB", (256, 256), "black")),
    "white": ("next to one colour, white", Image.new("RGB", (256, 256), "white")),
    "one colour": ("next to one colour", Image.new("RGB", (256, 256), (120, 60, 30))),
    "upper half black": ("along its top edge", p.covered(PHOTO, "black", (0, 0, 1, 0.5))),
    "lower half white": ("along its bottom edge", p.covered(PHOTO, "white", (0, 0.5, 1, 1))),
    "left half grey": ("along its left edge", p.covered(PHOTO, "grey", (0, 0, 0.5, 1))),
    "right half grey": ("along its right edge", p.covered(PHOTO, "grey", (0.5, 0, 1, 1))),
    "most of it in a rectangle": ("a blank rectangle", p.covered(PHOTO, "grey", (0.1, 0.1, 0.9, 0.9))),
}


@pytest.mark.parametrize(("words", "picture"), BROKEN.values(), ids=BROKEN)
def test_what_shows_nothing_fails(words, picture):
    found = failed(picture, "an astronaut")
    assert words in found[NATURALNESS]
    assert "fail above" in found[NATURALNESS]


def test_a_box_among_the_squares_of_pixel_art_may_be_drawn():
    art = p.np.asarray(p.pixel_art()).copy()
    down, across = art.shape[0] // 96 * 12, art.shape[1] // 96 * 12
    art[down : 7 * down, across : 7 * across] = 120
    figure = content.blank_share(Planes(p.of(art)))
    assert (figure.value, figure.unsure) == (None, True)
    assert figure.words == "a blank rectangle among squares: a drawn box, or blank"


@pytest.mark.parametrize(("strokes", "share"), [(10, 50), (2, 0)])
def test_strokes_that_all_end_at_one_line_were_cut_off(strokes, share):
    sheet = p.np.full((512, 512, 3), 255, p.np.uint8)
    for number in range(strokes):
        sheet[40:256, 20 + 48 * number : 23 + 48 * number] = 0
    assert content.blank_share(Planes(p.of(sheet))).value == pytest.approx(share, abs=1)


def _word(word: str, left: int | None, height: int = 60) -> Image.Image:
    """A word in white on a plain blue ground of 768 pixels, in its middle or from ``left`` on."""
    picture = Image.new("RGB", (768, 768), "#224466")
    font = ImageFont.load_default(height)
    box = ImageDraw.Draw(picture).textbbox((0, 0), word, font=font)
    place = ((768 - box[2]) / 2 if left is None else left, (768 - box[3]) / 2)
    ImageDraw.Draw(picture).text(place, word, font=font, fill="white")
    return picture


@pytest.mark.parametrize(("word", "left"), [("OPEN", None), ("Hotel", 40)])
def test_a_word_on_a_plain_ground_is_not_a_picture_that_is_half_blank(word, left):
    figure = content.blank_share(Planes(_word(word, left)))
    assert figure.unsure
    assert "and so are other edges" in figure.words


def test_a_margin_does_not_excuse_a_blank_half():
    pixels = p.np.full((512, 512, 3), 255, p.np.uint8)
    pixels[60:256, 60:452] = p.np.asarray(PHOTO.resize((512, 512)))[:196, :392]
    figure = content.blank_share(Planes(Image.fromarray(pixels)))
    assert figure.value >= 50
