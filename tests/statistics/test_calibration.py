from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pytest_imagejudge.statistics.calibration import gate_calibration


def labels(caught, missed, spared, alarmed):
    passed = [False] * caught + [True] * missed + [True] * spared + [False] * alarmed
    good = [False] * (caught + missed) + [True] * (spared + alarmed)
    return passed, good


def test_shares_and_their_intervals_are_those_of_statsmodels():
    proportion = pytest.importorskip("statsmodels.stats.proportion")
    for method, name in (("wilson", "wilson"), ("exact", "beta")):
        found = gate_calibration(*labels(40, 10, 90, 20), method=method)
        assert found.sensitivity.value == pytest.approx(0.8)
        assert found.specificity.value == pytest.approx(90 / 110)
        for share in (found.sensitivity, found.specificity):
            low, high = proportion.proportion_confint(share.count, share.n, method=name)
            assert (share.low, share.high) == pytest.approx((low, high))


def test_the_corrected_rate_is_rogan_and_gladens():
    found = gate_calibration(*labels(80, 20, 90, 10))
    rate = found.corrected_pass_rate(650, 1000)
    assert rate.value == pytest.approx(1 - (0.35 + 0.9 - 1) / (0.8 + 0.9 - 1))
    assert rate.low < rate.value < rate.high


def test_the_correction_covers():
    rng = np.random.default_rng(1)
    hits, suites = 0, 2000
    for _ in range(suites):
        good = rng.random(150) < 0.7
        passed = rng.random(150) < np.where(good, 0.9, 0.2)
        fine = rng.binomial(200, 0.7)
        rate = gate_calibration(passed.tolist(), good.tolist()).corrected_pass_rate(
            int(rng.binomial(fine, 0.9) + rng.binomial(200 - fine, 0.2)), 200
        )
        hits += rate.low <= 0.7 <= rate.high
    assert hits / suites == pytest.approx(0.95, abs=0.02)


def test_a_gate_that_tells_nothing_corrects_nothing():
    found = gate_calibration(*labels(10, 10, 10, 10))
    assert not found.informative
    assert found.corrected_pass_rate(5, 10).value is None
    empty = gate_calibration([], [])
    assert empty.sensitivity.value is None
    assert empty.corrected_pass_rate(5, 10).value is None


def test_what_was_not_judged_or_labelled_is_left_out_and_counted():
    found = gate_calibration([True, None, False, True], [True, True, False, None])
    assert (found.left_out, found.sensitivity.n, found.specificity.n) == (2, 1, 1)
    with pytest.raises(ValueError):
        gate_calibration([True], [])
    with pytest.raises(ValueError):
        found.corrected_pass_rate(11, 10)


@given(
    st.integers(0, 30),
    st.integers(0, 30),
    st.integers(0, 30),
    st.integers(0, 30),
    st.integers(0, 50),
    st.integers(0, 50),
)
def test_shares_stay_shares(a, b, c, d, passed, more):
    found = gate_calibration(*labels(a, b, c, d))
    rate = found.corrected_pass_rate(passed, passed + more)
    for share in (found.sensitivity, found.specificity, rate):
        if share.value is not None:
            assert 0 <= share.value <= 1
            assert 0 <= share.low <= share.high <= 1
