"""Light of the whole picture: nearly black, or pale, or hardly any contrast throughout.

Fine pictures have dark and light in some place. A night without lamps, fog and things on a plain ground have not.
"""

from __future__ import annotations

from typing import Any

from ...protocols.signals_bounds import BY_NAME
from .colour import codes_at, drawn, paper
from .figure import Figure
from .planes import Planes
from .sample import sampled

_LAMPS = 0.9998  # of the pixels; stars and lamps are few


def lightest(planes: Planes) -> Figure:
    """Measure how light the lightest 1% of the picture are, in percent of white.

    A ground or a drawing excuses nothing here: what stands on black, or is drawn, is there to be seen.
    """
    measure = BY_NAME["lightest"]
    _, high, lamps = planes.once(_ends)
    if words := planes.too_small or (drawn(planes) if high >= measure.fail else ""):
        return Figure("lightest", None, words)
    words = f"its lightest 1% have {high:.0f}% of the brightness of white"
    if high < measure.fail and lamps >= measure.good:
        return Figure("lightest", None, f"{words}, a few spots {lamps:.0f}%: a dark scene with lights", unsure=True)
    return Figure("lightest", high, words)


def darkest(planes: Planes) -> Figure:
    """Measure how light the darkest 1% of the picture are, in percent of white."""
    if words := planes.too_small or drawn(planes):
        return Figure("darkest", None, words)
    low, _, _ = planes.once(_ends)
    return _figure("darkest", low, f"its darkest 1% have {low:.0f}% of the brightness of white", planes)


def light_span(planes: Planes) -> Figure:
    """Measure how far the lightest 1% of the picture are from the darkest, in percent of white."""
    if words := planes.too_small or drawn(planes):
        return Figure("light_span", None, words)
    low, high, lamps = planes.once(_ends)
    measure = BY_NAME["light_span"]
    span = high - low
    words = f"brightness from {low:.0f}% to {high:.0f}% of white"
    if span < measure.fail and lamps - low >= measure.good:
        return Figure("light_span", None, f"{words}, with a few lights", unsure=True)
    return _figure("light_span", span, words, planes)


def _figure(name: str, value: float, words: str, planes: Planes) -> Figure:
    """The figure; none where it fails on a plain ground."""
    measure = BY_NAME[name]
    fails = value < measure.fail if measure.low_is_bad else value > measure.fail
    if fails and planes.once(paper).any():
        return Figure(name, None, f"{words}, on a plain ground", unsure=True)
    return Figure(name, value, words)


def _ends(planes: Planes) -> tuple[float, float, float]:
    """Brightness of the darkest 1%, of the lightest 1% and of its lightest spots, in percent of white."""
    import cv2

    grey: Any = cv2.cvtColor(planes.once(sampled), cv2.COLOR_RGB2GRAY)
    low, high, lamps = (100 * code / 255 for code in codes_at(grey, 0.01, 0.99, _LAMPS))
    return low, high, lamps
