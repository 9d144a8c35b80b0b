"""Colour that was cut off at the ends of its range, and colour that is shifted all over the picture.

White paper, a studio's ground and black space reach the ends too: a ground is all white, or all black, along half of
the picture's border, and is left out. Flat drawings use few colours, pure ones too, and are not judged.
"""

from __future__ import annotations

from typing import Any

from .figure import Figure
from .planes import Planes
from .sample import colours, sampled

_WHITE, _BLACK = 253, 2  # codes from which on, and up to which, a channel is cut off
_GROUND = 0.5  # share of the border
_LEFT = 0.1  # of the picture: a ground that leaves less is all that there is
_COLOURFUL = 64  # codes between the highest and the lowest channel
_FLAT = 0.5  # share of the pixels, as their neighbour to the last code, from which on a picture is a flat drawing
_RANGE = 50.0  # L* between the darkest and the lightest 1%; without dark and light, all may well be of one hue
_NIGHT = 5.0  # L* below which a pixel is black, whatever the ratio of its channels
_NEUTRAL = 2  # percent of the pixels; of nearly every picture that much is grey, black or white


def burnt_share(planes: Planes) -> Figure:
    """Measure the percentage of the picture in which a channel is cut off at white, a white ground aside."""
    import numpy as np

    if words := planes.too_small or _drawn(planes):
        return Figure("burnt_share", None, words)
    low, high = planes.once(_extremes)
    ground = _ground(low >= _WHITE)
    left = float(1 - ground.mean())
    if left < _LEFT:
        return Figure("burnt_share", None, "all but a trifle of it is a white ground")
    share = 100 * float(np.count_nonzero((high >= _WHITE) & ~ground)) / (left * low.size)
    aside = ", the white ground aside" if left < 1 else ""
    return Figure("burnt_share", share, f"{share:.0f}% of the picture is burnt to white in a channel{aside}")


def crushed_share(planes: Planes) -> Figure:
    """Measure the percentage of the picture that is crushed to black, a black ground aside."""
    import numpy as np

    if words := planes.too_small or _drawn(planes):
        return Figure("crushed_share", None, words)
    low, high = planes.once(_extremes)
    ground = _ground(high <= _BLACK)
    left = float(1 - ground.mean())
    if left < _LEFT:
        return Figure("crushed_share", None, "all but a trifle of it is a black ground")
    share = 100 * float(np.count_nonzero((high <= _BLACK) & ~ground)) / (left * low.size)
    aside = ", the black ground aside" if left < 1 else ""
    return Figure("crushed_share", share, f"{share:.0f}% of the picture is crushed to black{aside}")


def pure_share(planes: Planes) -> Figure:
    """Measure the percentage of the picture whose colour can't get any more saturated."""
    import numpy as np

    if words := planes.too_small or _drawn(planes):
        return Figure("pure_share", None, words)
    low, high = planes.once(_extremes)
    pure = (high.astype(np.int16) - low >= _COLOURFUL) & ((low <= _BLACK) | (high >= _WHITE))
    share = 100 * float(pure.mean())
    return Figure("pure_share", share, f"{share:.0f}% of the picture is saturated to the end of the range")


def cast_chroma(planes: Planes) -> Figure:
    """Measure the chroma (CIELAB) of the most neutral of the pixels: a cast leaves nothing grey, black or white."""
    import cv2
    import numpy as np

    if words := planes.too_small or _drawn(planes):
        return Figure("cast_chroma", None, words)
    small = cv2.resize(planes.once(sampled), None, fx=0.5, fy=0.5, interpolation=cv2.INTER_AREA)
    lab = cv2.cvtColor(small.astype(np.float32) / 255, cv2.COLOR_RGB2LAB)
    light, green_red, blue_yellow = cv2.split(lab)
    dark, bright = np.percentile(light, (1, 99))
    if bright - dark < _RANGE:
        return Figure("cast_chroma", None, "too little contrast to tell a colour cast from the colour of the subject")
    chroma = np.where(light < _NIGHT, 0, cv2.magnitude(green_red, blue_yellow))
    value = float(np.percentile(chroma, _NEUTRAL))
    return Figure("cast_chroma", value, f"colour cast: the most neutral {_NEUTRAL}% have chroma {value:.0f} (CIELAB)")


def _extremes(planes: Planes) -> tuple[Any, Any]:
    """The lowest and the highest channel of each sampled pixel."""
    import cv2

    red, green, blue = cv2.split(planes.once(sampled))
    return cv2.min(cv2.min(red, green), blue), cv2.max(cv2.max(red, green), blue)


def _drawn(planes: Planes) -> str:
    """Words for a flat drawing, else ""."""
    share = flat_share(planes)
    return f"{share:.0%} of it is flat colour: a drawing may have the colours it likes" if share >= _FLAT else ""


def flat_share(planes: Planes) -> float:
    """Share of the pixels that equal their neighbour to the last code, of those that are not cut off."""
    return planes.once(_flat)


def _flat(planes: Planes) -> float:
    import numpy as np

    codes = planes.once(colours)
    low, high = planes.once(_extremes)
    inside = (low > _BLACK)[:, :-1] & (high < _WHITE)[:, :-1]
    counted = int(np.count_nonzero(inside))
    if not counted:
        return 0.0
    same = codes[:, 1:] == codes[:, :-1]
    return float(np.count_nonzero(same & inside)) / counted


def _ground(cut: Any) -> Any:
    """A mask, where it covers half of the picture's border: all of it is ground, enclosed parts too; else nothing."""
    import numpy as np

    border = np.concatenate([cut[0], cut[-1], cut[:, 0], cut[:, -1]])
    return cut if border.mean() >= _GROUND else np.zeros_like(cut)


ALL = (burnt_share, crushed_share, pure_share, cast_chroma)
