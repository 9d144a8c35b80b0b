"""Blur of a picture: how soft its sharpest places are, in the direction in which they are softest.

A blur takes power from the finest frequencies everywhere, motion from those along it. So the sharpest tiles decide:
a soft background leaves some sharp, a blur leaves none. A lossy file puts power of its own into the finest frequencies,
most of it at the borders of its blocks, and so does a palette. So a blur is looked for in the frequencies below them as
well: those of the picture, and, where these are weak, those at half the size.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

from ...protocols.signals_bounds import BY_NAME
from .figure import Figure
from .jpeg import blocks_show
from .palette import palette
from .planes import Planes
from .spectrum import (
    BANDS,
    COARSE,
    DIRECTIONS,
    FINE,
    LOWEST,
    Spectra,
    half_spectra,
    quarter_spectra,
    sharpest,
    spectra,
)
from .squares import squares

_DIRECTIONS = tuple(22.5 * step for step in range(8))
_ALL = -1.0  # in place of the degrees of one direction
FEW = 4  # tiles with something to see; fewer say nothing of a picture
_LEAST = 0.012  # of a natural picture's fine detail: less may be rounding, so the blur is measured at half the size
_LEAKS = 0.02  # of the sharpest direction: so much of it the window of a tile lets into the others
# Factor by which the picture is made smaller, its spectra, and the fine detail that this leaves of a sharp picture.
_SCALES = ((1, spectra, 1.0), (2, half_spectra, 0.7), (4, quarter_spectra, 0.25))
_BELOW = (2,)  # bands below the finest
_USUAL_BELOW = 0.42  # of a natural picture's detail in them: sharp pictures vary, and seldom have less than half of it
# Of the detail along one direction: the figure of what did not move, and its fall by sigma squared. They are fitted, so
# that sigma 0.65 parts fine pictures from those that moved by 5 pixels, and that both are found between 0.6 and 0.65.
_UNMOVED, _FALL = 0.342, 2.29
_SOFT = 0.06  # of a natural picture's detail along the direction with most: what is as soft need not have moved
_SURE = 0.88  # pixels of sigma; up to 0.8 some photographs have as little along one direction
_FILE = 0.05  # pixels of sigma: what a JPEG takes unevenly from sharp pictures, and hides of a blur
_WEAK = ((COARSE, 0.9), (2, 0.5))  # bands, each with its detail in sharp pictures: with less, half the size is asked
_HALF = 1.3  # pixels of sigma at half the size, whatever a file added: from here on it fails
_HALF_DOUBT, _HALF_FILE = 0.95, 0.87  # the same: from here on in doubt, and where a file is known to have added detail
_LONG, _LONG_DOUBT = 0.065, 0.1  # the same figure at half the size, under JPEG: below them moved, and in doubt


def blur_sigma(planes: Planes) -> Figure:
    """Measure the blur of the sharpest places, as the sigma of a Gaussian, in pixels at the working size."""
    if words := planes.too_small:
        return Figure("blur_sigma", None, words)
    exact = planes.once(squares)
    if exact.art:
        return Figure("blur_sigma", 0.0, f"its squares have sharp edges ({exact.art})")
    if exact.either:
        return Figure("blur_sigma", None, f"edges of squares are never soft ({exact.either})", unsure=True)
    below = _sigma_below(planes)
    gone, seen = below > BY_NAME["blur_sigma"].fail, False
    blocks = planes.once(blocks_show)
    sigma, direction = max((below, _ALL), _motion(planes, blocks))
    for scale, make, usual in _SCALES:
        found = planes.once(make)
        if found.busy.sum() >= FEW:
            seen = True
            share, softer = softest(found)
            here = scale * _sigma_of(share / usual, FINE, COARSE)
            here += _FILE * (blocks and here > 0)
            sigma, direction = max((sigma, direction), (here, softer))
            if share / usual >= _LEAST and not (gone and scale == 1):  # at half the size less of the file is left
                break
    if not seen:
        return Figure("blur_sigma", None, "nothing with an edge to measure")
    few = planes.once(palette)
    if sigma <= BY_NAME["blur_sigma"].fail:  # else it fails whatever half the size shows
        sigma, direction = max((sigma, direction), _at_half(planes, bool(blocks or few)))
    if few and sigma < BY_NAME["blur_sigma"].fail:
        return Figure("blur_sigma", None, f"{few}: its edges are no detail", unsure=True)
    side = max(planes.working_luma.shape)
    words = f"the sharpest places are as soft as a blur of sigma {sigma:.2f} pixels{_measured_along(direction)}"
    return Figure("blur_sigma", sigma, f"{words} (at {side} on the long side)")


def _measured_along(direction: float) -> str:
    """Say which direction is soft, in degrees and as one sees it; an empty text for `_ALL`."""
    if direction == _ALL:
        return ""
    names = ("left to right", "top left to bottom right", "top to bottom", "bottom left to top right")
    return f", measured along {direction:g} degrees, from {names[round(direction / 45) % len(names)]}"


def _sigma_below(planes: Planes) -> float:
    """Return the sigma of the blur that shows below the finest frequencies; 0 where none does."""
    found = planes.once(spectra)
    if found.coarse.sum() < FEW:
        return 0.0
    share = float(sharpest(found.detail(_BELOW, against=LOWEST)))
    if planes.once(blocks_show):  # else what is drawn in one direction alone, as grass and wood, is like motion
        share = min(share, softest(found, _BELOW, LOWEST)[0])
    return _sigma_of(share / _USUAL_BELOW, _BELOW, LOWEST)


def _at_half(planes: Planes, file: bool) -> tuple[float, float]:
    """Return the sigma of the blur that half the size shows, with its direction; the bound itself where in doubt.

    A lossy file adds most at the finest frequencies, so that they are as strong as those of a sharp picture.

    Args:
        planes: of the picture.
        file: True where a file is known to have added detail.
    """
    if not _weak(planes.once(spectra)):
        return 0.0, _ALL
    halved = planes.once(half_spectra)
    sigmas = [(0.0, _ALL)]
    if halved.busy.sum() >= FEW:
        share, direction = softest(halved)
        sigmas.append((2 * _sigma_of(share / _SCALES[1][2], FINE, COARSE), direction))
    if halved.coarse.sum() >= FEW:
        share = float(sharpest(halved.detail(_BELOW, against=LOWEST)))
        sigmas.append((2 * _sigma_of(share / _USUAL_BELOW, _BELOW, LOWEST), _ALL))
    sigma, direction = max(sigmas)
    if sigma > _HALF:
        return sigma, direction
    return (BY_NAME["blur_sigma"].fail if sigma > (_HALF_FILE if file else _HALF_DOUBT) else 0.0), direction


def _weak(found: Spectra) -> bool:
    """Return True where a picture has less detail below the finest frequencies than most sharp ones."""
    if found.coarse.sum() < FEW:
        return False
    return any(float(sharpest(found.detail((band,), against=LOWEST))) < usual for band, usual in _WEAK)


def _motion(planes: Planes, blocks: bool) -> tuple[float, float]:
    """Return the sigma of the blur along the direction that has least detail, and that direction in degrees.

    A picture of much fine detail keeps some of it through motion, but little beside what it has across. So the detail
    along that direction counts half by itself, and half by its share of that along the direction with most. Under JPEG
    long motion is looked for at half the size as well, where less of the file is left.
    """
    found = planes.once(spectra)
    if found.busy.sum() < FEW:
        return 0.0, _ALL
    share, most, direction = _least_along(found)
    sigma = max(0.0, _sigma_along(share) - _FILE * blocks)
    if sigma < _SURE or most < _SOFT:
        sigma = min(sigma, BY_NAME["blur_sigma"].fail)  # and so in doubt
    if blocks and (halved := planes.once(half_spectra)).busy.sum() >= FEW:
        share, most, softer = _least_along(halved)
        if share < _LONG_DOUBT:
            long = 2 * _sigma_along(share) if share < _LONG else BY_NAME["blur_sigma"].fail
            sigma, direction = max((sigma, direction), (long, softer))
    return sigma, direction


def _least_along(found: Spectra) -> tuple[float, float, float]:
    """Return the figure of the direction with least detail, the detail of that with most, and the first in degrees."""
    by_direction = sharpest(found.along())
    least, most = int(by_direction.argmin()), float(by_direction.max())
    return float(by_direction[least]) / math.sqrt(max(most, 1e-9)), most, DIRECTIONS[least]


def _sigma_along(share: float) -> float:
    """Return the sigma of the blur that leaves this figure of the direction with least detail."""
    return math.sqrt(max(0.0, math.log(_UNMOVED / max(share, _LEAST))) / _FALL)


def softest(found: Spectra, bands: Sequence[int] = FINE, against: int = COARSE) -> tuple[float, float]:
    """Return the detail of the sharpest tiles in the direction that has least, and that direction in degrees."""
    by_direction = sharpest(found.detail(bands, _DIRECTIONS, against))
    least = int(by_direction.argmin())
    return float(max(0, by_direction[least] - _LEAKS * by_direction.max())), _DIRECTIONS[least]


def _sigma_of(share: float, bands: Sequence[int], against: int) -> float:
    """Return the sigma of the Gaussian that leaves ``share`` of the detail in ``bands``."""
    fine = sum(sum(BANDS[band]) for band in bands) / (2 * len(bands))
    damped = 4 * math.pi**2 * (fine**2 - (sum(BANDS[against]) / 2) ** 2)
    return math.sqrt(max(0.0, -math.log(max(share, _LEAST))) / damped)
