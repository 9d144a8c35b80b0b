"""Blur, of the whole picture and not of a background."""

from __future__ import annotations

import re

import numpy as np
import pytest
from PIL import Image

from . import spoilt as s

KINDS = {"photograph": s.photograph, "illustration": s.illustration, "line art": s.line_art, "pixel art": s.pixel_art}
BLURS = {
    "sigma 1": lambda picture: s.blurred(picture, 1),
    "sigma 2": lambda picture: s.blurred(picture, 2),
    "sigma 4": lambda picture: s.blurred(picture, 4),
    "defocus": lambda picture: s.defocused(picture, 3),
    "motion": lambda picture: s.moved(picture, 15, 0),
    "motion askew": lambda picture: s.moved(picture, 15, 35),
}


@pytest.mark.parametrize("kind", KINDS)
def test_a_sharp_picture_passes(quality, kind):
    assert quality(KINDS[kind]())["Edge Clarity"].raw in (1, 2)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("blur", BLURS)
def test_a_blurred_one_fails(quality, kind, blur):
    facet = quality(BLURS[blur](KINDS[kind]()))["Edge Clarity"]
    assert facet.raw == 0, facet.evidence
    assert re.match(
        r"the sharpest places are as soft as a blur of sigma \d.*, fail above 0\.7 \(unless in the style .+\)$",
        facet.evidence,
    )


@pytest.mark.parametrize(
    ("degrees", "words"),
    [
        (0, "from left to right"),
        (45, "from top left to bottom right"),
        (90, "from top to bottom"),
        (135, "from bottom left to top right"),
        (175, "from left to right"),
    ],
)
def test_the_evidence_says_in_words_which_direction_is_soft(quality, degrees, words):
    facet = quality(s.moved(s.photograph(), 15, degrees))["Edge Clarity"]
    assert facet.raw == 0
    assert re.search(rf", measured along [\d.]+ degrees, {words} \(at ", facet.evidence), facet.evidence


@pytest.mark.parametrize("kind", ["photograph", "illustration", "line art"])
@pytest.mark.parametrize(("sigma", "grade"), [(1.5, 60), (1.5, 92), (2.4, 75), (3, 85), (4, 60), (4, 92)])
def test_a_blur_shows_in_any_file(quality, kind, sigma, grade):
    soft = s.blurred(KINDS[kind](), sigma)
    for whole in (0, 2):  # colour at all pixels, and at a quarter of them
        facet = quality(s.saved(soft, "JPEG", quality=grade, subsampling=whole))["Edge Clarity"]
        assert facet.raw == 0, facet.evidence
        assert float(re.search(r"sigma ([\d.]+)", facet.evidence).group(1)) > 1
    assert quality(s.saved(soft, "WEBP", quality=grade))["Edge Clarity"].raw == 0


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("grade", [60, 75, 85])
def test_a_sharp_picture_passes_in_any_file(quality, kind, grade):
    assert quality(s.jpeg(KINDS[kind](), grade))["Edge Clarity"].raw in (1, 2)


def test_a_file_is_told_from_what_became_of_it(quality):
    """Cut, so that blocks begin elsewhere; made smaller, so that they are no longer of 8 pixels; saved twice."""
    soft = s.jpeg(s.blurred(s.photograph(), 3), 75)
    cut = soft.crop((3, 5, 480, 500))
    smaller = soft.resize((400, 400), Image.Resampling.LANCZOS)
    for picture in (cut, smaller, s.jpeg(cut, 85)):
        assert quality(picture)["Edge Clarity"].raw == 0


@pytest.mark.parametrize("name", ["astronaut", "coffee", "cat"])
@pytest.mark.parametrize("degrees", [0, 28, 45, 90])
def test_long_motion_fails_under_jpeg(quality, name, degrees):
    facet = quality(s.jpeg(s.moved(s.photograph(name), 15, degrees), 75))["Edge Clarity"]
    assert facet.raw == 0, facet.evidence
    assert quality(s.jpeg(s.photograph(name), 75))["Edge Clarity"].raw in (1, 2)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(
    ("length", "degrees"), [(5, 0), (5, 45), (7, 28), (7, 90), (9, 0), (9, 45), (15, 28), (15, 90)]
)
def test_short_motion_fails(quality, kind, length, degrees):
    facet = quality(s.moved(KINDS[kind](), length, degrees))["Edge Clarity"]
    assert facet.raw == 0, facet.evidence


@pytest.mark.parametrize("name", ["astronaut", "coffee", "rocket", "cat"])
@pytest.mark.parametrize("length", [5, 7, 9, 15])
def test_the_mean_of_a_few_pixels_side_by_side_is_motion(quality, name, length):
    """It leaves lobes beyond the frequencies that it takes, and all that lies across it."""
    for kernel, degrees in ((np.ones((1, length)), 0), (np.ones((length, 1)), 90)):
        facet = quality(s.through(s.photograph(name), kernel))["Edge Clarity"]
        assert facet.raw == 0 or (length < 9 and facet.raw == "N/A"), facet.evidence  # in doubt, and never fine
        found = float((re.search(r"along ([\d.]+) degrees", facet.evidence) or [0, 0])[1])
        assert abs((found - degrees + 90) % 180 - 90) <= 22.5


@pytest.mark.parametrize("name", ["astronaut", "coffee", "rocket"])
@pytest.mark.parametrize("kind", ["WEBP", "AVIF"])
@pytest.mark.parametrize("grade", [50, 75, 90])
def test_a_lossy_file_does_not_hide_a_blur(quality, name, kind, grade):
    """Its fine detail is as strong as that of a sharp picture, and no borders of blocks give it away."""
    for sigma in (2, 4):
        facet = quality(s.saved(s.blurred(s.photograph(name), sigma), kind, quality=grade))["Edge Clarity"]
        assert facet.raw == 0, (sigma, facet.evidence)
    assert quality(s.saved(s.photograph(name), kind, quality=grade))["Edge Clarity"].raw in (1, 2)


@pytest.mark.parametrize("sigma", [1.5, 3])
@pytest.mark.parametrize("grade", [30, 50])
def test_a_strong_jpeg_does_not_hide_a_blur(quality, sigma, grade):
    """The rocket stands before a plain sky, so that the blocks are most of what there is to see."""
    facet = quality(s.jpeg(s.blurred(s.photograph("rocket"), sigma), grade))["Edge Clarity"]
    assert facet.raw in (0, "N/A"), facet.evidence
    assert facet.raw == 0 or sigma < 3


@pytest.mark.parametrize("name", ["astronaut", "coffee", "rocket"])
@pytest.mark.parametrize("sigma", [1.5, 3, 5])
def test_a_palette_does_not_hide_a_blur(quality, name, sigma):
    """The borders between its colours are sharp, however soft the picture is."""
    facet = quality(s.saved(s.blurred(s.photograph(name), sigma), "GIF"))["Edge Clarity"]
    assert facet.raw in (0, "N/A"), facet.evidence


def test_lines_in_few_directions_are_no_motion(quality):
    y, x = np.mgrid[:512, :512]
    stripes = Image.fromarray(np.where((x + y) // 12 % 2, 230, 30).astype(np.uint8)).convert("RGB")
    sharp = s.photograph().copy()
    sharp.paste(stripes.crop((0, 0, 200, 120)), (0, 312))
    assert quality(sharp)["Edge Clarity"].raw in (1, 2)


def test_motion_shows_under_jpeg(quality):
    for kind in ("photograph", "illustration", "line art"):
        assert quality(s.jpeg(s.moved(KINDS[kind](), 15, 35), 75))["Edge Clarity"].raw == 0


@pytest.mark.parametrize("sigma", [1, 1.5, 2, 3])
def test_the_figure_is_the_sigma_of_the_blur(quality, sigma):
    words = quality(s.blurred(s.photograph("coffee"), sigma))["Edge Clarity"].evidence
    assert float(re.search(r"sigma ([\d.]+)", words).group(1)) == pytest.approx(sigma, rel=0.25)


def test_a_soft_background_is_no_blur(quality):
    sharp = s.photograph()
    picture = s.blurred(sharp, 6)
    picture.paste(sharp.crop((120, 20, 340, 260)), (120, 20))
    assert quality(picture)["Edge Clarity"].raw != 0


def test_a_style_of_the_prompt_is_no_blur(quality):
    soft = s.blurred(s.photograph(), 2)
    facet = quality(soft, "a portrait, shallow depth of field")["Edge Clarity"]
    assert facet.raw == "N/A"
    assert "shallow-focus ('shallow depth of field' in the prompt)" in facet.evidence
    assert quality(soft, "a portrait without bokeh")["Edge Clarity"].raw == 0


def test_one_colour_has_no_edge_to_measure(quality):
    facet = quality(Image.new("RGB", (500, 400), "teal"))["Edge Clarity"]
    assert (facet.raw, facet.evidence) == ("N/A", "nothing with an edge to measure")
