"""A run in two sentences: what came of it, and what is most worth a look."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from ..report.model import Report
from ..report.tally import Tally
from ..support.words import listed, plural, some, verb
from ..taxonomy import EDIT_SCORE, show, written
from .explanations import judged_noun, none_failed
from .gate_words import missed_gates
from .tree_rows import TreeRow

MOST = 3  # places that are named


def headline(report: Report, tally: Tally) -> str:
    """Say how many failed, how many were not judged, and of how many; or that the run failed, or that all passed.

    What is excused is none of those that failed, and one of all.
    """
    failed, lost, scored = tally.outcomes["failed"], tally.outcomes["error"], tally.test_failed
    of = f"of {tally.images + tally.edits} {judged_noun(tally)}"
    more = f", {tally.excused} excused" if tally.excused else ""
    found = [f"{failed} {of} failed"] if failed else []
    if lost:
        found.append(f"{lost}{'' if found else f' {of}'} {verb(lost, 'was')} not judged")
    if scored:
        found.append(f"{scored}{'' if found else f' {of}'} {verb(scored, 'was')} scored in a test that failed")
    if found:
        return listed(found) + more
    if missed_gates(report) or report.run.failed_tests:
        return "The run failed" + more
    return none_failed(tally)


def lead(report: Report, tally: Tally, tree: TreeRow) -> str:
    """Name what was missed most often, the mean, and its change against the baseline; empty where nothing is known."""
    sentences = [*_missed(tally, tree), *_mean(report, tally, tree)]
    return " ".join(sentences)


def _missed(tally: Tally, tree: TreeRow) -> Iterator[str]:
    places = [(row.failed, show(row.path) if row.path else "the total") for row in tree.walk() if row.failed]
    edits = [(figure.failed, _of_edits(name)) for name, figure in tally.edit_scores() if figure.failed]
    found = sorted([*places, *edits], key=lambda each: -each[0])  # of equal ones the worst first, as in the tree
    if not found or (tally.excused and not tally.shown_as_failed):
        return
    (most, first), *rest = found
    shown = [f"{first} ({plural(most, 'image' if places else 'edit')})", *(f"{name} ({n})" for n, name in rest)]
    those = ", excused images included" if tally.excused else ""
    yield f"Bounds missed most often{those}: {some(shown, MOST)}." if rest else f"Bound missed{those}: {shown[0]}."


def _of_edits(name: str) -> str:
    return "the edits' score" if name == "score" else f"the edits' {name}"


def _mean(report: Report, tally: Tally, tree: TreeRow) -> Iterator[str]:
    edits = tally.scores["score"].value
    if tree.mean is not None and tree.n > 1:
        yield f"The mean total is {tree.mean:.1f} of 100{_change(report, ['total'], 1)}."
    elif (
        tree.n == 0
        and (tally.shown_as_failed or missed_gates(report))
        and (lowest := [row for row in tree.children if row.mean is not None])
    ):
        row = min(lowest, key=lambda each: each.mean or 0.0)
        if len(lowest) > 1:
            yield f"The lowest mean is that of {row.name}, {row.mean:.1f} of 100{_change(report, list(row.path), 1)}."
    if edits is not None and tally.scores["score"].n > 1:
        yield f"The edits' mean score is {edits:.2f}{_change(report, written(EDIT_SCORE), 2)}."


def _change(report: Report, path: list[str], digits: int) -> str:
    """Say how a mean changed against the baseline; nothing where it was not compared."""
    rows = (report.baseline or {}).get("rows") or ()
    row: Mapping[str, Any] = next((each for each in rows if isinstance(each, dict) and each.get("path") == path), {})
    change = row.get("change")
    if not isinstance(change, int | float) or isinstance(change, bool):
        return ""
    if not round(change, digits):
        return ", as in the baseline"
    return f", {abs(change):.{digits}f} {'above' if change > 0 else 'below'} the baseline"
