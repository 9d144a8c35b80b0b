"""Accuracy on pairs of which people prefer one: by task, in groups of tasks, and on average over tasks."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from math import sqrt

from scipy.special import ndtri  # type: ignore[import-untyped]

from .agreement import LEVEL, Estimate


@dataclass
class PairCounts:
    """Pairs of one task, by the judge's order.

    Attributes:
        right: the preferred one has the higher score.
        ties: both have the same score, which is published as wrong.
        wrong: the other one has the higher score.
        unreadable: a score is missing.
    """

    right: int = 0
    ties: int = 0
    wrong: int = 0
    unreadable: int = 0

    @property
    def n(self) -> int:
        """All pairs."""
        return self.right + self.ties + self.wrong + self.unreadable

    def add(self, preferred: float | None, other: float | None) -> None:
        """Count one pair in, by its scores."""
        if preferred is None or other is None:
            self.unreadable += 1
        elif preferred == other:
            self.ties += 1
        elif preferred > other:
            self.right += 1
        else:
            self.wrong += 1


def accuracy(tasks: Sequence[PairCounts], *, left_out: bool = False) -> Estimate:
    """Return the mean over tasks of the share of pairs that are ordered right.

    Of one task the interval is Wilson's; of several see `mean_of_estimates`. Pairs count as independent.

    Args:
        tasks: one or several; one without pairs makes the mean None, as its share is unknown.
        left_out: whether pairs that can't be read are left out; else they count as wrong, as ties do.
    """
    counts = [(one.right, one.n - one.unreadable if left_out else one.n) for one in tasks]
    if not counts or not all(n for _, n in counts):
        return Estimate(None)
    return mean_of_estimates([Estimate(right / n, *_wilson(right, n)) for right, n in counts], (0.0, 1.0))


def mean_of_estimates(parts: Sequence[Estimate], scale: tuple[float, float]) -> Estimate:
    """Return the mean of independent estimates, all of one weight.

    Its interval is made of theirs, each on its own side (MOVER: Zou and Donner, Statistics in Medicine 27, 2008). A
    part without a value leaves no mean, and one without an interval no interval.
    """
    values = [one.value for one in parts if one.value is not None]
    if not parts or len(values) < len(parts):
        return Estimate(None)
    mean = sum(values) / len(values)
    below = [one.value - one.low for one in parts if one.value is not None and one.low is not None]
    above = [one.high - one.value for one in parts if one.value is not None and one.high is not None]
    if len(below) < len(parts) or len(above) < len(parts):
        return Estimate(mean)
    down, up = (sqrt(sum(distance**2 for distance in side)) / len(parts) for side in (below, above))
    return Estimate(mean, max(scale[0], mean - down), min(scale[1], mean + up))


def _wilson(right: int, n: int) -> tuple[float, float]:
    """Return Wilson's limits of a share."""
    z = float(ndtri((1 + LEVEL) / 2))
    share = right / n
    middle = (share + z * z / (2 * n)) / (1 + z * z / n)
    half = z * sqrt(share * (1 - share) / n + z * z / (4 * n * n)) / (1 + z * z / n)
    return min(share, middle - half), max(share, middle + half)


def total(tasks: Iterable[PairCounts]) -> PairCounts:
    """Return the pairs of several tasks together."""
    found = PairCounts()
    for one in tasks:
        found.right += one.right
        found.ties += one.ties
        found.wrong += one.wrong
        found.unreadable += one.unreadable
    return found
