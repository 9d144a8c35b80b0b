"""Differences of paired figures in many dimensions at once, with limits that hold for all of them together.

The critical value is that of the largest of the dimensions' t statistics under random flips of the sign of each
prompt's differences (a multiplier bootstrap with Rademacher weights; max-T of Westfall and Young). Where nothing
changed, before and after can be exchanged, so the differences are symmetric about zero and the family-wise error
is exact for any number of prompts; correlated dimensions cost less than Bonferroni's correction would. All flips
are taken up to 2**12, else a seeded sample of 1,999.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np

from ..taxonomy import Path
from .figures import scale
from .intervals import MINIMUM

ALPHA = 0.05
_EXACT = 12  # prompts up to which all flips are taken
_FLIPS = 1999
_BLOCK = 4_000_000  # flips in memory at a time


@dataclass(frozen=True, slots=True)
class Difference:
    """The mean difference of one dimension, after minus before.

    Attributes:
        before, after: means over the pairs that have the figure on both sides; None without pairs.
        difference: after minus before.
        low, high: one-sided limits, each of family-wise coverage 1 - alpha; None for fewer than five units.
        n: pairs; ``units``: the prompts among them.
        error: standard error of the difference, with prompts as units.
        critical: the family's critical value, in standard errors.
    """

    path: Path
    before: float | None
    after: float | None
    difference: float | None
    low: float | None
    high: float | None
    n: int
    units: int
    error: float
    critical: float


def differences(
    pairs: Mapping[Path, Sequence[tuple[Hashable, float, float]]], *, alpha: float = ALPHA, seed: int = 0
) -> list[Difference]:
    """Differences by dimension, with limits simultaneous over ``pairs``.

    Args:
        pairs: by path, one (prompt, before, after) a pair that has the figure on both sides.
        alpha: family-wise error of all low limits together, and of all high limits together.
        seed: of the random flips.
    """
    order: dict[Hashable, int] = {}
    for rows in pairs.values():
        for unit, _, _ in rows:
            order.setdefault(unit, len(order))
    sums = np.zeros((len(order), len(pairs)))
    counts = np.zeros((len(order), len(pairs)))
    for column, rows in enumerate(pairs.values()):
        if rows:
            at = [order[unit] for unit, _, _ in rows]
            np.add.at(sums[:, column], at, [after - before for _, before, after in rows])
            np.add.at(counts[:, column], at, 1.0)
    units = (counts > 0).sum(axis=0)
    usable = units >= MINIMUM
    critical = float("nan")
    error = np.zeros(len(pairs))
    if usable.any():
        error[usable], critical = _critical(sums[:, usable], counts[:, usable], alpha, seed)
    found = []
    for column, (path, rows) in enumerate(pairs.items()):
        n = len(rows)
        before = float(np.mean([row[1] for row in rows])) if n else None
        after = float(np.mean([row[2] for row in rows])) if n else None
        change = float(sums[:, column].sum() / n) if n else None
        low = high = None
        if usable[column] and change is not None:
            low, high = _limits(change, float(error[column]), critical, scale(path))
        found.append(
            Difference(path, before, after, change, low, high, n, int(units[column]), float(error[column]), critical)
        )
    return found


def _limits(change: float, error: float, critical: float, ends: tuple[float, float]) -> tuple[float, float]:
    width = ends[1] - ends[0]
    if not np.isfinite(critical):  # too few flips for a limit inside the scale
        return -width, width
    return max(-width, change - critical * error), min(width, change + critical * error)


def _critical(sums: Any, counts: Any, alpha: float, seed: int) -> tuple[Any, float]:
    """Standard errors of the differences, and the critical value of their largest t."""
    _, error = _t(np.ones((1, len(sums))), sums, counts)
    largest = np.sort(np.concatenate([_t(block, sums, counts)[0].max(axis=1) for block in _blocks(len(sums), seed)]))
    return error, float(largest[int(np.ceil((1 - alpha) * len(largest))) - 1])


def _blocks(units: int, seed: int) -> Iterator[Any]:
    """Yield sign flips (rows) of ``units``, in blocks that fit into memory; the first row flips nothing."""
    if units <= _EXACT:
        yield 1.0 - 2.0 * (np.arange(2**units)[:, None] >> np.arange(units) & 1)
    elif units * _FLIPS <= _BLOCK:
        yield _sample(units, seed)
    else:
        rng = np.random.default_rng(seed)
        yield np.ones((1, units))
        for begin in range(0, _FLIPS, size := max(1, _BLOCK // units)):
            yield rng.integers(0, 2, (min(size, _FLIPS - begin), units), np.int8) * 2.0 - 1.0


@lru_cache(maxsize=2)
def _sample(units: int, seed: int) -> Any:
    flips = np.ones((_FLIPS + 1, units))
    flips[1:] = np.random.default_rng(seed).integers(0, 2, (_FLIPS, units), np.int8) * 2.0 - 1.0
    return flips


def _t(flips: Any, sums: Any, counts: Any) -> tuple[Any, Any]:
    """The t statistics (flips x dimensions) of the ratio means, and the standard errors of the first row."""
    n = counts.sum(axis=0)
    units = (counts > 0).sum(axis=0)
    mean = flips @ sums / n
    # sum over units of (flipped sum - count * mean)^2; a flip leaves the squares of the sums as they are
    squares = (sums**2).sum(axis=0) - 2 * mean * (flips @ (sums * counts)) + mean**2 * (counts**2).sum(axis=0)
    size = (sums**2).sum(axis=0)
    squares = np.where(squares <= 1e-12 * size, 0.0, squares)
    error = np.sqrt(units / (units - 1) * squares) / n
    with np.errstate(divide="ignore", invalid="ignore"):
        t = np.where(mean == 0, 0.0, mean / error)
    return t, error[0]
