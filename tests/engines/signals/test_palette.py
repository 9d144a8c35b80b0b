"""Pictures that were reduced to a palette, and those that have few colours of their own."""

from __future__ import annotations

import pytest
from PIL import Image

pytest.importorskip("cv2")

from pytest_imagejudge.engines.signals.palette import palette
from pytest_imagejudge.engines.signals.planes import Planes

from . import pictures as p
from . import spoilt as s

DRAWN = {
    "illustration": s.saved(s.illustration(), "GIF"),
    "line art": s.saved(s.line_art(), "GIF"),
    "flat illustration": s.saved(p.flat_illustration(), "GIF"),
    "pixel art": s.pixel_art(),
    "one colour": Image.new("RGB", (200, 200), "teal"),
    "grey": s.photograph().convert("L").convert("RGB"),
    "photograph": s.photograph(),
    "a few pixels": Image.new("RGB", (20, 20), "teal"),
}


@pytest.mark.parametrize(("name", "side"), [("astronaut", 400), ("coffee", 400), ("rocket", 1100)])
def test_a_photograph_in_few_colours_was_reduced(name, side):
    picture = s.photograph(name).resize((side, side))
    dithered = picture.quantize(256, palette=picture.quantize(256), dither=Image.Dither.FLOYDSTEINBERG)
    for reduced in (s.saved(picture, "GIF"), dithered.convert("RGB"), picture.quantize(128).convert("RGB")):
        found = palette(Planes(reduced))
        count = len(reduced.getcolors(256))
        assert count > 64
        assert "colours in all, next to each other, as of a picture that was reduced to a palette" in found


@pytest.mark.parametrize("name", DRAWN)
def test_other_pictures_were_not(name):
    assert palette(Planes(DRAWN[name])) == ""


def test_the_facets_of_detail_and_of_banding_are_not_judged(quality):
    facets = quality(s.saved(s.photograph(), "GIF"))
    for name in ("Edge Clarity", "Resolution", "Naturalness"):
        assert facets[name].raw == "N/A", name
        assert "reduced to a palette" in facets[name].evidence


def test_the_facets_of_a_drawing_are_judged(quality):
    facets = quality(DRAWN["illustration"])
    assert {facets[name].raw for name in ("Edge Clarity", "Resolution", "Naturalness")} <= {1, 2}
