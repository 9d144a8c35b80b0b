"""Words on tests in quarantine, for the terminal and Markdown."""

from __future__ import annotations

from collections.abc import Iterator

from ..report.model import Quarantined, Run

MOST = 20  # that are named


def quarantine_lines(run: Run) -> Iterator[str]:
    """Say how many tests in quarantine failed, then one line for each, those that failed first; nothing without any."""
    tests = sorted(run.quarantined or (), key=lambda one: (not one.failed, -_rate(one), one.test))
    if not tests:
        return
    failed = sum(one.failed for one in tests)
    yield f"quarantine: {failed} of {len(tests)} failed"
    for one in tests[:MOST]:
        how = "failed" if one.failed else "passed"
        rate = f", {one.failed_runs} of its last {one.runs} runs failed ({_rate(one):.0%})" if one.runs > 1 else ""
        yield f"  {one.test}: {how}{rate}{f': {one.reason}' if one.reason else ''}"
    if len(tests) > MOST:
        yield f"  and {len(tests) - MOST} more"


def _rate(one: Quarantined) -> float:
    return one.failed_runs / one.runs if one.runs else 0.0
