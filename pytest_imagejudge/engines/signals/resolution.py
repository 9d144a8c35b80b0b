"""Resolution of a picture: enough pixels, and detail in them.

A picture that was enlarged has nothing but traces of the interpolation above the finest frequency that the small one
had.
"""

from __future__ import annotations

from ...protocols.signals_bounds import BY_NAME
from .edges import FEW
from .figure import Figure
from .planes import Planes
from .spectrum import half_spectra, quarter_spectra, sharpest, spectra
from .squares import squares

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
    elif any(planes.once(make).busy.sum() >= FEW for make in (half_spectra, quarter_spectra)):
        share = 0.0
    else:
        return Figure("fine_detail", None, f"{planes.width} x {planes.height} pixels without an edge to measure")
    return Figure("fine_detail", share, f"the finest detail is {share:.1f}% of a natural picture's, as if enlarged")
