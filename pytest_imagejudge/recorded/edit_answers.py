"""Recorded answers of edit benchmarks, with people's mean opinion scores beside them."""

from __future__ import annotations

from pathlib import Path

from ..inputs.cells import row_id
from ..inputs.opinion_scores import mean_opinion
from ..protocols import load_protocol
from ..protocols.whole_edits import read_edit
from ..support.escaping import escape
from ..tables.reading import peek
from ..tables.rows import check_columns
from .labelled_answers import LabelledAnswers


def read_bench(path: Path, protocol: str, label_field: str, answer_field: str) -> LabelledAnswers:
    """Read labels and answers of a file with the protocol's reader; ``finish_reason`` is used where it is present.

    An answer that is missing, null or empty is an unreadable one; an ``error`` beside it says that none was given.

    Raises:
        ConfigError: the file can't be read, or lacks a field.
    """
    columns, rows = peek(path)
    check_columns(path, columns, (label_field, answer_field), asked_for=True)
    reader = load_protocol(protocol, kind="edit")
    bench = LabelledAnswers()
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
