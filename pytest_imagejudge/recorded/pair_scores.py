"""Scores of pairs of edits, as EditReward-Bench's evaluation writes them, or as ``agree --save`` does.

The published evaluation writes one file a task and dimension, ``TASK/DIMENSION.jsonl``, with ``score`` (of the
preferred edit and of the other) and the judge's reasoning. Where it could not read an answer it drew a score, and the
reasoning begins with a marker. As written by evaluation.py and editscore/utils.py of VectorSpaceLab/EditScore, commit
6e0f1b9a73b40f227d82d9cb32bd9cfb7189739b.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ..errors import ConfigError
from ..inputs.opinion_scores import number
from ..inputs.pair_benchmark import DIMENSIONS, list_cell
from ..protocols.score_lists import behind_mark
from ..statistics.pair_accuracy import PairCounts
from ..support.escaping import escape
from ..tables.reading import peek, read_rows
from ..tables.rows import RawRow, check_columns, show_value

_DECIDES = {"prompt_following": ("SC",), "consistency": ("SC",), "overall": ("SC", "PQ")}  # requests behind a score


@dataclass
class PairScores:
    """Pairs by dimension and task.

    Attributes:
        counts: by dimension, then by task in the order in which tasks are met.
        drawn: pairs with a score that was drawn; they are counted as unreadable.
        would_be_drawn: pairs with an answer for which the published evaluation would have drawn a score.
        errors: errors of pairs that can't be used.
        unmeasured: pairs in whose dimension the judge gives no score, by dimension; they are not in ``counts``.
    """

    counts: dict[str, dict[str, PairCounts]] = field(default_factory=lambda: {name: {} for name in DIMENSIONS})
    drawn: int = 0
    would_be_drawn: int = 0
    errors: list[str] = field(default_factory=list)
    unmeasured: dict[str, int] = field(default_factory=dict)

    def add(self, dimension: str, task: str, preferred: float | None, other: float | None) -> None:
        """Count one pair in."""
        self.counts[dimension].setdefault(task, PairCounts()).add(preferred, other)


def read_pair_scores(path: Path) -> PairScores:
    """Read the scores in a folder of the published layout, or in a file that ``agree --save`` wrote.

    Raises:
        ConfigError: no such folder or file, or one without scores.
    """
    found = PairScores()
    if path.is_dir():
        files = [(file, file.parent.name, file.stem) for file in sorted(path.glob("*/*.jsonl"))]
        files = [(file, task, name) for file, task, name in files if name in DIMENSIONS]
        if not files:
            raise ConfigError(
                f"{escape(path)}: no TASK/DIMENSION.jsonl in it (DIMENSION is one of {', '.join(DIMENSIONS)}); to have "
                "the benchmark judged, name a judge: --edit-judge-model or --edit-judge-url"
            )
        for file, task, name in files:
            _read(found, file, read_rows(file), {"task_type": task, "dimension": name})
        return found
    columns, rows = peek(path)
    check_columns(path, columns, ("task_type", "dimension", "score"))
    _read(found, path, rows, {})
    return found


def _read(found: PairScores, file: Path, rows: Iterator[RawRow], named: dict[str, str]) -> None:
    for row in rows:
        values = {**row.values, "score": list_cell(row.values.get("score")), **named}
        fault = row.message or _fault(values)
        if fault:
            found.errors.append(f"{escape(file)}, row {row.number}, line {row.line}: {fault}")
            continue
        sides = [None if drawn else number(score) for score, drawn in zip(values["score"], _drawn(values), strict=True)]
        found.drawn += any(_drawn(values))
        found.would_be_drawn += values.get("would_be_drawn") in (True, "True", "true")
        preferred, other = (side if isinstance(side, float) else None for side in sides)
        found.add(values["dimension"], values["task_type"], preferred, other)


def _fault(values: dict[str, Any]) -> str:
    lost, scores = values.get("error"), values.get("score")
    if isinstance(lost, str) and lost.strip():
        return f"it was not judged: {escape(lost)}"
    if values.get("dimension") not in DIMENSIONS:
        return f"dimension: {show_value(values.get('dimension'))}; {', '.join(DIMENSIONS)} are known"
    if not isinstance(values.get("task_type"), str):
        return "task_type: a name was expected"
    if not isinstance(scores, list) or len(scores) != 2:
        return f"score: a list of two was expected, not {show_value(scores)}"
    odd = [score for score in scores if isinstance(score, bool) or not isinstance(score, float | int | None)]
    return f"score: {show_value(odd[0])} is no number" if odd else ""


def _drawn(values: dict[str, Any]) -> list[bool]:
    """Tell of each of the two edits whether its score was drawn, as far as the reasoning shows it."""
    said = [values.get(f"{request}_reasoning") for request in _DECIDES[values["dimension"]]]
    texts = [one if isinstance(one, list) and len(one) == 2 else ["", ""] for one in said]
    return [any(behind_mark(text[side]) is not None for text in texts) for side in (0, 1)]
