from __future__ import annotations

import math
import random

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from pytest_imagejudge.statistics.intervals import images_to_decide, mean_interval

figures = st.lists(st.floats(0, 100), min_size=5, max_size=60)


def test_fewer_than_five_have_no_interval():
    for n in range(5):
        found = mean_interval([60.0] * n)
        assert (found.low, found.high, found.method) == (None, None, "")
        assert found.mean == (60.0 if n else None)


def test_from_200_it_is_students_t():
    values = np.random.default_rng(1).choice([0.0, 60.0, 100.0], 250)
    found = mean_interval(values.tolist())
    low, high = stats.t.interval(0.95, len(values) - 1, values.mean(), stats.sem(values))
    assert (found.low, found.high) == pytest.approx((low, high))
    assert "Student" in found.method


def test_of_a_proportion_it_is_wilsons_with_t_quantile():
    values = [0.0] * 7 + [100.0] * 23
    found = mean_interval(values)
    n, share = 30, 23 / 30
    effective = n * (n - 1) / n  # the sample variance has n - 1
    t = stats.t.ppf(0.975, n - 1)
    centre = (share + t * t / (2 * effective)) / (1 + t * t / effective)
    half = t / (1 + t * t / effective) * math.sqrt(share * (1 - share) / effective + t * t / (4 * effective**2))
    assert (found.low, found.high) == pytest.approx((100 * (centre - half), 100 * (centre + half)))
    assert "Wilson" in found.method


def test_wilson_of_a_large_proportion_is_that_of_statsmodels():
    proportion = pytest.importorskip("statsmodels.stats.proportion")
    values = [0.0] * 60 + [100.0] * 139
    found = mean_interval(values)
    low, high = proportion.proportion_confint(139, 199, method="wilson")
    assert (found.low, found.high) == pytest.approx((100 * low, 100 * high), abs=0.1)


def test_clustered_by_prompt_is_the_robust_interval_of_statsmodels():
    linear = pytest.importorskip("statsmodels.regression.linear_model")
    rng = np.random.default_rng(2)
    prompts = np.repeat(np.arange(240), rng.integers(1, 5, 240))
    values = np.clip(60 + rng.normal(0, 15, 240)[prompts] + rng.normal(0, 10, len(prompts)), 0, 100)
    found = mean_interval(values.tolist(), prompts.tolist())
    fit = linear.OLS(values, np.ones(len(values))).fit(
        cov_type="cluster", cov_kwds={"groups": prompts, "df_correction": True}, use_t=True
    )
    n = len(values)
    ratio = math.sqrt((n - 1) / (n - 1))  # one parameter: the small-sample factor is that of the groups alone
    low, high = fit.conf_int(0.05)[0]
    assert found.clustered
    assert found.units == 240
    assert (found.low, found.high) == pytest.approx((low * ratio, high * ratio), rel=1e-6)


def test_seeds_of_one_prompt_count_for_less_than_prompts():
    rng = random.Random(3)
    level = [rng.uniform(30, 90) for _ in range(20)]
    values = [level[i // 5] + rng.uniform(-5, 5) for i in range(100)]
    alone = mean_interval(values)
    together = mean_interval(values, [i // 5 for i in range(100)])
    assert together.high - together.low > 1.5 * (alone.high - alone.low)
    assert "clustered by prompt (20 prompts)" in together.method


def test_few_prompts_speak_for_themselves_only():
    found = mean_interval([50.0, 60.0, 70.0, 60.0, 55.0, 65.0], ["a", "a", "a", "b", "b", "b"])
    assert not found.clustered
    assert found.units == 6


def test_the_same_image_again_is_no_new_image():
    found = mean_interval([60.0] * 20, ["a"] * 20, ["key"] * 20)
    assert found.low is None
    assert found.units == 1


def test_figures_that_are_all_the_same_have_an_interval_with_a_width():
    found = mean_interval([60.0] * 20)
    assert found.low == pytest.approx(60 - 20 * (1 - 0.05 ** (1 / 20)))
    assert found.high == pytest.approx(60 + 20 * (1 - 0.05 ** (1 / 20)))
    assert "rule of three" in found.method
    assert mean_interval([100.0] * 20).high == 100


@given(figures, st.randoms())
def test_it_contains_the_mean_stays_on_the_scale_and_ignores_order(values, rng):
    found = mean_interval(values)
    assert 0 <= found.low <= found.mean + 1e-9
    assert found.mean - 1e-9 <= found.high <= 100
    shuffled = list(values)
    rng.shuffle(shuffled)
    other = mean_interval(shuffled)
    assert (other.low, other.high) == pytest.approx((found.low, found.high), abs=1e-6)


@given(figures)
def test_turned_upside_down_it_is_turned_upside_down(values):
    found, turned = mean_interval(values), mean_interval([100 - value for value in values])
    assert (100 - turned.high, 100 - turned.low) == pytest.approx((found.low, found.high), abs=1e-6)


@given(st.lists(st.floats(1, 5), min_size=5, max_size=40))
def test_edits_are_on_their_own_scale(values):
    found = mean_interval(values, scale=(1.0, 5.0))
    stretched = mean_interval([25 * (value - 1) for value in values])
    assert 1 <= found.low <= found.high <= 5
    assert (25 * (found.low - 1), 25 * (found.high - 1)) == pytest.approx((stretched.low, stretched.high), abs=1e-4)


@given(figures, st.floats(0, 100))
def test_the_number_that_decides_is_larger_exactly_where_it_is_undecided(values, bound):
    found = mean_interval(values)
    needed = images_to_decide(found, bound)
    decided = found.low >= bound or found.high < bound
    if decided:
        assert needed is not None
        assert needed <= found.n
    else:
        assert needed is None or needed > found.n


def test_no_number_of_images_decides_on_the_mean_itself():
    assert images_to_decide(mean_interval([40.0, 80.0, 50.0, 70.0, 60.0]), 60.0) is None


def test_coverage_of_a_skewed_figure_near_the_end_of_the_scale():
    rng = np.random.default_rng(4)
    shares, hits, suites = (0.03, 0.27, 0.70), 0, 2000
    true = 0.27 * 60 + 0.70 * 100
    for _ in range(suites):
        figures = rng.choice([0.0, 60.0, 100.0], (30, 3), p=shares).mean(axis=1)
        found = mean_interval(figures.tolist())
        hits += found.low <= true <= found.high
    assert 0.93 <= hits / suites <= 0.975
