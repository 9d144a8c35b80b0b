"""The quality of a JPEG that a picture once was."""

from __future__ import annotations

import numpy as np
import pytest
from PIL import Image, ImageDraw

from pytest_imagejudge.engines.signals import jpeg
from pytest_imagejudge.engines.signals.jpeg import blocks_show, jpeg_quality
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


@pytest.mark.parametrize("name", ["astronaut", "cat", "coffee", "rocket"])
@pytest.mark.parametrize("grade", [5, 8])
def test_plain_blocks_of_a_small_one_are_no_pixel_art(quality, name, grade):
    facet = quality(s.jpeg(s.photograph(name).resize((450, 300)), grade))["Resolution"]
    assert facet.raw == 0, facet.evidence


def test_wherever_the_grid_of_blocks_starts(quality):
    facet = quality(s.jpeg(s.photograph(), 10).crop((3, 5, 480, 500)))["Resolution"]
    assert "was a JPEG of quality 10, fail below 20" in facet.evidence


@pytest.mark.parametrize("grade", [40, 80])
def test_a_usual_one_passes(quality, grade):
    assert quality(s.jpeg(s.photograph(), grade))["Resolution"].raw in (1, 2)


@pytest.mark.parametrize("kind", KINDS)
def test_blocks_show_in_what_is_smooth(kind):
    smooth = s.blurred(KINDS[kind](), 2)
    assert not blocks_show(Planes(KINDS[kind]()))
    assert not blocks_show(Planes(smooth))
    for grade in (60, 75, 85):
        assert blocks_show(Planes(s.jpeg(smooth, grade)))
        assert blocks_show(Planes(s.jpeg(smooth, grade).crop((3, 5, 480, 500))))


def test_a_plain_picture_has_few_blocks_that_tell():
    """Of a ball on a plain ground, only the outline has frequencies beyond half a step."""
    y, x = np.mgrid[:512, :512] - 255.5
    away = np.hypot(y, x)
    shade = 90 + 80 * np.clip(0.5 - (away - 90) / 3, 0, 1) - away / 12
    picture = Image.fromarray(np.stack([shade, shade * 0.8, shade * 0.6], axis=2).astype(np.uint8))
    assert jpeg_quality(Planes(picture)).value is None
    assert jpeg_quality(Planes(s.jpeg(picture, 10))).value == pytest.approx(10, abs=2)


def test_a_drawing_tells_by_what_begins_at_the_borders_of_blocks(monkeypatch):
    drawing = Image.new("RGB", (2048, 2048), "white")
    pen = ImageDraw.Draw(drawing)
    pen.polygon([(200, 600), (600, 200), (1000, 640)], fill=(60, 60, 60))
    pen.polygon([(1040, 1800), (1600, 1000), (1860, 1760)], fill=(60, 60, 60))
    drawing = drawing.resize((1024, 1024), Image.Resampling.LANCZOS)
    monkeypatch.setattr(jpeg, "_quality", lambda planes: None)
    assert jpeg_quality(Planes(s.jpeg(drawing, 10))).value == pytest.approx(12, abs=3)
    shifted = s.jpeg(drawing, 10).crop((3, 5, 1000, 1000))
    assert jpeg_quality(Planes(shifted)).value == pytest.approx(12, abs=3)
    for other in (drawing, s.jpeg(drawing, 80), s.photograph(), s.jpeg(s.photograph(), 10)):
        assert jpeg_quality(Planes(other)).value is None


def test_hard_strokes_tell_by_the_same(monkeypatch):
    """Their steps at the borders of blocks are higher than those of grey shapes."""
    drawing = Image.new("RGB", (2048, 2048), "white")
    pen = ImageDraw.Draw(drawing)
    for step in range(6):
        box = (150 + step * 130, 150 + step * 90, 1900 - step * 110, 1850 - step * 150)
        pen.ellipse(box, outline="black", width=3)
    drawing = drawing.resize((1024, 1024), Image.Resampling.LANCZOS)
    monkeypatch.setattr(jpeg, "_quality", lambda planes: None)
    assert jpeg_quality(Planes(s.jpeg(drawing, 10))).value == pytest.approx(10, abs=1)
    for other in (drawing, s.jpeg(drawing, 40)):
        assert jpeg_quality(Planes(other)).value is None
