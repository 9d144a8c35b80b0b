"""The gate: pytest's hooks of a run for which a judge is asked.

A test that only *expects* (`expect`, a manifest's row) ends before it is judged. Its reports are held back until
its verdicts are in, and logged once, with the outcome that they give. See `held`.
"""

from __future__ import annotations

from collections.abc import Generator
from typing import Any

import pytest

from ..errors import ConfigError, ImageJudgeError
from .asking import Asking, usage
from .failure import JudgeFailure, colour, explain_none, failure_repr, hide_frames
from .fixtures import EditJudgeFixture, ImageJudgeFixture
from .held import Holding
from .loggers import guard
from .manifest import RowItem
from .marker import WRONG, refuse, wish_of
from .phases import run_phases
from .progress import EVERY
from .relay import Ear
from .waiting import Held
from .when import When, out_of_memory_help

_FIXTURES = {"image_judge": "image", "edit_judge": "edit"}
_SHOWS_ONLY = ("collectonly", "setuponly", "setupplan", "showfixtures", "show_fixtures_per_test", "cacheshow")


class Gate(Asking):
    """One run's judges, expectations and results."""

    def __init__(self, config: pytest.Config) -> None:
        guard()
        super().__init__(config)
        self.holding = Holding(self)
        self.when = When(self)
        self._ear: Ear | None = None
        self._body_passed = self._skipped = self._collected = False

    @property
    def is_controller(self) -> bool:
        """Whether xdist's workers run the tests and this process only collects."""
        return self.config.pluginmanager.has_plugin("dsession")

    @property
    def runs_no_test(self) -> bool:
        """Whether pytest only shows something: nothing is judged then, and no report written over."""
        option = self.config.option
        return any(getattr(option, name, False) for name in _SHOWS_ONLY)

    def image_fixture(self) -> ImageJudgeFixture:
        """What ``image_judge`` returns."""
        return ImageJudgeFixture(self)

    def edit_fixture(self) -> EditJudgeFixture:
        """What ``edit_judge`` returns."""
        return EditJudgeFixture(self)

    # -- hooks: the run ------------------------------------------------------------------------------------

    def pytest_report_header(self) -> list[str]:
        """What judges, by which bounds, and where answers are kept."""
        from ..engines.address import hide_credentials

        lines = []
        for kind, settings in self.settings.items():
            if settings.configured:
                what = settings.model or ", ".join(map(hide_credentials, settings.urls))
                name = "imagejudge" if kind == "image" else "imagejudge, edits"
                lines.append(f"{name}: {what}, protocol {self.protocols[kind].name}")
        thresholds, store = self._from_root(self.default_profile.name), self._from_root(self.options.store or "none")
        lines.append(f"imagejudge: thresholds {thresholds}, store {store}")
        if words := self.when.words():
            lines.append(f"imagejudge: {words}")
        return lines

    def pytest_sessionstart(self, session: pytest.Session) -> None:
        """Check, before any test runs, that the judges could start."""
        self.results.begin()
        self.holding.session = session
        if self.is_worker or self.runs_no_test:
            return
        for kind in self.protocols:
            with usage():
                judge = self.judge(kind)
                try:
                    judge.preflight()
                except ImageJudgeError as error:
                    # what is stored needs no engine: such a run may go on, and says what could not be judged
                    if not judge.has_stored():
                        raise
                    self.progress.say(f"{error}\nonly images whose answers are stored can be judged")
                else:
                    self.when.preflight(judge)
                    if words := judge.engine.beside():
                        self.progress.say(words)

    @pytest.hookimpl(trylast=True)
    def pytest_collection_modifyitems(self, items: list[pytest.Item]) -> None:
        """Check the profiles that markers name; what is wrong with the markers themselves is found before."""
        for item in items:
            if WRONG not in item.stash and (source := wish_of(item).thresholds) is not None:
                try:
                    self._load(source)
                except (ConfigError, TypeError) as error:
                    refuse(item, pytest.UsageError(f"{item.nodeid}: marker imagejudge: {error}"))
        self._collected = True

    @pytest.hookimpl(trylast=True)
    def pytest_collection_finish(self, session: pytest.Session) -> None:
        """Submit what is known in advance: rows of manifests and images that markers name."""
        if not self._collected:
            return  # pytest calls this after an error in the collection too
        if self.is_controller or self.runs_no_test:
            return
        if self.is_worker:  # it does not know which of its items it will run, and now waits to hear it
            for kind in {used for item in session.items for used in _used(item)} & set(self.protocols):
                self.judge(kind).warm_up()
            return
        self.holding.submit_known(session.items)

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtest_protocol(self, item: pytest.Item, nextitem: pytest.Item | None) -> bool | None:
        """Run one test; hold its reports back where its outcome waits for verdicts."""
        if self._waits(item):
            return None
        item.ihook.pytest_runtest_logstart(nodeid=item.nodeid, location=item.location)
        reports: list[pytest.TestReport] = []
        try:
            run_phases(item, nextitem, reports, lambda: self._body_passed)
        finally:
            if reports:
                self.holding.take(Held(item, reports, passed=self._body_passed, skipped=self._skipped))
        item.ihook.pytest_runtest_logfinish(nodeid=item.nodeid, location=item.location)
        return True

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtest_setup(self, item: pytest.Item) -> None:
        """Remember which test is running."""
        self.item = item

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtest_call(self, item: pytest.Item) -> None:
        """Ask the thresholds' fixture now: while fixtures are torn down, which may expect too, it can't be asked."""
        if _by_fixture(item):
            self._of_fixture(item)

    @pytest.hookimpl(wrapper=True)
    def pytest_fixture_setup(self, fixturedef: pytest.FixtureDef[Any]) -> Generator[None, object, object]:
        """Remember whether a fixture of several tests is being set up."""
        before = self.in_shared_fixture
        self.in_shared_fixture = before or fixturedef.scope != "function"
        try:
            return (yield)
        finally:
            self.in_shared_fixture = before

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtest_teardown(self) -> None:
        """Remember that fixtures are going away."""
        self.tearing_down = True

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_makereport(
        self, item: pytest.Item, call: pytest.CallInfo[None]
    ) -> Generator[None, pytest.TestReport, pytest.TestReport]:
        """Attach what was judged to the report, for this process or for xdist's controller."""
        hide_frames(call)
        explain_none(call, self.nones)
        report = yield
        self._skipped = report.skipped or (self._skipped and call.when == "teardown")
        if call.when == "setup":
            self._body_passed = False
        elif call.when == "call":
            # not the outcome, which xfail may have turned
            self._body_passed = call.excinfo is None and not _has_failed_subtest(item)
        self.holding.attach(report)
        failure = None if call.excinfo is None else call.excinfo.value
        if isinstance(failure, JudgeFailure):
            if failure.where:
                report.longrepr = failure_repr(str(failure), failure.where, self.config)
        elif report.failed and _by_fixture(item):
            self.holding.fail(report, failure)
        if words := out_of_memory_help(call, self.judges()):
            report.sections.append(("image judge", words))
        if call.when == "teardown":
            self.item, self.tearing_down = None, False
            self.nones.clear()
        return report

    @pytest.hookimpl(wrapper=True)
    def pytest_runtestloop(self, session: pytest.Session) -> Generator[None, object, object]:
        """When the last test is over: wait for what is outstanding, decide, and log."""
        try:
            result = yield
            if not self.runs_no_test:
                self.holding.settle("the judge ended before this was judged")
        except session.Failed:
            self.holding.abandon("stopped by -x or --maxfail before this was judged")
            raise
        except BaseException:
            self.holding.abandon("the run was interrupted before this was judged")
            raise
        if not (self.is_worker or self.runs_no_test):
            self.results.decide_run(session, self.default_profile)
        return result

    def pytest_report_teststatus(self, report: pytest.CollectReport | pytest.TestReport) -> tuple[str, str, str] | None:
        """With ``-v``: that the outcome of a test comes later."""
        if report.when == "setup" and report.passed and getattr(report, "imagejudge", {}).get("held"):
            return "", "", "judged later"
        return None

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Collect what was judged."""
        if not self.is_worker:
            if hasattr(report, "node"):  # xdist: while the workers run tests there is time for what the end needs
                from ..renderers import terminal_summary  # noqa: F401
            if report.skipped:
                self.results.excused.add(report.nodeid)
            elif report.failed:
                colour(report)
            self.holding.collect(report)

    @pytest.hookimpl(optionalhook=True)
    def pytest_configure_node(self, node: Any) -> None:
        """xdist: a worker starts; its failures will be shown here."""
        node.workerinput["imagejudge_width"] = self.holding.width
        self._ear = self._ear or Ear(self.progress, EVERY)
        node.workerinput["imagejudge_relay"] = str(self._ear.folder)

    @pytest.hookimpl(optionalhook=True)
    def pytest_testnodedown(self, node: Any, error: object) -> None:
        """xdist: a worker has ended; take over what it held, or left undecided."""
        self.holding.take_over(node, error)

    @pytest.hookimpl(tryfirst=True)
    def pytest_sessionfinish(self, session: pytest.Session) -> None:
        """End the judges and write the reports."""
        if self._ear is not None:
            self._ear.close()
        try:  # of a run that was stopped fixtures are still up, and may ask a judge when they go
            session._setupstate.teardown_exact(None)
        finally:
            self._end(session)

    def _end(self, session: pytest.Session) -> None:
        self.holding.keep_rest()
        self._forget_undecided_in_junit()
        for kind, judge in self._judges.items():
            self.results.count(kind, judge)
        try:
            self.close()
        finally:  # whatever becomes of the engines
            if self.is_worker:
                self.holding.send_home()
            elif not self.runs_no_test:
                self.results.write(session)

    def _forget_undecided_in_junit(self) -> None:
        """Of a test whose outcome never came JUnit's plugin saw the setup: it would write a case without a name."""
        from _pytest.junitxml import xml_key

        if self.results.undecided and (xml := self.config.stash.get(xml_key, None)) is not None:
            xml.node_reporters_ordered[:] = [
                case for case in xml.node_reporters_ordered if getattr(case, "attrs", None) != {}
            ]

    @pytest.hookimpl(tryfirst=True)
    def pytest_terminal_summary(self, terminalreporter: Any) -> None:
        """Print the tree over all images."""
        self.results.print(terminalreporter)

    def pytest_unconfigure(self) -> None:
        """Whatever happened: no engine stays."""
        self.close()

    def close(self) -> None:
        """Give every judge's engine back. Safe to call twice."""
        self._over = True
        while self._judges:
            _, judge = self._judges.popitem()
            judge.close()


def _used(item: pytest.Item) -> set[str]:
    """The kinds of judges that a test, or a manifest's row, asks."""
    return {item.kind} if isinstance(item, RowItem) else _by_fixture(item)


def _by_fixture(item: pytest.Item) -> set[str]:
    """The kinds of judges whose fixtures a test uses."""
    return {kind for name, kind in _FIXTURES.items() if name in getattr(item, "fixturenames", ())}


def _has_failed_subtest(item: pytest.Item) -> bool:
    """Whether a subtest of ``item`` failed, by which pytest 9 and later fail the test when it is reported."""
    try:
        from _pytest.subtests import failed_subtests_key
    except ImportError:
        return False
    failed = item.config.stash.get(failed_subtests_key, None)
    name: Any = item.id if hasattr(item, "id") else item.nodeid
    return bool(failed and failed.get(name))
