"""Recorded answers of edit benchmarks, with people's mean opinion scores beside them."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path

from ..inputs.cells import row_id
from ..inputs.opinion_scores import mean_opinion
from ..protocols import load_protocol
from ..protocols.whole_edits import read_edit
from ..scoring.verdict import Problem
from ..support.escaping import escape
from ..tables.reading import peek
from ..tables.rows import check_columns

# --- benchmarks of edits ---


@dataclass
class EditAnswers:
    """Recorded answers with their labels.

    Attributes:
        rows: (row, label, prediction or None where the answer can't be read).
        unreadable: (row, ID or None, kinds of problems).
        problems: numbers of answers by kind of problem, repaired or not.
        errors: errors of rows that have no usable label or answer; such rows are not in ``rows``.
    """

    rows: list[tuple[int, float, float | None]] = field(default_factory=list)
    unreadable: list[tuple[int, str | None, list[str]]] = field(default_factory=list)
    problems: dict[str, int] = field(default_factory=dict)
    errors: list[str] = field(default_factory=list)

    def add(self, row: int, name: str | None, label: float, score: float | None, problems: Iterable[Problem]) -> None:
        """Count an answer in; ``score`` is None where it can't be read."""
        kinds = sorted({problem.kind for problem in problems})
        for kind in kinds:
            self.problems[kind] = self.problems.get(kind, 0) + 1
        self.rows.append((row, label, score))
        if score is None:
            self.unreadable.append((row, name, list(kinds)))


def read_bench(path: Path, protocol: str, label_field: str, answer_field: str) -> EditAnswers:
    """Read labels and answers of a file with the protocol's reader; ``finish_reason`` is used where it is present.

    An answer that is missing, null or empty is an unreadable one; an ``error`` beside it says that none was given.

    Raises:
        ConfigError: the file can't be read, or lacks a field.
    """
    columns, rows = peek(path)
    check_columns(path, columns, (label_field, answer_field))
    reader = load_protocol(protocol, kind="edit")
    bench = EditAnswers()
    for row in rows:
        where = f"{escape(path)}, row {row.number}, line {row.line}"
        label = mean_opinion(label_field, row.values.get(label_field))
        lost = row.values.get("error")
        if isinstance(lost, str) and lost.strip():
            bench.errors.append(f"{where}: it was not judged: {escape(lost)}")
            continue
        if row.message or not isinstance(label, float):
            bench.errors.append(f"{where}: {row.message or label}")
            continue
        text = row.values.get(answer_field)
        if text is not None and not isinstance(text, (str, float, int)):
            bench.errors.append(f"{where}: {escape(answer_field)} is no text")
            continue
        finish = row.values.get("finish_reason")
        answer = text if isinstance(text, str) else "" if text is None or text != text else f"<answer>{text}</answer>"
        reading = read_edit(reader, answer, finish if isinstance(finish, str) and finish else None)
        name = row_id(row.values.get("ID", row.values.get("id")))
        bench.add(row.number, name, label, reading.score, reading.problems)
    return bench
