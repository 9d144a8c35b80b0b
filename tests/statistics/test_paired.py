from __future__ import annotations

from itertools import product

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from pytest_imagejudge.statistics.paired import differences, pairs_to_decide
from pytest_imagejudge.taxonomy import LEVEL1, TOTAL

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
            (after - before,),
            lambda x, axis: x.mean(axis) / stats.sem(x, axis),
            permutation_type="samples",
            alternative="less",
        )
        assert row.p == pytest.approx(exact.pvalue)
        assert (row.high < 0) is bool(exact.pvalue <= 0.05)


def t_of(signs, sums, counts):
    """The t statistic of a ratio mean whose units are flipped, of drops; slow and plain."""
    n, units = sum(counts), sum(count > 0 for count in counts)
    flipped = [sign * value for sign, value in zip(signs, sums, strict=True)]
    mean = sum(flipped) / n
    squares = sum((value - count * mean) ** 2 for value, count in zip(flipped, counts, strict=True))
    if abs(mean) < 1e-12:
        return 0.0
    return -mean * n / (units / (units - 1) * squares) ** 0.5 if squares > 1e-9 else -np.inf if mean > 0 else np.inf


def stepped_down(dimensions):
    """Adjusted p by every flip, of (sums, counts) by name."""
    signs = list(product((1, -1), repeat=len(next(iter(dimensions.values()))[0])))
    every = {name: [t_of(flip, *found) for flip in signs] for name, found in dimensions.items()}
    left = sorted(dimensions, key=lambda name: -every[name][0])
    p, found = 0.0, {}
    while left:
        name = left[0]
        seen = every[name][0]
        least = seen - 1e-6 * max(1, abs(seen)) if np.isfinite(seen) else seen
        clear = [max(every[other][i] for other in left) >= least for i in range(len(signs))]
        p = max(p, sum(clear) / len(signs))
        found[name] = p
        left.remove(name)
    return found


@given(st.data())
def test_p_is_the_share_of_all_flips_zeros_ties_and_clusters_included(data):
    units, dimensions = data.draw(st.integers(5, 7)), data.draw(st.integers(1, 3))
    sizes = data.draw(st.lists(st.integers(1, 2), min_size=units, max_size=units))
    points = st.sampled_from([-40.0, -40.0, -12.5, 0.0, 0.0, 0.0, 8.0, 40.0])
    pairs, plain = {}, {}
    for name in LEVEL1[:dimensions]:
        changes = [[data.draw(points) for _ in range(size)] for size in sizes]
        listed = [(unit, 50.0, 50.0 + change) for unit, group in enumerate(changes) for change in group]
        pairs[name,] = listed
        plain[name,] = ([sum(group) for group in changes], sizes)
    expected = stepped_down(plain)
    for row in differences(pairs):
        assert row.p == pytest.approx(expected[row.path])
        assert row.high <= 0 if row.p <= 0.05 else row.high >= 0


def test_pairs_that_did_not_change_leave_the_test_exact():
    values = np.full(200, 60.0)
    for dropped in (3, 4, 5):
        after = values - np.where(np.arange(200) < dropped, 40.0, 0.0)
        (row,) = differences({TOTAL: rows(values, after)})
        assert (row.p, row.changed) == (2.0**-dropped, dropped)


def test_a_dimension_that_surely_dropped_leaves_the_family():
    rng = np.random.default_rng(11)
    sure = rows(np.full(40, 90.0), np.full(40, 30.0) + rng.normal(0, 1, 40))
    found, unsure = [], {}
    for _ in range(60):
        unsure = {(name,): rows(*draw(rng, 40, 3.0)) for name in ("b", "c")}
        alone = {row.path: row.p for row in differences(unsure)}
        among = {row.path: row.p for row in differences({("a",): sure, **unsure})}
        assert among.pop(("a",)) <= 1 / 2000
        found += [abs(among[path] - alone[path]) for path in alone]
    assert max(found) < 0.03  # another sample of flips, no larger family


def test_more_is_found_than_by_t_tests_with_holms_correction():
    """Five L1 with a spread of 30 points a pair, a drop of 12 in one: about half at 40 images, no more false alarms."""
    rng = np.random.default_rng(12)
    suites, n = 800, 40
    ours, holm, alarms = 0, 0, 0
    for _ in range(suites):
        change = rng.normal(0, 30, (n, 5)) - [12, 0, 0, 0, 0]
        p = [row.p for row in differences({(name,): rows(np.zeros(n), change[:, i]) for i, name in enumerate("abcde")})]
        t = stats.ttest_1samp(change, 0, alternative="less").pvalue
        rank = int((t < t[0]).sum())
        ours += p[0] <= 0.05
        holm += t[0] <= 0.05 / (5 - rank) and all(np.sort(t)[k] <= 0.05 / (5 - k) for k in range(rank))
        alarms += min(p[1:]) <= 0.05
    assert 0.45 < ours / suites < 0.6
    assert ours >= holm - 0.015 * suites  # the sample of flips
    assert alarms / suites < 0.05 + 3 * (0.05 * 0.95 / suites) ** 0.5


@pytest.mark.parametrize("n", [20, 60])
def test_the_order_of_the_images_changes_nothing_where_flips_are_sampled(n):
    before, after = draw(np.random.default_rng(13), n, 3.0)
    listed = rows(before, after)
    first = differences({TOTAL: listed})[0]
    again = differences({TOTAL: listed[::-1]})[0]
    assert (again.p, again.low, again.high) == (first.p, pytest.approx(first.low), pytest.approx(first.high))


def test_pairs_that_would_decide_are_those_that_do():
    rng = np.random.default_rng(14)
    checked = 0
    for _ in range(30):
        before, after = draw(rng, 16, 3.0)
        (row,) = differences({TOTAL: rows(before, after)})
        needed = pairs_to_decide(row, 1)
        if row.p > 0.05 and row.difference < 0 and needed <= 160:
            assert needed > 16
            copies = -(-needed // 16)
            (more,) = differences({TOTAL: rows(np.tile(before, copies + 1), np.tile(after, copies + 1))})
            assert more.p <= 0.05
            checked += 1
    assert checked > 5
    assert pairs_to_decide(differences({TOTAL: rows([50] * 20, [60] * 20)})[0], 1) is None  # nothing dropped
    assert pairs_to_decide(differences({TOTAL: rows([50] * 3, [10] * 3)})[0], 1) == 5


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


def test_where_no_flip_can_show_anything_there_are_no_limits():
    found = differences({TOTAL: rows([60] * 5, [20] * 5), QUALITY: rows([20] * 5, [60] * 5)})
    assert [(row.low, row.high, row.p) for row in found] == [(None, None, 2 / 32), (None, None, 1)]


def test_half_the_error_takes_a_pair_more():
    few, enough = ({TOTAL: rows([60] * n, [20] * n)} for n in (5, 6))
    for pairs, limits in ((few, (None, None)), (enough, (-40, -40))):
        (row,) = differences(pairs, alpha=0.025)
        assert (row.low, row.high) == limits


def test_a_dimension_of_too_few_does_not_widen_the_others():
    (row, _) = differences({TOTAL: rows([60] * 12, [20] * 12), QUALITY: rows([20] * 5, [60] * 5)}, alpha=0.025)
    assert (row.low, row.high) == (-40, -40)


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
        alarms += any(row.p <= 0.05 for row in differences(pairs))
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
    shuffler.shuffle(listed)
    (again,) = differences({TOTAL: listed})
    assert again.p == row.p
    assert (again.low, again.high) == pytest.approx((row.low, row.high))


def test_blocks_of_flips_give_what_one_piece_gives(monkeypatch):
    from pytest_imagejudge.statistics import paired

    pairs = {TOTAL: rows(*draw(np.random.default_rng(8), 40))}
    whole = differences(pairs)[0]
    monkeypatch.setattr(paired, "_BLOCK", 4000)
    parts = differences(pairs)[0]
    assert parts.high == pytest.approx(whole.high, abs=0.3)
