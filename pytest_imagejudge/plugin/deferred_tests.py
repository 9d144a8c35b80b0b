"""Tests that are decided by verdicts: their reports are kept back, and logged once with the outcome."""

from __future__ import annotations

import queue
from collections.abc import Callable, Sequence

import pytest

from ..renderers.explanations import headline
from .deferred_test import DeferredTest, OpenVerdicts, expected_failure, fail, forgives
from .expectation import AnyEntry, AnyVerdict, Expectation, failing
from .failure import JudgeFailure, explain_missing_figure, failure_repr
from .failure_words import FailureWords
from .judges import Judges
from .judging_time import WAITS_AFTER, JudgingTime
from .pending_manifests import PendingManifests
from .progress import Progress
from .report_data import carry
from .report_notes import ReportNotes
from .results import Results
from .running_tests import RunningTests
from .state import RunState
from .waiting import Waiting
from .worker_outbox import WorkerOutbox

NO_TEST = "handed over while no test was running, so no test could fail for it"


class DeferredTests:
    """Decides tests by the verdicts on their images and edits.

    Args:
        outbox: on a worker of xdist, takes the tests that are decided there.

    Attributes:
        running: the verdicts of the tests that run.
    """

    def __init__(
        self,
        state: RunState,
        judges: Judges,
        judging_time: JudgingTime,
        waiting: Waiting,
        results: Results,
        *,
        progress: Progress,
        notes: ReportNotes,
        words: FailureWords,
        pending: PendingManifests,
        outbox: WorkerOutbox | None,
    ) -> None:
        self._state, self._judges, self._time, self._results = state, judges, judging_time, results
        self._waiting = waiting
        self._progress, self._notes, self._words = progress, notes, words
        self._pending, self._outbox = pending, outbox
        self._config = state.config
        self.running = RunningTests(state, judges, judging_time, progress, notes, words, self._keep)
        self._deferred: dict[int, DeferredTest] = {}
        self._ready: queue.SimpleQueue[DeferredTest] = queue.SimpleQueue()
        self._orphans: list[Expectation] = []  # of tests whose outcome stands without them

    # -- while a test runs ----------------------------------------------------------------------------------

    def wait_for(self, expected: Expectation) -> AnyVerdict:
        """Wait for a verdict; fails the running test as the thresholds say."""
        try:
            self._progress.wait(expected.futures, self._judges.used())
        except BaseException:
            verdicts = expected.verdicts("the test was interrupted before this was judged")
            self._notes.note(expected.test, expected.entries(verdicts))
            raise
        verdicts = expected.verdicts()
        entries = expected.entries(verdicts)
        self.running.note(expected, entries)
        if expected.bounded and failing(entries):
            failure = JudgeFailure(self._words.explain(failing(entries)), expected.where)
            if expected.test is None:
                words = f"{NO_TEST}: {headline(failing(entries)[0])}"
                self._results.unattached.append((expected.where, words, None))
            else:
                self.running.open(expected).raised[failure] = failing(entries)
            raise failure
        if words := explain_missing_figure(verdicts[0]):
            self._state.missing_figures.append(words)
        return verdicts[0]

    def defer(self, expected: Expectation) -> None:
        """Leave the running test's outcome to a verdict that has not arrived."""
        state = self._state
        expected.shared = state.in_shared_fixture or state.tearing_down
        if state.item is None:
            self._results.unattached.append((expected.where, NO_TEST, None))
        elif state.item is state.own and not self._waiting.in_body(state.item):
            self._defer(expected)
        elif why := self._time.after.get(expected.kind):
            reason = self._waiting.why(state.item) or "another plugin runs it"
            ways_out = self._waiting.ways_out(state.item)
            raise JudgeFailure(WAITS_AFTER.format(reason=reason, why=why, ways_out=ways_out), expected.where)
        elif expected.shared or self._waiting.in_body(state.item):
            self.wait_for(expected)  # a rerun sets a fixture of several tests up again where it is this that failed
        else:
            self.running.open(expected).open.append(expected)

    def _defer(self, expected: Expectation) -> None:
        verdicts = self.running.open(expected)
        verdicts.open.append(expected)
        if expected.kind in self._time.after:
            self._pending.add(expected)
        if self._outbox is None and not self.running.in_thread():  # a test may have threads of its own
            self._take_in(verdicts)

    # -- after a test has run --------------------------------------------------------------------------------

    def finish(self, test: DeferredTest) -> None:
        """Log a test's reports, or keep them back until its verdicts have arrived."""
        verdicts = self.running.pop(test.reports[0].nodeid)
        if verdicts is not None and test.passed and verdicts.caught:
            self._fail(test, verdicts.caught, test.reports[1])
        if verdicts is None or not test.passed:
            if verdicts is not None:
                for expected in verdicts.open:
                    expected.shared = expected.shared and test.skipped
                self._orphans += verdicts.open
                self._results.unattached += verdicts.shared if test.skipped else ()
            self.log(test)
        else:
            test.verdicts = verdicts
            self._keep_back(test)
        self.flush()

    def _fail(self, test: DeferredTest, entries: Sequence[AnyEntry], call: pytest.TestReport) -> None:
        text = failure_repr(self._words.explain(entries), entries[0].where, self._config)
        fail(call, text, forgiven=test.forgiven if test.item is None else forgives(test.item))
        test.passed, test.skipped = False, call.skipped

    def _keep_back(self, test: DeferredTest) -> None:
        """Log the setup with the test's expectations, so that the controller judges them where a worker dies."""
        verdicts = test.verdicts
        if any(report.failed for report in test.reports) and self._config.getoption("maxfail", 0):
            self.running.wait(verdicts)  # a teardown's failure may be the one at which the run is to stop
        setup, *test.reports = test.reports
        carry(setup, {"deferred": True})
        test.forgiven = test.item is None or forgives(test.item)
        if self._outbox is not None:
            carry(
                setup,
                {
                    "pending": [expected.dump() for expected in verdicts.open],
                    "forgiven": test.forgiven,
                    "xfail": expected_failure(test.item),
                    "files": [str(file) for file in self._pending.files],
                },
            )
        self._log(setup, test)
        self.add(test)

    def add(self, test: DeferredTest) -> None:
        """Take a test that has run and waits for its verdicts."""
        self._deferred[id(test)] = test
        for expected in test.verdicts.open:
            for future in expected.futures:
                future.add_done_callback(lambda _: self._ready.put(test))
        if not test.verdicts.open:  # all was judged while the test ran
            self._ready.put(test)

    def add_orphans(self, orphans: Sequence[Expectation]) -> None:
        """Take expectations that decide no test."""
        self._orphans += orphans

    def flush(self) -> None:
        """Take in verdicts that have arrived, and log the tests that they decide, between two tests."""
        self._progress.flush()
        if self._outbox is not None:
            return
        while True:
            try:
                test = self._ready.get_nowait()
            except queue.Empty:
                return
            if not test.logged:
                self._take_in(test.verdicts)
                if not test.verdicts.open:
                    self._decide(test, "")

    def _take_in(self, verdicts: OpenVerdicts) -> None:
        """Make entries of the verdicts, in order, so that only verdicts that came out of order are kept."""
        while verdicts.open and verdicts.open[0].done:
            self._enter(verdicts, verdicts.open.popleft(), "")

    def _enter(self, verdicts: OpenVerdicts, expected: Expectation, reason: str) -> None:
        entries = expected.entries(expected.verdicts(reason))
        verdicts.failed += failing(entries)
        verdicts.shared += _shared(expected, entries)
        verdicts.properties += self._notes.others.properties(entries)
        verdicts.shown += self._notes.others.shown(entries)
        self._keep(entries)

    def _decide(self, test: DeferredTest, reason: str) -> None:
        """Log a test with the outcome that its verdicts give, unless that exceeds ``--maxfail``."""
        verdicts, call = test.verdicts, test.reports[0]
        while verdicts.open:
            self._enter(verdicts, verdicts.open.popleft(), reason)
        if verdicts.failed:
            text = failure_repr(self._words.explain(verdicts.failed), verdicts.failed[0].where, self._config)
            fail(call, text, forgiven=test.forgiven)
        test.logged = True
        self._deferred.pop(id(test), None)
        if self.is_too_much(call):
            return
        test.reports[-1].user_properties += verdicts.properties
        self._notes.others.add(test.reports[-1], verdicts.shown)
        if self._outbox is not None:
            self._outbox.add_decided(test)
            self._notes.sent(test.reports)
        else:
            self.log(test)

    def is_too_much(self, call: pytest.TestReport) -> bool:
        """Tell whether a failure exceeds ``-x`` or ``--maxfail``; its test then counts as undecided."""
        limit, session = self._config.getoption("maxfail", 0), self._state.session
        if not (call.failed and limit and session is not None and session.testsfailed >= limit):
            return False
        self._results.undecided.append(call.nodeid)
        return True

    def log(self, test: DeferredTest) -> None:
        """Log the reports of a test."""
        for report in test.reports:
            self._log(report, test)

    def _log(self, report: pytest.TestReport, test: DeferredTest) -> None:
        if test.node is not None:
            vars(report)["node"] = test.node  # as xdist's controller marks a worker's report
        hook = test.item.ihook if test.item is not None else self._config.hook
        self._progress.begin_line(report.nodeid)
        hook.pytest_runtest_logreport(report=report)

    # -- after the last test has run -------------------------------------------------------------------------

    def hand_over(self, outbox: WorkerOutbox) -> None:
        """Leave unjudged expectations to the controller."""
        for test in self._deferred.values():
            outbox.add_undecided(test)
            self._notes.sent(test.reports)
        for expected in self._orphans:
            outbox.add_orphan(expected)
        for file in self._pending.files:
            outbox.add_file(file)
        self._deferred.clear()
        self._orphans.clear()

    def wait(self, meanwhile: Callable[[], None]) -> None:
        """Wait for every verdict; ``meanwhile`` is called now and then."""
        futures = (f for test in self._deferred.values() for e in test.verdicts.open for f in e.futures)
        self._progress.wait(futures, self._judges.used(), meanwhile)
        self._progress.wait((f for expected in self._orphans for f in expected.futures), self._judges.used())

    def decide_all(self, reason: str, *, wait: bool) -> None:
        """Decide every test, or without ``wait`` those whose verdicts have arrived.

        Args:
            reason: the error of images and edits that were not judged.
            wait: whether to wait for verdicts.
        """
        for test in list(self._deferred.values()):
            if wait or test.verdicts.done:
                self._decide(test, reason)
            else:
                for expected in test.verdicts.open:
                    self._report(expected, reason)
                self._results.undecided.append(test.reports[0].nodeid)
                del self._deferred[id(test)]
        while self._orphans:
            self._report(self._orphans.pop(0), reason)
        while not self._ready.empty():
            self._ready.get_nowait()  # decided above

    def keep_rest(self, reason: str = "the run ended before this was judged") -> None:
        """Keep entries that no report of a test carries."""
        for verdicts in self.running.take_rest():
            for expected in verdicts.open:
                self._report(expected, reason)
        for entries in self._notes.take_rest():
            self._keep(entries)

    def _report(self, expected: Expectation, reason: str) -> None:
        entries = expected.entries(expected.verdicts(reason))
        if expected.left:
            self._results.add_left(entries)
            return
        self._keep(entries)
        self._results.unattached += _shared(expected, entries)

    def _keep(self, entries: Sequence[AnyEntry], *, counts: bool = True) -> None:
        if self._outbox is not None:
            self._outbox.add_entries(entries, counts=counts)
        else:
            self._results.add(entries, counts=counts)


def _shared(expected: Expectation, entries: Sequence[AnyEntry]) -> list[tuple[str, str, str | None]]:
    """Failures of expectations of a fixture of several tests, for where the test that they count for is skipped."""
    words = "handed over by a fixture of several tests, and the test that it counts for was skipped: "
    found = failing(entries) if expected.shared else []
    return [(expected.where, words + headline(entry), expected.test) for entry in found]
