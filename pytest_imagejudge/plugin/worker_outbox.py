"""A worker's end of the handover between xdist's processes.

A worker may log reports of its running item only. What comes later is kept here and travels at the worker's end.
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
    """One thing that travels: a test, decided or with what decides it, or what belongs to no test's report.

    Attributes:
        reports: of a test, as pytest serializes them.
        expected: what decides the test, each `Expectation` dumped; absent where the test is decided.
        forgiven: as `DeferredTest.forgiven`.
        orphan: an `Expectation` without which its test's outcome stands, dumped.
        entries: what was judged, as JSON.
        counts: False of entries of an attempt that was run again.
        file: a manifest in which the worker wrote down what is judged after the last test.
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
        undecided: node ids of tests that were not decided.
        stray: as `Results.stray`.
    """

    parcels: list[Parcel]
    run: Mapping[str, int]
    undecided: list[str]
    stray: list[tuple[str, str, str | None]]


class WorkerOutbox:
    """Keeps what a worker hands over at its end."""

    def __init__(self, config: pytest.Config) -> None:
        self._config = config
        self._parcels: list[Parcel] = []

    def add_decided(self, test: DeferredTest) -> None:
        """Add a test that is decided."""
        self._parcels.append({"reports": self._dump(test)})

    def add_undecided(self, test: DeferredTest) -> None:
        """Add a test with what decides it."""
        self._parcels.append(
            {
                "expected": [expected.dump() for expected in test.verdicts.open],
                "reports": self._dump(test),
                "forgiven": test.forgiven,
            }
        )

    def add_orphan(self, expected: Expectation) -> None:
        """Add what is to be judged and decides no test."""
        self._parcels.append({"orphan": expected.dump()})

    def add_entries(self, entries: Sequence[AnyEntry], *, counts: bool = True) -> None:
        """Add entries that travel on no report; they count but for those of an attempt that was run again."""
        self._parcels.append({"entries": [entry_json(entry) for entry in entries], "counts": counts})

    def add_file(self, file: Path) -> None:
        """Add a manifest whose rows the controller is to judge."""
        self._parcels.append({"file": str(file)})

    def send(self, *, run: Mapping[str, int], undecided: list[str], stray: list[tuple[str, str, str | None]]) -> None:
        """Hand all of it to the controller, with the worker's results beside it."""
        output: WorkerOutput = {"parcels": self._parcels, "run": run, "undecided": undecided, "stray": stray}
        worker_output(self._config)[OUTPUT] = output

    def _dump(self, test: DeferredTest) -> list[dict[str, Any]]:
        dump = self._config.hook.pytest_report_to_serializable
        return [dump(config=self._config, report=report) for report in test.reports]
