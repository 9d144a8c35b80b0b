"""Tables of scores or ranks that people gave."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from ..errors import ConfigError
from ..inputs.cells import row_id
from ..inputs.opinion_scores import number
from ..support.escaping import escape
from ..tables.reading import peek
from ..tables.rows import RawRow, check_columns, show_value
from ..taxonomy import LEVEL1, nearest_found

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


_ALMOST = re.compile(r"[+-]?\d+([,_']\d+)+(\.\d+)?")  # what was meant for a number


def _bare(name: str) -> str:
    return re.sub(r"[\W_]+", "", name.casefold())


_NAMES = {_bare(one): one for one in LEVEL1}


def canonical(name: str) -> str:
    """Return the L1 or ``Overall`` that a column means ("quality_rank" means Quality); any other name unchanged."""
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
        errors: errors of single rows.
    """

    path: Path
    columns: list[str] = field(default_factory=list)
    items: dict[str, dict[str, float | None]] = field(default_factory=dict)
    as_: dict[str, Kind] = field(default_factory=dict)
    errors: list[str] = field(default_factory=list)


def read_scores(path: Path, key: str | None = None, kind: Kind | None = None) -> Scores:
    """Read a table with a column of names (``key``, or one called model, ID, name...) and columns of numbers.

    A leaderboard's ``scores_detail.json`` is such a table. Without ``kind``, numbers are ranks where the column's or
    the file's name says so, else scores.

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
    """Match the only columns of two tables, such as "score" and "rank", unless they are two different L1.

    Returns:
        The columns' names before, or None where nothing was changed.
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
    found.errors += [f"{escape(path)}: {show_value(name)} appears twice; the first one counts" for name in twice]
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
        check_columns(path, columns, [key], asked_for=True)
        return key
    for wanted in _KEYS:
        for column in columns:
            if _bare(column) == wanted:
                return column
    names = ", ".join(show_value(column, 40) for column in columns)
    raise ConfigError(
        f'{escape(path)}: no column called "model" or "ID"{nearest_found("model", map(escape, columns))}; '
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


def is_ranking(values: list[float]) -> bool:
    """Tell whether numbers are their own ranks, from 1, where ties share the first, the middle or the last place."""
    if len(values) < 3 or min(values) < 1 or max(values) > len(values):
        return False
    from scipy.stats import rankdata  # type: ignore[import-untyped]

    return any(list(rankdata(values, method=method)) == values for method in ("min", "average", "max"))
