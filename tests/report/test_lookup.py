"""Figures, what is unread and repeats of one entry, looked up by path."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from pytest_imagejudge.report.entry import entry_of
from pytest_imagejudge.report.lookup import first_judgements, is_unread, repeat_of, unread_of, value_of
from pytest_imagejudge.report.model import EditEntry, VerdictEntry
from pytest_imagejudge.scoring import figures
from pytest_imagejudge.scoring.verdict import FacetScore, Verdict
from pytest_imagejudge.taxonomy import EDIT_SCORE, FACETS, LEVEL1, PATHS
from tests.report import samples

RAWS = st.sampled_from([0, 1, 2, "N/A"])
EVERY = st.sampled_from([(), *sorted(PATHS)])


@st.composite
def verdicts(draw: st.DrawFn) -> Verdict:
    """A verdict as readers make it: facets of what was asked, each scored, N/A, or unread."""
    asked = tuple(one for one in LEVEL1 if draw(st.booleans()))
    level3, unread = {}, [(one,) for one in asked if draw(st.integers(0, 9)) == 0]
    for path in FACETS:
        if path[0] in asked and path[:1] not in unread:
            if draw(st.integers(0, 19)) == 0:
                unread.append(path)
            else:
                level3[path] = FacetScore(draw(RAWS))
    return Verdict("a fox", level3, asked, tuple(unread))


@settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(verdicts(), EVERY)
def test_an_entry_has_the_figures_of_its_verdict(verdict: Verdict, path: tuple[str, ...]) -> None:
    entry = entry_of(verdict, None)
    assert value_of(entry, path) == verdict.value(path)
    assert value_of(entry, list(path)) == verdict.value(path)
    assert unread_of(entry, path) == list(verdict.missing(path))


@settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(verdicts(), EVERY)
def test_no_figure_contains_what_is_unread(verdict: Verdict, path: tuple[str, ...]) -> None:
    entry = entry_of(verdict, None)
    assert isinstance(entry, VerdictEntry)
    if is_unread(entry, path):
        assert value_of(entry, path) is None
    elif len(path) < 3:  # read in full: the mean of what is below, N/A left out
        below = [value_of(entry, each) for each in PATHS if len(each) == len(path) + 1 and each[: len(path)] == path]
        assert value_of(entry, path) == pytest.approx(figures.mean(below), abs=1e-9)


@given(st.lists(EVERY), EVERY)
def test_what_is_unread_at_a_path_lies_below_or_above(unread: list[tuple[str, ...]], path: tuple[str, ...]) -> None:
    found = figures.unread_at(unread, path)
    shared = [other for other in unread if all(a == b for a, b in zip(other, path, strict=False))]
    assert found == shared


def test_of_an_edit_there_is_one_figure() -> None:
    edit = EditEntry(source_image="a.png", edited_image="b.png", instruction="bluer", score=3.5, unreadable=[["Edit"]])
    assert value_of(edit, EDIT_SCORE) == 3.5
    assert value_of(edit, ()) is None
    assert unread_of(edit, EDIT_SCORE) == [("Edit",)]


def test_an_image_that_was_not_judged_is_unread_everywhere() -> None:
    entry = VerdictEntry(image="a.png", prompt="a fox", error="no judge")
    assert all(is_unread(entry, path) for path in ((), *PATHS))
    assert not any(is_unread(samples.entry(1), path) for path in ((), *PATHS))


@pytest.mark.parametrize(("field", "number"), [({}, 0), ({"repeat": 0}, 0), ({"repeat": 2}, 2), ({"repeat": "x"}, 1)])
def test_further_judgements_of_an_image_carry_their_number(field: dict[str, Any], number: int) -> None:
    entry = VerdictEntry(image="a.png", prompt="a fox", **field)
    assert repeat_of(entry) == number
    assert list(first_judgements([entry])) == ([] if number else [entry])
