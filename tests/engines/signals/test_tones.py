"""The measures of light throughout a picture, through the judge's measures."""

from __future__ import annotations

import pytest

pytest.importorskip("cv2")

from pytest_imagejudge.engines.signals import tones
from pytest_imagejudge.engines.signals.measures import score_pixels
from pytest_imagejudge.engines.signals.planes import Planes

from . import pictures as p
from .failures import LIGHT, failed

PHOTO = p.photograph("chelsea")
PIXELS = p.np.asarray(PHOTO, float)
BROKEN = {
    "nearly black": ("its lightest 1% have 6% of the brightness of white, fail below 25%", 0.08 * PIXELS),
    "dark": ("its lightest 1% have 14% of the brightness of white, fail below 25%", 0.2 * PIXELS),
    "pale": ("its darkest 1% have 6", PIXELS + 140),
    "flat": ("brightness from 40% to 49% of white", PIXELS.mean() + 0.15 * (PIXELS - PIXELS.mean())),
}
STYLES = {"nearly black": "a cat at night", "dark": "low key", "pale": "a high-key cat", "flat": "a cat in fog"}


def light(pixels, prompt="a cat"):
    return score_pixels(Planes(p.of(pixels)), "Aesthetics", prompt)[LIGHT]


@pytest.mark.parametrize("name", BROKEN)
def test_spoilt_light_fails_unless_it_was_asked_for(name):
    words, pixels = BROKEN[name]
    assert words in failed(p.of(pixels), "a cat")[LIGHT]
    facet = light(pixels, STYLES[name])
    assert facet.raw == "N/A"
    assert "not judged in the style" in facet.evidence


@pytest.mark.parametrize("name", ["astronaut", "coffee", "chelsea", "cat"])
def test_light_of_photographs_is_clean(name):
    assert light(p.np.asarray(p.photograph(name))).raw == 2


def test_what_is_dark_in_part_is_not_judged():
    facet = light(0.5 * PIXELS)
    assert facet.raw == "N/A"
    assert "fail below 25%: so near to it a fine picture may be" in facet.evidence


def test_a_dark_scene_with_lights_is_not_judged():
    scene = 0.1 * PIXELS
    scene[40:60, 60:80] = 250
    figure = tones.lightest(Planes(p.of(scene)))
    assert figure.unsure
    assert figure.words.endswith("a few spots 98%: a dark scene with lights")


def test_a_thing_on_black_that_can_hardly_be_seen_fails():
    scene = p.np.zeros((400, 600, 3))
    scene[50:350, 70:521] = 0.1 * PIXELS
    assert "its lightest 1% have 7%" in failed(p.of(scene), "a cat")[LIGHT]
    scene[50:350, 70:521] = PIXELS
    assert LIGHT not in failed(p.of(scene), "a cat")


def test_a_plain_ground_may_be_pale():
    drawing = p.np.full((300, 400, 3), 240.0)
    drawing[100:102, 100:150] = PIXELS[100:102, 100:150]
    figure = tones.darkest(Planes(p.of(drawing)))
    assert figure.unsure
    assert figure.words == "its darkest 1% have 94% of the brightness of white, on a plain ground"
