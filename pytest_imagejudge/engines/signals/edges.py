"""Blur of a picture: how soft its sharpest places are, in the direction in which they are softest.

A blur takes power from the finest frequencies everywhere, motion from those along it. So the sharpest tiles decide:
a soft background leaves some sharp, a blur leaves none.
"""

from __future__ import annotations

import math

from .figure import Figure
from .planes import Planes
from .spectrum import BANDS, COARSE, FINE, Spectra, half_spectra, quarter_spectra, sharpest, spectra
from .squares import squares

_DIRECTIONS = tuple(22.5 * step for step in range(8))
FEW = 4  # tiles with something to see; fewer say nothing of a picture
_LEAST = 0.012  # of a natural picture's fine detail: less may be rounding, so the blur is measured at half the size
_LEAKS = 0.02  # of the sharpest direction: so much of it the window of a tile lets into the others
# Factor by which the picture is made smaller, its spectra, and the fine detail that this leaves of a sharp picture.
_SCALES = ((1, spectra, 1.0), (2, half_spectra, 0.7), (4, quarter_spectra, 0.25))
_DAMPED = 4 * math.pi**2 * ((sum(sum(BANDS[band]) for band in FINE) / 4) ** 2 - (sum(BANDS[COARSE]) / 2) ** 2)


def blur_sigma(planes: Planes) -> Figure:
    """Measure the blur of the sharpest places, as the sigma of a Gaussian, in pixels at the working size."""
    if words := planes.too_small:
        return Figure("blur_sigma", None, words)
    exact = planes.once(squares)
    if exact.art:
        return Figure("blur_sigma", 0.0, f"its squares have sharp edges ({exact.art})")
    if exact.either:
        return Figure("blur_sigma", None, f"edges of squares are never soft ({exact.either})", unsure=True)
    sigma, direction = 0.0, 0.0
    seen = False
    for scale, make, usual in _SCALES:
        found = planes.once(make)
        if found.busy.sum() >= FEW:
            seen = True
            share, softer = softest(found)
            here = scale * _sigma_of(max(share / usual, _LEAST))
            sigma, direction = max((sigma, direction), (here, softer))
            if share / usual >= _LEAST:
                break
    if not seen:
        return Figure("blur_sigma", None, "nothing with an edge to measure")
    side = max(planes.working_luma.shape)
    where = f"across {direction:g} degrees" if direction else "across"
    words = (
        f"the sharpest places are as soft as a blur of sigma {sigma:.2f} pixels {where} (at {side} on the long side)"
    )
    return Figure("blur_sigma", sigma, words)


def softest(found: Spectra) -> tuple[float, float]:
    """Return the fine detail of the sharpest tiles in the direction that has least, and that direction in degrees."""
    by_direction = sharpest(found.detail(FINE, _DIRECTIONS))
    least = int(by_direction.argmin())
    return float(max(0, by_direction[least] - _LEAKS * by_direction.max())), _DIRECTIONS[least]


def _sigma_of(share: float) -> float:
    """Return the sigma of the Gaussian that leaves ``share`` of the fine detail."""
    return math.sqrt(max(0.0, -math.log(share)) / _DAMPED)
