"""Change maps, and the colour difference behind them."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image, ImageChops

from pytest_imagejudge.images.change_map import change_map, ciede2000, colour_difference, to_lab

color = pytest.importorskip("skimage.color")


def test_lab_and_ciede2000_are_the_library_s():
    generator = np.random.default_rng(1)
    one, other = generator.integers(0, 256, (2, 4000, 3), dtype=np.uint8)
    other[:500] = one[:500]
    other[500:1000] = one[500:1000] // 2
    one[1000:1100] = one[1000:1100, :1]
    lab, lab_other = to_lab(one), to_lab(other)
    assert lab == pytest.approx(color.rgb2lab(one), abs=0.02)
    assert ciede2000(lab, lab_other) == pytest.approx(color.deltaE_ciede2000(lab, lab_other), abs=1e-6)


def test_the_map_shows_what_changed_and_only_that():
    source = Image.new("RGB", (200, 100), (120, 140, 160))
    edited = source.copy()
    edited.paste((230, 40, 20), (0, 0, 100, 100))
    pixels = np.asarray(change_map(source, edited)).astype(int)
    coloured = pixels.max(axis=2) - pixels.min(axis=2) > 20
    assert coloured[:, :90].all()
    assert not coloured[:, 110:].any()
    assert not (lambda grey: (grey.max(axis=2) - grey.min(axis=2)).any())(
        np.asarray(change_map(source, source)).astype(int)
    )


def test_the_region_has_an_outline():
    source = Image.new("RGB", (2000, 1000), (120, 140, 160))
    region = Image.new("L", source.size, 0)
    region.paste(255, (400, 200, 1200, 1000))
    plain, drawn = change_map(source, source), change_map(source, source, region)
    assert drawn.size == plain.size == (1024, 512)
    changed = np.asarray(ImageChops.difference(plain, drawn)).any(axis=2)
    rows, columns = np.nonzero(changed)
    assert (columns.min(), rows.min(), columns.max(), rows.max()) == pytest.approx((205, 102, 614, 511), abs=1)
    assert not changed[120:490, 225:600].any()  # the inside stays as it is
    assert (np.asarray(drawn)[changed] == (20, 90, 230)).all()


def test_pictures_of_other_sizes_and_modes_are_brought_to_the_source():
    source = Image.new("RGB", (3000, 1500), "white")
    assert change_map(source, Image.new("L", (10, 10), 0)).size == (1024, 512)
    with pytest.raises(ValueError, match="one size"):
        colour_difference(source, Image.new("RGB", (10, 10)))


@settings(max_examples=20)
@given(st.integers(1, 40), st.integers(1, 40), st.integers(1, 40), st.integers(1, 40))
def test_no_size_is_too_odd(width, height, other_width, other_height):
    picture = change_map(
        Image.new("RGB", (width, height), "blue"), Image.new("RGB", (other_width, other_height), "red")
    )
    assert picture.size == (width, height)
    assert picture.mode == "RGB"
