"""Enlarged pixels: damage, unless they are those of pixel art."""

from __future__ import annotations

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from pytest_imagejudge.engines.signals.planes import Planes
from pytest_imagejudge.engines.signals.squares import squares

from . import spoilt as s

NEAREST = Image.Resampling.NEAREST
KINDS = {"photograph": s.photograph, "illustration": s.illustration, "line art": s.line_art}


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("size", [4, 5.3, 8])
def test_a_picture_made_of_squares_fails(quality, kind, size):
    facet = quality(s.enlarged(KINDS[kind](), size, NEAREST), "line art" if kind == "line art" else "")["Resolution"]
    assert facet.raw == 0, facet.evidence
    assert f"made of squares of {size:.0f}"[:22] in facet.evidence


@pytest.mark.parametrize("grade", [40, 75, 85])
def test_pixel_art_passes_under_jpeg(quality, grade):
    random = np.random.default_rng(7)
    colours = np.array([(250, 240, 220), (30, 30, 60), (200, 60, 50), (70, 140, 90), (240, 190, 60)], np.uint8)
    cells = colours[random.integers(0, 5, (64, 64))]
    picture = s.jpeg(Image.fromarray(cells.repeat(8, axis=0).repeat(8, axis=1)), grade)
    resolution = quality(picture)["Resolution"]
    assert resolution.raw == "N/A"
    assert "of them in 24 colours: pixel art, or a picture that was enlarged" in resolution.evidence


def test_squares_show_through_a_jpeg(quality):
    assert (
        "made of squares of 8 pixels"
        in quality(s.jpeg(s.enlarged(s.photograph(), 8, NEAREST), 85))["Resolution"].evidence
    )


@pytest.mark.parametrize("grey", [False, True])
def test_pixel_art_is_told_by_itself(quality, grey):
    level3 = quality(s.pixel_art(grey=grey))
    assert all(facet.raw != 0 for facet in level3.values()), level3
    assert squares(Planes(s.pixel_art(grey=grey))).art == "its own pixels: squares of 8 in 5 colours"


def test_blurred_pixel_art_is_damaged_all_the_same(quality):
    assert quality(s.blurred(s.pixel_art(), 2))["Edge Clarity"].raw == 0


def test_the_prompt_may_ask_for_squares(quality):
    mosaic = s.enlarged(s.photograph(), 8, NEAREST)
    assert quality(mosaic, "an astronaut as pixel art")["Resolution"].raw != 0
    assert quality(mosaic, "an astronaut, not pixel art")["Resolution"].raw == 0
    assert quality(mosaic, "an astronaut", "pixel-art")["Resolution"].raw != 0


@settings(max_examples=20)
@given(size=st.integers(2, 16), left=st.integers(0, 15), top=st.integers(0, 15))
def test_the_size_is_found_in_any_cut(size, left, top):
    whole = s.pixel_art(size)
    found = squares(Planes(whole.crop((left, top, whole.width - 1, whole.height - 3))))
    assert found.size == pytest.approx(size, abs=0.2)


def test_soft_squares_of_few_colours_may_be_pixel_art(quality):
    line = np.resize([0, 0, 0, 1, 2, 2, 2, 3, 4, 4, 4, 3, 2, 2, 2, 1], 96)  # areas, with blends between them
    colours = np.linspace((20, 60, 40), (200, 220, 120), 5).astype(np.uint8)
    cells = colours[np.stack([np.roll(line, row // 2 * 5) for row in range(80)])]
    facet = quality(Image.fromarray(cells.repeat(6, axis=0).repeat(6, axis=1)))["Resolution"]
    assert facet.raw == "N/A"
    why = "squares of 6 in 5 colours: pixel art, or a picture that was enlarged"
    assert facet.evidence == f"not judged in the style pixel-art ({why})"


def test_squares_in_a_picture_that_was_asked_for_as_another_drawing_are_damage(quality):
    ink = s.enlarged(s.line_art(), 4, NEAREST)
    assert quality(ink)["Resolution"].raw == "N/A"
    assert quality(ink, "a drawing in pen and ink")["Resolution"].raw == 0


def test_the_resolution_of_pixel_art_is_not_judged(quality):
    assert quality(s.pixel_art())["Resolution"].raw == "N/A"


@pytest.mark.parametrize("width", [714, 450])
def test_squares_are_found_where_a_border_is_rounded_up(width):
    # Of 714 pixels in 178 squares, and of 450 in 112, OpenCV begins one in the middle a pixel late.
    random = np.random.default_rng(7)
    count = round(width / 4)
    cells = np.full((112, count, 3), 250, np.float32)
    cells[30:80, count // 4 : count * 3 // 4] = random.integers(0, 200, (50, count * 3 // 4 - count // 4, 3))
    picture = cv2.resize(cells, (width, 448), interpolation=cv2.INTER_NEAREST)
    assert squares(Planes(Image.fromarray(picture.astype(np.uint8)))).size == 4


@pytest.mark.parametrize("across", [False, True])
def test_the_resolution_of_lines_of_one_colour_each_is_not_judged(quality, across):
    colours = np.random.default_rng(7).integers(0, 256, (80, 1, 3)).astype(np.uint8)
    lines = colours.repeat(8, axis=0).repeat(640, axis=1)
    facet = quality(Image.fromarray(lines.swapaxes(0, 1) if across else lines))["Resolution"]
    assert facet.raw == "N/A"
    assert "made of lines of 8 pixels alone" in facet.evidence
