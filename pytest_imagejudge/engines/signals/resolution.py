"""Resolution of a picture: enough pixels, and detail in them.

A picture that was enlarged has nothing but traces of the interpolation above the finest frequency that the small one
had.
"""

from __future__ import annotations

from ...protocols.signals_bounds import BY_NAME
from .edges import FEW
from .figure import Figure
from .jpeg import blocks_show
from .planes import Planes
from .spectrum import half_spectra, quarter_spectra, sharpest, spectra
from .squares import squares

_FALL = 1.38  # the same of the detail in the bands 3 and 4 together, for that in band 2, where blocks of JPEG show
_ALIKE = 8.0  # percent of that: up to here, sharp pictures under JPEG and enlarged ones are alike
_FINEST = ((3, 3.0), (5, 1.0))  # bands, each with its detail in a picture that has just enough, of the finest's


def long_side(planes: Planes) -> Figure:
    """Count the pixels of the longer side, where they are too few."""
    pixels = max(planes.width, planes.height)
    words = f"{planes.width} x {planes.height} pixels"
    return Figure("long_side", pixels if pixels < BY_NAME["long_side"].good else None, words)


def fine_detail(planes: Planes) -> Figure:
    """Measure the finest detail of the sharpest places, in percent of a natural picture's."""
    if words := planes.too_small:
        return Figure("fine_detail", None, words)
    exact = planes.once(squares)
    if why := exact.art or exact.either:  # what was enlarged smoothly has none
        return Figure("fine_detail", None, why)
    found = planes.once(spectra)
    if found.busy.sum() >= FEW:
        share = 100 * min(float(sharpest(found.detail([band]))) / usual for band, usual in _FINEST)
        if planes.once(blocks_show):  # their borders have fine detail of their own, but what falls before it shows
            before, *after = (float(sharpest(found.detail([band]))) for band in (2, 3, 4))
            fall = 100 * after[0] * after[1] / max(before, 1e-9) / _FALL
            if BY_NAME["fine_detail"].fail <= min(share, fall) and fall < _ALIKE:
                words = (
                    f"the finest detail is {fall:.1f}% of a natural picture's: under JPEG an enlarged one has it too"
                )
                return Figure("fine_detail", None, words, unsure=True)
            share = min(share, fall)
    elif any(planes.once(make).busy.sum() >= FEW for make in (half_spectra, quarter_spectra)):
        share = 0.0
    else:
        return Figure("fine_detail", None, f"{planes.width} x {planes.height} pixels without an edge to measure")
    return Figure("fine_detail", share, f"the finest detail is {share:.1f}% of a natural picture's, as if enlarged")
