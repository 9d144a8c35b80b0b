"""The measure of banding, through the public judge."""

from __future__ import annotations

import pytest

pytest.importorskip("cv2")

from . import pictures as p
from .failures import NATURALNESS, failed

PHOTO = p.photograph()
BROKEN = {
    "4 levels": ("4 levels of colour are 85 codes apart", p.rounded(PHOTO, 4)),
    "8 levels": ("8 levels of colour are 36", p.rounded(PHOTO, 8)),
    "5 bits": ("32 levels of colour are 8 codes apart", p.few_bits(PHOTO, 5)),
    "gradient of 5 bits": ("are 8 codes apart", p.few_bits(p.gradient((10, 10, 10), (240, 220, 250)), 5)),
}


@pytest.mark.parametrize(("words", "picture"), BROKEN.values(), ids=BROKEN)
def test_few_levels_fail(words, picture):
    found = failed(picture, "an astronaut")
    assert words in found[NATURALNESS]
    assert "fail above" in found[NATURALNESS]
