"""The sentences at the head of a page: what is excused is told, and is no bound that the run missed."""

from __future__ import annotations

import pytest

from pytest_imagejudge.renderers.run_words import headline, lead
from pytest_imagejudge.renderers.tree_rows import tree_rows
from pytest_imagejudge.report.model import Report, Run
from pytest_imagejudge.report.tally import tally_of
from tests.report import samples

BOUNDS = {1: 1, 2: 99, 3: 99}  # on Quality: the first passes


@pytest.mark.parametrize(
    ("numbers", "excused", "said", "missed"),
    [
        ([1, 2], [], "1 of 2 images failed", "Bound missed: Quality (1 image)."),
        ([1, 2, 3], [3], "1 of 3 images failed, 1 excused", "Bound missed, excused images included: Quality (2"),
        ([1, 2], [2], "1 of 2 images passed, 1 excused", ""),
        ([2, 3], [2, 3], "No failure, 2 excused", ""),
    ],
)
def test_what_is_excused_is_told_and_not_taken_for_missed(
    numbers: list[int], excused: list[int], said: str, missed: str
) -> None:
    entries = [samples.entry(number, bounds={("Quality",): BOUNDS[number]}) for number in numbers]
    report = Report(verdicts=entries, run=Run(excused=[f"tests/test_x.py::test_{number}" for number in excused]))
    tally = tally_of(report)
    assert headline(report, tally) == said
    found = lead(report, tally, tree_rows(tally))
    assert found.startswith(missed) if missed else "missed" not in found


@pytest.mark.parametrize(("bound", "words"), [(1, ""), (99, "The lowest mean is that of ")])
def test_the_lowest_mean_is_named_where_something_failed(bound: float, words: str) -> None:
    entries = [samples.entry(number, bounds={("Quality",): bound}) for number in (1, 2)]
    for entry in entries:
        entry.total = None
    report = Report(verdicts=entries)
    tally = tally_of(report)
    assert tally.shown_as_failed == (2 if words else 0)
    found = lead(report, tally, tree_rows(tally))
    assert words in found if words else not found
