"""Data that a test's report carries from where the test ran to where the results are: also between processes."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import TypedDict

import pytest

from .expectation import AnyEntry

_NAME = "imagejudge"  # of the report's attribute: xdist sends along whatever is one


class Carried(TypedDict, total=False):
    """The data of one report.

    Attributes:
        entries: what was judged, as JSON where the report travels to another process.
        failure: why the test failed, for another reason than what was judged.
        deferred: set where the outcome of the test comes later.
        pending: of a worker's test whose outcome comes later, what decides it, each `Expectation` dumped.
        forgiven: of such a test, as `DeferredTest.forgiven`.
        xfail: of such a test, as `expected_failure` gives it.
        files: the manifests in which the worker wrote down what is judged after the last test.
        number: by which this process knows the entries again once the report is logged.
    """

    entries: list[AnyEntry | str]
    failure: str
    deferred: bool
    pending: list[str]
    forgiven: bool
    xfail: tuple[bool, str] | None
    files: list[str]
    number: int


def carried(report: pytest.TestReport | pytest.CollectReport) -> Carried:
    """The data of ``report``; an empty dictionary, which is not the report's own, where it has none."""
    found: Carried | None = getattr(report, _NAME, None)
    return found or {}


def carry(report: pytest.TestReport, data: Carried) -> None:
    """Let ``report`` carry ``data`` beside what it carries already."""
    vars(report)[_NAME] = {**carried(report), **data}


def carry_entries(report: pytest.TestReport, entries: Sequence[AnyEntry], number: int, *, as_json: bool) -> None:
    """Let ``report`` carry further ``entries``, which are known by ``number``."""
    added = [entry_json(entry) for entry in entries] if as_json else entries
    carry(report, {"entries": [*carried(report).get("entries", ()), *added], "number": number})


def carry_failure(report: pytest.TestReport, failure: BaseException | None) -> None:
    """Let ``report`` say that its test failed for another reason than what was judged."""
    words = str(report.longrepr) if failure is None else f"{type(failure).__name__}: {failure}"
    carry(report, {"failure": words.partition("\n")[0][:300]})


def entry_json(entry: AnyEntry) -> str:
    """JSON of ``entry``: execnet's own way is slower, and refuses some of what a prompt may contain; ASCII never."""
    return json.dumps(entry.model_dump(mode="json", exclude_defaults=True))
