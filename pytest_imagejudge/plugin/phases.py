"""The phases of one test, as pytest runs them, but with their reports in our hands."""

from __future__ import annotations

from collections.abc import Callable

import pytest


def run_phases(
    item: pytest.Item, nextitem: pytest.Item | None, reports: list[pytest.TestReport], waits: Callable[[], bool]
) -> None:
    """Set up, call and tear down a test, as pytest's own ``runtestprotocol``.

    Args:
        item: the test.
        nextitem: the one after it, whose fixtures stay up.
        reports: takes those that are not logged here, also where a phase ends the run.
        waits: asked after the call: whether verdicts may decide the outcome. Where they can't, setup and call are
            logged before the teardown, so that ``-x`` still stops there and has every fixture torn down with this test.
    """
    from _pytest.runner import call_and_report

    request = hasattr(item, "_request")
    if request and not item._request:  # type: ignore[attr-defined]
        item._initrequest()  # type: ignore[attr-defined]
    try:
        reports.append(call_and_report(item, "setup", log=False))
        if reports[0].passed:
            reports.append(call_and_report(item, "call", log=False))
        if not waits():
            while reports:
                item.ihook.pytest_runtest_logreport(report=reports.pop(0))
        if item.session.shouldfail or item.session.shouldstop:
            nextitem = None
        reports.append(call_and_report(item, "teardown", log=False, nextitem=nextitem))
    finally:
        if request:
            item._request = False  # type: ignore[attr-defined]
            item.funcargs = None  # type: ignore[attr-defined]
