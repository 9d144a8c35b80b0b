"""Phases of one test, run as pytest runs them, with their reports kept back."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol, cast

import pytest


class _Requesting(Protocol):
    """Item that may use fixtures."""

    _request: object
    funcargs: object

    def _initrequest(self) -> None: ...


def run_phases(
    item: pytest.Item, nextitem: pytest.Item | None, reports: list[pytest.TestReport], may_defer: Callable[[], bool]
) -> None:
    """Set up, call and tear down a test, as pytest's own ``runtestprotocol``.

    Args:
        item: the test.
        nextitem: the one after it, whose fixtures stay up.
        reports: takes reports that are not logged here, also where a phase ends the run.
        may_defer: called after the call: tells whether verdicts may decide the outcome. Otherwise setup and call are
            logged before the teardown, so that ``-x`` still stops there and has every fixture torn down with this test.
    """
    from _pytest.runner import call_and_report

    requesting = cast("_Requesting", item) if hasattr(item, "_request") else None
    if requesting is not None and not requesting._request:
        requesting._initrequest()
    try:
        reports.append(call_and_report(item, "setup", log=False))
        if reports[0].passed:
            reports.append(call_and_report(item, "call", log=False))
        if not may_defer():
            while reports:
                item.ihook.pytest_runtest_logreport(report=reports.pop(0))
        if item.session.shouldfail or item.session.shouldstop:
            nextitem = None
        reports.append(call_and_report(item, "teardown", log=False, nextitem=nextitem))
    finally:
        if requesting is not None:
            requesting._request = False
            requesting.funcargs = None
