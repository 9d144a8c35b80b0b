"""Agreement of a judge's predictions with mean opinion scores, as a table, JSON and part of a page."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

from ..support.words import plural
from .agree_tables import shown
from .printing import print_table, put

if TYPE_CHECKING:
    from ..recorded.labelled_answers import LabelledAnswers
    from ..renderers.charts import Block
    from ..statistics.agreement import Correlation, ScoreAgreement

HEAD = ["", "n", "PLCC", "SRCC", "Main score"]
METHOD = (
    "Main score: mean of PLCC and SRCC. With fit: the 4-parameter logistic fit made on the labels it is tested on, "
    "as published; cross-validated: each prediction mapped by a fit that has not seen its label. "
    "Intervals: 95%, percentile bootstrap over {items}."
)


@dataclass(frozen=True)
class OpinionAgreement:
    """Agreement of one figure of a judge with people's scores.

    Attributes:
        answers: the predictions and labels.
        left_out: without the answers that can't be read.
        counted: with these as ``middle``, the mean of the other predictions, which can't make agreement, whatever the
            label is.
        middle: None where no answer can be read.
    """

    answers: LabelledAnswers
    left_out: ScoreAgreement
    counted: ScoreAgreement
    middle: float | None

    def rows(self) -> list[list[object]]:
        """Return the rows of the table under `HEAD`."""
        rows = _rows("unreadable left out", self.left_out)
        if self.answers.unreadable:
            rows += _rows("unreadable counted as the mean prediction", self.counted)
        return rows

    def share(self) -> str:
        """Tell how many answers can't be read or do not apply."""
        answers = self.answers
        words = f"{len(answers.unreadable)} of {plural(len(answers.rows), 'answer')} can't be read"
        return f"{words}; {answers.not_applicable} not applicable" if answers.not_applicable else words

    def as_json(self) -> dict[str, Any]:
        """Return the figures for ``--json``."""
        answers = self.answers
        return {
            "n": len(answers.rows),
            "readable": len(answers.rows) - len(answers.unreadable),
            "unreadable": len(answers.unreadable),
            **({"not_applicable": answers.not_applicable} if answers.not_applicable else {}),
            "unreadable_rows": [{"row": row, "id": name, "problems": kinds} for row, name, kinds in answers.unreadable],
            "problems": dict(sorted(answers.problems.items())),
            "left_out": _as_json(self.left_out),
            "counted": {**_as_json(self.counted), "counted_as": self.middle},
        }

    def page(self, title: str, items: str) -> list[Block | None]:
        """Return a chart, the table and a note of an HTML page."""
        from ..renderers.charts import DataTable, Note, scatter_chart
        from ..statistics.agreement import logistic

        points = [(x, label, f"row {row}") for row, label, x in self.answers.rows if x is not None]
        curve: list[tuple[float, float]] = []
        if self.left_out.fitted and self.left_out.fitted.parameters:
            low, high = min(x for x, _, _ in points), max(x for x, _, _ in points)
            at = [low + (high - low) * i / 60 for i in range(61)]
            curve = [(x, float(logistic(x, *self.left_out.fitted.parameters))) for x in at]
        note = Note(f"{self.share()}. {METHOD.format(items=items)}")
        chart = scatter_chart(title, points, "judge", "mean opinion score", curve)
        return [chart, DataTable(HEAD, self.rows()), note]


def opinion_agreement(answers: LabelledAnswers) -> OpinionAgreement:
    """Compare predictions with labels, without the unreadable ones and with them."""
    from ..statistics.agreement import score_agreement

    read = [(prediction, label) for _, label, prediction in answers.rows if prediction is not None]
    left_out = counted = score_agreement([x for x, _ in read], [y for _, y in read])
    middle = sum(x for x, _ in read) / len(read) if read else None
    if answers.unreadable and middle is not None:
        predictions = [middle if x is None else x for _, _, x in answers.rows]
        counted = score_agreement(predictions, [label for _, label, _ in answers.rows])
    return OpinionAgreement(answers, left_out, counted, middle)


def print_opinions(title: str, found: Mapping[str, OpinionAgreement], items: str) -> None:
    """Print a table of each agreement, by name; ``items`` are what was judged."""
    for name, one in found.items():
        print_table(f"{title}, {name}" if name else title, HEAD, one.rows())
        put(f"{one.share()}.")
        if mended := sorted(one.answers.problems.items()):
            put("Problems in the answers: " + ", ".join(f"{kind} {n}" for kind, n in mended) + ".")
    put(METHOD.format(items=items))


def _rows(title: str, found: ScoreAgreement) -> list[list[object]]:
    rows: list[list[object]] = []
    for name, correlation in (
        ("without fit", found.plain),
        ("with fit", found.fitted),
        (f"cross-validated fit ({found.folds} folds)", found.cross_validated),
    ):
        cells = ["N/A"] * 3
        if correlation is not None:
            cells = [shown(x, 4) for x in (correlation.plcc, correlation.srcc, correlation.main)]
        rows.append([f"{name}, {title}", found.n, *cells])
    return rows


def _as_json(found: ScoreAgreement) -> dict[str, Any]:
    def correlation(one: Correlation | None) -> dict[str, Any] | None:
        if one is None:
            return None
        figures = {"plcc": asdict(one.plcc), "srcc": asdict(one.srcc), "main": asdict(one.main)}
        return {**figures, "parameters": list(one.parameters)} if one.parameters else figures

    return {
        "n": found.n,
        "without_fit": correlation(found.plain),
        "with_fit": correlation(found.fitted),
        "cross_validated": correlation(found.cross_validated),
        "folds": found.folds,
    }
