"""Pictures that were enlarged, and small ones."""

from __future__ import annotations

import pytest
from PIL import Image

from . import spoilt as s

KINDS = {"photograph": s.photograph, "illustration": s.illustration, "line art": s.line_art, "pixel art": s.pixel_art}
HOW = (Image.Resampling.BILINEAR, Image.Resampling.BICUBIC, Image.Resampling.LANCZOS)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("how", HOW)
@pytest.mark.parametrize("times", [2, 3, 4])
def test_an_enlarged_picture_fails(quality, kind, how, times):
    facet = quality(s.enlarged(KINDS[kind](), times, how))["Resolution"]
    assert facet.raw == 0, facet.evidence
    assert "of a natural picture's, as if enlarged, fail below 5.8%" in facet.evidence


@pytest.mark.parametrize("kind", ["photograph", "illustration", "line art"])
@pytest.mark.parametrize("how", HOW)
@pytest.mark.parametrize("times", [2, 3, 4])
def test_an_enlarged_picture_fails_under_jpeg(quality, kind, how, times):
    small = s.enlarged(KINDS[kind](), times, how)
    for grade in (75, 85):
        assert quality(s.jpeg(small, grade))["Resolution"].raw == 0, grade
        assert quality(s.jpeg(small, grade).crop((3, 5, 480, 500)))["Resolution"].raw in (0, "N/A"), grade


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("grade", [60, 75, 85])
def test_a_fine_picture_passes_under_jpeg(quality, kind, grade):
    assert quality(s.jpeg(KINDS[kind](), grade))["Resolution"].raw in (1, 2)


def test_a_small_one_fails_by_its_pixels(quality):
    facet = quality(s.photograph().resize((200, 150), Image.Resampling.LANCZOS))["Resolution"]
    assert (facet.raw, facet.evidence) == (0, "200 x 150 pixels, fail below 256")


def test_a_tiny_one_has_nothing_to_measure_but_its_pixels(quality):
    level3 = quality(s.photograph().resize((20, 20)))
    assert level3["Resolution"].raw == 0
    assert level3["Edge Clarity"].raw == level3["Noise"].raw == "N/A"


@pytest.mark.parametrize("prompt", ["a train, motion blur", "a harbour in the fog", "a watercolour of a harbour"])
def test_a_picture_that_is_to_be_soft_is_not_called_enlarged(quality, prompt):
    soft = s.blurred(s.photograph(), 3)
    assert quality(soft)["Resolution"].raw == 0
    facet = quality(soft, prompt)["Resolution"]
    assert facet.raw == "N/A"  # what else the facet measures is fine
    assert "in the prompt" in facet.evidence
