from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from pytest_imagejudge.statistics.paired import differences
from pytest_imagejudge.taxonomy import TOTAL

QUALITY, ALIGNMENT = ("Quality",), ("Alignment",)


def rows(before, after, units=None):
    units = range(len(before)) if units is None else units
    return [(unit, float(a), float(b)) for unit, a, b in zip(units, before, after, strict=True)]


def draw(rng, n, shift=0.0):
    before = rng.normal(60, 15, n)
    return before, before + rng.normal(-shift, 8, n)


def test_of_one_dimension_it_is_close_to_the_paired_t_interval():
    before, after = draw(np.random.default_rng(1), 400, 2.0)
    (row,) = differences({TOTAL: rows(before, after)})
    test = stats.ttest_rel(after, before)
    interval = test.confidence_interval(0.90)  # each limit has 95%
    assert row.difference == pytest.approx((after - before).mean())
    assert row.error == pytest.approx(stats.sem(after - before))
    assert (row.low, row.high) == pytest.approx((interval.low, interval.high), abs=0.1)


def test_all_flips_are_those_of_scipys_permutation_test():
    rng = np.random.default_rng(2)
    for _ in range(20):
        before, after = draw(rng, 9, 5.0)
        (row,) = differences({TOTAL: rows(before, after)})
        exact = stats.permutation_test(
            (after - before,), lambda x: x.mean() / stats.sem(x), permutation_type="samples", alternative="less"
        )
        assert (row.high < 0) is bool(exact.pvalue <= 0.05)


def test_clusters_have_the_robust_error_of_statsmodels():
    linear = pytest.importorskip("statsmodels.regression.linear_model")
    rng = np.random.default_rng(3)
    units = np.repeat(np.arange(60), rng.integers(1, 6, 60))
    before = rng.normal(60, 10, len(units))
    after = before + rng.normal(0, 5, 60)[units] + rng.normal(0, 5, len(units))
    (row,) = differences({TOTAL: rows(before, after, units)})
    fit = linear.OLS(after - before, np.ones(len(units))).fit(
        cov_type="cluster", cov_kwds={"groups": units, "df_correction": True}
    )
    assert row.units == 60
    assert row.error == pytest.approx(fit.bse[0])


def test_more_dimensions_widen_and_copies_do_not():
    rng = np.random.default_rng(4)
    pairs = {(name,): rows(*draw(rng, 60)) for name in "abcdefgh"}
    alone = differences({("a",): pairs["a",]})[0].critical
    copies = differences({(name,): pairs["a",] for name in "abcdefgh"})[0].critical
    many = differences(pairs)[0].critical
    assert copies == pytest.approx(alone)
    assert alone < many <= stats.t.ppf(1 - 0.05 / 8, 59) * 1.05  # Bonferroni's, give or take the sample of flips


def test_under_five_units_there_are_no_limits():
    found = differences({TOTAL: rows([1, 2, 3, 4], [5, 6, 7, 8]), QUALITY: rows([], [])})
    assert [(row.n, row.low, row.high) for row in found] == [(4, None, None), (0, None, None)]
    assert found[0].difference == 4
    assert found[1].difference is None


def test_nothing_changed_is_exactly_nothing():
    values = np.random.default_rng(5).uniform(0, 100, 40)
    (row,) = differences({TOTAL: rows(values, values)})
    assert (row.difference, row.low, row.high) == (0, 0, 0)


def test_the_same_drop_everywhere_is_shown_by_five():
    (row,) = differences({TOTAL: rows([60] * 5, [20] * 5)})
    assert (row.low, row.high) == (-40, -40)


def test_limits_stay_finite_where_no_flip_can_show_anything():
    found = differences({TOTAL: rows([60] * 5, [20] * 5), QUALITY: rows([20] * 5, [60] * 5)})
    assert [(row.low, row.high) for row in found] == [(-100, 100), (-100, 100)]


def test_a_dimension_that_few_images_have_does_not_spoil_the_others():
    rng = np.random.default_rng(6)
    before, after = draw(rng, 50, 10.0)
    few = rows(before[:3], after[:3])
    found = {row.path: row for row in differences({TOTAL: rows(before, after), QUALITY: few})}
    assert found[TOTAL].high < 0
    assert found[QUALITY].low is None


def test_false_alarms_over_the_family_are_at_most_five_percent():
    rng = np.random.default_rng(7)
    suites, alarms = 1500, 0
    for _ in range(suites):
        common = rng.choice([-40.0, 0.0, 0.0, 40.0], 16)  # discrete, with ties, and correlated
        pairs = {
            (name,): rows(np.full(16, 60.0), 60 + common * (rng.random(16) < 0.5) + rng.choice([-60.0, 0.0, 60.0], 16))
            for name in "abcdef"
        }
        alarms += any(row.high is not None and row.high < -1e-9 for row in differences(pairs))
    assert alarms / suites <= 0.05 + 3 * (0.05 * 0.95 / suites) ** 0.5


@given(st.integers(0, 2**32), st.integers(5, 30), st.randoms())
def test_order_does_not_matter_and_swapping_turns_signs(seed, n, shuffler):
    before, after = draw(np.random.default_rng(seed), n)
    listed = rows(before, after)
    (row,) = differences({TOTAL: listed})
    (swapped,) = differences({TOTAL: rows(after, before)})
    assert swapped.difference == pytest.approx(-row.difference)
    assert swapped.error == pytest.approx(row.error)
    assert row.low <= row.difference <= row.high
    if n <= 12:  # all flips are taken, so that not even their sample depends on the order
        shuffler.shuffle(listed)
        (again,) = differences({TOTAL: listed})
        assert (again.low, again.high) == pytest.approx((row.low, row.high))


def test_blocks_of_flips_give_what_one_piece_gives(monkeypatch):
    from pytest_imagejudge.statistics import paired

    pairs = {TOTAL: rows(*draw(np.random.default_rng(8), 40))}
    whole = differences(pairs)[0]
    monkeypatch.setattr(paired, "_BLOCK", 4000)
    parts = differences(pairs)[0]
    assert parts.high == pytest.approx(whole.high, abs=0.3)
