"""The measure of banding, through the public judge."""

from __future__ import annotations

import pytest
from PIL import Image, ImageDraw

pytest.importorskip("cv2")

from pytest_imagejudge.engines.signals import levels
from pytest_imagejudge.engines.signals.measures import score_pixels
from pytest_imagejudge.engines.signals.planes import Planes

from . import pictures as p
from .failures import NATURALNESS, failed

PHOTO = p.photograph()
BROKEN = {
    "4 levels": ("4 levels of colour are 85 codes apart", p.rounded(PHOTO, 4)),
    "8 levels": ("8 levels of colour are 36", p.rounded(PHOTO, 8)),
    "5 bits": ("32 levels of colour are 8 codes apart", p.few_bits(PHOTO, 5)),
    "gradient of 5 bits": ("are 8 codes apart", p.few_bits(p.gradient((10, 10, 10), (240, 220, 250)), 5)),
}


@pytest.mark.parametrize(("words", "picture"), BROKEN.values(), ids=BROKEN)
def test_few_levels_fail(words, picture):
    found = failed(picture, "an astronaut")
    assert words in found[NATURALNESS]
    assert "fail above" in found[NATURALNESS]


def test_a_few_colours_on_even_steps_are_not_judged():
    flat = Image.new("RGB", (512, 512), (17, 34, 68))
    for number, colour in enumerate([(204, 17, 34), (238, 204, 17), (34, 119, 68), (68, 204, 238)]):
        flat.paste(colour, (40 + 110 * number, 60 + 40 * number, 130 + 110 * number, 330 + 40 * number))
    figure = levels.level_step(Planes(flat))
    assert figure.value is None
    assert figure.unsure
    assert "are too few to tell rounded ones" in figure.words


@pytest.mark.parametrize(("off", "banded"), [(0, True), (1, False)])
def test_rare_levels_count_where_they_are_on_the_comb(off, banded):
    """Two percent of the pixels in many shades, each of them rare, beside three flat colours."""
    pixels = p.np.zeros((512, 512, 3), p.np.uint8)
    pixels[200:, :] = 64
    pixels[400:, :] = 248
    pixels[:10] = (p.np.arange(512) // 18 * 8 + 4 * off)[None, :, None]
    figure = levels.level_step(Planes(p.of(pixels)))
    assert (figure.value == pytest.approx(8, abs=0.1)) is banded


@pytest.mark.parametrize("dither", [Image.Dither.NONE, Image.Dither.FLOYDSTEINBERG])
@pytest.mark.parametrize("count", [8, 16, 64])
def test_a_photograph_reduced_to_a_few_colours_is_not_judged(count, dither):
    facet = score_pixels(Planes(PHOTO.quantize(count, dither=dither).convert("RGB")), "Quality", "a photo")[NATURALNESS]
    assert facet.raw == "N/A"
    assert facet.evidence == f"{count} colours in all: drawn so, or a picture that was reduced to them"


def test_pixel_art_in_a_few_colours_is_no_banding():
    figure = levels.level_step(Planes(p.pixel_art()))
    assert figure.unsure is False
    assert figure.value is None
    assert figure.words.endswith("colours are no banding")


def test_many_colours_say_that_there_is_no_comb():
    figure = levels.level_step(Planes(PHOTO))
    assert figure.value == 1
    assert figure.words == "no banding: its levels of colour are no even steps apart"


@pytest.mark.parametrize(("ink", "paper"), [("#cc3333", "white"), ("#3366cc", "#ffcc00"), ("#339933", "white")])
def test_a_drawing_whose_few_colours_lie_on_even_steps_is_in_doubt(ink, paper):
    picture = Image.new("RGB", (512, 512), paper)
    ImageDraw.Draw(picture).ellipse((100, 100, 400, 400), fill=ink)
    figure = levels.level_step(Planes(picture))
    assert figure.unsure
    assert "2 colours in all" in figure.words


@pytest.mark.parametrize("mode", ["RGB", "L"])
def test_a_photograph_of_four_levels_fails_in_colour_and_in_grey(mode):
    rounded = PHOTO.convert(mode).convert("RGB").point(lambda code: code // 64 * 85)
    assert levels.level_step(Planes(rounded)).value > 4
