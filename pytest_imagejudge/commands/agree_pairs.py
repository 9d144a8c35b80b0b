"""``imagejudge agree --bench editreward-bench``: how often a judge prefers the edit that people prefer."""

from __future__ import annotations

import argparse
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..inputs.manifest import Row, RowError
from ..inputs.pair_benchmark import DIMENSIONS, open_pair_bench
from ..recorded.pair_scores import PairScores, read_pair_scores
from ..scoring.verdict import EditVerdict, Verdict
from ..support.escaping import escape
from ..support.words import plural
from .agree_tables import shown
from .judge_benchmark import JudgedBench, judge_rows, where
from .judge_edit_benchmark import judge_of_edits
from .printing import print_table, put

if TYPE_CHECKING:
    from ..renderers.charts import Block
    from ..statistics.pair_accuracy import PairCounts

# As calculate_statistics.py of VectorSpaceLab/EditScore has them, commit 6e0f1b9a73b40f227d82d9cb32bd9cfb7189739b.
GROUPS = {
    "object": ("subject-add", "subject-remove", "subject-replace"),
    "appearance": ("color_alter", "material_alter", "style_change", "tone_transfer"),
    "scene": ("background_change", "extract"),
    "advanced": ("ps_human", "text_change", "motion_change", "compose"),
}
_METHOD = (
    "Accuracy: share of the pairs in which the preferred edit has the higher score; a tie is wrong, as published. "
    "Groups and average: means over tasks. Intervals: 95%, Wilson's, pairs taken as independent."
)


def agree_pairs(
    args: argparse.Namespace, *, judging: bool
) -> tuple[tuple[dict[str, Any], list[str], list[Block | None]], JudgedBench | None]:
    """Read or judge the pairs, and print the accuracy by task and dimension.

    Raises:
        ConfigError: the data, or the judge, can't be used.
    """
    judged = None
    if judging:
        data = open_pair_bench(args.files[0])
        collected = _Collected(escape(data.source))
        judged = judge_rows(args, judge_of_edits(args), data, collected)
        scores = collected.scores
    else:
        scores = read_pair_scores(Path(args.files[0]))
    tables = _tables(scores)
    notes = [*_notes(scores), _METHOD]
    if not args.json:
        print_table(f"{args.bench}: {escape(args.files[0])}", *tables[0])
        print_table("Dimensions", *tables[1])
        for line in notes:
            put(line)
    return (_as_json(scores), scores.errors, _page(tables, notes, scores)), judged


class _Collected:
    """Collector of both scores of each pair; ``--save`` writes a pair with its second edit."""

    columns = ("key", "idx", "task_type", "dimension", "score", "would_be_drawn", "error")

    def __init__(self, source: str) -> None:
        self.scores = PairScores()
        self._source = source
        self._first: tuple[float | None, bool, bool, str] | None = None

    def add(self, row: Row | RowError, result: Verdict | EditVerdict | RowError) -> dict[str, Any] | None:
        """Count one edit in; return its pair where it is complete."""
        error = result.message if isinstance(result, RowError) else result.error
        about = row.extra
        if error:
            self.scores.errors.append(f"{self._source}, {where(row)}: {error}")
        score, measured, drawn = None, False, False
        if isinstance(result, EditVerdict):
            score, measured = _score(result, about["dimension"])
            drawn = score is None and any(problem.kind == "drawn" for problem in result.problems)
        this = (score, measured, drawn, error)
        if about.get("side") == 0:
            self._first = this
            return None
        sides = [this] if self._first is None else [self._first, this]  # alone: a pair that can't be used
        self._first = None
        errors = [said for *_, said in sides if said]
        pair: list[float | None] = [value for value, *_ in sides]
        drawn = not errors and any(would for _, _, would, _ in sides)
        if not errors and all(known for _, known, _, _ in sides):
            self.scores.add(about["dimension"], about["task_type"], pair[0], pair[1])
            self.scores.would_be_drawn += drawn
        elif not errors:
            unmeasured = self.scores.unmeasured
            unmeasured[about["dimension"]] = unmeasured.get(about["dimension"], 0) + 1
        named = {name: about.get(name) for name in ("key", "task_type", "dimension")}
        scores = pair if len(pair) == 2 else None
        told = {"would_be_drawn": drawn, "error": "; ".join(errors)}
        return {**named, "idx": row.number - 1, "score": scores, **told}


def _score(verdict: EditVerdict, dimension: str) -> tuple[float | None, bool]:
    """Return an edit's score in a dimension, and whether the judge gives one at all."""
    if dimension == "overall":
        return verdict.score, True
    return verdict.aspects.get(dimension), dimension in verdict.aspects or not verdict.readable


def _tables(scores: PairScores) -> list[tuple[list[str], list[list[object]]]]:
    from ..statistics.pair_accuracy import accuracy, total

    by_task: list[list[object]] = []
    for task in _tasks(scores):
        counts = [scores.counts[name].get(task) for name in DIMENSIONS]
        shares = [accuracy([one]).value if one else None for one in counts]
        by_task.append(
            [task, sum(one.n for one in counts if one), *("N/A" if x is None else f"{x:.3f}" for x in shares)]
        )
    for name, found in _means(scores).items():
        pairs = sum(one.n for tasks in found.values() for one in tasks)
        by_task.append([name, pairs, *(shown(accuracy(tasks)) for tasks in found.values())])
    by_dimension: list[list[object]] = []
    for dimension in DIMENSIONS:
        tasks = list(scores.counts[dimension].values())
        all_of = total(tasks)
        cells = [all_of.n, all_of.right, all_of.ties, all_of.wrong, all_of.unreadable]
        by_dimension.append([dimension, *cells, shown(accuracy(tasks)), shown(accuracy(tasks, left_out=True))])
    return [
        (["task", "pairs", *DIMENSIONS], by_task),
        (
            ["dimension", "pairs", "right", "ties", "wrong", "unreadable", "accuracy", "without the unreadable"],
            by_dimension,
        ),
    ]


def _tasks(scores: PairScores) -> list[str]:
    """The tasks in the published order, then any others."""
    known = [task for tasks in GROUPS.values() for task in tasks]
    met = list(dict.fromkeys(task for tasks in scores.counts.values() for task in tasks))
    return [task for task in known if task in met] + [task for task in met if task not in known]


def _means(scores: PairScores) -> dict[str, dict[str, list[PairCounts]]]:
    """The tasks behind each mean, by its name and dimension: the groups of which any task is there, and the average."""
    found: dict[str, dict[str, list[PairCounts]]] = {}
    for name, tasks in GROUPS.items():
        if any(task in counts for counts in scores.counts.values() for task in tasks):
            found[name] = {
                dimension: [counts[task] for task in tasks if task in counts]
                for dimension, counts in scores.counts.items()
            }
    return {**found, "average": {dimension: list(counts.values()) for dimension, counts in scores.counts.items()}}


def _notes(scores: PairScores) -> list[str]:
    lines = []
    if scores.drawn:
        pairs = plural(scores.drawn, "pair")
        lines.append(f"For {pairs} a recorded score is random, not read from an answer; here they count as unreadable.")
    for dimension, n in scores.unmeasured.items():
        lines.append(f"{dimension}: this judge gives no such score, so {plural(n, 'pair')} can't be compared.")
    unreadable = sum(one.unreadable for tasks in scores.counts.values() for one in tasks.values())
    if unreadable and not scores.drawn:
        lines.append(
            f"{plural(unreadable, 'pair')} can't be read and count as wrong; the published evaluation would have drawn "
            f"a random score for {scores.would_be_drawn} of them."
        )
    return lines


def _as_json(scores: PairScores) -> dict[str, Any]:
    from ..statistics.pair_accuracy import accuracy, total

    def figures(tasks: list[PairCounts]) -> dict[str, Any]:
        counts = total(tasks)
        return {
            "n": counts.n,
            **asdict(counts),
            "accuracy": asdict(accuracy(tasks)),
            "without_unreadable": asdict(accuracy(tasks, left_out=True)),
        }

    return {
        "tasks": {
            task: {name: figures([counts[task]]) for name, counts in scores.counts.items() if task in counts}
            for task in _tasks(scores)
        },
        "means": {
            name: {dimension: figures(tasks) for dimension, tasks in found.items()}
            for name, found in _means(scores).items()
        },
        "drawn": scores.drawn,
        "would_be_drawn": scores.would_be_drawn,
        "unmeasured": scores.unmeasured,
    }


def _page(
    tables: list[tuple[list[str], list[list[object]]]], notes: list[str], scores: PairScores
) -> list[Block | None]:
    from ..renderers.charts import DataTable, Note, interval_chart
    from ..statistics.pair_accuracy import accuracy

    found = {name: accuracy(list(counts.values())) for name, counts in scores.counts.items()}
    dots = [(name, one.value, one.low, one.high) for name, one in found.items()]
    return [
        interval_chart("Accuracy", dots, digits=3),
        *(DataTable(head, rows) for head, rows in tables),
        *map(Note, notes),
    ]
