"""Resolution of a picture: enough pixels, and detail in them.

A picture that was enlarged has nothing but traces of the interpolation above the finest frequency that the small one
had. A large one is measured at its own pixels as well as at the size at which it is seen.
"""

from __future__ import annotations

from ...protocols.signals_bounds import BY_NAME
from .edges import FEW
from .facets import fails
from .figure import Figure
from .jpeg import blocks_show
from .palette import palette
from .planes import WORKING_SIDE, Planes
from .spectrum import Spectra, half_spectra, own_spectra, quarter_spectra, sharpest, spectra
from .squares import squares

_FALL = 1.03  # the same of the detail in the bands 3 and 4 together, for that in band 2, where blocks of JPEG show
_ALIKE = 10.7  # percent of that: up to here, sharp pictures under JPEG and enlarged ones are alike
_ALIKE_PLAIN = 9.0  # the same where no blocks show, as in WebP
_SOFT = 4.6  # percent: from here on a camera may have left as little, without JPEG or at the picture's own pixels
_FINEST = ((3, 3.0), (5, 1.0))  # bands, each with its detail in a picture that has just enough, of the finest's


def long_side(planes: Planes) -> Figure:
    """Count the pixels of the longer side, where they are too few."""
    pixels = max(planes.width, planes.height)
    words = f"{planes.width} x {planes.height} pixels"
    return Figure("long_side", pixels if pixels < BY_NAME["long_side"].good else None, words)


def fine_detail(planes: Planes) -> Figure:
    """Measure the finest detail of the sharpest places, in percent of a natural picture's: that of the worse size."""
    if words := planes.too_small:
        return Figure("fine_detail", None, words)
    exact = planes.once(squares)
    if why := exact.art or exact.either:  # what was enlarged smoothly has none
        return Figure("fine_detail", None, why)
    blocks = planes.once(blocks_show)
    found = planes.once(spectra)
    if found.busy.sum() >= FEW:
        figures = [_of(found, blocks, "")]
    elif any(planes.once(make).busy.sum() >= FEW for make in (half_spectra, quarter_spectra)):
        figures = [_figure(0.0, "")]
    else:
        return Figure("fine_detail", None, f"{planes.width} x {planes.height} pixels without an edge to measure")
    if max(planes.width, planes.height) > WORKING_SIDE:  # at which what was enlarged is sharp again
        own, where = planes.once(own_spectra), f" at its own {planes.width} x {planes.height} pixels"
        if own.busy.sum() >= FEW:
            figures.append(_of(own, blocks, where))
        elif own.coarse.sum() >= FEW:
            figures.append(_figure(0.0, where))
    worst = min(figures, key=_rank)
    if (few := planes.once(palette)) and not fails(worst):
        return Figure("fine_detail", None, f"{few}: its edges are no detail", unsure=True)
    return worst


def _of(found: Spectra, blocks: bool, where: str) -> Figure:
    """Measure the finest detail of the sharpest tiles."""
    share = 100 * min(float(sharpest(found.detail([band]))) / usual for band, usual in _FINEST)
    # A lossy file has fine detail of its own, most of it at the borders of blocks, but what falls before it shows.
    before, *after = (float(sharpest(found.detail([band]))) for band in (2, 3, 4))
    fall = 100 * after[0] * after[1] / max(before, 1e-9) / _FALL
    if blocks:
        alike = BY_NAME["fine_detail"].fail <= min(share, fall) and fall < _ALIKE
        share = min(share, fall)
    else:
        alike = not where and share >= _SOFT and fall < _ALIKE_PLAIN
    if alike:
        words = f"{_words(fall, where)}: an enlarged one in a lossy file has it too"
        return Figure("fine_detail", None, words, unsure=True)
    if (where or not blocks) and _SOFT <= share < BY_NAME["fine_detail"].fail:
        words = f"{_words(share, where)}: a photograph may be as soft as an enlarged one"
        return Figure("fine_detail", None, words, unsure=True)
    return _figure(share, where)


def _figure(share: float, where: str) -> Figure:
    enlarged = ", as if enlarged" if share < BY_NAME["fine_detail"].fail else ""
    return Figure("fine_detail", share, _words(share, where) + enlarged)


def _words(share: float, where: str) -> str:
    return f"the finest detail{where} is {share:.1f}% of a natural picture's"


def _rank(figure: Figure) -> tuple[bool, float]:
    """Order figures of one picture: one that fails, then one that is unsure, then the one nearest to failing."""
    if figure.value is None:
        return True, 0.0
    return figure.value >= BY_NAME["fine_detail"].fail, figure.value
