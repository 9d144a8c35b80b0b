"""A palette of few colours that a picture was reduced to, as GIF has: the borders between them are no detail.

A drawing, or pixel art, has few colours of its own, but they are far apart. Those of a reduced picture are near to each
other, as its shades were.
"""

from __future__ import annotations

from typing import Any

from .planes import Planes
from .sample import colours

MOST = 256  # colours of a palette
_EVERY = 8  # rows to one whose steps are looked at
_SKIPPED = (64, 8)  # rows of the sample to one that is looked at first: nearly all pictures have many colours in a few
_NEAR = 16  # levels; the highest step between shades
_SHADES = 0.35  # of the steps: drawings and pixel art have up to 0.3 such, reduced pictures 0.4 and more
_MANY = 0.04  # of all neighbours: those of drawings, most of which are of one colour, have fewer such steps


def palette(planes: Planes) -> str:
    """Return the reason why the picture was reduced to a palette, or "" where it was not."""
    import numpy as np

    if planes.too_small:
        return ""
    codes = planes.once(colours)
    if any(len(np.unique(codes[::step])) > MOST for step in _SKIPPED):
        return ""
    if (((codes >> 16) & 255) == (codes & 255)).all():  # grey pictures have no more
        return ""
    steps = np.concatenate([_steps(tile) for tile in planes.tiles])
    near = (steps > 0) & (steps <= _NEAR)
    if near.mean() < _MANY or near.sum() < _SHADES * (steps > 0).sum():
        return ""
    count = len(np.unique(codes))
    if count > MOST:
        return ""
    return f"{count} colours in all, next to each other, as of a picture that was reduced to a palette"


def _steps(pixels: Any) -> Any:
    """The heights of the steps from pixel to pixel across, in the channel that changes most."""
    import cv2

    rows = pixels[::_EVERY]
    return cv2.absdiff(rows[:, 1:].copy(), rows[:, :-1].copy()).max(axis=2).ravel()
