"""The baseline part of a report, checked because another program may have written it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from ..report.model import Before, Report
from ..report.spool import E, rebuilt
from ..taxonomy import EDIT_SCORE, TOTAL, TREE

if TYPE_CHECKING:
    from .pairing import Scored


def attach(report: Report, before: Sequence[Scored]) -> int:
    """Attach to each entry the baseline's figures of the same image; returns the number of such entries.

    Entries are paired as by the baseline's gate: by row ID, else by prompt and seed.
    """
    from .pairing import scored

    old = {item.key: item for item in before}
    mates = [old.get(item.key) for item in scored(report.every())]
    each = iter(mates)
    report.verdicts = rebuilt(report.verdicts, (_with(entry, next(each)) for entry in report.verdicts))
    report.edits = rebuilt(report.edits, (_with(entry, next(each)) for entry in report.edits))
    return sum(mate is not None for mate in mates)


def _with(entry: E, mate: Scored | None) -> E:
    if mate is None:
        return entry
    before = Before(
        image=mate.image,
        pixels=mate.pixels,
        total=mate.figures.get(TOTAL),
        score=mate.figures.get(EDIT_SCORE),
        level1={path[0]: value for path, value in mate.figures.items() if len(path) == 1 and path[0] in TREE},
    )
    for path, value in mate.figures.items():
        if len(path) == 2:
            before.level2.setdefault(path[0], {})[path[1]] = value
    return entry.model_copy(update={"before": before})
