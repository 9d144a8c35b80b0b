"""Noise of a picture, and pixels that stand out alone.

Noise is what is left in the quietest tiles: texture raises the power of some tiles, noise that of all. Where all of a
picture is texture (sand, grass), its power falls with the frequency, which that of noise and grain does less.
Strokes of a brush and threads of canvas run in a direction, which noise has not.
"""

from __future__ import annotations

from ...protocols.signals_bounds import BY_NAME
from .figure import Figure
from .planes import Planes
from .spectrum import BANDS, COARSE, LOWEST, MIDDLE, spectra

_APART = 25  # levels by which a pixel that stands out alone is brighter, or darker, than all its neighbours
_QUIETEST = 0.05  # share of the tiles
_FLAT, _BLACK = 0.02, 16  # squared levels in all bands together, and level: black bars say nothing of the picture
_STROKES, _DIRECTED = 1.45, 0.16  # amplitude in the lowest band, and share that has a direction: above both, paint
_FALLS, _RISES = 0.175, 1.75  # of the coarse band: amplitude in the finest band below, and in the lowest above, texture


def noise_sigma(planes: Planes) -> Figure:
    """Measure the standard deviation of the noise of brightness in the quietest places, in 8-bit levels."""
    import numpy as np

    if words := planes.too_small:
        return Figure("noise_sigma", None, words)
    found = planes.once(spectra)
    seen = (found.power.sum(axis=1) > _FLAT) | (found.mean > _BLACK)
    power = found.power[seen]
    if not len(power):
        return Figure("noise_sigma", None, "all of the picture is black")
    middle = power[:, list(MIDDLE)].mean(axis=1)
    quietest = np.argsort(middle)[: max(4, int(len(middle) * _QUIETEST))]
    sigma = float(np.sqrt(middle[quietest].mean()))
    amplitude = np.sqrt(power[quietest].mean(axis=0))
    lowest, coarse, finest = amplitude[LOWEST], amplitude[COARSE], amplitude[len(BANDS) - 1]
    if sigma > BY_NAME["noise_sigma"].good and finest < _FALLS * coarse and lowest > _RISES * coarse:
        return Figure("noise_sigma", None, f"texture everywhere, of {sigma:.1f} levels, hides noise", unsure=True)
    if sigma > BY_NAME["noise_sigma"].fail and lowest > _STROKES * coarse:
        # tiles at the edge of black bars have a direction too, but they are few
        quiet = np.argsort(middle)[: max(4, len(middle) // 2)]
        along = found.anisotropy(MIDDLE)[seen]
        if min(float(np.median(along[part])) for part in (quietest, quiet)) > _DIRECTED:
            words = f"strokes or canvas everywhere, of {sigma:.1f} levels, can't be told from noise"
            return Figure("noise_sigma", None, words, unsure=True)
    return Figure("noise_sigma", sigma, f"estimated noise sigma {sigma:.1f} levels of brightness")


def impulse_share(planes: Planes) -> Figure:
    """Measure the percentage of pixels that stand out from all their neighbours."""
    import cv2
    import numpy as np

    if words := planes.too_small:
        return Figure("impulse_share", None, words)
    around = np.ones((3, 3), np.uint8)
    around[1, 1] = 0  # the neighbours of a pixel: strokes of letters have one of their own kind, an impulse has none
    impulses, pixels = 0, 0
    for luma in planes.tile_lumas:
        above = cv2.subtract(luma, cv2.dilate(luma, around))
        below = cv2.subtract(cv2.erode(luma, around), luma)
        impulses += int(np.count_nonzero(cv2.max(above, below) > _APART))
        pixels += luma.size
    share = 100 * impulses / pixels
    return Figure("impulse_share", share, f"{share:.2f}% of the pixels stand out alone")
