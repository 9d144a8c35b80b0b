"""Differences of paired figures in many dimensions at once, and which drops are no chance.

Where nothing changed, before and after can be exchanged, so the sign of each prompt's differences may be flipped. The
statistic is the largest t over the dimensions (max-T of Westfall and Young): its error over the whole family is exact
for any number of prompts, and correlated dimensions cost less than Bonferroni's or Holm's correction would. Those that
are shown to drop leave the family of the others (step-down). Prompts of which no figure changed stay as they are
whatever is flipped, so the others alone are flipped: all flips where that are at most 2**14, else a seeded sample.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np
from scipy.special import stdtrit  # type: ignore[import-untyped]

from ..taxonomy import EDIT_SCALE, Path
from .figures import scale
from .intervals import MINIMUM

ALPHA = 0.05
_EXACT = 14  # changed prompts up to which all flips are taken
_FLIPS = 2000  # half of the sample: each of these flips is used with its opposite
_BLOCK = 4_000_000  # flips in memory at a time
_MOST = 10_000_000  # prompts; more is no advice
_NEAR = 1e-9  # relative; the rounding of a t statistic


@dataclass(frozen=True, slots=True)
class Difference:
    """The mean difference of one dimension, after minus before.

    Attributes:
        before, after: means over the pairs that have the figure on both sides; None without pairs.
        difference: after minus before.
        low, high: one-sided limits, each of family-wise coverage 1 - alpha; None for too few units (`fewest`), and
            where the flips give no limit inside the scale.
        n: pairs; ``units``: the prompts among them.
        changed: the prompts among them whose figure is another than before.
        error: standard error of the difference, with prompts as units.
        critical: the family's critical value, in standard errors.
        p: probability, where nothing changed, of a drop as clear as this one in any dimension that is not shown to
            drop more clearly; None for too few units (`fewest`).
    """

    path: Path
    before: float | None
    after: float | None
    difference: float | None
    low: float | None
    high: float | None
    n: int
    units: int
    changed: int
    error: float
    critical: float
    p: float | None


def differences(
    pairs: Mapping[Path, Sequence[tuple[Hashable, float, float]]],
    *,
    alpha: float = ALPHA,
    seed: int = 0,
    edits: tuple[float, float] = EDIT_SCALE,
) -> list[Difference]:
    """Differences by dimension, with limits simultaneous over ``pairs``.

    Args:
        pairs: by path, one (prompt, before, after) a pair that has the figure on both sides.
        alpha: family-wise error of all low limits together, and of all high limits together.
        seed: of the random flips.
        edits: scale of the edits' scores.
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
    changed = (np.abs(sums) > _NEAR).sum(axis=0)
    usable = units >= fewest(alpha)  # one dimension of fewer would widen the limits of all to the whole scale
    error, critical, chance = np.zeros(len(pairs)), float("nan"), np.full(len(pairs), np.nan)
    if usable.any():
        error[usable], critical, chance[usable] = _test(sums[:, usable], counts[:, usable], alpha, seed)
    found = []
    for column, (path, rows) in enumerate(pairs.items()):
        n = len(rows)
        before, after = (float(np.mean([row[side] for row in rows])) if n else None for side in (1, 2))
        change = float(sums[:, column].sum() / n) if n else None
        low = high = p = None
        if usable[column] and change is not None:
            p = float(chance[column])
            if np.isfinite(critical):
                low, high = _limits(change, float(error[column]), critical, scale(path, edits))
                high = min(high, 0.0) if p <= alpha else max(high, 0.0)  # so that it says what the test says
        found.append(
            Difference(
                path=path,
                before=before,
                after=after,
                difference=change,
                low=low,
                high=high,
                n=n,
                units=int(units[column]),
                changed=int(changed[column]),
                error=float(error[column]),
                critical=critical,
                p=p,
            )
        )
    return found


def fewest(alpha: float) -> int:
    """The fewest units, all of which drop, that flips can tell from chance; an interval needs as many."""
    return max(MINIMUM, int(np.ceil(np.log2(1 / alpha))))


def pairs_to_decide(found: Difference, dimensions: int, *, alpha: float = ALPHA) -> int | None:
    """The number of pairs that would show a drop, if mean, spread and the share that changed stay as they are.

    Args:
        found: a drop that is not shown.
        dimensions: how many are tested together.
        alpha: family-wise error.

    Returns:
        More pairs than there are; None where it would take more than ten million, or nothing dropped.
    """
    if found.p is None:
        return fewest(alpha)
    if not found.difference or found.difference > 0:
        return None
    clear = -found.difference / found.error if found.error else float("inf")

    def shown(units: int) -> bool:
        bonferroni = float(stdtrit(units - 1, 1 - alpha / max(1, dimensions)))
        wanted = bonferroni if np.isnan(found.critical) else min(found.critical, bonferroni)
        often = found.changed * units / found.units >= fewest(alpha)
        return often and clear * (units / found.units) ** 0.5 > wanted

    units = smallest(shown, found.units + 1, _MOST)
    return None if units is None else int(np.ceil(units * found.n / found.units))


def smallest(enough: Callable[[int], bool], least: int, most: int) -> int | None:
    """The smallest number from ``least`` to ``most`` that is enough, where all above it are; None without one."""
    step = least
    while not enough(step):
        if step >= most:
            return None
        step = min(2 * step, most)
    below = least - 1 if step == least else step // 2
    while step - below > 1:
        middle = (step + below) // 2
        below, step = (below, middle) if enough(middle) else (middle, step)
    return step


def _limits(change: float, error: float, critical: float, ends: tuple[float, float]) -> tuple[float, float]:
    width = ends[1] - ends[0]
    return max(-width, change - critical * error), min(width, change + critical * error)


def _test(sums: Any, counts: Any, alpha: float, seed: int) -> tuple[Any, float, Any]:
    """Standard errors of the differences, the critical value of their largest t, and the p of each drop."""
    moved = np.abs(sums).max(axis=1) > _NEAR
    order = np.lexsort([*sums[moved].T, *counts[moved].T])  # so that the order of the images changes nothing
    some, many = sums[moved][order], counts[moved][order]
    first, error = _t(np.ones((1, len(some))), some, many, counts)
    half = np.concatenate([_t(flips, some, many, counts)[0] for flips in _blocks(len(some), seed)])
    every = np.concatenate([half, -half])  # a flip and its opposite
    largest = np.sort(every.max(axis=1))
    critical = float(largest[int(np.ceil((1 - alpha) * len(largest))) - 1])
    return error, critical, _step_down(-first[0], every)


def _step_down(seen: Any, every: Any) -> Any:
    """Adjusted p of each ``seen`` statistic: by the largest of those that are not larger, over all flips."""
    order = np.argsort(-seen, kind="stable")
    rest = np.maximum.accumulate(every[:, order[::-1]], axis=1)[:, ::-1]
    least = seen - _NEAR * np.maximum(1.0, np.abs(np.where(np.isfinite(seen), seen, 0.0)))
    found = np.empty(len(seen))
    found[order] = np.maximum.accumulate((rest >= least[order]).mean(axis=0))
    return found


def _blocks(units: int, seed: int) -> Iterator[Any]:
    """Yield sign flips (rows) of ``units`` without their opposites, in blocks that fit into memory."""
    if units <= _EXACT:
        yield 1.0 - 2.0 * (np.arange(2 ** max(0, units - 1))[:, None] >> np.arange(units) & 1)
    elif units * _FLIPS <= _BLOCK:
        yield _sample(units, seed)
    else:
        rng = np.random.default_rng(seed)
        yield np.ones((1, units))
        for begin in range(1, _FLIPS, size := max(1, _BLOCK // units)):
            yield rng.integers(0, 2, (min(size, _FLIPS - begin), units), np.int8) * 2.0 - 1.0


@lru_cache(maxsize=2)
def _sample(units: int, seed: int) -> Any:
    flips = np.ones((_FLIPS, units))
    flips[1:] = np.random.default_rng(seed).integers(0, 2, (_FLIPS - 1, units), np.int8) * 2.0 - 1.0
    return flips


def _t(flips: Any, sums: Any, counts: Any, every: Any) -> tuple[Any, Any]:
    """The t statistics (flips x dimensions) of the ratio means, and the standard errors of the first row.

    ``sums`` and ``counts`` are those of the units that are flipped, ``every`` the counts of all units.
    """
    n = every.sum(axis=0)
    units = (every > 0).sum(axis=0)
    mean = flips @ sums / n
    # sum over units of (flipped sum - count * mean)^2; a flip leaves the squares of the sums as they are
    squares = (sums**2).sum(axis=0) - 2 * mean * (flips @ (sums * counts)) + mean**2 * (every**2).sum(axis=0)
    size = (sums**2).sum(axis=0)
    squares = np.where(squares <= 1e-12 * size, 0.0, squares)
    error = np.sqrt(units / (units - 1) * squares) / n
    with np.errstate(divide="ignore", invalid="ignore"):
        t = np.where(mean == 0, 0.0, mean / error)
    return t, error[0]
