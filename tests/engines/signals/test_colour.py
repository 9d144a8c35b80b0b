"""The measures of colour and light that were cut off or shifted, through the public judge."""

from __future__ import annotations

import pytest

pytest.importorskip("cv2")

from pytest_imagejudge.engines.signals import colour
from pytest_imagejudge.engines.signals.measures import score_pixels
from pytest_imagejudge.engines.signals.planes import Planes

from . import pictures as p
from .failures import COLOUR, LIGHT, failed

PHOTO = p.photograph()
BROKEN = {
    "green cast": (COLOUR, "colour cast", p.shifted(PHOTO, (-30, 40, -30))),
    "violet cast": (COLOUR, "colour cast", p.shifted(PHOTO, (40, -30, 40))),
    "burnt colour": (COLOUR, "saturated to the end", p.saturated(PHOTO, 3)),
    "exposed twice": (LIGHT, "burnt to white", p.of(2.0 * p.np.asarray(PHOTO))),
    "crushed": (LIGHT, "crushed to black", p.of(1.5 * (p.np.asarray(PHOTO, float) - 130))),
}


@pytest.mark.parametrize(("facet", "words", "picture"), BROKEN.values(), ids=BROKEN)
def test_spoilt_colour_fails(facet, words, picture):
    found = failed(picture, "an astronaut")
    assert words in found[facet]
    assert "fail above" in found[facet]


@pytest.mark.parametrize("frame", [0, 2])
def test_black_ground_is_not_crushed_whatever_its_frame(frame):
    pixels = p.np.zeros((512, 512, 3), p.np.uint8)
    pixels[150:400, 180:350] = p.np.asarray(PHOTO)[100:350, 100:270]
    for side in (pixels, pixels[::-1], pixels.transpose(1, 0, 2), pixels.transpose(1, 0, 2)[::-1]):
        side[:frame] = 20
    figure = colour.crushed_share(Planes(p.of(pixels)))
    assert figure.value is None
    assert figure.words == "on a black ground, what is crushed to black can't be told from it"


def test_on_white_ground_light_is_not_judged():
    facets = score_pixels(Planes(p.product_on_white()), "Aesthetics", "a cup")
    assert facets[LIGHT].raw == "N/A"
    assert "can't be told from it" in facets[LIGHT].evidence or "flat colour" in facets[LIGHT].evidence


def test_a_thing_alone_on_a_plain_ground_may_be_saturated():
    pixels = p.np.full((512, 512, 3), 255, p.np.uint8)
    rough = p.np.random.default_rng(3).integers(150, 256, (250, 200, 3))
    pixels[150:400, 180:380] = rough * p.np.array([1, 0.3, 0])
    alone = colour.pure_share(Planes(p.of(pixels)))
    assert (alone.value, alone.unsure) == (None, True)
    assert "of a thing alone on a plain ground is saturated" in alone.words
    assert (colour.pure_share(Planes(p.of(pixels[150:400, 180:380]))).value or 0) > 22


@pytest.mark.parametrize(("share", "raw"), [(0.25, 0), (0.2, "N/A"), (0.13, "N/A"), (0.08, 2)])
def test_saturated_colour_near_its_bound_is_not_judged(share, raw):
    pixels = p.np.asarray(PHOTO).clip(40, 215)
    pixels[: int(share * len(pixels))] = (255, 0, 60)
    pixels[0, ::2] = pixels[-1, ::3] = pixels[::2, 0] = pixels[::3, -1] = (90, 80, 70)
    pixels[: int(share * len(pixels)), ::7, 2] += 3
    assert score_pixels(Planes(p.of(pixels)), "Aesthetics", "a picture")[COLOUR].raw == raw


@pytest.mark.parametrize(("share", "raw"), [(0.7, 0), (0.4, "N/A"), (0.08, 2)])
def test_colour_that_is_cut_off_at_one_end_alone_counts_half(share, raw):
    pixels = p.np.asarray(PHOTO).clip(40, 215)
    rows = pixels[: int(share * len(pixels))]
    rows[:] = p.np.random.default_rng(3).integers(40, 90, rows.shape)
    rows[..., 0] = 255
    assert score_pixels(Planes(p.of(pixels)), "Aesthetics", "a picture")[COLOUR].raw == raw


GAINS = {"green": (0.5, 1, 0.5), "magenta": (1, 0.5, 1), "blue": (0.5, 0.6, 1), "yellow": (1, 1, 0.4)}


def gained(picture, gains):
    return p.of(p.np.asarray(picture) * p.np.array(gains))


@pytest.mark.parametrize("name", GAINS)
def test_a_cast_of_gains_fails_though_black_stays_neutral(name):
    found = failed(gained(PHOTO, GAINS[name]), "an astronaut")
    assert f"{name} cast: in the highlights" in found[COLOUR]
    assert "% weaker than" in found[COLOUR]
    assert not failed(gained(PHOTO, GAINS[name]), f"an astronaut, duotone in {name}").get(COLOUR)


@pytest.mark.parametrize("name", ["astronaut", "coffee", "chelsea", "rocket", "cat"])
def test_the_highlights_of_photographs_have_no_cast(name):
    figure = colour.highlight_cast(Planes(p.photograph(name)))
    assert figure.value is not None
    assert figure.value <= 30


def test_evidence_of_no_saturated_colour_says_nothing_of_halves():
    figure = colour.pure_share(Planes(p.of(p.np.asarray(PHOTO).clip(40, 215))))
    assert figure.words == "0% of the picture is saturated to the end of the range"


def test_a_mild_gain_is_not_judged():
    facets = score_pixels(Planes(gained(PHOTO, (0.65, 1, 0.65))), "Aesthetics", "a picture")
    assert facets[COLOUR].raw == "N/A"
    assert "so near to it a fine picture may be" in facets[COLOUR].evidence


def _greens(light, red, blue):
    """Greens of many kinds: the range of the light, and those of red and blue as shares of green."""
    random = p.np.random.default_rng(3)
    shine, one, other = (random.uniform(*ends, (256, 256, 1)) for ends in (light, red, blue))
    return 235 * shine * p.np.concatenate([one, p.np.ones_like(one), other], 2)


def test_a_scene_of_one_colour_is_no_cast():
    """Greens of many kinds, and hardly a pixel of the colour of the lightest."""
    figure = colour.highlight_cast(Planes(p.of(_greens((0.1, 1), (0.1, 0.75), (0.05, 0.5)))))
    assert (figure.value, figure.unsure) == (None, True)
    assert "green" in figure.words
    assert "may be the scene's own colour" in figure.words


def test_a_ground_of_one_colour_is_no_cast():
    pixels = p.np.random.default_rng(3).normal((230, 200, 60), 3, (256, 256, 3))
    pixels[100:160, 100:160] *= 0.1
    figure = colour.highlight_cast(Planes(p.of(pixels)))
    assert (figure.value, figure.unsure) == (None, True)
    assert "may be the colour of a ground" in figure.words


def test_leaves_without_grey_are_no_cast():
    pixels = _greens((0.3, 1), (0.2, 0.6), (0, 0.25))
    figure = colour.cast_chroma(Planes(p.of(pixels)))
    assert (figure.value, figure.unsure) == (None, True)
    assert "it may be the scene's own" in figure.words
    lifted = colour.cast_chroma(Planes(p.of(pixels * 0.7 + p.np.array((20, 60, 20)))))
    assert lifted.value > 18


def test_a_warm_light_under_a_gain_of_blue_is_not_judged():
    warm = gained(PHOTO, (1, 0.83, 0.5))
    figure = colour.highlight_cast(Planes(gained(warm, GAINS["blue"])))
    assert (figure.value, figure.unsure) == (None, True)
    assert "a gain may have undone the colour of the light" in figure.words


def test_the_colour_of_a_plain_ground_is_no_cast():
    noise = p.np.random.default_rng(1).integers(-1, 2, (768, 768, 3))
    pixels = p.np.array([0x22, 0x44, 0x66]) + noise
    pixels[360:440, 300:400] = 255  # 1.4% of it
    figure = colour.cast_chroma(Planes(p.of(pixels)))
    assert figure.unsure
    assert "most of it is one colour" in figure.words
