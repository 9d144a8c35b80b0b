"""Means of edits' scores by task, and their mean over tasks, as GEdit-Bench's tables have them.

The mean of a task is over its edits. The average over tasks is the mean of their means, whatever their sizes.
As calculate_statistics.py of stepfun-ai/Step1X-Edit makes them, commit 570eba6ebda0c45c013983a483afbf2fd12bfcbc.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from .agreement import Estimate
from .intervals import mean_interval
from .pair_accuracy import mean_of_estimates


@dataclass(frozen=True, slots=True)
class TaskMean:
    """A mean over ``n`` edits, or over tasks with ``n`` edits in all; ``left_out`` edits have no score."""

    mean: Estimate
    n: int
    left_out: int = 0


def task_means(
    scores: Mapping[str, Sequence[float | None]], scale: tuple[float, float]
) -> tuple[dict[str, TaskMean], TaskMean]:
    """Return the mean of each task, and the average over tasks.

    Intervals are of 95%: of a task as of any mean over images, of the average made of the tasks' own.

    Args:
        scores: of each task's edits; None where an edit could not be read.
        scale: the least and the most that a score can be.
    """
    found: dict[str, TaskMean] = {}
    for task, values in scores.items():
        present = [value for value in values if value is not None]
        interval = mean_interval(present, scale=scale)
        estimate = Estimate(interval.mean, interval.low, interval.high)
        found[task] = TaskMean(estimate, len(present), len(values) - len(present))
    n, left_out = (sum(getattr(one, name) for one in found.values()) for name in ("n", "left_out"))
    return found, TaskMean(mean_of_estimates([one.mean for one in found.values()], scale), n, left_out)
