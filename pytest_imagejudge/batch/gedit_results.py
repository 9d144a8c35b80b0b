"""Results of GEdit-Bench: CSV files of the published shape, and means by language and task.

The published runner writes ``MODEL_TASK_gpt_score.csv`` for each task and ``MODEL_combined_gpt_score.csv`` for all,
with the columns below (one is misspelt). It draws scores at random where it can't read an answer; here their cells stay
empty, and the published statistics then say nan for the task. An edit that was not judged has no line, as one whose
picture is missing has none there. As test_gedit_score.py of stepfun-ai/Step1X-Edit does, commit
570eba6ebda0c45c013983a483afbf2fd12bfcbc.
"""

from __future__ import annotations

import csv
import io
import math
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..inputs.gedit import LANGUAGES, TASKS
from ..inputs.manifest import Row, RowError
from ..protocols.score_pairs import PQ, SC, SCALE
from ..scoring.verdict import EditVerdict, Verdict

if TYPE_CHECKING:
    from ..statistics.task_means import TaskMean

COLUMNS = (
    *("source_image", "edited_image", "instruction", "sementics_score", "quality_score"),
    *("intersection_exist", "instruction_language"),
)
SETS = ("fullset", "intersection")
FIGURES = ("semantics", "quality", "overall")


@dataclass(frozen=True, slots=True)
class _Edit:
    task: str
    language: str
    intersection: bool
    columns: dict[str, Any]
    scores: tuple[float | None, float | None, float | None]  # semantics, quality, overall


class GEditResults:
    """Collector of the edits as they are judged.

    Args:
        model: its name, with which the files' names begin.
        folder: of the model's edits; None where they lie in a table.

    Attributes:
        lost: edits that were not judged.
        drawn: edits with an answer for which the published code would have drawn scores.
    """

    def __init__(self, model: str, folder: Path | None = None) -> None:
        self.model = model
        self._folder = folder
        self._named: set[str] = set()
        self.lost = self.drawn = 0
        self._edits: list[_Edit] = []

    def add(self, row: Row | RowError, result: Verdict | EditVerdict | RowError) -> None:
        """Count one edit in."""
        self._named.add(row.id or "")
        if not isinstance(result, EditVerdict) or result.error:
            self.lost += 1
            return
        about = row.extra
        semantics, quality = (result.aspects.get(name) for name in (SC, PQ))
        both = None if semantics is None or quality is None else math.sqrt(semantics * quality)
        self.drawn += both is None and any(problem.kind == "drawn" for problem in result.problems)
        columns = {
            "source_image": about["source_image"],
            "edited_image": about["edited_image"],
            "instruction": about["instruction"],
            "sementics_score": _written(semantics),
            "quality_score": _written(quality),
            "intersection_exist": about["Intersection_exist"],
            "instruction_language": about["instruction_language"],
        }
        scores = (semantics, quality, both) if both is not None else (None, None, None)
        intersection = bool(about["Intersection_exist"])
        edit = _Edit(about["task_type"], about["instruction_language"], intersection, columns, scores)
        self._edits.append(edit)

    def files(self, folder: Path) -> Iterator[tuple[Path, str]]:
        """Yield path and text of each published file; every task has one, be it with a header only."""
        ordered: list[_Edit] = []
        for task in TASKS:
            edits = [one for one in self._edits if one.task == task]
            ordered += edits
            yield folder / f"{self.model}_{task}_gpt_score.csv", _text(edits)
        yield folder / f"{self.model}_combined_gpt_score.csv", _text(ordered)

    def unnamed(self) -> list[str]:
        """Return the pictures of the folder that belong to no row of the data set, which nobody judged."""
        if self._folder is None:
            return []
        base = self._folder / "fullset"
        found = (path.relative_to(base) for path in base.rglob("*.png") if not path.stem.endswith("_SRCIMG"))
        return sorted(path.as_posix() for path in found if path.with_suffix("").as_posix() not in self._named)

    def tables(self) -> dict[str, dict[str, dict[str, dict[str, TaskMean]]]]:
        """Return the means by language, set, figure and task; "average" is the mean over tasks.

        A language without any edit is left out.
        """
        from ..statistics.task_means import task_means

        found: dict[str, dict[str, dict[str, dict[str, TaskMean]]]] = {}
        for language in LANGUAGES:
            mine = [one for one in self._edits if one.language == language]
            if not mine:
                continue
            found[language] = {}
            for which in SETS:
                some = [one for one in mine if which == "fullset" or one.intersection]
                found[language][which] = {}
                for index, figure in enumerate(FIGURES):
                    scores = {task: [one.scores[index] for one in some if one.task == task] for task in TASKS}
                    means, average = task_means(scores, SCALE)
                    found[language][which][figure] = {**means, "average": average}
        return found


def _written(score: float | None) -> float | int | str:
    """A score as the published files have it, whole numbers without a point."""
    if score is None:
        return ""
    return int(score) if score.is_integer() else score


def _text(edits: list[_Edit]) -> str:
    buffer = io.StringIO(newline="")
    writer = csv.DictWriter(buffer, COLUMNS)
    writer.writeheader()
    writer.writerows(one.columns for one in edits)
    return buffer.getvalue()
