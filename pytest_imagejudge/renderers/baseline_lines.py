"""Lines of a report that tell how a run compares with its baseline."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ..taxonomy import EDIT_SCORE
from . import explanations
from .gate_words import outcome_words, sign_of


def changes(baseline: Mapping[str, Any]) -> tuple[str, list[tuple[str, str]], list[str]]:
    """Name of the baseline, (outcome, line) by figure with the failed gates first, and warnings.

    Of figures without an outcome only the total, the L1 and the edits' score are shown.
    """
    lines: list[tuple[str, str]] = []
    for row in baseline.get("rows") or ():
        if isinstance(row, Mapping) and (row.get("outcome") or len(row.get("path") or ()) < 2):
            lines.append((sign_of(*_outcome(row)), _line(row)))
    outcomes = baseline.get("outcomes")
    if isinstance(outcomes, Mapping) and (outcomes.get("n") or outcomes.get("gate")):
        gate = str(outcomes.get("gate") or "")
        lines.append((gate, f"By their bounds: {gate + ': ' if gate else ''}{outcomes.get('detail') or ''}"))
    order = {"failed": 0, "undecided": 1, "passed": 2}
    lines.sort(key=lambda pair: order.get(pair[0], 3))
    return str(baseline.get("file") or ""), lines, [str(text) for text in baseline.get("warnings") or ()]


def _outcome(row: Mapping[str, Any]) -> tuple[str, str]:
    return str(row.get("outcome") or ""), str(row.get("gate") or "")


def _line(row: Mapping[str, Any]) -> str:
    path = row.get("path")
    name = explanations.place([str(part) for part in path]) if isinstance(path, list | tuple) and path else "Total"
    digits = 2 if tuple(path or ()) == EDIT_SCORE else 1

    def show(key: str, sign: str = "") -> str | None:
        value = row.get(key)
        return f"{value:{sign}.{digits}f}" if isinstance(value, int | float) and not isinstance(value, bool) else None

    parts = []
    before, after, change, low, high = (
        show("before"),
        show("after"),
        show("change", "+z"),
        show("low", "+z"),
        show("high", "+z"),
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
    text = f"{text}: {outcome_words(*_outcome(row))}" if row.get("outcome") else text
    return f"{text} ({row['detail']})" if row.get("detail") else text
