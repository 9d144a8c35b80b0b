"""Uncertainty of a ranking of models, from figures of the same prompts.

Prompts are resampled as a whole, for all models alike (paired bootstrap), so that a prompt's being easy or hard for
every model does not count as uncertainty of their order. Two models are told apart if the simultaneous
interval of their difference does not contain zero: the critical value is that of the largest of all pairs'
studentised differences, so with 95% confidence *no* two models are told apart wrongly. A model's rank interval
counts those that are surely better and surely worse (Mohr and others, "Inference for ranks", Biometrika 2019).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

LEVEL = 0.95
RESAMPLES = 1000
MINIMUM = 5  # prompts for any interval
_CELLS = 2_000_000  # of a block of weights: 16 MB


@dataclass(frozen=True)
class Ranks:
    """Models in the order of the columns that were given.

    Attributes:
        rank: from 1, highest mean first; equal means share a rank; 0 for a model without a mean.
        rank_low, rank_high: first and last rank that can't be excluded.
        apart: models x models, True where two can be told apart.
    """

    rank: Any
    rank_low: Any
    rank_high: Any
    apart: Any


def bootstrap_means(values: Any, *, resamples: int = RESAMPLES, seed: int = 0) -> Any:
    """Column means (resamples x columns) of ``values`` (units x columns, NaN for none), units resampled.

    A column without values in a resample keeps its own mean there.
    """
    n, columns = values.shape
    present = ~np.isnan(values)
    full = bool(present.all())
    filled = np.where(present, values, 0.0)
    means = _means(values)
    found = np.empty((resamples, columns))
    rng = np.random.default_rng(seed)
    block = max(1, _CELLS // max(n, 1))
    for start in range(0, resamples, block):
        size = min(block, resamples - start)
        draws = rng.integers(0, n, (size, n)) + np.arange(size)[:, None] * n
        weights = np.bincount(draws.ravel(), minlength=size * n).reshape(size, n).astype(float)
        count = float(n) if full else weights @ present
        with np.errstate(divide="ignore", invalid="ignore"):
            found[start : start + size] = np.where(np.asarray(count) > 0, weights @ filled / count, means)
    return found


def percentile_interval(values: Any, samples: Any, level: float = LEVEL) -> tuple[Any, Any]:
    """Percentile interval of each column's mean; NaN where fewer than five units have a value."""
    few = (~np.isnan(values)).sum(axis=0) < MINIMUM
    ordered = np.sort(samples, axis=0)
    low, high = (np.where(few, np.nan, _quantile(ordered, share)) for share in ((1 - level) / 2, (1 + level) / 2))
    return low, high


def _quantile(ordered: Any, share: float) -> Any:
    # numpy's own quantile, in one line: it would import numpy.ma, a tenth of a second
    at = share * (len(ordered) - 1)
    below = int(at)
    return ordered[below] + (at - below) * (ordered[min(below + 1, len(ordered) - 1)] - ordered[below])


def _means(values: Any) -> Any:
    count = (~np.isnan(values)).sum(axis=0)
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.where(count > 0, np.nansum(values, axis=0) / count, np.nan)


def rank_models(values: Any, samples: Any | None = None, *, level: float = LEVEL, seed: int = 0) -> Ranks:
    """Rank the columns of ``values`` (prompts x models, NaN for none).

    ``samples``: `bootstrap_means` of ``values``, if they are already computed.
    """
    means = _means(values)
    apart = np.zeros((len(means), len(means)), dtype=bool)
    at = np.flatnonzero((~np.isnan(values)).sum(axis=0) >= MINIMUM)
    if len(at):
        samples = bootstrap_means(values, seed=seed) if samples is None else samples
        apart[np.ix_(at, at)] = _apart(means[at], samples[:, at], level)
    known = ~np.isnan(means)
    better = known[:, None] & (means[:, None] > means[None, :])  # row above column
    rank = np.where(known, 1 + better.sum(axis=0), 0)
    first = np.where(known, 1 + (better & apart).sum(axis=0), 0)
    last = np.where(known, known.sum() - (better & apart).sum(axis=1), 0)
    return Ranks(rank, first, last, apart)


def _apart(means: Any, samples: Any, level: float) -> Any:
    """Pairs of models that differ, simultaneously. One model at a time, so memory grows with models, not with pairs."""
    models = len(means)
    largest = np.zeros(len(samples))
    errors = np.zeros((models, models))
    for i in range(models - 1):
        of_pairs = samples[:, i + 1 :] - samples[:, i : i + 1]
        difference = means[i + 1 :] - means[i]
        error = of_pairs.std(axis=0)
        errors[i, i + 1 :] = errors[i + 1 :, i] = error
        some = error > 1e-9
        if some.any():
            t = np.abs(of_pairs[:, some] - difference[some]) / error[some]
            largest = np.maximum(largest, t.max(axis=1))
    critical = float(_quantile(np.sort(largest), level))
    gaps = np.abs(means[:, None] - means[None, :])
    return gaps > np.maximum(critical * errors, 1e-9)


def groups(order: list[int], apart: Any) -> list[tuple[int, int]]:
    """Longest runs of ranks in which no two models are told apart, each as first and last position, from 0.

    ``order``: columns, best first.
    """
    found: list[tuple[int, int]] = []
    for start in range(len(order)):
        end = start
        while end + 1 < len(order) and not any(apart[order[i], order[end + 1]] for i in range(start, end + 1)):
            end += 1
        if end > start and (not found or end > found[-1][1]):
            found.append((start, end))
    return found
