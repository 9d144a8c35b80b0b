"""The measures of colour and light that were cut off or shifted, through the public judge."""

from __future__ import annotations

import pytest

pytest.importorskip("cv2")

from . import pictures as p
from .failures import COLOUR, LIGHT, failed

PHOTO = p.photograph()
BROKEN = {
    "green cast": (COLOUR, "colour cast", p.shifted(PHOTO, (-30, 40, -30))),
    "violet cast": (COLOUR, "colour cast", p.shifted(PHOTO, (40, -30, 40))),
    "burnt colour": (COLOUR, "saturated to the end", p.saturated(PHOTO, 3)),
    "exposed twice": (LIGHT, "burnt to white", p.of(2.0 * p.np.asarray(PHOTO))),
    "crushed": (LIGHT, "crushed to black", p.of(1.5 * (p.np.asarray(PHOTO, float) - 130))),
}


@pytest.mark.parametrize(("facet", "words", "picture"), BROKEN.values(), ids=BROKEN)
def test_spoilt_colour_fails(facet, words, picture):
    found = failed(picture, "an astronaut")
    assert words in found[facet]
    assert "fail above" in found[facet]
