"""Benchmark scores of a batch run, in the shape of the published runner."""

from __future__ import annotations

import json
from collections.abc import Collection
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ..scoring.figures import RunningMean
from ..scoring.verdict import EditVerdict, Verdict
from ..support.files import write_text
from ..support.spreadsheets import Table
from ..support.text_tables import number
from ..taxonomy import FACETS, LEVEL1, TREE
from ..taxonomy import Path as TreePath


def write_scores(scores: BenchScores, path: Path) -> None:
    """Write the scores as ``.json`` or ``.xlsx``, by the name.

    Raises:
        ConfigError: the file can't be written.
    """
    from ..support.spreadsheets import write_xlsx

    if path.suffix == ".xlsx":
        write_xlsx(path, scores.sheets())
    else:
        write_text(path, json.dumps(scores.published(), ensure_ascii=False, indent=2, allow_nan=False) + "\n")


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
    """Means over rows, each over the rows that have the figure; rows that were not judged or read are counted.

    ``measures`` are the facets that the judge of images can score: no row is left out of a mean that has none of them.
    """

    measures: Collection[TreePath] = FACETS
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
            self.level1[one].count(value, lost=self._lost(verdict, (one,)))
            for two, below in verdict.level2[one].items():
                self.level2[one][two].count(below, lost=self._lost(verdict, (one, two)))

    def _lost(self, verdict: Verdict, path: TreePath) -> bool:
        if verdict.readable or not (verdict.error or verdict.missing(path)):
            return False
        return any(facet[: len(path)] == path for facet in self.measures)

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
