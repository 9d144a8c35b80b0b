"""Recorded answers of many models, read into figures: one row a prompt and model.

Files have the published shapes: released answers (a field ``<l1>_response_<model>`` for each model and dimension)
and judged manifests (``<l1>_judge_output``; the file's name tells the model). Rows stream; of an answer only
its figures are kept. Well-formed answers, which almost all are, take a short way that gives the same figures as
the protocol's reader; every other answer goes to that reader.
"""

from __future__ import annotations

import os
import sys
import threading
from array import array
from collections.abc import Iterable, Iterator
from concurrent.futures import Future, ProcessPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass, field, replace
from itertools import chain
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import orjson

from ..errors import ConfigError
from ..inputs.cells import row_id
from ..inputs.judged_columns import FIELDS
from ..protocols.signals import measured
from ..settings import SIGNALS
from ..support.escaping import escape
from ..support.words import and_more, plural, some
from ..tables.json_rows import object_row
from ..tables.reading import read_rows
from ..tables.rows import LOOK_AHEAD, MAX_ROW, RawRow, check_columns, columns_of, show_value
from ..taxonomy import LEVEL1
from .answer_codes import ABSENT, DEFAULT, SIZES, AnswerReader, protocol_named

_PREFIXES = {f"{name}_response_": i for i, name in enumerate(FIELDS)}


_JUDGED = {f"{name}_judge_output": i for i, name in enumerate(FIELDS)}


_TOLD = 20  # errors, where no row can be used


_SHARE = 16 * 2**20  # bytes worth a process of their own


@dataclass
class ModelRows:
    """The answers of one model in one part of a file, row by row."""

    rows: array[int] = field(default_factory=lambda: array("q"))  # index into `Part.ids`
    codes: bytearray = field(default_factory=bytearray)  # 56 a row


@dataclass
class Part:
    """Rows read from one part of a file. Row and line numbers count from the part's start."""

    ids: list[str] = field(default_factory=list)
    places: list[tuple[int, int]] = field(default_factory=list)  # row and line of each ID
    models: dict[str, ModelRows] = field(default_factory=dict)
    errors: list[tuple[int, int, str | None, str]] = field(default_factory=list)
    rows: int = 0
    lines: int = 0


@dataclass(frozen=True)
class Recorded:
    """All answers of all files.

    Attributes:
        ids: of the prompts, in the order in which they are first met.
        models: by name, in the order in which they are first met: an array, prompts x 56 facets, of 0, 1, 2, `NA`,
            `UNREADABLE` or `ABSENT` (no answer).
        errors: errors of single rows, each with file, row and line.
        partial: the models whose judge measures too little for a total.
    """

    ids: list[str]
    models: dict[str, Any]
    errors: list[str]
    partial: frozenset[str] = frozenset()


def read_recorded(paths: Iterable[Path], protocol: str | None = None) -> Recorded:
    """Read files of recorded answers; large ones in several processes.

    Args:
        paths: the files.
        protocol: the protocol of the answers; None detects it in each judged file, and is Q-Judger's for others.

    Raises:
        ConfigError: a file can't be read, has no answers, or is of an unknown kind. Rows that can't be used are
            in ``errors`` instead.
    """
    paths = list(paths)
    with ExitStack() as stack:
        jobs = [(path, name, _start(path, name, stack)) for path in paths for name in [protocol or protocol_of(path)]]
        read = [(path, name, _finish(parts)) for path, name, parts in jobs]
    found = _merge((path, parts) for path, _, parts in read)
    if not found.models:
        rest = filter(None, [and_more(len(found.errors) - _TOLD)])
        raise ConfigError("\n".join(["no row can be used:", *found.errors[:_TOLD], *rest]))
    without = [parts for _, name, parts in read if not protocol_named(name).has_total]
    return replace(found, partial=frozenset(model for parts in without for part in parts for model in part.models))


def _start(path: Path, protocol: str, stack: ExitStack) -> list[Part | Future[Part]]:
    judged = judged_model(path)
    rows = _with_answers(path, judged)
    if path.suffix.lower() != ".jsonl":
        return [_read(rows, judged, protocol)]
    with path.open("rb") as file:
        if file.read(4)[:2] in (b"\xff\xfe", b"\xfe\xff", b"\0\0"):
            return [_read(rows, judged, protocol)]
    (first, *others) = _ranges(path)
    parts: list[Part | Future[Part]] = []
    if others:
        # Where no thread can be running, a fork is safe, and the quickest.
        fork = sys.platform == "linux" and threading.active_count() == 1 and "numpy" not in sys.modules
        context = get_context("fork" if fork else "spawn")
        pool = stack.enter_context(ProcessPoolExecutor(len(others), mp_context=context))
        parts = [pool.submit(read_lines, path, start, end, judged, protocol) for start, end in others]
    return [read_lines(path, *first, judged, protocol), *parts]


def _finish(parts: list[Part | Future[Part]]) -> list[Part]:
    return [part if isinstance(part, Part) else part.result() for part in parts]


def judged_model(path: Path) -> str | None:
    """Return the model in the name of a ``<input>_judged`` file; None for any other file."""
    if path.stem == "judged" or path.stem.endswith("_judged"):
        return path.stem.removesuffix("_judged") or path.stem
    return None


def protocol_of(path: Path) -> str:
    """Detect the protocol of a file's answers from the first: the embedded judge's, or else Q-Judger's.

    Raises:
        ConfigError: the reasons of `read_recorded`.
    """
    judged = judged_model(path)
    for row in _with_answers(path, judged) if judged is not None else ():
        answers = {LEVEL1[i]: text for name, i in _JUDGED.items() if isinstance(text := row.values.get(name), str)}
        if any(text.strip() for text in answers.values()):
            return SIGNALS if measured(answers) else DEFAULT
    return DEFAULT


def _with_answers(path: Path, judged: str | None) -> Iterator[RawRow]:
    """Yield all rows of a file, after checking that one of the first has an ID and an answer."""
    rows = read_rows(path)
    head: list[RawRow] = []
    for row in rows:
        head.append(row)
        if "ID" in row.values and any(_model_of(name, judged) for name in row.values):
            return chain(head, rows)
        if len(head) == LOOK_AHEAD:
            break
    if not head:
        raise ConfigError(f"{path} is empty: it has no rows")
    columns = columns_of(head)
    if not columns:
        raise ConfigError(f"{path}: none of its first rows can be read; row 1, line {head[0].line}: {head[0].message}")
    check_columns(path, columns, ["ID"])
    wanted = "quality_judge_output" if judged is not None else "quality_response_<model>"
    names = some([show_value(name, 40) for name in columns], 30)
    raise ConfigError(f'{path}: no answers: no column such as "{wanted}"; the columns are: {names}')


def _model_of(name: str, judged: str | None) -> tuple[str, int] | None:
    """Model and L1 of a column, or None for one that holds no answers."""
    if judged is not None and name in _JUDGED:
        return judged, _JUDGED[name]
    for prefix, index in _PREFIXES.items():
        if name.startswith(prefix) and len(name) > len(prefix):
            return name[len(prefix) :], index
    return None


def _cpus() -> int:
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def _ranges(path: Path) -> list[tuple[int, int]]:
    """Byte ranges of a file that start and end at line ends, one for each process."""
    size = path.stat().st_size
    count = max(1, min(_cpus(), 16, size // _SHARE))
    if count == 1 or not getattr(sys.modules.get("__main__"), "__file__", None):
        return [(0, size)]  # a spawned process would have to import an interactive session's main module
    cuts = [0]
    with path.open("rb") as file:
        for i in range(1, count):
            file.seek(size * i // count)
            while (line := file.readline(MAX_ROW)) and not line.endswith(b"\n"):
                pass
            if cuts[-1] < file.tell() < size:
                cuts.append(file.tell())
    return list(zip(cuts, [*cuts[1:], size], strict=True))


def read_lines(path: Path, start: int, end: int, judged: str | None, protocol: str) -> Part:
    """Read the lines of a UTF-8 JSON Lines file from byte ``start`` to ``end``."""
    part = Part()

    def rows() -> Iterator[RawRow]:
        with path.open("rb", buffering=2**20) as file:
            file.seek(start)
            if start == 0 and file.read(3) != b"\xef\xbb\xbf":
                file.seek(0)
            left = end - file.tell()
            while left > 0 and (line := file.readline(4 * MAX_ROW)):
                left -= len(line)
                part.lines += 1
                if len(line) == 4 * MAX_ROW and not line.endswith(b"\n"):
                    while (more := file.readline(MAX_ROW)) and not more.endswith(b"\n"):
                        left -= len(more)
                    left -= len(more)
                    yield RawRow(part.rows + 1, part.lines, {}, "the line is too long")
                elif not line.isspace():  # `strip` would copy a line of many models' answers
                    yield _row(part.rows + 1, part.lines, line)

    return _read(rows(), judged, protocol, part)


def _row(number: int, line: int, content: bytes) -> RawRow:
    try:
        values = orjson.loads(content)
    except ValueError:
        values = None
    if isinstance(values, dict):
        return RawRow(number, line, values)
    return object_row(number, line, content.decode("utf-8", "surrogateescape"))  # says what is wrong


def _read(rows: Iterable[RawRow], judged: str | None, protocol: str, part: Part | None = None) -> Part:
    part = part or Part()
    reader = AnswerReader(protocol)
    columns: tuple[str, ...] = ()
    plan: dict[str, list[str | None]] = {}
    for row in rows:
        part.rows = row.number
        name = row_id(row.values.get("ID"))
        message = row.message or ("" if name is not None else "no ID")
        if message or name is None:
            part.errors.append((row.number, row.line, name, message))
            continue
        names = tuple(row.values)
        if names != columns:
            columns, plan = names, _plan(names, judged)
        index = len(part.ids)
        part.ids.append(name)
        part.places.append((row.number, row.line))
        for model, cells in plan.items():
            kept = part.models.get(model) or part.models.setdefault(model, ModelRows())
            kept.rows.append(index)
            for i, column in enumerate(cells):
                kept.codes += reader.codes(i, row.values.get(column) if column else None)
    return part


def _plan(columns: Iterable[str], judged: str | None) -> dict[str, list[str | None]]:
    """Columns of each L1's answers, by model."""
    plan: dict[str, list[str | None]] = {}
    for column in columns:
        if found := _model_of(column, judged):
            plan.setdefault(found[0], [None] * len(LEVEL1))[found[1]] = column
    return plan


def _merge(files: Iterable[tuple[Path, list[Part]]]) -> Recorded:
    """Merge the parts; of two rows with one ID in a file the first counts, and of a model's files the first."""
    order: dict[str, int] = {}
    errors: list[str] = []
    pieces: list[tuple[Path, Part, list[int]]] = []
    for path, parts in files:
        seen: dict[str, int] = {}
        row_base = line_base = 0
        for part in parts:
            found = [(row, line, name, message) for row, line, name, message in part.errors]
            places = []
            for name, (row, line) in zip(part.ids, part.places, strict=True):
                if name in seen:
                    text = f"the ID {show_value(name)} is that of row {seen[name]} already; the first one counts"
                    found.append((row, line, name, text))
                    places.append(-1)
                else:
                    seen[name] = row_base + row
                    places.append(order.setdefault(name, len(order)))
            for row, line, name_, message in sorted(found, key=lambda error: error[0]):
                named = "" if name_ is None else f" (ID {show_value(name_)})"
                errors.append(f"{escape(path)}, row {row_base + row}, line {line_base + line}{named}: {message}")
            pieces.append((path, part, places))
            row_base, line_base = row_base + part.rows, line_base + part.lines
    return Recorded(list(order), _fill(len(order), pieces, errors), errors)


def _fill(n: int, pieces: list[tuple[Path, Part, list[int]]], errors: list[str]) -> dict[str, Any]:
    """Scores of all prompts by model; an answer that two files both have is an error."""
    import numpy as np

    models: dict[str, Any] = {}
    for path, part, places in pieces:
        of_rows = np.array(places, dtype=np.intp)
        for model, kept in part.models.items():
            if model not in models:
                models[model] = np.full((n, sum(SIZES)), ABSENT, np.uint8)
            at = of_rows[np.frombuffer(kept.rows, dtype=np.int64)]
            codes = np.frombuffer(kept.codes, np.uint8).reshape(-1, sum(SIZES))
            new = (at >= 0) & (codes != ABSENT).any(axis=1)
            known = new & (models[model][at] != ABSENT).any(axis=1)
            if twice := int(known.sum()):
                errors.append(
                    f"{escape(path)}: {show_value(model)} has answers for {plural(twice, 'prompt')} that an earlier "
                    "file has answers for too; the first ones count"
                )
            models[model][at[new & ~known]] = codes[new & ~known]
    return models
