"""A test that is decided by verdicts, and the changes of its reports by them."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal

import pytest

from .expectation import AnyEntry, Expectation
from .failure import JudgeFailure
from .other_reports import Shown
from .xdist_types import WorkerNode

if TYPE_CHECKING:
    from _pytest._code.code import ReprExceptionInfo


STRICT = "[XPASS(strict)] "  # pytest's own beginning of the reason of a failure that was expected and did not come


@dataclass
class OpenVerdicts:
    """The verdicts that one test needs, and the results of those that have arrived.

    Attributes:
        open: expectations that are no entries yet, in the order in which they were handed over.
        failed: entries that fail the test.
        properties: of the entries so far, for JUnit's file.
        shown: of the entries so far, for the reports of other tools.
        shared: failures of expectations of a fixture of several tests, in the form of `Results.unattached`.
        raised: entries that fail the test, by the failure that told the caller: it has to come out of the test.
    """

    open: deque[Expectation] = field(default_factory=deque)
    failed: list[AnyEntry] = field(default_factory=list)
    properties: list[tuple[str, str]] = field(default_factory=list)
    shown: list[Shown] = field(default_factory=list)
    shared: list[tuple[str, str, str | None]] = field(default_factory=list)
    raised: dict[JudgeFailure, list[AnyEntry]] = field(default_factory=dict)

    @property
    def caught(self) -> list[AnyEntry]:
        """Entries whose failure did not come out of the test: the test caught it, or a thread of it did."""
        return [entry for entries in self.raised.values() for entry in entries]

    @property
    def done(self) -> bool:
        """Tell whether every verdict has arrived."""
        return all(expected.done for expected in self.open)


@dataclass
class DeferredTest:
    """A test that has run: its reports, and the verdicts that decide it.

    Attributes:
        item: the test, where it ran in this process.
        reports: setup, call, teardown; without setup once that is logged.
        node: the worker it ran on, on xdist's controller.
        passed: whether the test's body passed, so that the verdicts decide.
        skipped: whether it was skipped, or failed as it was expected to.
        forgiven: whether an expected failure of this test, if it has one, covers a missed bound.
        logged: whether its outcome was decided and logged.
    """

    item: pytest.Item | None
    reports: list[pytest.TestReport]
    verdicts: OpenVerdicts = field(default_factory=OpenVerdicts)
    node: WorkerNode | None = None
    passed: bool = True
    skipped: bool = False
    forgiven: bool = True
    logged: bool = False


def expected_failure(item: pytest.Item | None) -> tuple[bool, str] | None:
    """Strictness and reason of an ``xfail`` that applies to ``item``; None where none does."""
    from _pytest.skipping import xfailed_key

    xfail = None if item is None else item.stash.get(xfailed_key, None)
    return None if xfail is None else (xfail.strict, xfail.reason)


def passed_reports(setup: pytest.TestReport, xfail: tuple[bool, str] | None) -> list[pytest.TestReport]:
    """Make reports of a passed body and teardown for a test whose setup report alone arrived; ``xfail`` if any."""
    phases: tuple[Literal["call", "teardown"], ...] = ("call", "teardown")
    call, teardown = [
        pytest.TestReport(
            nodeid=setup.nodeid,
            location=setup.location,
            keywords=setup.keywords,
            outcome="passed",
            longrepr=None,
            when=phase,
            user_properties=setup.user_properties,
        )
        for phase in phases
    ]
    if xfail is not None:  # as pytest reports a body that passed all the same
        strict, reason = xfail
        if strict:
            call.outcome, call.longrepr = "failed", f"{STRICT}{reason}"
        else:
            call.wasxfail = reason
    return [call, teardown]


def forgives(item: pytest.Item) -> bool:
    """Tell whether an expected failure of ``item`` covers a missed bound: it may be of one kind of exception only."""
    from _pytest.skipping import xfailed_key

    raises = getattr(item.stash.get(xfailed_key, None), "raises", None)
    if raises is None or isinstance(raises, (type, tuple)):
        return raises is None or issubclass(JudgeFailure, raises)
    return bool(raises.matches(JudgeFailure("")))


def fail(report: pytest.TestReport, text: ReprExceptionInfo, *, forgiven: bool) -> None:
    """Turn the report of a passed body into one of a failed body, or of an expected failure."""
    if not forgiven:
        report.__dict__.pop("wasxfail", None)
        report.outcome = "failed"
    elif hasattr(report, "wasxfail"):
        report.outcome = "skipped"
    elif report.outcome == "failed" and isinstance(report.longrepr, str) and report.longrepr.startswith(STRICT):
        report.outcome, report.wasxfail = "skipped", report.longrepr.removeprefix(STRICT)
    else:
        report.outcome = "failed"
    report.longrepr = text
