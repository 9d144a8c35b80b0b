"""The rows over all edits, with their bounds, in the terminal and on the page."""

from __future__ import annotations

import re
from typing import Any

import pytest

from pytest_imagejudge.renderers.edit_figures import bound_in_words, edit_rows
from pytest_imagejudge.renderers.terminal_summary import suite_tree
from pytest_imagejudge.report.entry import entry_of
from pytest_imagejudge.report.model import EditEntry, Report
from pytest_imagejudge.report.tally import Tally
from pytest_imagejudge.scoring.verdict import EditVerdict
from pytest_imagejudge.thresholds.loading import load_profile
from tests.report import samples

ASPECTS = {"changed_area": 0.7, "fidelity": 0.9, "shift": 0.1}
BOUNDS = {"edit": {"aspects": {"changed_area": {"min": 0.0005, "max": 0.5}, "fidelity": 0.6, "shift": {"max": 0.8}}}}


def edit(bounds: dict[str, Any] | None, **fields: Any) -> EditEntry:
    """An edit without an overall score, as a profile of ``bounds`` has it."""
    verdict = EditVerdict(score=None, aspects=dict(ASPECTS), instruction="less noise")
    made = entry_of(verdict, None if bounds is None else load_profile(bounds, name="these"))
    assert isinstance(made, EditEntry)
    return made.model_copy(update=fields)


def shown(*edits: EditEntry) -> dict[str, str]:
    return {row.name: row.bound for row in edit_rows(Tally(edits))}


def test_bounds_of_both_sides_are_shown() -> None:
    assert shown(edit(BOUNDS)) == {"changed_area": "0.0005 to 0.5", "fidelity": "at least 0.6", "shift": "at most 0.8"}
    assert shown(samples.edit(1, 4.0), samples.edit(2, 2.0)) == {"score": "at least 3.5"}


def test_edits_that_apply_none_say_nothing_of_the_others() -> None:
    assert shown(edit(BOUNDS), edit(None))["fidelity"] == "at least 0.6"


def test_bounds_that_differ_are_not_taken_for_one() -> None:
    other = {"edit": {"aspects": {"fidelity": 0.7, "shift": {"max": 0.8}}}}
    found = shown(edit(BOUNDS), edit(other))
    assert found == {"changed_area": "differs", "fidelity": "differs", "shift": "at most 0.8"}


def test_a_judge_without_a_score_is_given_no_scale_for_what_it_did_not_judge() -> None:
    lost = edit(BOUNDS, outcome="error", error="the mask is gone", unreadable=[["score"]], aspects={})
    first = edit_rows(Tally([edit(BOUNDS), lost]))[0]
    assert (first.name, first.scale, first.n, first.wrong) == ("whole edits", "", 0, "1 not judged")
    alone = edit_rows(Tally([samples.edit(1, None)]))[0]
    assert (alone.name, alone.scale) == ("score", "1 to 5")


@pytest.mark.parametrize(("width", "encoding"), [(80, "utf-8"), (60, "ascii"), (140, "utf-8")])
def test_why_a_figure_applies_to_no_edit_stands_beside_it_on_one_line(width: int, encoding: str) -> None:
    why = "not measured: no mask or box says where the edit was asked to be, so nothing is outside of it"
    edits = [
        edit(BOUNDS, aspects={"shift": None, "fidelity": figure}, evidence={"shift": why, "fidelity": "too small"})
        for figure in (0.9, None)
    ]
    text = suite_tree(Report(edits=edits), {}, width=width, color=False, verbosity=1, encoding=encoding)
    (line,) = (line for line in text.splitlines() if line.startswith("shift"))
    assert re.match(r"shift +0 +N/A +at most 0.8 not measured: no mask", line)
    assert len(line) <= width
    assert "too small" not in text  # others have that figure


def test_bounds_are_in_words() -> None:
    both = frozenset({("shift", "least", 1.0), ("shift", "most", 2.5), ("score", "least", 3.0)})
    assert bound_in_words("shift", both) == "1 to 2.5"
    assert bound_in_words("score", both) == "at least 3"
    assert bound_in_words("fidelity", both) == ""


@pytest.mark.parametrize("width", [80, 140])
def test_the_terminal_has_a_column_of_bounds_only_where_there_is_one(width: int) -> None:
    def lines(*edits: EditEntry) -> list[str]:
        report = Report(edits=list(edits))
        text = suite_tree(report, {}, width=width, color=False, verbosity=0, encoding="utf-8")
        return [" ".join(line.split()) for line in text.splitlines()]

    found = lines(edit(BOUNDS), edit(BOUNDS))
    assert "Edits n mean bound" in found
    assert "changed_area 2 0.70 0.0005 to 0.5 ✗ 2 failed" in found
    assert "shift 2 0.10 at most 0.8" in found
    free = lines(edit(None), edit(None))
    assert "Edits n mean" in free
    assert "shift 2 0.10" in free
