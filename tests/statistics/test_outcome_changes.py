from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import binomtest

from pytest_imagejudge.statistics.outcome_changes import outcome_changes, sign_test
from pytest_imagejudge.statistics.pairing import Scored

OUTCOMES = st.sampled_from(["passed", "failed", "error", "scored", ""])


@given(st.integers(0, 60), st.integers(0, 60))
def test_the_sign_test_is_scipys_binomial_test(more, less):
    if not more + less:
        assert sign_test(more, less) is None
    else:
        expected = binomtest(more, more + less, alternative="greater").pvalue
        assert sign_test(more, less) == pytest.approx(expected)


def item(number, outcome, bounded=True):
    return Scored("image", str(number), "a fox", outcome=outcome, bounded=bounded)


@given(st.lists(st.tuples(OUTCOMES, OUTCOMES, st.booleans())), st.integers(0, 5))
def test_only_outcomes_by_bounds_on_both_sides_count(listed, allowed):
    pairs = [(item(i, old, bounded), item(i, new)) for i, (old, new, bounded) in enumerate(listed)]
    found = outcome_changes(pairs, allowed)
    known = [(old, new) for old, new, bounded in listed if bounded and {old, new} <= {"passed", "failed"}]
    failing, passing = known.count(("passed", "failed")), known.count(("failed", "passed"))
    assert (found.n, len(found.newly_failing), len(found.newly_passing)) == (len(known), failing, passing)
    lost = any(bounded and old in ("passed", "failed") and new == "error" for old, new, bounded in listed)
    assert found.gate == ("failed" if failing > allowed or lost or not known else "passed")
    assert outcome_changes(pairs).gate is None
