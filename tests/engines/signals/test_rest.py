"""Colours, sharpness and compression of the rest of an edited picture."""

from __future__ import annotations

import io

import numpy as np
import pytest
from PIL import Image

cv2 = pytest.importorskip("cv2")

from pytest_imagejudge.engines.signals.rest import block_loss, compare_colours, sharpness  # noqa: E402
from tests.engines.signals.test_registration import rough  # noqa: E402

PICTURE = np.stack([rough(seed) for seed in (1, 2, 3)], axis=-1).astype(np.uint8)
LUMA = rough(4) + np.random.default_rng(1).normal(0, 8, (300, 400)).astype(np.float32)


def test_a_gain_is_brightness_and_contrast():
    colours = compare_colours(PICTURE, (PICTURE * 0.8).round().astype(np.uint8))
    assert colours.brightness == pytest.approx(-20, abs=0.5)
    assert colours.contrast == pytest.approx(-20, abs=1)


def test_an_offset_is_brightness_alone():
    colours = compare_colours(PICTURE, np.clip(PICTURE.astype(int) + 15, 0, 255).astype(np.uint8))
    assert colours.brightness == pytest.approx(1500 / PICTURE.mean(), abs=1.5)
    assert abs(colours.contrast) < 5
    assert colours.shift < 2


def test_a_local_edit_changes_neither():
    edited = PICTURE.copy()
    edited[40:240, 60:260] = (250, 20, 20)  # a third of the picture
    colours = compare_colours(PICTURE, edited)
    assert abs(colours.brightness) < 1
    assert abs(colours.contrast) < 2
    assert colours.shift < 1


def test_what_is_left_out_does_not_count():
    dark = (PICTURE * 0.5).astype(np.uint8)
    out = np.zeros(PICTURE.shape[:2], bool)
    out[:, :200] = True
    half = PICTURE.copy()
    half[:, :200] = dark[:, :200]
    assert abs(compare_colours(PICTURE, half, out).brightness) < 0.5
    assert compare_colours(PICTURE, half, np.ones_like(out)) is None


def test_one_tone_has_no_contrast_to_compare():
    flat = np.full_like(PICTURE, 90)
    colours = compare_colours(flat, np.full_like(PICTURE, 63))
    assert colours.contrast is None
    assert colours.brightness == pytest.approx(-30, abs=1)


def test_sharpness_is_a_ratio_of_contrasts():
    assert sharpness(LUMA, LUMA) == 1
    assert sharpness(LUMA, cv2.GaussianBlur(LUMA, (0, 0), 1)) < 0.5
    assert sharpness(LUMA, 128 + (LUMA - 128) * 0.9) == pytest.approx(0.9, abs=0.01)
    assert sharpness(LUMA, LUMA + np.random.default_rng(2).normal(0, 20, LUMA.shape).astype(np.float32)) > 1.3
    assert sharpness(np.full_like(LUMA, 7), LUMA) is None
    assert sharpness(LUMA[:20, :20], LUMA[:20, :20]) is None


def test_what_jpeg_took_away_is_missing_on_its_grid():
    def saved(quality, luma=LUMA):
        file = io.BytesIO()
        Image.fromarray(luma.clip(0, 255).astype(np.uint8)).save(file, "JPEG", quality=quality)
        return np.asarray(Image.open(file)).astype(np.float32)

    assert block_loss(LUMA, LUMA) == 0
    assert block_loss(LUMA, saved(92)) < 0.3
    assert block_loss(LUMA, saved(20)) > 0.7
    assert block_loss(LUMA, saved(10)) > 0.8
    assert block_loss(saved(10), saved(10, saved(10))) < 0.1  # the source was so before
    assert block_loss(LUMA, np.roll(saved(10), 4, axis=(0, 1))) < 0.2  # another grid, such as of a part cut out
    assert block_loss(LUMA, cv2.GaussianBlur(LUMA, (0, 0), 3)) is None
    assert block_loss(LUMA[:7], LUMA[:7]) is None
    assert block_loss(LUMA, saved(10), np.ones(LUMA.shape, bool)) is None
