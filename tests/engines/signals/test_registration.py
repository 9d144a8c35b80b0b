"""Registration of one picture on another."""

from __future__ import annotations

import numpy as np
import pytest

cv2 = pytest.importorskip("cv2")

from pytest_imagejudge.engines.signals.registration import register  # noqa: E402


def rough(seed=1, size=(400, 300)):
    random = np.random.default_rng(seed)
    coarse = random.normal(128, 50, (size[1] // 8, size[0] // 8)).astype(np.float32)
    return np.clip(cv2.resize(coarse, size, interpolation=cv2.INTER_CUBIC), 0, 255)


def moved(picture, degrees=0.0, scale=1.0, dx=0.0, dy=0.0):
    height, width = picture.shape
    matrix = cv2.getRotationMatrix2D(((width - 1) / 2, (height - 1) / 2), degrees, scale)
    matrix[:, 2] += dx, dy
    return cv2.warpAffine(picture, matrix, (width, height), flags=cv2.INTER_CUBIC, borderMode=cv2.BORDER_REFLECT)


@pytest.mark.parametrize(
    ("degrees", "scale", "dx", "dy"),
    [(0, 1, 0, 0), (0, 1, 2.5, -1), (1, 1, 0, 0), (-3, 1.03, 4, 6), (0, 0.95, 0, 0), (25, 1, 10, 0), (180, 1.2, 0, 0)],
)
def test_a_similarity_is_found(degrees, scale, dx, dy):
    source = rough()
    place = register(source, moved(source, degrees, scale, dx, dy))
    assert place.found
    assert place.shift == pytest.approx((dx, dy), abs=0.4)
    assert abs(place.rotation) == pytest.approx(abs(degrees), abs=0.1)
    assert place.scale == pytest.approx(scale, abs=0.006)
    assert place.kept > 0.7


def test_an_edit_in_one_place_does_not_move_the_picture():
    source = rough()
    edited = source.copy()
    edited[60:200, 100:300] = rough(2)[60:200, 100:300]
    place = register(source, edited)
    assert place.shift == pytest.approx((0, 0), abs=0.2)
    assert 0.5 < place.kept < 0.9
    out = np.zeros(source.shape, bool)
    out[50:210, 90:310] = True
    assert register(source, edited, out).kept == 1


def test_another_picture_has_no_place_on_the_source():
    place = register(rough(), rough(2))
    assert place.kept < 0.1
    assert not place.found


def test_without_detail_nothing_is_said():
    flat = np.full((300, 400), 128, np.float32)
    place = register(flat, flat)
    assert (place.found, place.kept, place.tiles) == (False, None, 0)
    stripes = np.tile(np.where(np.arange(400) % 20 < 10, 50, 200).astype(np.float32), (300, 1))
    assert not register(stripes, stripes).found  # they could have moved along themselves


@pytest.mark.parametrize("level", [0, 255, 97.3])
def test_a_blank_picture_has_no_place(level):
    blank = np.full((300, 400), level, np.float32)
    place = register(rough(), blank)
    assert (place.found, place.shift, place.kept) == (False, (0.0, 0.0), 0.0)
    assert place.tiles > 0
    assert not register(blank, rough()).found


def test_a_smooth_ramp_has_no_place():
    ramp = np.tile(np.round(np.linspace(0, 255, 400)).astype(np.float32), (300, 1))
    assert not register(rough(), ramp).found
