"""What a report says of its baseline, as lines.

``Report.baseline`` is a `statistics.baseline.BaselineResult`, dumped; of a report that another program wrote,
whatever is missing is left out of the line.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from ..taxonomy import TREE
from . import why
from .model import Before, Report
from .spool import E, rebuilt

if TYPE_CHECKING:
    from ..statistics.pairing import Scored


def changes(baseline: Mapping[str, Any]) -> tuple[str, list[tuple[str, str]], list[str]]:
    """Name of the baseline, (outcome, line) by figure with the failed ones first, and warnings.

    Of figures without an outcome only the total, the L1 and the edits' score are shown.
    """
    lines: list[tuple[str, str]] = []
    for row in baseline.get("rows") or ():
        if isinstance(row, Mapping) and (row.get("outcome") or len(row.get("path") or ()) < 2):
            lines.append((str(row.get("outcome") or ""), _line(row)))
    order = {"failed": 0, "undecided": 1, "passed": 2}
    lines.sort(key=lambda pair: order.get(pair[0], 3))
    return str(baseline.get("file") or ""), lines, [str(text) for text in baseline.get("warnings") or ()]


def _line(row: Mapping[str, Any]) -> str:
    path = row.get("path")
    name = why.place([str(part) for part in path]) if isinstance(path, list | tuple) and path else "Total"
    digits = 2 if list(path or ()) == ["score"] else 1

    def show(key: str, sign: str = "") -> str | None:
        value = row.get(key)
        return f"{value:{sign}.{digits}f}" if isinstance(value, int | float) and not isinstance(value, bool) else None

    parts = []
    before, after, change, low, high = (
        show("before"),
        show("after"),
        show("change", "+"),
        show("low", "+"),
        show("high", "+"),
    )
    if before and after:
        parts.append(f"{before} -> {after}")
    if change:
        parts.append(change + (f" [{low}, {high}]" if low and high else ""))
    if row.get("n") is not None:
        parts.append(f"n {row['n']}")
    if allowed := show("allowed"):
        parts.append(f"allowed drop {allowed}")
    text = f"{name}: {', '.join(parts)}"
    text = f"{text}: {row['outcome']}" if row.get("outcome") else text
    return f"{text} ({row['detail']})" if row.get("detail") else text


def attach(report: Report, before: Sequence[Scored]) -> int:
    """Give each entry what the baseline says of the same image; returns how many have such a figure.

    Pairs as the baseline's gate does: by row ID, else by prompt and seed.
    """
    from ..statistics.pairing import scored

    old = {item.key: item for item in before}
    mates = [old.get(item.key) for item in scored(report.every())]
    each = iter(mates)
    report.verdicts = rebuilt(report.verdicts, (_with(entry, next(each)) for entry in report.verdicts))
    report.edits = rebuilt(report.edits, (_with(entry, next(each)) for entry in report.edits))
    return sum(mate is not None for mate in mates)


def _with(entry: E, mate: Scored | None) -> E:
    from ..statistics.figures import EDIT, TOTAL

    if mate is None:
        return entry
    before = Before(
        image=mate.image,
        pixels=mate.pixels,
        total=mate.figures.get(TOTAL),
        score=mate.figures.get(EDIT),
        level1={path[0]: value for path, value in mate.figures.items() if path[0] in TREE and len(path) == 1},
    )
    for path, value in mate.figures.items():
        if len(path) == 2:
            before.level2.setdefault(path[0], {})[path[1]] = value
    return entry.model_copy(update={"before": before})
