"""A last look at the end of a run: an image that failed, or was not judged, has turned a test red, or does so now.

Whatever runs tests in a run, and whatever it makes of their reports, is held to what pytest itself was told.
"""

from __future__ import annotations

from collections.abc import Collection, Generator, Iterator

import pytest

from ..renderers.explanations import headline
from ..report.lookup import repeat_of
from ..support.words import plural
from .expectation import AnyEntry

MOST_NAMED = 5  # images of one test


class LastLook:
    """Notes which tests have images in trouble, and which tests were reported as failed.

    As a plugin of pytest it sees each report after all others have.
    """

    def __init__(self) -> None:
        self._failed: set[str] = set()
        self._troubled: dict[str, list[str]] = {}  # by test, a line for each of the first images
        self._counts: dict[str, int] = {}

    @pytest.hookimpl(wrapper=True, tryfirst=True)
    def pytest_runtest_logreport(self, report: pytest.TestReport) -> Generator[None, object, object]:
        """Note a failure as pytest's own session counts it."""
        result = yield
        if report.failed and not hasattr(report, "wasxfail"):
            self._failed.add(report.nodeid)
            self._troubled.pop(report.nodeid, None)
        return result

    def enter(self, entry: AnyEntry) -> None:
        """Note an entry that counts and that bounds were to decide."""
        if entry.outcome not in ("failed", "error") or repeat_of(entry):
            return
        if entry.test is None or entry.test in self._failed:
            return
        self._counts[entry.test] = self._counts.get(entry.test, 0) + 1
        lines = self._troubled.setdefault(entry.test, [])
        if len(lines) < MOST_NAMED:
            lines.append(f"{entry.where}: {headline(entry)}" if entry.where else headline(entry))

    def lost(self, excused: Collection[str]) -> Iterator[tuple[str, str]]:
        """Tests with images in trouble that were not reported as failed and are not excused, each once, and why.

        Args:
            excused: tests that were skipped, or failed as they were expected to.
        """
        for test in list(self._troubled):
            lines = self._troubled.pop(test)
            if test in excused:
                continue
            number = self._counts[test]
            if number > len(lines):
                lines.append(f"and {number - len(lines)} more")
            images = f"{plural(number, 'image')} of it did not pass"
            yield test, "\n  ".join([f"{test} was not reported as failed, but {images}:", *lines])
