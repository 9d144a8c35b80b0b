"""The quality at which a picture once was a JPEG, from the steps of the frequencies in its blocks of 8 x 8 pixels.

JPEG rounds each frequency of a block to a multiple of a step (Annex K of ITU-T T.81 has the usual ones, and the
Independent JPEG Group's library the rule from quality to step). The steps stay in the pixels, wherever the grid of the
blocks starts.
"""

from __future__ import annotations

from functools import cache
from typing import Any

from .figure import Figure
from .grid import grid
from .planes import Planes
from .products import product

_STEPS = {(0, 1): 11, (1, 0): 12, (1, 1): 12, (0, 2): 10, (2, 0): 14, (1, 2): 14, (2, 1): 13}  # of quality 50
_LOWEST, _HIGHEST = 12, 140  # levels; the steps that are looked for
_VALUES = 1024  # of a frequency, from 0
_MOST = 4000  # blocks; of more, an even sample of their rows
_ENOUGH = 30  # blocks with a value beyond half a step
_FEW, _SURELY = 14, 0.7  # the same of plain pictures, and the mean of the cosine that chance stays below then
_STANDS_OUT = 1.5  # times as many steps at the borders of blocks as at any other place of eight
_RARE = 5  # steps more; fewer are chance
_ALIGNED = 0.3  # mean of the cosine over the values, where each multiple of the step is 1: chance stays below 0.2
_ONCE = 0.2  # of the values that are no zero, at least, are the step itself: JPEG leaves more small values than large
_ALIKE = 0.15  # by which the scales of the steps differ from their median in one JPEG
_DRAWN = 64  # levels; a higher step at a border of blocks was drawn there
_FAINT = 40  # levels; the highest step from a plain block into one that is not
_SOME, _PEAK = 250, 0.28  # such steps in a direction, and the share of them at one place of eight: chance is 0.125
_STEPS_OF_STRONG = range(8, 17)  # levels; their median around quality 10, as of most drawings not yet of quality 40
_PLAIN = 0.8  # share of the neighbours that are the same, of a drawing


def jpeg_quality(planes: Planes) -> Figure:
    """Measure the quality of the JPEG that the picture was, 1 to 100, where its steps are seen."""
    if words := planes.too_small:
        return Figure("jpeg_quality", None, words)
    quality = _quality(planes) or _by_borders(planes.tile_lumas)
    if quality is None and (size := planes.once(grid)):
        words = f"squares of {size} pixels: a strong JPEG may leave none of its steps in them"
        return Figure("jpeg_quality", None, words, unsure=True)
    if quality is None:
        return Figure("jpeg_quality", None, "no steps of a strong JPEG")
    return Figure("jpeg_quality", quality, f"was a JPEG of quality {quality:.0f}")


def blocks_show(planes: Planes) -> bool:
    """Return True where the borders of JPEG's blocks stand out, across or down."""
    across, down = (sum(of_axis) for of_axis in zip(*planes.once(_places), strict=True))
    return any(sorted(counts)[-1] > _STANDS_OUT * (sorted(counts)[-2] + _RARE) for counts in (across, down))


def _quality(planes: Planes) -> float | None:
    import numpy as np

    cosines, beyond, once = _multiples()
    places = planes.once(_places)
    values = sum(_histograms(*each) for each in zip(planes.tile_lumas, places, strict=True))
    count = product(beyond, values)
    aligned = product(cosines, values) / np.maximum(count, 1)
    enough = (count >= _ENOUGH) | ((count >= _FEW) & (aligned >= _SURELY))
    aligned = np.where(enough & (product(once, values) >= _ONCE * count), aligned, -1)
    found = []
    for column, usual in enumerate(_STEPS.values()):
        best = aligned[:, column].max()
        if best >= _ALIGNED:  # half of a step fits as well: the largest that does is meant
            step = _LOWEST + int(np.flatnonzero(aligned[:, column] > best - 0.08).max())
            found.append(100 * step / usual)
    scale = float(np.median(found)) if found else 0.0
    if sum(abs(one / scale - 1) <= _ALIKE for one in found) <= len(_STEPS) // 2:
        return None
    return 5000 / scale if scale > 100 else 100 - scale / 2


def _by_borders(lumas: list[Any]) -> float | None:
    """Return the quality of a drawing that was a strong JPEG by the steps at the borders of plain blocks, else None.

    It has few blocks with frequencies, and those are cut off at white. But what JPEG leaves around a stroke begins
    where a block does.
    """
    import numpy as np

    if min(float((luma[::4, 1:] == luma[::4, :-1]).mean()) for luma in lumas) < _PLAIN:
        return None
    beyond: Any = np.zeros(_FAINT + 1)
    for axis in (0, 1):
        found = sum(_borders(luma, axis) for luma in lumas)
        counts = found.sum(axis=1)
        at = int(counts.argmax())
        if counts.sum() < _SOME or counts[at] < _PEAK * counts.sum():
            return None
        beyond += np.maximum(0, found[at] - (found.sum(axis=0) - found[at]) / 7)  # the other places: what is drawn
    step = int(np.searchsorted(beyond.cumsum(), beyond.sum() / 2))
    # means of blocks are 2 levels apart at quality 50, and 10 at quality 10; around a stroke it is half as much again
    return 150 / step if step in _STEPS_OF_STRONG else None


def _borders(luma: Any, axis: int) -> Any:
    """Count the steps between a plain place and one that is not, by place of eight and height: (8, steps)."""
    import cv2
    import numpy as np

    lines = cv2.transpose(luma[:, ::4]) if axis == 0 else np.ascontiguousarray(luma[::4])
    steps = cv2.absdiff(lines[:, 1:], lines[:, :-1])
    plain, faint = steps == 0, (steps > 0) & (steps <= _FAINT)
    into = plain[:, :-3] & plain[:, 1:-2] & faint[:, 2:-1] & ~plain[:, 3:]
    out_of = ~plain[:, :-3] & faint[:, 1:-2] & plain[:, 2:-1] & plain[:, 3:]
    found = np.zeros(8 * (_FAINT + 1), np.intp)
    for there, shift in ((into, 2), (out_of, 1)):
        rows, columns = np.nonzero(there)
        columns += shift
        found += np.bincount((columns + 1) % 8 * (_FAINT + 1) + steps[rows, columns], minlength=len(found))
    return found.reshape(8, -1)


def _histograms(luma: Any, places: Any) -> Any:
    """Count the rounded amplitudes of each of the frequencies over all blocks: (values, frequencies)."""
    import numpy as np

    top, left = ((int(counts.argmax()) + 2) % 8 for counts in places)
    aligned = luma[top:, left:]
    down, across = aligned.shape[0] // 8, aligned.shape[1] // 8
    rows = aligned[: down * 8, : across * 8].reshape(down, 8, across, 8)[:: 1 + down * across // _MOST]
    blocks = rows.swapaxes(1, 2).reshape(-1, 64)
    amplitudes = np.abs(product(blocks.astype(np.float32), _basis()))
    rounded = np.minimum(np.rint(amplitudes), _VALUES - 1).astype(np.intp)
    counts = [np.bincount(column, minlength=_VALUES) for column in rounded.T]
    return np.stack(counts, axis=1).astype(np.float32)


def _places(planes: Planes) -> list[tuple[Any, Any]]:
    """Count the steps that stand out from those on both sides, by place of eight, down and across, of each tile.

    At the borders of blocks there are most.
    """
    return [(_counts(luma, 0), _counts(luma, 1)) for luma in planes.tile_lumas]


def _counts(luma: Any, axis: int) -> Any:
    import cv2
    import numpy as np

    # every fourth row of what lies along the borders is enough
    lines = np.ascontiguousarray(luma[:, ::4]) if axis == 0 else cv2.transpose(luma[::4])
    steps = cv2.absdiff(lines[1:], lines[:-1])
    sides = cv2.max(steps[:-2], steps[2:])
    middle = steps[1:-1]
    shows = (cv2.subtract(middle, cv2.add(sides, sides)) > 2) & (middle < _DRAWN)
    found = cv2.reduce(shows.view(np.uint8), 1, cv2.REDUCE_SUM, dtype=cv2.CV_32S).ravel()
    return np.bincount(np.arange(len(found)) % 8, found, 8)


@cache
def _basis() -> Any:
    """The matrix from the pixels of a block to its frequencies: (64, frequencies)."""
    import numpy as np

    place = np.arange(8)
    waves = np.cos((2 * place + 1) * place[:, None] * np.pi / 16) / 2
    waves[0] /= 2**0.5
    return np.stack([np.outer(waves[down], waves[across]).ravel() for down, across in _STEPS], axis=1, dtype=np.float32)


@cache
def _multiples() -> tuple[Any, Any, Any]:
    """By step and value: the cosine that is 1 at multiples of the step; 1 for values beyond half a step; 1 near one."""
    import numpy as np

    steps, values = np.arange(_LOWEST, _HIGHEST)[:, None], np.arange(_VALUES)[None, :]
    beyond = (values > steps / 2) & (values < _VALUES - 1)
    cosines = np.cos(2 * np.pi * values / steps) * beyond
    return cosines.astype(np.float32), beyond.astype(np.float32), (beyond & (values < 1.5 * steps)).astype(np.float32)
