"""Means by task and their average over tasks, with what is left out, and intervals that cover."""

from __future__ import annotations

import numpy as np
import pytest

from pytest_imagejudge.statistics.task_means import task_means

SCALE = (0.0, 10.0)


def test_means_and_what_is_left_out() -> None:
    tasks, average = task_means({"a": [2, 4, None], "b": [9]}, SCALE)
    assert (tasks["a"].mean.value, tasks["a"].n, tasks["a"].left_out) == (3, 2, 1)
    assert (average.mean.value, average.n, average.left_out) == (6, 3, 1)
    assert average.mean.low is None  # of fewer than five edits nothing is said of others


@pytest.mark.parametrize("empty", [[], [None, None]])
def test_a_task_without_a_score_leaves_no_average(empty: list[float | None]) -> None:
    tasks, average = task_means({"a": [2.0] * 6, "b": empty}, SCALE)
    assert tasks["b"].mean.value is None
    assert average.mean.value is None
    assert (average.n, average.left_out) == (6, len(empty))
    assert task_means({}, SCALE)[1].mean.value is None


def test_intervals_cover_the_truth() -> None:
    rng = np.random.default_rng(3)
    sizes = (40, 60, 99, 57)
    inside = 0
    for _ in range(400):
        scores = {str(n): list(map(float, rng.integers(i, 11, n))) for i, n in enumerate(sizes)}
        truth = sum((i + 10) / 2 for i in range(len(sizes))) / len(sizes)
        mean = task_means(scores, SCALE)[1].mean
        assert mean.low is not None
        assert mean.high is not None
        inside += mean.low <= truth <= mean.high
    assert 0.93 <= inside / 400 <= 0.98
