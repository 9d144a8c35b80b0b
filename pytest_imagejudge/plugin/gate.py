"""The gate: pytest's hooks of a run for which a judge is configured.

A test that only *expects* (`expect`, a manifest's row) ends before it is judged. Its reports are kept back until
its verdicts are in, and logged once, with the outcome that they give. See `deferred_tests`.
"""

from __future__ import annotations

from collections.abc import Generator
from typing import Any

import pytest

from ..errors import ConfigError, ImageJudgeError
from .deferred_test import DeferredTest
from .early_submission import kinds_by_fixture, refuse_missing_judges, submit_early, used_kinds
from .failure import JudgeFailure, colour, explain_none, failure_repr, hide_frames
from .fixtures import EditJudgeFixture, ImageJudgeFixture
from .gpu_memory import out_of_memory_help
from .logging_guard import guard_loggers
from .manifest_items import ROW_JUDGING, RowJudging
from .marker import marker_values
from .parts import Parts
from .phases import run_phases
from .progress import EVERY
from .quarantine import Quarantine
from .refusal import refuse
from .report_data import carried, carry_failure
from .stash import EDIT_JUDGE, IMAGE_JUDGE, REFUSAL
from .state import usage_errors
from .worker_progress import Receiver
from .xdist_types import WorkerNode

_OF_THE_RUN = "imagejudge::"  # how the names of gates over the whole run begin


class Gate:
    """Hooks that pass the events of a run to the parts of the plugin."""

    def __init__(self, config: pytest.Config) -> None:
        guard_loggers()
        self.parts = parts = Parts(config)
        self._config, self._state = config, parts.state
        self._quarantine = Quarantine(parts.state.options.quarantine, parts.state.options.store)
        self._receiver: Receiver | None = None  # on xdist's controller
        self._body_passed = self._skipped = self._collected = False

    def pytest_configure(self, config: pytest.Config) -> None:
        """Give the fixtures and the rows of manifests the parts that they use."""
        parts = self.parts
        if not parts.state.is_worker:
            config.pluginmanager.register(parts.results.last_look, "imagejudge-last-look")
        config.stash[ROW_JUDGING] = RowJudging(parts.state, parts.submitter, parts.deferred, parts.notes)
        given = parts.state, parts.judges, parts.profiles, parts.submitter, parts.deferred
        if parts.state.settings["image"].configured:
            config.stash[IMAGE_JUDGE] = ImageJudgeFixture(*given)
        if parts.state.settings["edit"].configured:
            config.stash[EDIT_JUDGE] = EditJudgeFixture(*given)

    def pytest_report_header(self) -> list[str]:
        """Name the judges, the thresholds, and where answers are kept."""
        from ..engines.address import hide_credentials

        state, lines = self._state, []
        for kind, protocol in state.protocols.items():
            settings = state.settings[kind]
            what = settings.model or ", ".join(map(hide_credentials, settings.urls))
            name = "imagejudge" if kind == "image" else "imagejudge, edits"
            lines.append(f"{name}: {what}, protocol {protocol.name}")
        thresholds = state.from_root(self.parts.profiles.default.name)
        lines.append(f"imagejudge: thresholds {thresholds}, store {state.from_root(state.options.store or 'none')}")
        if words := self.parts.budget.words():
            lines.append(f"imagejudge: budget {words}")
        if words := self.parts.judging_time.words():
            lines.append(f"imagejudge: {words}")
        lines += [f"imagejudge: {words}" for words in self.parts.waiting.words()]
        return lines

    def pytest_sessionstart(self, session: pytest.Session) -> None:
        """Check, before any test runs, that the judges could start."""
        self.parts.results.begin()
        self._state.session = session
        if self._state.is_worker or self._state.runs_no_test:
            return
        self.parts.waiting.refuse_to_come_after(self._state.options.when == "after")
        for kind in self._state.protocols:
            with usage_errors():
                judge = self.parts.judges.get(kind)
                try:
                    judge.preflight()
                except ImageJudgeError as error:
                    # what is stored needs no engine: such a run may go on, and says what could not be judged
                    if not judge.has_stored():
                        raise
                    self.parts.progress.say(f"{error}\nonly images whose answers are stored can be judged")
                else:
                    self.parts.judging_time.preflight(judge)
                    if words := judge.engine.beside():
                        self.parts.progress.say(words)

    @pytest.hookimpl(trylast=True)
    def pytest_collection_modifyitems(self, items: list[pytest.Item]) -> None:
        """Check the profiles that markers name, and mark what is in quarantine; the markers are checked before."""
        for item in items:
            if REFUSAL not in item.stash and (source := marker_values(item).thresholds) is not None:
                try:
                    self.parts.profiles.load(source)
                except (ConfigError, TypeError, UserWarning) as error:  # a warning where pytest makes errors of them
                    refuse(item, pytest.UsageError(f"{item.nodeid}: marker imagejudge: {error}"))
            if REFUSAL not in item.stash:
                self._quarantine.mark(item)
        self._collected = True

    def pytest_deselected(self) -> None:
        """Remember that a plugin left out some of the tests."""
        self._quarantine.chosen = True

    @pytest.hookimpl(wrapper=True)
    def pytest_collection_finish(self, session: pytest.Session) -> Generator[None, object, object]:
        """Tell the controller what is asked, before xdist tells it that a worker is ready; submit what is known."""
        runs = self._collected and not self._state.runs_no_test  # pytest calls this after a failed collection too
        if runs and self._state.is_worker:
            self.parts.ahead.note(session.items)
        result = yield
        if runs and not self._state.is_controller:
            self._submit_known(session)
        return result

    def _submit_known(self, session: pytest.Session) -> None:
        """Submit rows of manifests and images that markers name, and have judges start; last, when no test is left out.

        On a worker nothing is submitted: it does not know which of its items it will run.
        """
        refuse_missing_judges(session.items, self._state)
        for words in self.parts.waiting.found_late([item for item in session.items if used_kinds(item)]):
            self.parts.progress.say(words)
        if self._state.is_worker:  # it has time until it hears which items it will run
            for kind in {used for item in session.items for used in used_kinds(item)} & set(self._state.protocols):
                self.parts.judges.get(kind).warm_up()
            return
        submit_early(session.items, self._state, self.parts.submitter)
        self.parts.ahead.begin(session.items)
        self.parts.progress.flush()
        self.parts.waiting.refuse_to_come_after(bool(self.parts.judging_time.after))

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtest_protocol(self, item: pytest.Item, nextitem: pytest.Item | None) -> bool | None:
        """Run one test; keep its reports back where verdicts decide it."""
        if self.parts.waiting.runs_elsewhere(item):
            return None
        self._state.own = None if self.parts.waiting.why(item) else item
        item.ihook.pytest_runtest_logstart(nodeid=item.nodeid, location=item.location)
        reports: list[pytest.TestReport] = []
        try:
            run_phases(item, nextitem, reports, lambda: self._body_passed)
        finally:
            self._state.own = None
            if reports:
                test = DeferredTest(item, reports, passed=self._body_passed, skipped=self._skipped)
                self.parts.deferred.finish(test)
        item.ihook.pytest_runtest_logfinish(nodeid=item.nodeid, location=item.location)
        return True

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtest_setup(self, item: pytest.Item) -> None:
        """Remember which test is running, from its start or once more."""
        self._state.item, self._state.tearing_down = item, False
        self.parts.deferred.running.begin(item.nodeid)

    @pytest.hookimpl(wrapper=True, tryfirst=True)
    def pytest_runtest_call(self, item: pytest.Item) -> Generator[None, object, object]:
        """Have a test that stays for its verdicts wait for them.

        The thresholds' fixture is read first: while fixtures are torn down, which may expect too, it can't be.
        """
        if kinds_by_fixture(item):
            self.parts.profiles.of_fixture(item)
        return (yield from self._settled(item))

    def _settled(self, item: pytest.Item) -> Generator[None, object, object]:
        """Run a phase of a test to its end, and settle its verdicts where its reports are not in our hands."""
        passed = False
        try:
            result = yield
            passed = True
        except (KeyboardInterrupt, pytest.exit.Exception):
            raise
        except BaseException:
            self._settle(item, passed=False)
            raise
        self._settle(item, passed=passed)
        return result

    def _settle(self, item: pytest.Item, *, passed: bool) -> None:
        if self._state.own is not item:
            self.parts.deferred.running.settle(item.nodeid, passed=passed)

    @pytest.hookimpl(wrapper=True)
    def pytest_fixture_setup(self, fixturedef: pytest.FixtureDef[Any]) -> Generator[None, object, object]:
        """Remember whether a fixture of several tests is being set up."""
        before = self._state.in_shared_fixture
        self._state.in_shared_fixture = before or fixturedef.scope != "function"
        try:
            return (yield)
        finally:
            self._state.in_shared_fixture = before

    @pytest.hookimpl(wrapper=True, tryfirst=True)
    def pytest_runtest_teardown(self, item: pytest.Item) -> Generator[None, object, object]:
        """Remember that fixtures are going away, settle what they expect, and warn of a marker that judged nothing."""
        self._state.tearing_down = True
        result = yield from self._settled(item)
        if self._body_passed:
            self.parts.submitter.warn_of_unjudged(item)
        return result

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_makereport(
        self, item: pytest.Item, call: pytest.CallInfo[None]
    ) -> Generator[None, pytest.TestReport, pytest.TestReport]:
        """Attach entries to the report, for this process or for xdist's controller."""
        hide_frames(call)
        explain_none(call, self._state.missing_figures)
        report = yield
        self._skipped = report.skipped or (self._skipped and call.when == "teardown")
        if call.when == "setup":
            self._body_passed = False
        elif call.when == "call":
            # not the outcome, which xfail may have turned
            self._body_passed = call.excinfo is None and not _has_failed_subtest(item)
        self.parts.notes.attach(report)
        failure = None if call.excinfo is None else call.excinfo.value
        if isinstance(failure, JudgeFailure):
            self.parts.deferred.running.came_out(item.nodeid, failure)
            if failure.where:
                report.longrepr = failure_repr(str(failure), failure.where, self._config)
        elif report.failed and kinds_by_fixture(item):
            carry_failure(report, failure)
            self.parts.notes.show_scored(report)
        if words := out_of_memory_help(call, self.parts.judges.used()):
            self.parts.ahead.ran_out_of_memory()
            report.sections.append(("image judge", words))
        if call.when == "teardown":
            self._state.item, self._state.tearing_down = None, False
            self._state.missing_figures.clear()
            self.parts.notes.forget_scored(item.nodeid)
        return report

    @pytest.hookimpl(wrapper=True)
    def pytest_runtestloop(self, session: pytest.Session) -> Generator[None, object, object]:
        """Wait, after the last test, for outstanding verdicts; then decide and log."""
        try:
            result = yield
            if not self._state.runs_no_test:
                self.parts.end.settle("the judge ended before this was judged")
        except session.Failed:
            self.parts.end.abandon("stopped by -x or --maxfail before this was judged")
            raise
        except BaseException:
            self.parts.end.abandon("the run was interrupted before this was judged")
            raise
        if not (self._state.is_worker or self._state.runs_no_test):
            self.parts.results.decide_run(session, self.parts.profiles.default)
        return result

    def pytest_report_teststatus(
        self, report: pytest.CollectReport | pytest.TestReport
    ) -> tuple[str, str, str | tuple[str, dict[str, bool]]] | None:
        """Say with ``-v`` that the outcome of a test comes later, and call an undecided gate so."""
        if report.skipped and report.nodeid.startswith(_OF_THE_RUN):
            return "undecided", "?", ("UNDECIDED", {"purple": True})
        if report.when == "setup" and report.passed and carried(report).get("deferred"):
            return "", "", "judged later"
        return None

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Collect entries from a report."""
        self.parts.notes.logged(report)
        if not self._state.is_worker:
            if hasattr(report, "node"):  # xdist: while the workers run tests there is time for what the end needs
                from ..renderers import terminal_summary  # noqa: F401
            self._quarantine.note(report)
            if report.skipped and not hasattr(report, "context"):  # a subtest's report has one
                self.parts.results.excused.add(report.nodeid)
            elif report.failed:
                colour(report)
            self.parts.handover.collect(report)

    @pytest.hookimpl(optionalhook=True)
    def pytest_configure_node(self, node: WorkerNode) -> None:
        """Give a starting worker of xdist the terminal's width and the folder for progress."""
        self.parts.budget.give(node)
        self.parts.results.copies.give(node)
        node.workerinput["imagejudge_width"] = self.parts.words.width
        progress = self.parts.progress
        self._receiver = self._receiver or Receiver(progress.say, progress.say_how_far, progress.flush, EVERY)
        node.workerinput["imagejudge_progress"] = str(self._receiver.folder)

    @pytest.hookimpl(optionalhook=True)
    def pytest_xdist_node_collection_finished(self) -> None:
        """Have the judges start that the tests may ask, as soon as xdist's controller knows of them."""
        if self._receiver is not None:
            self.parts.ahead.begin_noted(self._receiver.folder)
            self.parts.progress.flush()

    @pytest.hookimpl(optionalhook=True)
    def pytest_testnodedown(self, node: WorkerNode, error: object) -> None:
        """Take over the results of a worker of xdist that has ended, and the tests that it left undecided."""
        self.parts.budget.bury(node)
        self.parts.handover.take_over(node, error)

    @pytest.hookimpl(tryfirst=True)
    def pytest_sessionfinish(self, session: pytest.Session) -> None:
        """End the judges and write the reports."""
        if self._receiver is not None:
            self._receiver.close()
        self.parts.results.report.run.quarantined = self._quarantine.take() or None
        self.parts.results.lines += self._quarantine.idle(session)
        try:  # of a run that was stopped fixtures are still up, and may use a judge as they go
            session._setupstate.teardown_exact(None)
        finally:
            self.parts.end.close(session)

    @pytest.hookimpl(tryfirst=True)
    def pytest_terminal_summary(self, terminalreporter: Any) -> None:
        """Print the tree over all images."""
        self.parts.results.print(terminalreporter)

    def pytest_unconfigure(self) -> None:
        """Close the judges, whatever happened, so that no engine keeps running."""
        self.parts.judges.close()
        self.parts.results.copies.close()


def _has_failed_subtest(item: pytest.Item) -> bool:
    """Tell whether a subtest of ``item`` failed, by which pytest 9 and later fail the test when it is reported."""
    try:
        from _pytest.subtests import failed_subtests_key
    except ImportError:
        return False
    failed = item.config.stash.get(failed_subtests_key, None)
    name: Any = item.id if hasattr(item, "id") else item.nodeid
    return bool(failed and failed.get(name))
