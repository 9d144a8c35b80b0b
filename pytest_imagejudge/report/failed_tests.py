"""Marks on what was only scored, in tests that failed for a reason of their own."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Any

from .model import Report
from .spool import E, Entries


def with_failed_tests(report: Report, tests: Collection[str]) -> Report:
    """``report`` with `Entry.test_failed` set on what was scored in ``tests``."""
    if tests:
        report.verdicts = _marked(report.verdicts, tests)
        report.edits = _marked(report.edits, tests)
    return report


def _marked(entries: Sequence[E], tests: Collection[str]) -> Any:
    def mark(entry: E) -> E:
        if entry.outcome == "scored" and entry.test in tests:
            return entry.model_copy(update={"test_failed": True})
        return entry

    return entries.map(mark) if isinstance(entries, Entries) else [mark(entry) for entry in entries]
