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
    for picture in (s.jpeg(small, 85), s.jpeg(small, 75).crop((3, 5, 480, 500))):
        facets = quality(picture)
        assert facets["Resolution"].raw in (0, "N/A")
        assert 0 in (facets["Resolution"].raw, facets["Edge Clarity"].raw)


@pytest.mark.parametrize("kind", ["WEBP", "AVIF"])
@pytest.mark.parametrize("grade", [50, 75, 90])
@pytest.mark.parametrize("times", [2, 3])
def test_a_lossy_file_does_not_hide_an_enlarging(quality, kind, grade, times):
    small = s.enlarged(s.photograph(), times, Image.Resampling.BICUBIC)
    facet = quality(s.saved(small, kind, quality=grade))["Resolution"]
    assert facet.raw in (0, "N/A"), facet.evidence


@pytest.mark.parametrize("kind", ["WEBP", "AVIF"])
@pytest.mark.parametrize("grade", [50, 75, 90])
def test_a_sound_picture_passes_in_a_lossy_file(quality, kind, grade):
    for name in ("astronaut", "coffee", "rocket", "cat"):
        assert quality(s.saved(s.photograph(name), kind, quality=grade))["Resolution"].raw in (1, 2), name


def test_the_evidence_says_where_a_lossy_file_leaves_it_open(quality):
    small = s.enlarged(s.photograph("coffee"), 2, Image.Resampling.BICUBIC)
    facet = quality(s.saved(small, "AVIF", quality=50, speed=6))["Resolution"]
    assert facet.raw == "N/A"
    assert facet.evidence.endswith("of a natural picture's: an enlarged one in a lossy file has it too")


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("grade", [60, 75, 85])
def test_a_fine_picture_passes_under_jpeg(quality, kind, grade):
    facet = quality(s.jpeg(KINDS[kind](), grade))["Resolution"]
    if kind == "pixel art":  # its squares hide the steps of a strong JPEG too
        assert (facet.raw, "a strong JPEG may leave none of its steps" in facet.evidence) == ("N/A", True)
    else:
        assert facet.raw in (1, 2)


@pytest.mark.parametrize(
    ("name", "times"), [("astronaut", 3), ("coffee", 2), ("coffee", 4), ("rocket", 2), ("rocket", 8)]
)
def test_an_enlarged_one_fails_at_any_size(quality, name, times):
    """At a long side of 1,024, as which it is seen, it is sharp again."""
    small = s.photograph(name)
    for how in HOW[1:] if times < 8 else HOW[1:2]:
        large = small.resize((small.width * times, small.height * times), how)
        facet = quality(large)["Resolution"]
        assert facet.raw == 0, facet.evidence
    if times != 3:
        assert facet.evidence.startswith(f"the finest detail at its own {large.width} x {large.height} pixels is ")


@pytest.mark.parametrize("side", [1300, 1800])
def test_a_large_picture_with_detail_of_its_own_passes(quality, side):
    large = Image.new("RGB", (side, side * 2 // 3))
    photographs = [s.photograph(name) for name in ("astronaut", "coffee", "rocket", "cat")]
    for place, top in enumerate(range(0, large.height, 400)):
        for column, left in enumerate(range(0, side, 450)):
            large.paste(photographs[(place + column) % 4], (left, top))
    facet = quality(large)["Resolution"]
    assert facet.raw == 2, facet.evidence
    assert quality(large.resize((side * 2, large.height * 2), Image.Resampling.BICUBIC))["Resolution"].raw == 0


def test_a_passing_figure_is_not_called_enlarged(quality):
    facet = quality(s.photograph())["Resolution"]
    assert facet.raw == 2
    assert "enlarged" not in facet.evidence


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
