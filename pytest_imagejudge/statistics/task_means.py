"""Means of edits' scores by task, and their mean over tasks, as GEdit-Bench's tables have them.

The mean of a task is over its edits. The average over tasks is the mean of their means, whatever their sizes.
As calculate_statistics.py of stepfun-ai/Step1X-Edit makes them, commit 570eba6ebda0c45c013983a483afbf2fd12bfcbc.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from .agreement import LEVEL, Estimate
from .intervals import MINIMUM, mean_interval

_RESAMPLES = 4000


@dataclass(frozen=True, slots=True)
class TaskMean:
    """A mean over ``n`` edits, or over tasks with ``n`` edits in all; ``left_out`` edits have no score."""

    mean: Estimate
    n: int
    left_out: int = 0


def task_means(
    scores: Mapping[str, Sequence[float | None]], scale: tuple[float, float], *, seed: int = 0
) -> tuple[dict[str, TaskMean], TaskMean]:
    """Return the mean of each task, and the average over tasks.

    Intervals are of 95%: of a task as of any mean over images, of the average from a bootstrap within each task.

    Args:
        scores: of each task's edits; None where an edit could not be read.
        scale: the least and the most that a score can be.
        seed: of the resamples.
    """
    found: dict[str, TaskMean] = {}
    draws = []
    rng = np.random.default_rng(seed)
    for task, values in scores.items():
        present = [value for value in values if value is not None]
        interval = mean_interval(present, scale=scale)
        estimate = Estimate(interval.mean, interval.low, interval.high)
        found[task] = TaskMean(estimate, len(present), len(values) - len(present))
        if len(present) >= MINIMUM:
            sample = np.asarray(present)
            draws.append(sample[rng.integers(0, len(sample), (_RESAMPLES, len(sample)))].mean(axis=1))
    means = [one.mean.value for one in found.values()]
    n, left_out = (sum(getattr(one, name) for one in found.values()) for name in ("n", "left_out"))
    known = [mean for mean in means if mean is not None]
    if not means or len(known) < len(means):  # a task without any score has no mean, and so the average has none
        return found, TaskMean(Estimate(None), n, left_out)
    average = sum(known) / len(known)
    if len(draws) < len(found):
        return found, TaskMean(Estimate(average), n, left_out)
    low, high = np.quantile(np.mean(draws, axis=0), [(1 - LEVEL) / 2, (1 + LEVEL) / 2])
    return found, TaskMean(Estimate(average, float(low), float(high)), n, left_out)
