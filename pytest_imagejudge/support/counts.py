"""Counts that not everybody tells."""

from __future__ import annotations

from collections.abc import Iterable


def sum_of_told(counts: Iterable[int | None]) -> int | None:
    """Add the counts that were told; None where none was."""
    told = [count for count in counts if count is not None]
    return sum(told) if told else None
