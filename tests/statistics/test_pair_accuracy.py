"""Accuracy on pairs: ties and unreadable ones are wrong, means are over tasks, intervals cover."""

from __future__ import annotations

import numpy as np
import pytest

from pytest_imagejudge.statistics.pair_accuracy import PairCounts, accuracy, total


def test_counts() -> None:
    one = PairCounts()
    for pair in ((3, 1), (1, 3), (2, 2), (None, 2), (0, None), (0.0, 0)):
        one.add(*pair)
    assert (one.right, one.wrong, one.ties, one.unreadable, one.n) == (1, 1, 2, 2, 6)
    assert accuracy([one]).value == pytest.approx(1 / 6)
    assert accuracy([one], left_out=True).value == pytest.approx(1 / 4)
    both = total([one, PairCounts(right=4)])
    assert (both.right, both.n) == (5, 10)


def test_the_mean_is_over_tasks() -> None:
    small, large = PairCounts(right=1, wrong=1), PairCounts(right=90, wrong=10)
    found = accuracy([small, large])
    assert found.value == pytest.approx(0.7)
    assert found.low is not None
    assert found.high is not None
    assert found.low < 0.7 < found.high
    assert accuracy([small, PairCounts()]).value is None
    assert accuracy([]).value is None
    assert accuracy([small, PairCounts(unreadable=2)], left_out=True).value is None


@pytest.mark.parametrize("right", [0, 20])
def test_a_perfect_order_still_has_an_interval(right: int) -> None:
    found = accuracy([PairCounts(right=right, wrong=20 - right)])
    assert found.low is not None
    assert found.high is not None
    assert found.high - found.low > 0.05
    assert found.low <= found.value <= found.high  # type: ignore[operator]


def test_intervals_cover_the_truth() -> None:
    rng = np.random.default_rng(5)
    shares, sizes = (0.5, 0.8, 0.95), (20, 60, 30)
    truth = sum(shares) / len(shares)
    inside = 0
    for _ in range(2000):
        tasks = []
        for share, n in zip(shares, sizes, strict=True):
            right = int(rng.binomial(n, share))
            tasks.append(PairCounts(right=right, wrong=n - right))
        found = accuracy(tasks)
        assert found.low is not None
        assert found.high is not None
        inside += found.low <= truth <= found.high
    assert 0.93 <= inside / 2000 <= 0.98
