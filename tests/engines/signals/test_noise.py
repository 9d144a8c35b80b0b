"""Noise and grain, and textures that are none."""

from __future__ import annotations

import numpy as np
import pytest
from PIL import Image

from . import spoilt as s

KINDS = {"photograph": s.photograph, "illustration": s.illustration, "line art": s.line_art, "pixel art": s.pixel_art}
DAMAGES = {
    "noise": lambda picture: s.noisy(picture, 25),
    "grain": lambda picture: s.grainy(picture, 18),
    "salt and pepper": s.speckled,
}


@pytest.mark.parametrize("kind", [*KINDS, "grass", "gravel", "brick"])
def test_a_clean_picture_passes(quality, kind):
    picture = KINDS[kind]() if kind in KINDS else s.photograph(kind)
    assert quality(picture)["Noise"].raw != 0


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("damage", DAMAGES)
def test_a_noisy_one_fails(quality, kind, damage):
    facet = quality(DAMAGES[damage](KINDS[kind]()))["Noise"]
    assert facet.raw == 0, facet.evidence


def test_the_figure_follows_the_noise(quality):
    words = [quality(s.noisy(s.photograph(), sigma))["Noise"].evidence for sigma in (10, 20, 40)]
    figures = [float(one.split("sigma ")[1].split()[0]) for one in words]
    assert figures[0] < figures[1] < figures[2]


def test_black_bars_do_not_hide_noise(quality):
    pixels = np.asarray(s.noisy(s.photograph(), 40)).copy()
    pixels[:120], pixels[-120:] = 0, 0
    assert quality(Image.fromarray(pixels))["Noise"].raw == 0


def test_grain_that_was_asked_for_is_no_noise(quality):
    grainy = s.grainy(s.photograph(), 25)
    facet = quality(grainy, "a street at noon, 35mm film")["Noise"]
    assert facet.raw == "N/A"
    assert "'35mm film' in the prompt" in facet.evidence
    assert quality(grainy, "a street at noon, no film grain")["Noise"].raw == 0
    named = quality(grainy, "a street at noon", "film-grain")["Noise"]
    assert (named.raw, "judge_signals_style" in named.evidence) == ("N/A", True)


def painted(sigma, along):
    """A picture of strokes ``along`` pixels long, on patches of colour: noise where they are of one pixel."""
    draw = np.random.default_rng(7)
    strokes = np.convolve(draw.normal(0, 1, 512 * 512 + along - 1), np.ones(along) / along, "valid").reshape(512, 512)
    patches = np.kron(draw.integers(60, 200, (64, 64)), np.ones((8, 8)))
    pixels = 0.4 * patches + 70 + strokes * sigma / strokes.std()
    return Image.fromarray(np.repeat(pixels.clip(0, 255).astype(np.uint8)[..., None], 3, axis=2))


def test_strokes_of_a_brush_are_not_judged_as_noise(quality):
    facet = quality(painted(20, 5))["Noise"]
    assert facet.raw == "N/A"
    assert facet.evidence.startswith("strokes or canvas everywhere, of ")
    assert quality(painted(20, 1))["Noise"].raw == 0
