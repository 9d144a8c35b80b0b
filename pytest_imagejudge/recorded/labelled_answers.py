"""Predictions of a judge beside people's scores, with what could not be read."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

from ..scoring.verdict import Problem, Verdict
from ..taxonomy import Path


@dataclass
class LabelledAnswers:
    """Answers with their labels.

    Attributes:
        rows: (row, label, prediction or None where the answer can't be read).
        unreadable: (row, ID or None, kinds of problems).
        problems: numbers of answers by kind of problem, repaired or not.
        errors: errors of rows that have no usable label or answer; such rows are not in ``rows``.
        not_applicable: answers that were read and say that nothing of it applies; they are not in ``rows`` either.
    """

    rows: list[tuple[int, float, float | None]] = field(default_factory=list)
    unreadable: list[tuple[int, str | None, list[str]]] = field(default_factory=list)
    problems: dict[str, int] = field(default_factory=dict)
    errors: list[str] = field(default_factory=list)
    not_applicable: int = 0

    def add(self, row: int, name: str | None, label: float, score: float | None, problems: Iterable[Problem]) -> None:
        """Count an answer in; ``score`` is None where it can't be read."""
        kinds = sorted({problem.kind for problem in problems})
        for kind in kinds:
            self.problems[kind] = self.problems.get(kind, 0) + 1
        self.rows.append((row, label, score))
        if score is None:
            self.unreadable.append((row, name, list(kinds)))

    def add_figure(self, row: int, name: str | None, label: float, verdict: Verdict, path: Path) -> None:
        """Count the figure at ``path`` of a verdict in: read, unreadable, or not applicable."""
        value = verdict.value(path)
        if value is None and not verdict.missing(path):
            self.not_applicable += 1
        else:
            about = [problem for problem in verdict.problems if problem.path[:1] == path[:1]]
            self.add(row, name, label, value, about)
