"""The measures of stripes, tiles and checkerboards, through the public judge."""

from __future__ import annotations

import pytest
from PIL import Image

pytest.importorskip("cv2")

from pytest_imagejudge.engines.signals import repetition
from pytest_imagejudge.engines.signals.planes import Planes

from . import pictures as p
from .failures import NATURALNESS, failed

PHOTO = p.photograph()
BROKEN = {
    "upright stripes": ("vertical stripes of 8.0 pixels", p.striped(PHOTO, 8, 10, upright=True)),
    "level stripes": ("horizontal stripes of 8.0 pixels", p.striped(PHOTO, 8, 10, upright=False)),
    "nothing but stripes": (
        "stripes of 8.0 pixels",
        p.striped(Image.new("RGB", (256, 256), "grey"), 8, 120, upright=True),
    ),
    **{f"{n} x {n} tiles": ("alike to", p.tiled(PHOTO, n)) for n in (2, 3, 5, 8)},
    **{f"checkerboard of {n}": ("a checkerboard", p.checkered(PHOTO, n, 4)) for n in (1, 2, 4, 8)},
}


@pytest.mark.parametrize(("words", "picture"), BROKEN.values(), ids=BROKEN)
def test_what_repeats_fails(words, picture):
    found = failed(picture, "an astronaut")
    assert words in found[NATURALNESS]
    assert "fail above" in found[NATURALNESS]


@pytest.mark.parametrize(("level", "unsure"), [(30, True), (250, False)])
def test_on_black_stripes_do_not_show(level, unsure):
    sky = p.np.zeros((512, 512, 3), p.np.uint8)
    for number in range(8):
        sky[20 + 60 * number : 40 + 60 * number, 30:480] = level
    figure = repetition.stripe_levels(Planes(p.of(sky)))
    assert figure.unsure is unsure
    assert (figure.value is None) is unsure
