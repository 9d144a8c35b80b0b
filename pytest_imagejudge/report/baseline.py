"""What a report says of its baseline, as lines.

``Report.baseline`` is an object: ``file`` (name of the baseline), ``rows`` (``path``, ``before``, ``after``,
``change``, ``low`` and ``high`` of the change, ``n`` pairs, ``allowed`` drop, ``outcome``), ``warnings``; further
fields may stand beside them. Whatever is missing is left out of the line.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from . import why


def changes(baseline: Mapping[str, Any]) -> tuple[str, list[tuple[str, str]], list[str]]:
    """Name of the baseline, (outcome, line) by figure with the failed ones first, and warnings."""
    lines: list[tuple[str, str]] = []
    for row in baseline.get("rows") or ():
        if isinstance(row, Mapping):
            lines.append((str(row.get("outcome") or ""), _line(row)))
    order = {"failed": 0, "undecided": 1}
    lines.sort(key=lambda pair: order.get(pair[0], 2))
    name = baseline.get("file") or baseline.get("name") or ""
    return str(name), lines, [str(text) for text in baseline.get("warnings") or ()]


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
    return f"{text}: {row['outcome']}" if row.get("outcome") else text
