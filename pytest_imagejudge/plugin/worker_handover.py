"""The handover from xdist's workers to the controller: late results, and tests that dead workers left."""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from ..report.uses import JudgeUse
from .deferred_test import DeferredTest, OpenVerdicts, passed_reports
from .deferred_tests import DeferredTests
from .expectation import Expectation
from .judges import Judges
from .pending_manifests import PendingManifests
from .report_data import carried
from .results import Results
from .state import RunState
from .submitting import Submitter
from .worker_outbox import OUTPUT, Parcel, WorkerOutput
from .xdist_types import WorkerNode


class Handover:
    """Takes in reports of tests, the outputs of workers that ended, and the undecided tests of workers that died.

    Attributes:
        needed: the kinds of judges that workers needed, because the store did not have all answers.
    """

    def __init__(
        self,
        state: RunState,
        judges: Judges,
        submitter: Submitter,
        deferred: DeferredTests,
        *,
        results: Results,
        pending: PendingManifests,
    ) -> None:
        self._state, self._judges, self._submitter, self._deferred = state, judges, submitter, deferred
        self._results, self._pending = results, pending
        self._remote: dict[str, pytest.TestReport] = {}  # setups of the workers' tests that are not decided
        self.needed: set[str] = set()
        self._left: list[DeferredTest] = []  # by workers that died, and not submitted yet

    def collect(self, report: pytest.TestReport) -> None:
        """Keep the entries of a report that is logged, and the expectations that it leaves undecided on a worker."""
        if self._left:
            self._adopt_early()
        data = carried(report)
        if not data:
            return
        if "failure" in data and report.failed:
            self._results.add_failed_test(report.nodeid, data["failure"])
        entries = data.pop("entries", [])  # the terminal keeps every report to the end
        # plugins that run a test again have an outcome of their own for the attempt
        self._results.add_plain(entries, counts=report.outcome in ("passed", "failed", "skipped"))
        if "pending" in data and hasattr(report, "node"):
            self._remote[report.nodeid] = report

    def take_over(self, node: WorkerNode, error: object) -> None:
        """Take, on the controller, the output of a worker that ended, or the undecided tests of one that died."""
        output: WorkerOutput = getattr(node, "workeroutput", {}).pop(OUTPUT, {})  # pytest.exit() there ends it twice
        run, counts = self._results.report.run, dict(output.get("run", {}))
        run.restarts = max(run.restarts, counts.pop("restarts", 0))  # all workers saw the same servers
        self._results.add_counts(counts)
        run.note_copies(output.get("judge_copies", ()))
        self._results.budget.uses += map(JudgeUse.model_validate, output.get("uses", ()))
        self._results.unattached += output.get("unattached", ())
        self._results.copies.take_over(output.get("copies"))
        self.needed.update(output.get("needed", ()))
        for nodeid in output.get("undecided", ()):
            self._results.undecided.append(nodeid)
            self._remote.pop(nodeid, None)
        for parcel in output.get("parcels", ()):
            self._unpack(parcel, node)
        if error:
            self._inherit([report for report in self._remote.values() if report.node is node])
            self._adopt_early()

    def _unpack(self, parcel: Parcel, node: WorkerNode) -> None:
        if "orphan" in parcel:
            self._deferred.add_orphans([self._submitter.submit_again(Expectation.load(parcel["orphan"]))])
        if "file" in parcel:
            self._pending.files.add(Path(parcel["file"]))
        if "entries" in parcel:
            self._results.add_plain(parcel["entries"], counts=parcel.get("counts", True))
        if "reports" not in parcel:
            return
        reports = [self._restore(data) for data in parcel["reports"]]
        test = DeferredTest(None, reports, node=node, forgiven=parcel.get("forgiven", True))
        self._remote.pop(reports[0].nodeid, None)
        if "expected" in parcel:
            test.verdicts.open += [self._submitter.submit_again(Expectation.load(text)) for text in parcel["expected"]]
            self._deferred.add(test)
        elif not self._deferred.is_too_much(reports[0]):
            self._deferred.log(test)

    def _restore(self, data: dict[str, Any]) -> pytest.TestReport:
        config = self._state.config
        report: pytest.TestReport = config.hook.pytest_report_from_serializable(config=config, data=data)
        return report

    def _inherit(self, setups: Sequence[pytest.TestReport]) -> None:
        """Record the expectations that dead workers left undecided, from the setup reports of their tests."""
        for setup in setups:
            del self._remote[setup.nodeid]
            data = carried(setup)
            self._pending.files.update(map(Path, data["files"]))
            verdicts = OpenVerdicts(deque(Expectation.load(text) for text in data["pending"]))
            reports = passed_reports(setup, data["xfail"])
            self._left.append(DeferredTest(None, reports, verdicts, node=setup.node, forgiven=data["forgiven"]))

    def _adopt_early(self) -> None:
        """Take over dead workers' expectations while others use the judges' servers, which would start anew later."""
        in_use = {kind for kind in self._state.protocols if self._judges.get(kind).engine.in_use()}
        left, self._left = self._left, []
        for test in left:
            if {expected.kind for expected in test.verdicts.open} <= in_use:
                self._adopt(test, submit=True)
            else:
                self._left.append(test)

    def adopt_all(self, *, submit: bool) -> None:
        """Take over all undecided expectations of dead workers; with ``submit`` judge those with kept images."""
        self._inherit(list(self._remote.values()))
        while self._left:
            self._adopt(self._left.pop(0), submit=submit)

    def _adopt(self, test: DeferredTest, *, submit: bool) -> None:
        for expected in test.verdicts.open if submit else ():
            self._submitter.submit_again(expected)
        self._deferred.add(test)
