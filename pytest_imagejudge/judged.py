"""Judged rows and benchmark scores, in the shapes of the published runner.

What differs: ``.json`` in gives a JSON array out, and what could not be read is visible: an L1 as an empty object, a
facet as a null score. Published readers count both as not applicable.
"""

from __future__ import annotations

import contextlib
import csv
import json
import math
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from .errors import ConfigError
from .outputs import Table, number
from .released import FIELDS
from .scoring import RunningMean
from .taxonomy import LEVEL1, TREE, facets_of
from .untrusted import escape
from .verdict import EditVerdict, Verdict

ANSWER_COLUMNS = tuple(f"{name}_judge_output" for name in FIELDS)
IMAGE_OUTPUTS = ("judge_model_output", *ANSWER_COLUMNS)
# The second as the published evaluation of edits calls it; with the third it is read back as it was read first.
EDIT_OUTPUTS = ("edit_score", "model_response", "finish_reason")


def image_output(verdict: Verdict | None) -> dict[str, str | None]:
    """The columns that judging adds to an image's row; None throughout for one that was not judged."""
    if verdict is None or (verdict.error and not verdict.answers):
        return dict.fromkeys(IMAGE_OUTPUTS)
    scores = json.dumps(scores_of(verdict), ensure_ascii=False)
    answers = (verdict.answers.get(one) for one in LEVEL1)
    return {"judge_model_output": scores, **dict(zip(ANSWER_COLUMNS, answers, strict=True))}


def scores_of(verdict: Verdict) -> dict[str, Any]:
    """``{L1: {L2: {L3: {"score": 0 | 1 | 2 | "N/A"}}}}`` of what was asked."""
    found: dict[str, Any] = {}
    lost = set(verdict.unreadable)
    for one in verdict.asked:
        found[one] = {}
        if (one,) in lost:
            continue
        for path in facets_of((one,)):
            facet = verdict.level3.get(path)
            if facet is not None and lost.isdisjoint((path, path[:2])):
                found[one].setdefault(path[1], {})[path[2]] = {"score": facet.raw}
            elif not lost.isdisjoint((path, path[:2])):
                found[one].setdefault(path[1], {})[path[2]] = {"score": None}
    return found


def edit_output(verdict: EditVerdict | None) -> dict[str, Any]:
    """The columns that judging adds to an edit's row."""
    if verdict is None or (verdict.error and not verdict.answers):
        return dict.fromkeys(EDIT_OUTPUTS)
    answer = (verdict.score, verdict.answer, verdict.finish_reason)
    return dict(zip(EDIT_OUTPUTS, answer, strict=True))


class JudgedRows:
    """Writes judged rows as they come, to ``<file>.partial``, which takes the file's name when it is closed.

    Raises:
        ConfigError: the file can't be written.
    """

    def __init__(self, path: Path, columns: Iterable[str]) -> None:
        self.path = path
        self.partial = path.with_name(path.name + ".partial")
        self.columns = list(dict.fromkeys(columns))
        self._count = 0
        with _writing(path):
            path.parent.mkdir(parents=True, exist_ok=True)
            self._file = self.partial.open("w", encoding="utf-8", newline="", errors="backslashreplace")
        self._csv = csv.DictWriter(self._file, self.columns, restval="", extrasaction="ignore", lineterminator="\n")
        if path.suffix == ".csv":
            self._csv.writeheader()

    def write(self, row: Mapping[str, Any]) -> None:
        """Add a row; it is on its way to the disk when this returns.

        Raises:
            ConfigError: the disk takes no more.
        """
        with _writing(self.partial):
            if self.path.suffix == ".csv":
                self._csv.writerow({name: _cell(value) for name, value in row.items()})
            else:
                text = json.dumps(clean(row), ensure_ascii=False, allow_nan=False)
                if self.path.suffix == ".json":
                    self._file.write(("[\n" if self._count == 0 else ",\n") + text)
                else:
                    self._file.write(text + "\n")
            self._count += 1
            self._file.flush()

    def close(self) -> None:
        """Finish the file and give it its name.

        Raises:
            ConfigError: as `write`.
        """
        if self._file.closed:
            return
        with _writing(self.path):
            if self.path.suffix == ".json":
                self._file.write("[]\n" if self._count == 0 else "\n]\n")
            self._file.close()
            self.partial.replace(self.path)


@contextlib.contextmanager
def _writing(path: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise ConfigError(f"{escape(path)} can't be written: {error.strerror or error}") from error


def clean(value: Any) -> Any:
    """``value`` as JSON can hold it: NaN and infinity become null."""
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, Mapping):
        return {str(name): clean(item) for name, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [clean(item) for item in value]
    return value


def _cell(value: Any) -> Any:
    if value is None or (isinstance(value, float) and not math.isfinite(value)):
        return ""
    if isinstance(value, (dict, list)):
        with contextlib.suppress(ValueError, TypeError):
            return json.dumps(clean(value), ensure_ascii=False)
    return value


class _Mean(RunningMean):
    """A running mean of what is there, and how many had to be left out of it."""

    __slots__ = ("left_out",)

    def __init__(self) -> None:
        super().__init__()
        self.left_out = 0

    def count(self, value: float | None, *, lost: bool) -> None:
        """Take ``value`` in; where it is None, as left out if it was ``lost``."""
        self.add(value)
        self.left_out += lost and value is None

    def cells(self) -> list[object]:
        """For a table: mean, rows, rows left out."""
        return [number(self.value), self.n, self.left_out]


@dataclass
class BenchScores:
    """Means over rows, each over the rows that have the figure; rows that were not judged or read are counted."""

    total: _Mean = field(default_factory=_Mean)
    level1: dict[str, _Mean] = field(default_factory=lambda: {one: _Mean() for one in LEVEL1})
    level2: dict[str, dict[str, _Mean]] = field(
        default_factory=lambda: {one: {two: _Mean() for two in twos} for one, twos in TREE.items()}
    )
    edits: _Mean = field(default_factory=_Mean)

    def add(self, verdict: Verdict | EditVerdict) -> None:
        """Count one verdict in."""
        if isinstance(verdict, EditVerdict):
            self.edits.count(verdict.score, lost=not verdict.readable)
            return
        self.total.count(verdict.total, lost=not verdict.readable)
        for one, value in verdict.level1.items():
            self.level1[one].count(value, lost=bool(verdict.error or verdict.missing((one,))))
            for two, below in verdict.level2[one].items():
                self.level2[one][two].count(below, lost=bool(verdict.error or verdict.missing((one, two))))

    def published(self) -> dict[str, Any]:
        """``<input>_bench_scores.json``: level1, level2, total; ``edits`` beside them where there were any."""
        found: dict[str, Any] = {
            "level1": {one: mean.value for one, mean in self.level1.items() if mean.n},
            "level2": {
                one: scored
                for one, twos in self.level2.items()
                if (scored := {t: m.value for t, m in twos.items() if m.n})
            },
            "total": self.total.value,
        }
        if self.edits.n or self.edits.left_out:
            found["edits"] = {"score": self.edits.value, "n": self.edits.n, "left_out": self.edits.left_out}
        return found

    def left_out(self) -> dict[str, Any]:
        """How many rows each mean had to leave out, of those it did."""
        found: dict[str, Any] = {one: mean.left_out for one, mean in self.level1.items() if mean.left_out}
        if self.total.left_out:
            found["total"] = self.total.left_out
        return found

    def sheets(self) -> dict[str, Table]:
        """``<input>_bench_scores.xlsx``."""
        published = self.published()
        rows: list[list[Any]] = [[one, score] for one, score in published["level1"].items()]
        rows.append(["Total", published["total"]])
        if "edits" in published:
            rows.append(["Edits", published["edits"]["score"]])
        sheets: dict[str, Table] = {"Level-1 Summary": (["Dimension", "Score"], rows)}
        for one, twos in published["level2"].items():
            sheets[one] = (["Sub-dimension", "Score"], [[two, score] for two, score in twos.items()])
        return sheets
