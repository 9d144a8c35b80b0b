from __future__ import annotations

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pytest_imagejudge.errors import ConfigError
from pytest_imagejudge.statistics.suite import bounded_means, gate_passed, suite_rows
from pytest_imagejudge.thresholds.profile import Profile, Suite
from tests.statistics.samples import drawn, edit, image


def one(entries, bound, policy="mean", path=()):
    (row,) = suite_rows(entries, {path: bound}, on_undecided=policy)
    assert (row.gate == "passed") is gate_passed(row, policy)
    return row


def mixed(n=30, seed=1):
    rng = random.Random(seed)
    return [drawn(i, rng) for i in range(n)]


def test_three_outcomes():
    entries = mixed()
    mean = one(entries, 50).mean
    low = one(entries, mean - 20)
    high = one(entries, mean + 20)
    near = one(entries, mean - 0.1)
    assert (low.outcome, near.outcome, high.outcome) == ("passed", "undecided", "failed")
    assert low.low <= low.mean <= low.high
    assert low.n == 30
    assert "Wilson" in low.method
    assert near.needed > 30
    assert f"{near.needed:,}" in near.detail
    assert low.needed <= 30
    assert high.needed <= 30


@pytest.mark.parametrize(
    ("policy", "above", "below"), [("mean", True, False), ("pass", True, True), ("fail", False, False)]
)
def test_the_policy_decides_the_undecided(policy, above, below):
    entries = mixed()
    mean = one(entries, 50).mean
    for bound, expected in ((mean - 0.1, above), (mean + 0.1, below)):
        row = one(entries, bound, policy)
        assert row.outcome == "undecided"
        assert gate_passed(row, policy) is expected
        assert "the gate passes" in row.detail if expected else "the gate fails" in row.detail


def test_under_five_images_there_is_no_gate_and_it_says_so():
    for n in range(1, 5):
        for bound in (10, 90):
            row = one([image(i, 60.0) for i in range(n)], bound)
            assert (row.outcome, row.low, row.high, row.mean, row.needed) == ("undecided", None, None, 60.0, 5)
            assert "not applied" in row.detail
            assert gate_passed(row, "mean")
            assert not gate_passed(one([image(i, 60.0) for i in range(n)], bound, "fail"), "fail")


@pytest.mark.parametrize(
    "lost",
    [
        {"error": "the engine died", "outcome": "error"},
        {"unreadable": [["Quality"]], "total": None, "level1": {"Quality": None}, "outcome": "error"},
        {"unreadable": [["Quality", "Detail", "Noise"]], "level1": {"Quality": None}, "outcome": "error"},
        {"level1": {}, "outcome": "error"},
    ],
)
def test_what_was_not_judged_fails_the_gate_whatever_the_policy(lost):
    entries = [*mixed(), image(99, 100.0, **lost)]
    for policy in ("mean", "pass", "fail"):
        row = one(entries, 1, policy, ("Quality",))
        assert row.outcome == "failed"
        assert not gate_passed(row, policy)
        assert "1 of 31 images was not judged" in row.detail
        assert row.not_judged == 1


def test_unreadable_elsewhere_does_not_touch_a_dimension():
    entries = [image(i, 60.0, unreadable=[["Aesthetics"]], total=None, outcome="error") for i in range(10)]
    assert one(entries, 40, path=("Quality",)).outcome == "passed"
    assert one(entries, 40).outcome == "failed"


def test_not_applicable_is_left_out_and_counted():
    entries = [*mixed(20), *(image(100 + i, None) for i in range(3))]
    row = one(entries, 10)
    assert (row.n, row.left_out, row.outcome) == (20, 3, "passed")
    assert "3 without total" in row.detail


def test_nothing_applicable_fails():
    row = one([image(i, None) for i in range(10)], 10, "pass")
    assert (row.outcome, row.mean, row.n) == ("failed", None, 0)
    assert not gate_passed(row, "pass")


def test_what_applies_to_no_image_says_why():
    said = {"Realism": {"Physical Logic": {"raw": "N/A", "score": None, "evidence": "a drawing"}}}
    row = one([image(i, None, level3={"Quality": said}) for i in range(10)], 10, path=("Quality", "Realism"))
    assert row.detail == "Quality / Realism applied to none of 10 images: a drawing"


def test_without_any_image_nothing_passes():
    for policy in ("mean", "pass", "fail"):
        assert not gate_passed(one([], 10, policy), policy)


def test_a_bound_on_edits_waits_for_edits():
    assert suite_rows([], {}, on_undecided="mean", edit_bound=3.5) == []
    scores = [3.2, 4.1, 4.4, 3.9, 4.6, 4.0, 4.2]
    (row,) = suite_rows([], {}, on_undecided="mean", edits=[edit(i, s) for i, s in enumerate(scores)], edit_bound=2.5)
    assert (row.path, row.outcome, row.n) == (["score"], "passed", 7)
    assert row.high <= 5
    lost = [edit(9, None, error="gone", outcome="error")]
    (row,) = suite_rows([], {}, on_undecided="pass", edits=[edit(i) for i in range(9)] + lost, edit_bound=1.5)
    assert row.outcome == "failed"


def test_paths_of_any_level():
    rows = suite_rows(mixed(), {(): 20, ("Quality",): 20, ("Quality", "Realism"): 20}, on_undecided="mean")
    assert [row.path for row in rows] == [["total"], ["Quality"], ["Quality", "Realism"]]


def test_a_policy_that_there_is_not():
    with pytest.raises(ConfigError, match='"mean", "pass" or "fail"'):
        suite_rows(mixed(), {(): 20}, on_undecided="means")


order = {"failed": 0, "undecided": 1, "passed": 2}


@given(st.integers(0, 50), st.floats(0, 100), st.floats(0, 100))
def test_a_higher_bound_never_helps(seed, first, second):
    entries = mixed(12, seed)
    low, high = sorted((first, second))
    easy, hard = one(entries, low), one(entries, high)
    assert order[easy.outcome] >= order[hard.outcome]
    assert gate_passed(easy) >= gate_passed(hard)


@given(st.integers(0, 50), st.randoms())
def test_the_order_of_images_does_not_matter(seed, rng):
    entries = mixed(12, seed)
    row = one(entries, 50)
    rng.shuffle(entries)
    again = one(entries, 50)
    assert (again.outcome, again.n, again.needed) == (row.outcome, row.n, row.needed)
    assert (again.mean, again.low, again.high) == pytest.approx((row.mean, row.low, row.high))


def test_bounds_of_a_profile_wait_for_what_they_bound():
    suite = Suite(total=50.0, level1={"Quality": 40.0}, edit={"score": 3.0}, on_undecided="fail")
    profile = Profile(suite=suite)
    images, edits = [image(i) for i in range(6)], [edit(i) for i in range(6)]
    assert bounded_means([], [], profile) == []
    assert [row.path for row in bounded_means(iter(images), [], profile)] == [["total"], ["Quality"]]
    assert [row.path for row in bounded_means([], iter(edits), profile)] == [["score"]]
    rows = bounded_means(images, edits, profile)
    assert rows == suite_rows(images, suite.bounds(), on_undecided="fail", edits=edits, edit_bound=3.0)


@given(st.lists(st.tuples(st.sampled_from([0.0, 60.0, 100.0]), st.integers(0, 2)), min_size=1, max_size=30))
def test_repeated_judgements_are_in_no_mean(judgements):
    entries = [image(i, value, **({"repeat": again} if again else {})) for i, (value, again) in enumerate(judgements)]
    first = [value for value, again in judgements if not again]
    rows = bounded_means(entries, [], Profile(suite=Suite(total=50.0)))
    assert [row.n for row in rows] == ([len(first)] if first else [])
    assert [row.mean for row in rows] == ([pytest.approx(sum(first) / len(first))] if first else [])
