"""The quality of a JPEG that a picture once was."""

from __future__ import annotations

import numpy as np
import pytest
from PIL import Image

from pytest_imagejudge.engines.signals.jpeg import jpeg_quality
from pytest_imagejudge.engines.signals.planes import Planes

from . import spoilt as s

KINDS = {"photograph": s.photograph, "illustration": s.illustration, "line art": s.line_art}


@pytest.mark.parametrize("kind", KINDS)
def test_a_picture_that_was_none_passes(quality, kind):
    facet = quality(KINDS[kind]())["Resolution"]
    assert facet.raw != 0, facet.evidence
    assert "JPEG" not in facet.evidence


@pytest.mark.parametrize("kind", KINDS)
def test_a_strong_one_fails_with_its_quality(quality, kind):
    facet = quality(s.jpeg(KINDS[kind](), 10))["Resolution"]
    assert facet.raw == 0, facet.evidence
    assert "was a JPEG of quality 1" in facet.evidence


def test_wherever_the_grid_of_blocks_starts(quality):
    facet = quality(s.jpeg(s.photograph(), 10).crop((3, 5, 480, 500)))["Resolution"]
    assert "was a JPEG of quality 10, fail below 20" in facet.evidence


@pytest.mark.parametrize("grade", [40, 80])
def test_a_usual_one_passes(quality, grade):
    assert quality(s.jpeg(s.photograph(), grade))["Resolution"].raw in (1, 2)


def test_a_plain_picture_has_few_blocks_that_tell():
    """Of a ball on a plain ground, only the outline has frequencies beyond half a step."""
    y, x = np.mgrid[:512, :512] - 255.5
    away = np.hypot(y, x)
    shade = 90 + 80 * np.clip(0.5 - (away - 90) / 3, 0, 1) - away / 12
    picture = Image.fromarray(np.stack([shade, shade * 0.8, shade * 0.6], axis=2).astype(np.uint8))
    assert jpeg_quality(Planes(picture)).value is None
    assert jpeg_quality(Planes(s.jpeg(picture, 10))).value == pytest.approx(10, abs=2)
