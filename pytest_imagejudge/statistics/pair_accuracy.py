"""Accuracy on pairs of which people prefer one: by task, in groups of tasks, and on average over tasks."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np

from .agreement import LEVEL, Estimate

_DRAWS = 20_000


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


def accuracy(tasks: Sequence[PairCounts], *, left_out: bool = False, seed: int = 0) -> Estimate:
    """Return the mean over tasks of the share of pairs that are ordered right.

    The interval is of equal tails, from the Jeffreys posterior of each task's share; pairs count as independent.

    Args:
        tasks: one or several; one without pairs makes the mean None, as its share is unknown.
        left_out: whether pairs that can't be read are left out; else they count as wrong, as ties do.
        seed: of the draws.
    """
    counts = [(one.right, one.n - one.unreadable if left_out else one.n) for one in tasks]
    if not counts or not all(n for _, n in counts):
        return Estimate(None)
    rng = np.random.default_rng(seed)
    shares = [rng.beta(right + 0.5, n - right + 0.5, _DRAWS) for right, n in counts]
    low, high = np.quantile(np.mean(shares, axis=0), [(1 - LEVEL) / 2, (1 + LEVEL) / 2])
    value = sum(right / n for right, n in counts) / len(counts)
    return Estimate(value, min(float(low), value), max(float(high), value))


def total(tasks: Iterable[PairCounts]) -> PairCounts:
    """Return the pairs of several tasks together."""
    found = PairCounts()
    for one in tasks:
        found.right += one.right
        found.ties += one.ties
        found.wrong += one.wrong
        found.unreadable += one.unreadable
    return found
