"""Entries of a running test, noted for its next report, and kept until that report is logged."""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Sequence

import pytest

from .expectation import AnyEntry
from .failure_words import scored_lines
from .other_reports import OtherReports
from .report_data import carried, carry_entries
from .state import RunState


class ReportNotes:
    """Store of entries until a report of their test carries them.

    A report that another plugin makes and never logs takes nothing along: its entries stay here.

    Attributes:
        others: writes images into the reports of other tools.
    """

    def __init__(self, state: RunState) -> None:
        self._state = state
        self.others = OtherReports(state.config)
        self._entries: dict[str | None, list[AnyEntry]] = {}
        self._scored: dict[str, list[AnyEntry]] = {}  # of the running test, what no bound decided
        self._numbers = itertools.count(1)
        self._unlogged: dict[int, tuple[str, list[AnyEntry]]] = {}  # on reports that are made, by number

    def note(self, test: str | None, entries: Sequence[AnyEntry]) -> None:
        """Keep entries for the next report of ``test``."""
        self._entries.setdefault(test, []).extend(entries)
        if test is not None:
            self._scored.setdefault(test, []).extend(entry for entry in entries if entry.outcome == "scored")
        if self._state.item is not None:
            self._state.item.user_properties += self.others.properties(entries)
            self.others.attach_to_running(entries)

    def attach(self, report: pytest.TestReport) -> None:
        """Attach to ``report`` the entries that its test has so far."""
        if entries := self._entries.pop(report.nodeid, None):
            number = next(self._numbers)
            self._unlogged[number] = report.nodeid, entries
            as_json = self._state.is_worker or hasattr(report, "node")
            carry_entries(report, entries, number, as_json=as_json)
            self.others.add(report, self.others.shown(entries))

    def logged(self, report: pytest.TestReport) -> None:
        """Forget what ``report`` carries, for it is logged; where it was logged before, it carries nothing more."""
        self.others.logged(report)
        data = carried(report)
        if not hasattr(report, "node") and self._unlogged.pop(data.get("number", 0), None) is None:
            data.pop("entries", None)

    def sent(self, reports: Iterable[pytest.TestReport]) -> None:
        """Forget what ``reports`` carry, for a worker sends them to the controller, which logs them."""
        for report in reports:
            self._unlogged.pop(carried(report).get("number", 0), None)

    def take_earlier(self, test: str) -> list[AnyEntry]:
        """Entries of an earlier attempt of ``test`` that no logged report has taken along; they are forgotten here."""
        numbers = [number for number, (name, _) in self._unlogged.items() if name == test]
        found = [entry for number in numbers for entry in self._unlogged.pop(number)[1]]
        return found + self._entries.pop(test, [])

    def show_scored(self, report: pytest.TestReport) -> None:
        """Let the failure of a test, of a reason of its own, show what the test scored."""
        if found := self._scored.get(report.nodeid):
            report.sections.append(("image judge: scored in this test", scored_lines(found)))

    def forget_scored(self, test: str) -> None:
        """Forget what a test scored: it is over."""
        self._scored.pop(test, None)

    def take_rest(self) -> list[list[AnyEntry]]:
        """Remove and return the entries that no logged report carries, test by test."""
        rest = [entries for _, entries in self._unlogged.values()] + list(self._entries.values())
        self._unlogged.clear()
        self._entries.clear()
        return rest
