"""The end of a run: every test is decided, or reported as undecided with the reason."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from ..inputs.manifest import Row
from .deferred_tests import DeferredTests
from .judges import Judges
from .judging_time import JudgingTime
from .pending_manifests import PendingManifests
from .results import Results
from .start_ahead import StartAhead
from .state import RunState
from .submitting import Submitter
from .worker_handover import Handover
from .worker_outbox import WorkerOutbox


class RunEnd:
    """Decides open tests after the last one has run, or abandons them where the run stops."""

    def __init__(
        self,
        state: RunState,
        judges: Judges,
        judging_time: JudgingTime,
        submitter: Submitter,
        deferred: DeferredTests,
        handover: Handover,
        ahead: StartAhead,
        *,
        results: Results,
        pending: PendingManifests,
        outbox: WorkerOutbox | None,
    ) -> None:
        self._state, self._judges, self._time, self._submitter = state, judges, judging_time, submitter
        self._deferred, self._handover, self._ahead = deferred, handover, ahead
        self._results, self._pending, self._outbox = results, pending, outbox

    def settle(self, reason: str) -> None:
        """Wait for every verdict, and decide every test. ``reason`` is the error of images and edits without one.

        Raises:
            pytest.Session.Failed, pytest.Session.Interrupted: the run is to stop; call `abandon` then.
        """
        if self._outbox is not None and self._time.after:
            self._deferred.hand_over(self._outbox)  # the GPU is free only once every worker is gone
            return
        self._handover.adopt_all(submit=True)
        self._take_up()
        self._time.begin()
        self._deferred.wait(self._meanwhile)  # tests are decided as verdicts come, so that none piles up
        self._deferred.decide_all(reason, wait=True)
        self._deferred.keep_rest(reason)
        self._pending.done()
        self._stop()

    def abandon(self, reason: str) -> None:
        """Decide the tests whose verdicts have arrived, as the run stops; the others are an error of the run."""
        self._handover.adopt_all(submit=False)
        self._deferred.decide_all(reason, wait=False)
        self._deferred.keep_rest(reason)
        self._results.needs_images = bool(self._pending.files)
        self._results.lines += [
            f"kept to be judged by the next run, or by: imagejudge score {file}" for file in self._pending.files
        ]

    def close(self, session: pytest.Session) -> None:
        """Close the judges; then write the reports, or hand a worker's results to the controller."""
        self._deferred.keep_rest()
        self._forget_undecided_in_junit()
        judges = dict(self._judges.by_kind())
        try:
            self._judges.close()
        finally:  # whatever becomes of the engines
            for judge in judges.values():  # only now: requests that are broken off may be charged too
                self._results.count(judge)
                self._results.report.run.note_copies([judge.session.engine.copies()])
            if self._outbox is not None:
                results = self._results
                self._outbox.send(
                    run=results.run_counts(),
                    judge_copies=results.report.run.copies,
                    uses=[use.model_dump(mode="json") for use in results.budget.uses],
                    undecided=results.undecided,
                    unattached=results.unattached,
                    copies=results.copies.hand_over(),
                    needed=[kind for kind, judge in judges.items() if judge.session.needed],
                )
            elif not self._state.runs_no_test:
                self._ahead.keep(session, judges, self._handover.needed)
                self._results.look_again(session)
                self._results.write(session)

    def _meanwhile(self) -> None:
        self._deferred.flush()
        self._stop()

    def _stop(self) -> None:
        """Stop the run where a verdict was the last failure of ``--maxfail``, as pytest does between two tests."""
        session = self._state.session
        if session is not None and self._outbox is None:
            if session.shouldfail:
                raise session.Failed(session.shouldfail)
            if session.shouldstop:
                raise session.Interrupted(session.shouldstop)

    def _take_up(self) -> None:
        """Judge the images and edits that a killed run left; they belong to no test of this run."""
        if self._outbox is not None:
            return
        for kind in self._state.protocols:
            if self._judges.get(kind).session.stats.submitted:  # else no judge is started for another run's
                self._pending.take_up(kind, self._submit_left, self._results.lines.append)

    def _submit_left(self, rows: Sequence[Row]) -> None:
        self._deferred.add_orphans([self._submitter.submit_left(row) for row in rows])

    def _forget_undecided_in_junit(self) -> None:
        """Drop tests without an outcome from JUnit's file, whose plugin saw only the setup and would write no name."""
        from _pytest.junitxml import xml_key

        if self._results.undecided and (xml := self._state.config.stash.get(xml_key, None)) is not None:
            undecided = set(self._results.undecided)
            xml.node_reporters_ordered[:] = [
                case for case in xml.node_reporters_ordered if str(getattr(case, "id", "")) not in undecided
            ]
