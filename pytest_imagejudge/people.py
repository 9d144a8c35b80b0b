"""What people said of the same things as a judge: tables of scores or ranks, benchmarks of edits, labels."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from .errors import ConfigError
from .manifests import row_id
from .protocols import load_protocol
from .protocols.base import EDIT
from .protocols.edits import HIGHEST, LOWEST
from .tables import RawRow, check_columns, peek, show_value
from .taxonomy import LEVEL1, nearest
from .untrusted import escape
from .verdict import Problem

OVERALL = "Overall"
_OVERALL = {"overall", "total", "average", "mean", "avg"}
_KEYS = ("model", "modelname", "id", "name", "key", "item", "system")
# Spearman's correlation of Q-Judger with experts' rankings of 18 models, from its model card.
PUBLISHED = {
    "Quality": 0.89,
    "Aesthetics": 0.89,
    "Alignment": 0.89,
    "Real-world Fidelity": 0.92,
    "Creative Generation": 0.92,
    OVERALL: 0.92,
}
PUBLISHED_MODELS = 18
Kind = Literal["scores", "ranks"]
_LARGEST = 1e60  # of a score: what is larger is a slip, and overflows where squares are multiplied


_NUMBER = re.compile(r"[+-]?([0-9]+(\.[0-9]*)?|\.[0-9]+)(e[+-]?[0-9]+)?", re.IGNORECASE)
_DECIMAL_COMMA = re.compile(r"[+-]?[0-9]+,[0-9]+")
_THOUSANDS = re.compile(r"[+-]?[1-9][0-9]{0,2},[0-9]{3}")
_ALMOST = re.compile(r"[+-]?\d+([,_']\d+)+(\.\d+)?")  # what was meant for a number


def _bare(name: str) -> str:
    return re.sub(r"[\W_]+", "", name.casefold())


_NAMES = {_bare(one): one for one in LEVEL1}


def canonical(name: str) -> str:
    """The L1 or ``Overall`` that a column means ("quality_rank" means Quality); any other name as it is."""
    bare = re.sub(r"^rank(ing)?s?(of)?|(scores?|rank(ing)?s?)$", "", _bare(name))
    return OVERALL if bare in _OVERALL else _NAMES.get(bare, name)


def _named_ranks(*names: str) -> bool:
    return any(re.search(r"(?<![a-z])rank(ing|ings|s)?(?![a-z])", name.casefold()) for name in names)


@dataclass
class Scores:
    """A table of scores: by item, its score in each dimension, None where it has none.

    Attributes:
        columns: the dimensions, in the file's order.
        as_: of each dimension, whether the numbers are scores (more is better) or ranks (1 is best).
        errors: what is wrong with single rows.
    """

    path: Path
    columns: list[str] = field(default_factory=list)
    items: dict[str, dict[str, float | None]] = field(default_factory=dict)
    as_: dict[str, Kind] = field(default_factory=dict)
    errors: list[str] = field(default_factory=list)


def read_scores(path: Path, key: str | None = None, kind: Kind | None = None) -> Scores:
    """A table with a column of names (``key``, or one called model, ID, name...) and columns of numbers.

    A leaderboard's ``scores_detail.json`` is one too. Without ``kind``, numbers are ranks where the column's or the
    file's name says so, else scores.

    Raises:
        ConfigError: the file can't be read, or has no such column.
    """
    columns = [*LEVEL1, OVERALL]
    detail = _detail(path)
    if detail is not None:
        found = detail
    else:
        columns, rows = peek(path)
        name = _key(path, columns, key)
        found = _scores(path, name, columns, rows)
    if not found.columns:
        names = ", ".join(show_value(column, 40) for column in columns)
        raise ConfigError(f"{escape(path)}: no column of numbers beside that of the names; the columns are: {names}")
    for column in found.columns:
        if kind is not None:
            found.as_[column] = kind
        elif column not in found.as_:
            found.as_[column] = "ranks" if _named_ranks(path.stem.replace("_", " ")) else "scores"
    return found


def pair_up(one: Scores, other: Scores) -> tuple[str, str] | None:
    """Let the only columns of two tables mean the same, such as "score" and "rank"; two L1 never do.

    Returns:
        How they were called, or None where there is nothing to do.
    """
    if len(one.columns) != 1 or len(other.columns) != 1 or one.columns == other.columns:
        return None
    names = one.columns[0], other.columns[0]
    known = [name for name in names if name in LEVEL1]
    if len(known) == 2:
        return None
    title = known[0] if known else OVERALL
    for scores, name in zip((one, other), names, strict=True):
        scores.columns = [title]
        scores.as_ = {title: scores.as_[name]}
        scores.items = {item: {title: values[name]} for item, values in scores.items.items()}
    return names


def _detail(path: Path) -> Scores | None:
    if path.suffix.lower() != ".json" or not path.is_file():
        return None
    twice: list[str] = []

    def first_ones(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        kept: dict[str, Any] = {}
        for name, value in pairs:
            if name in kept:
                twice.append(name)
            kept.setdefault(name, value)
        return kept

    try:
        data = json.loads(path.read_text(encoding="utf-8-sig"), object_pairs_hook=first_ones)
    except (ValueError, RecursionError, OSError):
        return None  # the reader of tables says what is wrong
    if not isinstance(data, dict) or not data or not all(isinstance(x, dict) and "level1" in x for x in data.values()):
        return None
    found = Scores(path, [*LEVEL1, OVERALL])
    found.errors += [f"{escape(path)}: {show_value(name)} stands twice; the first one counts" for name in twice]
    for model, figures in data.items():
        given = {**(figures["level1"] if isinstance(figures["level1"], dict) else {}), OVERALL: figures.get("total")}
        values = {name: number(given.get(name)) for name in found.columns}
        found.items[model] = {name: value if isinstance(value, float) else None for name, value in values.items()}
        found.errors += [
            f"{escape(path)}, {show_value(model)}: {name} is {show_value(value)}, no number such as 3.5"
            for name, value in values.items()
            if isinstance(value, str)
        ]
    found.columns = [name for name in found.columns if any(item[name] is not None for item in found.items.values())]
    return found


def _key(path: Path, columns: list[str], key: str | None) -> str:
    if key is not None:
        check_columns(path, columns, [key])
        return key
    for wanted in _KEYS:
        for column in columns:
            if _bare(column) == wanted:
                return column
    names = ", ".join(show_value(column, 40) for column in columns)
    raise ConfigError(
        f'{escape(path)}: no column called "model" or "ID"{nearest("model", map(escape, columns))}; '
        f"the columns are: {names}; --key names it"
    )


def _scores(path: Path, key: str, columns: list[str], rows: Iterable[RawRow]) -> Scores:
    found = Scores(path)
    read: dict[str, dict[str, Any]] = {}
    numbered: dict[str, tuple[int, int]] = {}
    for row in rows:
        name = row_id(row.values.get(key))
        where = f"{escape(path)}, row {row.number}, line {row.line}"
        if row.message or name is None:
            found.errors.append(f"{where}: {row.message or f'no {escape(key)}'}")
        elif name in read:
            found.errors.append(
                f"{where}: {show_value(name)} is in row {numbered[name][0]} already; the first one counts"
            )
        else:
            read[name], numbered[name] = row.values, (row.number, row.line)
    for column in columns:
        if column == key:
            continue
        values = {name: number(values.get(column)) for name, values in read.items()}
        if not any(isinstance(value, float) or (value and _ALMOST.fullmatch(value)) for value in values.values()):
            continue  # a column of words
        title = canonical(column)
        if title in found.columns:
            raise ConfigError(
                f"{escape(path)}: two columns mean {show_value(title)}; one of them is {show_value(column)}"
            )
        found.columns.append(title)
        if _named_ranks(column.replace("_", " ")):
            found.as_[title] = "ranks"
        for name, value in values.items():
            if isinstance(value, str):
                row_number, line = numbered[name]
                found.errors.append(
                    f"{escape(path)}, row {row_number}, line {line}: {escape(column)} is {show_value(value)}, "
                    "no number such as 3.5"
                )
            found.items.setdefault(name, {})[title] = value if isinstance(value, float) else None
    return found


def number(value: Any) -> float | str | None:
    """A finite number of a size to reckon with; None for nothing or NaN; the text of anything else.

    Text is a number with a point, or with a comma in its place ("3,5"). "1,234" may be either of two, and is none.
    """
    if value is None or isinstance(value, bool):
        return None if value is None else str(value)
    if isinstance(value, str):
        text = value.strip()
        if text.lower() in ("", "nan", "n/a", "na", "none", "null", "-"):
            return None
        if _DECIMAL_COMMA.fullmatch(text) and not _THOUSANDS.fullmatch(text):
            text = text.replace(",", ".")
        if not _NUMBER.fullmatch(text):  # float() would also take "3_0", and digits of any script
            return text
        value = float(text)
    if not isinstance(value, (int, float)):
        return str(value)
    try:
        value = float(value)
    except OverflowError:
        return str(value)
    return None if math.isnan(value) else value if abs(value) <= _LARGEST else str(value)


def mean_opinion(column: str, value: object) -> float | str:
    """The mean opinion score that ``value`` is, 1 to 5; else what is wrong with it."""
    score = number(value)
    if isinstance(score, float) and LOWEST <= score <= HIGHEST:
        return score
    what = "empty" if score is None else show_value(value)
    return f"{escape(column)} is {what}; a mean opinion score of {LOWEST} to {HIGHEST} is expected"


def is_ranking(values: list[float]) -> bool:
    """Whether numbers are ranks of themselves, from 1, ties sharing the first, the middle or the last place."""
    if len(values) < 3 or min(values) < 1 or max(values) > len(values):
        return False
    from scipy.stats import rankdata  # type: ignore[import-untyped]

    return any(list(rankdata(values, method=method)) == values for method in ("min", "average", "max"))


# --- benchmarks of edits ---


@dataclass
class Bench:
    """Recorded answers with their labels.

    Attributes:
        rows: (row, label, prediction or None where the answer can't be read).
        unreadable: (row, ID or None, kinds of problems).
        problems: how many answers had a problem of each kind, mended or not.
        errors: what is wrong with rows that have no usable label or answer; they are not in ``rows``.
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


def read_bench(path: Path, protocol: str, label_field: str, answer_field: str) -> Bench:
    """Labels and answers of a file, read with the protocol's reader; ``finish_reason`` is used where it is there.

    An answer that is missing, null or empty is an unreadable one; an ``error`` beside it says that none was given.

    Raises:
        ConfigError: the file can't be read, or lacks a field.
    """
    columns, rows = peek(path)
    check_columns(path, columns, (label_field, answer_field))
    reader = load_protocol(protocol, kind="edit")
    bench = Bench()
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
        reading = reader.read(EDIT, answer, finish if isinstance(finish, str) and finish else None)
        name = row_id(row.values.get("ID", row.values.get("id")))
        bench.add(row.number, name, label, reading.score, reading.problems)
    return bench


# --- labels of what a gate judged ---

_GOOD = {"good", "pass", "passed", "ok", "yes", "true", "1", "1.0", "accept", "accepted"}
_BAD = {"bad", "fail", "failed", "no", "false", "0", "0.0", "reject", "rejected"}


def read_labels(path: Path) -> tuple[dict[str, bool], list[str]]:
    """Whether people would pass an image, by ID: a file with ``ID`` and ``label`` (good or bad, 1 or 0, ...).

    Returns the labels, and what is wrong with single rows.

    Raises:
        ConfigError: the file can't be read, or lacks a column.
    """
    columns, rows = peek(path)
    check_columns(path, columns, ("ID", "label"))
    labels: dict[str, bool] = {}
    errors = []
    for row in rows:
        name = row_id(row.values.get("ID"))
        value = row.values.get("label")
        word = str(value).strip().casefold()
        problem = row.message
        if not problem and name is None:
            problem = "no ID"
        elif not problem and name in labels:
            problem = f"the ID {show_value(name)} has a label already; the first one counts"
        elif not problem and word not in _GOOD | _BAD:
            problem = f"the label is {show_value(value)}; good or bad was expected (or pass, fail; yes, no; 1, 0)"
        if problem or name is None:
            errors.append(f"{escape(path)}, row {row.number}, line {row.line}: {problem}")
        else:
            labels[name] = word in _GOOD
    return labels, errors
