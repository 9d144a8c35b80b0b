"""Banding: a picture whose colours are evenly spaced levels, far apart, as of few bits a channel.

A smooth picture uses nearly every code between its darkest and its lightest. Flat drawings use few, but codes of all
kinds: that all channels share one even comb of levels is the mark of rounding.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from ...protocols.signals_bounds import BY_NAME
from .figure import Figure
from .palette import palette
from .planes import Planes
from .sample import colours, sampled
from .squares import squares

_FEW = 64  # colours in all; a photograph has thousands, and so has a drawing with soft edges
_SKIPPED = (64, 8, 1)  # rows of the sample to one that is looked at: nearly all pictures have many colours in a few
_LEAST = 0.0005  # share of the values; codes that are rarer are what compression left
_FEWEST = 3  # levels; two lie on a comb by chance
_NEAR = 0.8  # codes from its place on the comb, at most: rounding leaves half of one
_FULL = 0.5  # share of the places of the comb that are used: a few colours lie on a comb of many places by chance
_ON = 0.995  # share of the values that lie on the comb


def level_step(planes: Planes) -> Figure:
    """Measure how many codes lie between the levels of the picture: 1 where it uses them all."""
    import cv2

    if words := planes.too_small:
        return Figure("level_step", None, words)
    pixels = planes.once(sampled)
    values = pixels.reshape(len(pixels), -1)  # of all channels
    counts = cv2.calcHist([values], [0], None, [256], [0, 256]).ravel().astype(float)
    step, levels, full = comb(counts / counts.sum())
    if step <= 1:
        return _even(planes)
    held = int((_areas(cv2.split(pixels)) > _LEAST * counts.sum()).sum())
    if step > BY_NAME["level_step"].fail and levels >= _FEWEST and (held < _FEWEST or not full):
        words = f"its {levels} levels of colour, {step:.3g} codes apart or more, are too few to tell rounded ones"
        return Figure("level_step", None, words, unsure=True)
    if held < _FEWEST:
        return Figure(
            "level_step", None, f"areas of {held} levels of colour are too few to tell whether they were rounded"
        )
    if not full:
        return _even(planes)
    if (count := _drawn(planes, levels)) and step > BY_NAME["level_step"].fail:
        words = f"{count} colours in all, {step:.3g} codes apart: drawn so, or a picture that was reduced to them"
        return Figure("level_step", None, words, unsure=True)
    return Figure("level_step", step, f"banding: its {levels} levels of colour are {step:.3g} codes apart")


def _even(planes: Planes) -> Figure:
    """The figure of a picture without a comb; none for one of few colours, whose levels are as far apart."""
    import numpy as np

    codes = planes.once(colours)
    count = 0
    for step in _SKIPPED:
        count = len(np.unique(codes[::step]))
        if count > _FEW:
            if reduced := planes.once(palette):
                return Figure("level_step", None, f"{reduced}: its levels may be banding", unsure=True)
            return Figure("level_step", 1.0, "no banding: its levels of colour are no even steps apart")
    if art := planes.once(squares).art:
        return Figure("level_step", None, f"{art}: its {count} colours are no banding")
    words = f"{count} colours in all: drawn so, or a picture that was reduced to them"
    return Figure("level_step", None, words, unsure=True)


def _drawn(planes: Planes, levels: int) -> int:
    """The number of colours, where there are hardly more than levels: rounding mixes those of the channels; else 0."""
    import numpy as np

    codes = planes.once(colours)
    found, counts = np.unique(codes, return_counts=True)
    found = found[counts > _LEAST * codes.size]
    red, green, blue = ((found >> shift) & 255 for shift in (0, 8, 16))
    grey = bool(((red == green) & (green == blue)).all())
    return 0 if grey or len(found) > levels + 1 else len(found)


def _areas(channels: Iterable[Any]) -> Any:
    """Counts of all codes of areas, (256,): values as the next one across and down, and not of a line's smooth rim."""
    import cv2
    import numpy as np

    counts = np.zeros(256)
    for channel in channels:
        here = channel[:-1, :-1]
        same = (here == channel[:-1, 1:]) & (here == channel[1:, :-1])
        counts += cv2.calcHist([here], [0], same.view(np.uint8), [256], [0, 256]).ravel()
    return counts


def comb(shares: Any) -> tuple[float, int, bool]:
    """Return the step of the even comb that holds all codes (1 where there is none), and the number of codes.

    The third value is False where the codes use too few of its places to tell it from chance.

    Args:
        shares: of the codes 0 to 255, (256,), with sum 1.
    """
    import numpy as np

    used = np.flatnonzero(shares > _LEAST)
    if len(used) < 2:
        return 1.0, len(used), True
    gaps = np.diff(used)
    least = int(gaps.min())
    if least < 3:
        return 1.0, len(used), True
    # The step may be broken (255 / 7): steps near the least gap, and the one on which the codes lie best.
    steps = np.linspace(least - 0.5, least + 1.0, 61)
    off = (
        np.abs((used[None] - used[0]) / steps[:, None] - np.rint((used[None] - used[0]) / steps[:, None]))
        * steps[:, None]
    )
    worst = off.max(axis=1)
    at = int(worst.argmin())
    step = float(steps[at])
    places = (np.arange(len(shares)) - used[0]) / step
    if worst[at] > _NEAR or float(shares[np.abs(places - np.rint(places)) * step <= _NEAR].sum()) < _ON:
        return 1.0, len(used), True
    return step, len(used), len(used) >= _FULL * ((used[-1] - used[0]) / step + 1)
