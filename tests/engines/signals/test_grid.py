"""Squares that are not exact, as of pixel art in a JPEG."""

from __future__ import annotations

import numpy as np
import pytest
from PIL import Image

from pytest_imagejudge.engines.signals.grid import grid
from pytest_imagejudge.engines.signals.measures import score_pixels
from pytest_imagejudge.engines.signals.planes import Planes

from . import spoilt as s
from .failures import LIGHT


def sprite(size):
    """A figure in a few colours that leaves most of its ground empty, of squares of so many pixels."""
    small = np.full((48, 48, 3), 255, np.uint8)
    palette = np.random.default_rng(3).integers(30, 220, (12, 3))
    small[8:48, 16:34] = palette[np.random.default_rng(4).integers(0, 12, (40, 18))]
    return Image.fromarray(small.repeat(size, 0).repeat(size, 1))


@pytest.mark.parametrize("size", [6, 9, 14])
@pytest.mark.parametrize("grade", [75, 85])
def test_squares_in_a_jpeg_are_found(size, grade):
    assert grid(Planes(s.jpeg(sprite(size), grade))) == size


@pytest.mark.parametrize("make", [s.photograph, s.illustration, s.line_art])
@pytest.mark.parametrize("grade", [40, 75, 85])
def test_other_pictures_have_none(make, grade):
    assert grid(Planes(make())) == 0
    assert grid(Planes(s.jpeg(make(), grade))) == 0


def test_a_few_drawn_lines_are_none():
    pixels = np.full((512, 512, 3), 255, np.uint8)
    pixels[96:416, 96:416] = 40
    assert grid(Planes(Image.fromarray(pixels))) == 0


def test_pixel_art_in_a_jpeg_does_not_fail_for_its_light():
    random = np.random.default_rng(3)
    small = random.integers(20, 235, (60, 60, 3)).astype(np.uint8)
    small[random.random((60, 60)) < 0.8, 0] = 255
    facet = score_pixels(Planes(s.jpeg(Image.fromarray(small.repeat(14, 0).repeat(14, 1)), 75)), "Aesthetics", "a hero")
    assert facet[LIGHT].raw == "N/A"
    assert "squares of 14 pixels, as of pixel art in a JPEG" in facet[LIGHT].evidence
