"""Recorded answers about images, with people's opinions of quality and alignment beside them."""

from __future__ import annotations

from pathlib import Path

from ..inputs.cells import row_id
from ..inputs.image_benchmark import LABELS, LEAST, MOST
from ..inputs.judged_columns import ANSWER_COLUMNS
from ..inputs.opinion_scores import mean_opinion
from ..protocols import load_protocol
from ..scoring.verdict import Verdict
from ..support.escaping import escape
from ..tables.reading import peek
from ..tables.rows import RawRow, check_columns
from ..taxonomy import LEVEL1
from .labelled_answers import LabelledAnswers


def read_image_bench(path: Path, protocol: str) -> tuple[dict[str, LabelledAnswers], list[str]]:
    """Read labels and answers of a file with the protocol's reader; return them by dimension, and the errors of rows.

    An answer that is missing, null or empty is an unreadable one; an ``error`` beside it says that none was given.

    Raises:
        ConfigError: the file can't be read, or lacks a field.
    """
    answers = {name: ANSWER_COLUMNS[LEVEL1.index(name)] for name in LABELS}
    columns, rows = peek(path)
    check_columns(path, columns, (*LABELS.values(), *answers.values()))
    reader = load_protocol(protocol, kind="image")
    axes = {name: LabelledAnswers() for name in LABELS}
    errors: list[str] = []
    for row in rows:
        labels = {name: mean_opinion(label, row.values.get(label), LEAST, MOST) for name, label in LABELS.items()}
        if fault := _fault(row, labels, list(answers.values())):
            errors.append(f"{escape(path)}, row {row.number}, line {row.line}: {fault}")
            continue
        for name, label in labels.items():
            reading = reader.read(name, row.values.get(answers[name]) or "", None)
            verdict = Verdict(
                "", reading.level3, asked=(name,), unreadable=reading.unreadable, problems=reading.problems
            )
            assert isinstance(label, float)
            axes[name].add_figure(row.number, row_id(row.values.get("ID")), label, verdict, (name,))
    return axes, errors


def _fault(row: RawRow, labels: dict[str, float | str], answers: list[str]) -> str:
    lost = row.values.get("error")
    if row.message:
        return row.message
    if isinstance(lost, str) and lost.strip():
        return f"it was not judged: {escape(lost)}"
    if wrong := [label for label in labels.values() if isinstance(label, str)]:
        return "; ".join(wrong)
    odd = [name for name in answers if not isinstance(row.values.get(name), str | None)]
    return f"{', '.join(odd)}: no text" if odd else ""
