"""Data that a test's report carries from the test to the results, also between processes."""

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
        entries: entries of images and edits, as JSON where the report is sent to another process.
        failure: the reason why the test failed, where that is no image and no edit.
        deferred: set where the outcome of the test comes later.
        pending: of a worker's test whose outcome comes later, the dumps of each `Expectation` that decides it.
        forgiven: of a test whose outcome comes later, `DeferredTest.forgiven`.
        xfail: of a test whose outcome comes later, the result of `expected_failure`.
        files: the worker's manifests of images and edits that are judged after the last test.
        texts: what JUnit's file says of the images, where one is written.
        number: by which this process knows the entries again once the report is logged.
    """

    entries: list[AnyEntry | str]
    failure: str
    deferred: bool
    pending: list[str]
    forgiven: bool
    xfail: tuple[bool, str] | None
    files: list[str]
    texts: list[str]
    number: int


def carried(report: pytest.TestReport | pytest.CollectReport) -> Carried:
    """Return the data of ``report``; where it has none, an empty dictionary that is not attached to the report."""
    found: Carried | None = getattr(report, _NAME, None)
    return found or {}


def carry(report: pytest.TestReport, data: Carried) -> None:
    """Add ``data`` to the data of ``report``."""
    vars(report)[_NAME] = {**carried(report), **data}


def carry_entries(report: pytest.TestReport, entries: Sequence[AnyEntry], number: int, *, as_json: bool) -> None:
    """Add ``entries``, which are known by ``number``, to the data of ``report``."""
    added = [entry_json(entry) for entry in entries] if as_json else entries
    carry(report, {"entries": [*carried(report).get("entries", ()), *added], "number": number})


def carry_failure(report: pytest.TestReport, failure: BaseException | None) -> None:
    """Record in ``report`` that its test failed for a reason other than an image or edit."""
    words = str(report.longrepr) if failure is None else f"{type(failure).__name__}: {failure}"
    carry(report, {"failure": words.partition("\n")[0][:300]})


def entry_json(entry: AnyEntry) -> str:
    """Return ``entry`` as ASCII JSON; execnet's own serialization is slower and refuses some prompts."""
    return json.dumps(entry.model_dump(mode="json", exclude_defaults=True))
