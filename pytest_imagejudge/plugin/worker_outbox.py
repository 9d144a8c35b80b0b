"""A worker's end of the handover between xdist's processes.

A worker may log reports of its running item only. Later results are kept here and sent at the worker's end.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, TypedDict

import pytest

from .deferred_test import DeferredTest
from .expectation import AnyEntry, Expectation
from .report_data import entry_json
from .xdist_types import worker_output

OUTPUT = "imagejudge"  # the key of a worker's output


class Parcel(TypedDict, total=False):
    """One piece of a worker's output: a test, decided or with its expectations, or data of no test's report.

    Attributes:
        reports: of a test, as pytest serializes them.
        expected: dumps of each `Expectation` that decides the test; absent where the test is decided.
        forgiven: the test's `DeferredTest.forgiven`.
        orphan: the dump of an `Expectation` that decides no test.
        entries: entries of images and edits, as JSON.
        counts: False of entries of an attempt that was run again.
        file: the worker's manifest of images and edits that are judged after the last test.
    """

    reports: list[dict[str, Any]]
    expected: list[str]
    forgiven: bool
    orphan: str
    entries: list[str]
    counts: bool
    file: str


class WorkerOutput(TypedDict, total=False):
    """All that a worker hands over.

    Attributes:
        parcels: in the order in which they are to be taken in.
        run: the counts of its judges.
        judge_copies: sentences on the copies that they had.
        uses: the use of each judge, as plain data.
        undecided: node ids of tests that were not decided.
        unattached: the worker's `Results.unattached`.
        copies: the list of its small copies of pictures, or None.
        needed: the kinds of judges that it needed, because the store did not have all answers.
    """

    parcels: list[Parcel]
    run: Mapping[str, int]
    judge_copies: list[str]
    uses: list[dict[str, Any]]
    undecided: list[str]
    unattached: list[tuple[str, str, str | None]]
    copies: str | None
    needed: list[str]


class WorkerOutbox:
    """Store of the data that a worker sends at its end."""

    def __init__(self, config: pytest.Config) -> None:
        self._config = config
        self._parcels: list[Parcel] = []

    def add_decided(self, test: DeferredTest) -> None:
        """Add a test that is decided."""
        self._parcels.append({"reports": self._dump(test)})

    def add_undecided(self, test: DeferredTest) -> None:
        """Add a test with the expectations that decide it."""
        self._parcels.append(
            {
                "expected": [expected.dump() for expected in test.verdicts.open],
                "reports": self._dump(test),
                "forgiven": test.forgiven,
            }
        )

    def add_orphan(self, expected: Expectation) -> None:
        """Add an expectation that decides no test."""
        self._parcels.append({"orphan": expected.dump()})

    def add_entries(self, entries: Sequence[AnyEntry], *, counts: bool = True) -> None:
        """Add entries that no report carries; they count but for those of an attempt that was run again."""
        self._parcels.append({"entries": [entry_json(entry) for entry in entries], "counts": counts})

    def add_file(self, file: Path) -> None:
        """Add a manifest whose rows the controller is to judge."""
        self._parcels.append({"file": str(file)})

    def send(
        self,
        *,
        run: Mapping[str, int],
        judge_copies: list[str],
        uses: list[dict[str, Any]],
        undecided: list[str],
        unattached: list[tuple[str, str, str | None]],
        copies: str | None,
        needed: list[str],
    ) -> None:
        """Send the parcels and the worker's results to the controller."""
        output: WorkerOutput = {
            "parcels": self._parcels,
            "run": run,
            "judge_copies": judge_copies,
            "uses": uses,
            "undecided": undecided,
            "unattached": unattached,
            "copies": copies,
            "needed": needed,
        }
        worker_output(self._config)[OUTPUT] = output

    def _dump(self, test: DeferredTest) -> list[dict[str, Any]]:
        dump = self._config.hook.pytest_report_to_serializable
        return [dump(config=self._config, report=report) for report in test.reports]
