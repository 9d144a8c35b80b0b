"""The verdicts that running tests need, until their reports are made."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence

from .deferred_test import OpenVerdicts
from .expectation import AnyEntry, Expectation, failing
from .failure import JudgeFailure
from .failure_words import FailureWords
from .judges import Judges
from .judging_time import JudgingTime
from .progress import Progress
from .report_notes import ReportNotes
from .state import RunState


class RunningTests:
    """Holds what is open of each running test, and settles it where the test stays for its verdicts.

    Args:
        keep: takes entries that are of no report, with ``counts=False`` those of an attempt that was run again.
    """

    def __init__(
        self,
        state: RunState,
        judges: Judges,
        judging_time: JudgingTime,
        progress: Progress,
        notes: ReportNotes,
        words: FailureWords,
        keep: Callable[..., None],
    ) -> None:
        self._state, self._judges, self._time = state, judges, judging_time
        self._progress, self._notes, self._words, self._keep = progress, notes, words, keep
        self._thread = threading.get_ident()  # of pytest
        self._verdicts: dict[str | None, OpenVerdicts] = {}  # by test

    def in_thread(self) -> bool:
        """Tell whether this is another thread than pytest's."""
        return threading.get_ident() != self._thread

    def open(self, expected: Expectation) -> OpenVerdicts:
        """Open verdicts of the test of ``expected``."""
        return self._verdicts.setdefault(expected.test, OpenVerdicts())

    def pop(self, test: str) -> OpenVerdicts | None:
        """Remove and return the open verdicts of ``test``; None where there are none."""
        return self._verdicts.pop(test, None)

    def take_rest(self) -> list[OpenVerdicts]:
        """Remove and return the open verdicts of all tests."""
        rest = list(self._verdicts.values())
        self._verdicts.clear()
        return rest

    def note(self, expected: Expectation, entries: Sequence[AnyEntry]) -> None:
        """Note entries for the next report of their test.

        A thread of a fixture of several tests can't fail the fixture, so that no rerun sets it up again: its entries
        are of no attempt.
        """
        if self.in_thread() and (self._state.in_shared_fixture or self._state.tearing_down):
            self._keep(entries)
        else:
            self._notes.note(expected.test, entries)

    def begin(self, test: str) -> None:
        """Begin an attempt at ``test``; what an earlier one left that no report took along is not counted."""
        if earlier := self._notes.take_earlier(test):
            self._keep(earlier, counts=False)

    def came_out(self, test: str, failure: JudgeFailure) -> None:
        """Note that pytest was told of ``failure``, by which ``test`` is to fail."""
        if (verdicts := self._verdicts.get(test)) is not None:
            verdicts.raised.pop(failure, None)

    def settle(self, test: str, *, passed: bool) -> None:
        """Wait, at the end of a phase of a test that stays for its verdicts, until they are in.

        Raises:
            JudgeFailure: as the verdicts say, where the phase ``passed``.
        """
        if (verdicts := self.pop(test)) is None:
            return
        try:
            self.wait(verdicts)
        finally:
            for expected in verdicts.open:
                entries = expected.entries(expected.verdicts("the test was interrupted before this was judged"))
                self._notes.note(test, entries)
                verdicts.failed += failing(entries)
        if passed and (failed := verdicts.failed + verdicts.caught):
            raise JudgeFailure(self._words.explain(failed), failed[0].where)

    def wait(self, verdicts: OpenVerdicts) -> None:
        """Wait until ``verdicts`` are in, but for those of a judge that comes after the tests."""
        if not any(expected.kind in self._time.after for expected in verdicts.open):
            futures = (future for expected in tuple(verdicts.open) for future in expected.futures)
            self._progress.wait(futures, self._judges.used())
