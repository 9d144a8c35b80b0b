"""A grid of squares that are not exact, as of pixel art in a JPEG: most of what changes does so at even distances.

What is drawn on the grid need not show every line of it, as `squares` asks for.
"""

from __future__ import annotations

from typing import Any

from .planes import Planes

_SIZES = range(3, 41)  # pixels; the sides of squares that are looked for
_EVERY = 8  # rows to one that is looked at
_LIFT = 0.25  # share of the changes that is on the grid, beyond chance: other pictures in a JPEG have up to 0.1
_LINES = 6  # of the grid on which that share is, at least; a few drawn lines are on some grid


def grid(planes: Planes) -> int:
    """Return the side of the squares in pixels; 0 where there is no grid."""
    import numpy as np

    least = np.ones(len(_SIZES))
    for luma in planes.tile_lumas:
        for axis in (1, 0):
            least = np.minimum(least, _shares(_changes(luma, axis)))
            if least.max() < _LIFT:
                return 0
    return _SIZES[int(least.argmax())]


def _changes(luma: Any, axis: int) -> Any:
    """The sum of the changes between neighbours, by their place along ``axis``."""
    import cv2
    import numpy as np

    lines = cv2.transpose(luma[:, ::_EVERY]) if axis == 0 else np.ascontiguousarray(luma[::_EVERY])
    return cv2.reduce(cv2.absdiff(lines[:, 1:], lines[:, :-1]), 0, cv2.REDUCE_SUM, dtype=cv2.CV_32S).ravel()


def _shares(changes: Any) -> Any:
    """The share of the changes on a grid of each size beyond chance, 0 to 1; 0 where it is on too few lines."""
    import numpy as np

    whole = max(1, int(changes.sum()))
    most = np.sort(changes)[::-1].cumsum() / whole  # of so many places, wherever they are
    found = np.zeros(len(_SIZES))
    for place, size in enumerate(_SIZES):
        count = len(changes) // size
        if count < _LINES:
            break
        if most[count] < _LIFT + (1 - _LIFT) / size:
            continue
        lines = changes[: count * size].reshape(count, size)
        on = lines[:, int(lines.sum(axis=0).argmax())].astype(float)
        if on.sum() ** 2 >= _LINES * (on * on).sum():
            found[place] = (on.sum() / whole - 1 / size) / (1 - 1 / size)
    return found
