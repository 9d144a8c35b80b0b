"""Benchmark scores of a batch run, in the shape of the published runner."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Collection, Sequence
from pathlib import Path
from typing import Any

from ..scoring.figures import FigureMean, RunMeans
from ..scoring.verdict import EditVerdict, Verdict, verdict_of
from ..support.files import write_text
from ..support.spreadsheets import Table
from ..support.text_tables import number
from ..taxonomy import EDIT, EDIT_SCALE, FACETS, LEVEL1, LEVEL2, TOTAL, TREE, FacetPath, show_scale


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


class BenchScores:
    """Means over rows, each over the rows that have the figure; rows that were not judged or read are counted.

    Args:
        measures: the facets that the judge of images can score: no row is left out of a mean that has none of them.

    Attributes:
        edits: of edits' scores.
        scale: of those scores; a run has one judge of edits.
        drawn: edits whose scores the published code would have drawn at random.
    """

    def __init__(self, measures: Collection[FacetPath] = FACETS) -> None:
        self.measures = measures
        self._means = RunMeans((TOTAL, *((one,) for one in LEVEL1), *LEVEL2), FigureMean)
        self.edits = FigureMean()
        self.scale = EDIT_SCALE
        self.drawn = 0
        self._not_judged: Counter[tuple[str, ...]] = Counter()  # images by the L1 they would have been asked about

    @property
    def means(self) -> RunMeans[FigureMean]:
        """The means by path of the total, the L1 and the L2; ``unread`` of them were left out."""
        for asked, images in self._not_judged.items():  # of a table with very many such rows, once for all
            verdict = verdict_of("image", "", asked=asked, error="not judged")
            assert isinstance(verdict, Verdict)
            self._means.leave_out(self._lost_in(verdict), images)
        self._not_judged.clear()
        return self._means

    def add(self, verdict: Verdict | EditVerdict) -> None:
        """Count one verdict in."""
        if isinstance(verdict, EditVerdict):
            self.edits.count(verdict.score, unread=not verdict.readable)
            if verdict.score is not None:
                self.scale = verdict.scale
            self.drawn += any(problem.kind == "drawn" for problem in verdict.problems)
            return
        self._means.add(verdict)
        if not verdict.readable:
            self._means.leave_out(self._lost_in(verdict))

    def lose(self, asked: Sequence[str]) -> None:
        """Count a row that was not judged; ``asked`` are the L1 it would have been in, or (`EDIT`,)."""
        if tuple(asked) == (EDIT,):
            self.edits.count(None, unread=True)
        else:
            self._not_judged[tuple(asked)] += 1

    def _lost_in(self, verdict: Verdict) -> list[FacetPath]:
        return [path for path in self._means.at if self._lost(verdict, path)]

    def _lost(self, verdict: Verdict, path: FacetPath) -> bool:
        """Tell whether the figure at ``path`` is missing because an answer was not read."""
        if verdict.value(path) is not None:
            return False
        if path == TOTAL:
            return True
        if path[0] not in verdict.level1 or not (verdict.error or verdict.missing(path)):
            return False
        return any(facet[: len(path)] == path for facet in self.measures)

    def _level2(self, one: str) -> dict[str, FigureMean]:
        return {two: self.means.at[one, two] for two in TREE[one]}

    def published(self) -> dict[str, Any]:
        """Content of ``<input>_bench_scores.json``: level1, level2, total, and ``edits`` where there were any."""
        level2 = {one: {two: mean.value for two, mean in self._level2(one).items() if mean.n} for one in LEVEL1}
        found: dict[str, Any] = {
            "level1": {one: self.means.at[one,].value for one in LEVEL1 if self.means.at[one,].n},
            "level2": {one: twos for one, twos in level2.items() if twos},
            "total": self.means.at[TOTAL].value,
        }
        if self.edits.n or self.edits.unread:
            found["edits"] = {"score": self.edits.value, "n": self.edits.n, "left_out": self.edits.unread}
            found["edits"] |= {} if self.scale == EDIT_SCALE else {"scale": list(self.scale), "drawn": self.drawn}
        return found

    def left_out(self) -> dict[str, Any]:
        """Numbers of rows left out, for each mean that leaves any out."""
        found = {one: self.means.at[one,].unread for one in LEVEL1}
        found["total"] = self.means.at[TOTAL].unread
        return {name: unread for name, unread in found.items() if unread}

    def rows(self) -> tuple[list[list[object]], list[list[object]], list[list[object]]]:
        """Rows of tables (name, mean, rows, rows left out): the L1 and the total, the L2 below them, and the edits."""
        at = self.means.at
        present = [one for one in LEVEL1 if _counted(at[one,])]
        ones = [[one, *_cells(at[one,])] for one in present]
        twos = [
            [f"{one} / {two}", *_cells(mean)]
            for one in present
            for two, mean in self._level2(one).items()
            if _counted(mean)
        ]
        edits = [[f"Score, {show_scale(self.scale)}", *_cells(self.edits)]] if _counted(self.edits) else []
        return [*ones, ["Total", *_cells(at[TOTAL])]], twos, edits

    def sheets(self) -> dict[str, Table]:
        """Sheets of ``<input>_bench_scores.xlsx``."""
        published = self.published()
        rows: list[list[Any]] = [[one, score] for one, score in published["level1"].items()]
        rows.append(["Total", published["total"]])
        if "edits" in published:
            rows.append(["Edits", published["edits"]["score"]])
        sheets: dict[str, Table] = {"Level-1 Summary": (["Dimension", "Score"], rows)}
        for one, twos in published["level2"].items():
            sheets[one] = (["Sub-dimension", "Score"], [[two, score] for two, score in twos.items()])
        return sheets


def _counted(mean: FigureMean) -> bool:
    return bool(mean.n or mean.unread)


def _cells(mean: FigureMean) -> list[object]:
    """Mean, rows, rows left out."""
    return [number(mean.value), mean.n, mean.unread]
