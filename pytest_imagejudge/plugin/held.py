"""Tests whose outcome waits for verdicts: their reports are held, decided, and logged once.

Under xdist a worker may log only reports of its running item, so what it holds travels home when it ends. The
setup report, which is logged at once, carries what the test expects: a worker that dies loses nothing that was kept.
"""

from __future__ import annotations

import json
import queue
import shutil
import threading
from collections import deque
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from ..errors import ConfigError, ImageError
from ..inputs.manifest import Row, RowError, read_manifest
from ..renderers.explanations import advice, headline
from ..renderers.junit import properties
from ..session.task import Task
from .expectation import AnyEntry, Expectation, failing, plain_text
from .failure import failure_repr
from .manifest import RowItem
from .marker import wish_of
from .pending import Pending
from .waiting import Held, Waits, expected_failure, fail, forgives, passed_reports

if TYPE_CHECKING:
    from .gate import Gate

MOST_SHOWN = 100  # images of one test whose failure is shown


class Holding:
    """What is held, and what becomes of it."""

    def __init__(self, gate: Gate) -> None:
        self._gate = gate
        self._config = gate.config
        self._thread = threading.get_ident()  # of pytest
        # of the terminal that will show the reports: taken now, for it isn't known while a test's output is caught
        self.width: int = getattr(gate.config, "workerinput", {}).get("imagejudge_width", 0)
        self.width = self.width or shutil.get_terminal_size().columns
        self._held: dict[int, Held] = {}
        self._ready: queue.SimpleQueue[Held] = queue.SimpleQueue()
        self._pending: dict[str | None, Waits] = {}  # of the test that runs
        self._known: dict[str, Expectation] = {}
        self._orphans: list[Expectation] = []  # of tests whose outcome stands without them
        self._told: set[str] = set()
        self._notes: dict[str | None, list[AnyEntry]] = {}
        self._remote: dict[str, pytest.TestReport] = {}
        self._left: list[Held] = []  # by workers that died, and not submitted yet
        self._home: list[dict[str, Any]] = []
        self.session: pytest.Session | None = None  # set when it starts
        self._waiting = Pending(gate.options.rootpath / ".imagejudge" / "pending")

    # -- while a test runs ----------------------------------------------------------------------------------

    def note(self, test: str | None, entries: Sequence[AnyEntry]) -> None:
        """Remember entries for the next report of ``test``."""
        self._notes.setdefault(test, []).extend(entries)
        if self._gate.item is not None:
            self._gate.item.user_properties += self._properties(entries)

    def defer(self, expected: Expectation) -> None:
        """Let the outcome of the running test wait for ``expected``."""
        waits = self._pending.setdefault(expected.test, Waits())
        waits.open.append(expected)
        if expected.kind in self._gate.when.after:
            self._waiting.add(expected)
        if not self._gate.is_worker and threading.get_ident() == self._thread:  # a test may have threads of its own
            self._take_in(waits)

    def submit_known(self, items: Sequence[pytest.Item]) -> None:
        """Submit rows of manifests and images that markers name, before the first test runs."""
        gate = self._gate
        for item in items:
            gate.item = item
            if isinstance(item, RowItem):
                if item.judged:
                    try:
                        self._known[item.nodeid] = gate.ask_row(item)
                    except Exception:  # noqa: BLE001, S110 - it is that row's error, and raised again when the row runs
                        pass
            elif gate.options.image.configured and (wish := wish_of(item)).image is not None:
                judge = gate.judge("image")
                names = wish.dimensions or gate.dimensions or judge.protocol.dimensions
                try:
                    image = judge.take(wish.image)
                except (TypeError, ImageError) as error:
                    raise pytest.UsageError(f"{item.nodeid}: marker imagejudge: image: {error}") from None
                judge.session.submit(Task(plain_text("prompt", wish.prompt), (image,), names, awaited=False))
        gate.item = None

    def known(self, nodeid: str) -> Expectation | None:
        """What was submitted beforehand for a row."""
        return self._known.pop(nodeid, None)

    def explain(self, entries: Sequence[AnyEntry]) -> str:
        """Why entries fail their test, in words; with ``-v`` the first has its tree: a test may hand over hundreds."""
        from ..renderers.terminal_failure import failure_text  # rich, which a worker without failures does not need

        width = min(self.width, 140)
        verbose = self._config.getoption("verbose", 0) > 0
        texts: list[str] = []
        for entry in entries[:MOST_SHOWN]:
            words = advice(entry)
            # what all failures of a run would repeat: what to do, and of a server that died the end of its log
            new, log = words not in self._told, entry.error not in self._told
            self._told |= {words, entry.error}
            tree = verbose and not texts
            texts.append(failure_text(entry, width=width, color=False, advice=new, tree=tree, log=log))
        if len(entries) > 1:
            more = f"; the first {MOST_SHOWN} are shown" if len(entries) > MOST_SHOWN else ""
            texts.append(f"{len(entries)} images of this test failed{more}.\n")
        return "\n".join(texts)

    def _properties(self, entries: Sequence[AnyEntry]) -> list[tuple[str, str]]:
        """What JUnit's file says of entries; nothing where none is written."""
        if not getattr(self._config.option, "xmlpath", None):
            return []
        return [pair for entry in entries for pair in properties(entry)]

    def attach(self, report: pytest.TestReport) -> None:
        """Let ``report`` carry the entries that its test has so far."""
        if entries := self._notes.pop(report.nodeid, None):
            self._carry(report, entries)

    def fail(self, report: pytest.TestReport, failure: BaseException | None) -> None:
        """Let ``report`` say that its test failed for another reason than what was judged."""
        words = str(report.longrepr) if failure is None else f"{type(failure).__name__}: {failure}"
        carried = getattr(report, "imagejudge", {})
        report.imagejudge = {**carried, "failure": words.partition("\n")[0][:300]}  # type: ignore[attr-defined]

    # -- when a test has run --------------------------------------------------------------------------------

    def take(self, held: Held) -> None:
        """Log a test's reports, or hold them until its verdicts are in."""
        nodeid = held.reports[0].nodeid
        waits = self._pending.pop(nodeid, None)
        if waits is None or not held.passed:
            if waits is not None:
                for expected in waits.open:
                    expected.shared = expected.shared and held.skipped
                self._orphans += waits.open
                self._gate.results.stray += waits.shared if held.skipped else ()
            for report in held.reports:
                self._log(report, held)
            self.flush()
            return
        held.waits = waits
        if any(report.failed for report in held.reports) and self._config.getoption("maxfail", 0):
            self._wait_now(waits)  # a teardown's failure may be the one at which the run is to stop
        setup, *held.reports = held.reports
        setup.imagejudge = {**getattr(setup, "imagejudge", {}), "held": True}  # type: ignore[attr-defined]
        held.forgiven = held.item is None or forgives(held.item)
        if self._gate.is_worker:
            setup.imagejudge = {  # type: ignore[attr-defined]
                **getattr(setup, "imagejudge", {}),
                "pending": [expected.dump() for expected in waits.open],
                "forgiven": held.forgiven,
                "xfail": expected_failure(held.item),
                "files": [str(file) for file in self._waiting.files],
            }
        self._log(setup, held)
        self._hold(held)
        self.flush()

    def _wait_now(self, waits: Waits) -> None:
        gate = self._gate
        if not any(expected.kind in gate.when.after for expected in waits.open):
            gate.progress.wait((future for expected in waits.open for future in expected.futures), gate.judges())

    def _carry(self, report: pytest.TestReport, entries: Sequence[AnyEntry]) -> None:
        """Let ``report`` carry ``entries``: as JSON where it travels to another process."""
        carried = getattr(report, "imagejudge", {})
        plain = self._gate.is_worker or hasattr(report, "node")
        added = [_plain(entry) for entry in entries] if plain else entries
        carried["entries"] = [*carried.get("entries", ()), *added]
        report.imagejudge = carried  # type: ignore[attr-defined]

    def _hold(self, held: Held) -> None:
        self._held[id(held)] = held
        for expected in held.waits.open:
            for future in expected.futures:
                future.add_done_callback(lambda _: self._ready.put(held))
        if not held.waits.open:  # all was judged while the test ran
            self._ready.put(held)

    def flush(self) -> None:
        """Take in what is judged, and log the tests that are decided by it, between two tests."""
        self._gate.progress.flush()
        if self._gate.is_worker:
            return
        while True:
            try:
                held = self._ready.get_nowait()
            except queue.Empty:
                return
            if not held.logged:
                self._take_in(held.waits)
                if not held.waits.open:
                    self._decide(held, "")

    def _take_in(self, waits: Waits) -> None:
        """Make entries of what is judged, in order, so that no more verdicts are held than came out of order."""
        while waits.open and waits.open[0].done:
            self._enter(waits, waits.open.popleft(), "")

    def _enter(self, waits: Waits, expected: Expectation, reason: str) -> None:
        entries = expected.entries(expected.verdicts(reason))
        waits.failed += failing(entries)
        waits.shared += _shared(expected, entries)
        waits.properties += self._properties(entries)
        self._keep(entries)

    def _decide(self, held: Held, reason: str) -> None:
        """Log a held test with the outcome that its verdicts give, unless that is one failure more than asked for."""
        waits, call = held.waits, held.reports[0]
        while waits.open:
            self._enter(waits, waits.open.popleft(), reason)
        if waits.failed:
            text = failure_repr(self.explain(waits.failed), waits.failed[0].where, self._config)
            fail(call, text, forgiven=held.forgiven)
        held.logged = True
        self._held.pop(id(held), None)
        if self._is_too_much(call):
            return
        held.reports[-1].user_properties += waits.properties
        if self._gate.is_worker:
            self._home.append({"reports": [self._dump(report) for report in held.reports]})
            return
        for report in held.reports:
            self._log(report, held)

    def _is_too_much(self, call: pytest.TestReport) -> bool:
        """Whether this failure is one more than ``-x`` or ``--maxfail`` allow; its test counts as undecided then."""
        limit = self._config.getoption("maxfail", 0)
        if not (call.failed and limit and self.session is not None and self.session.testsfailed >= limit):
            return False
        self._gate.results.undecided.append(call.nodeid)
        return True

    def _log(self, report: pytest.TestReport, held: Held) -> None:
        if held.node is not None:
            report.node = held.node  # type: ignore[attr-defined]
        hook = held.item.ihook if held.item is not None else self._config.hook
        self._gate.progress.erase()
        hook.pytest_runtest_logreport(report=report)

    # -- when the last test has run -------------------------------------------------------------------------

    def settle(self, reason: str) -> None:
        """Wait for everything that is held, and decide it. ``reason`` is said of what is not judged even then.

        Raises:
            pytest.Session.Failed, pytest.Session.Interrupted: the run is to stop; `abandon` does the rest.
        """
        gate = self._gate
        if gate.is_worker and gate.when.after:
            # the GPU is free only when every worker is gone: the controller judges
            self._home += [self._undecided(held) for held in self._held.values()]
            self._home += [{"orphan": expected.dump()} for expected in self._orphans]
            self._home += [{"file": str(file)} for file in self._waiting.files]
            self._held.clear()
            self._orphans.clear()
            return
        self._adopt_all(submit=True)
        self._take_up()
        gate.when.begin()
        futures = (f for held in self._held.values() for e in held.waits.open for f in e.futures)
        gate.progress.wait(futures, gate.judges(), self._meanwhile)  # decided as they come, so that none piles up
        gate.progress.wait((f for expected in self._orphans for f in expected.futures), gate.judges())
        self._decide_all(reason, wait=True)
        self._waiting.done()
        self._stop()

    def abandon(self, reason: str) -> None:
        """The run stops: decide what is judged by now; the rest is an error of the run, not of its tests."""
        self._adopt_all(submit=False)
        self._decide_all(reason, wait=False)
        self.keep_rest(reason)
        self._gate.results.needs_images = bool(self._waiting.files)
        self._gate.results.lines += [
            f"kept to be judged by the next run, or by: imagejudge score {file}" for file in self._waiting.files
        ]

    def keep_rest(self, reason: str = "the run ended before this was judged") -> None:
        """Keep what no report of a test has taken along."""
        for waits in self._pending.values():
            for expected in waits.open:
                self._report(expected, reason)
        self._pending.clear()
        for entries in self._notes.values():
            self._keep(entries)
        self._notes.clear()

    def _meanwhile(self) -> None:
        self.flush()
        self._stop()

    def _stop(self) -> None:
        """Stop the run where a verdict was the failure at which it is to stop, as pytest does between two tests."""
        session = self.session
        if session is not None and not self._gate.is_worker:
            if session.shouldfail:
                raise session.Failed(session.shouldfail)
            if session.shouldstop:
                raise session.Interrupted(session.shouldstop)

    def _decide_all(self, reason: str, *, wait: bool) -> None:
        for held in list(self._held.values()):
            if wait or held.waits.done:
                self._decide(held, reason)
            else:
                for expected in held.waits.open:
                    self._report(expected, reason)
                self._gate.results.undecided.append(held.reports[0].nodeid)
                del self._held[id(held)]
        while self._orphans:
            self._report(self._orphans.pop(0), reason)
        while not self._ready.empty():
            self._ready.get_nowait()  # decided above

    def _take_up(self) -> None:
        """Judge what a run that was killed left behind; it belongs to no test of this one."""
        if self._gate.is_worker:
            return
        for kind in self._gate.protocols:
            if not self._gate.judge(kind).session.stats.submitted:
                continue  # a run that judges nothing of its own starts no judge for another's
            for file in self._waiting.left(kind):
                self._take_up_file(file)

    def _take_up_file(self, file: Path) -> None:
        lines = self._gate.results.lines
        try:
            rows = list(read_manifest(file)) if file.stat().st_size else []  # empty: killed before it was written
        except (ConfigError, OSError) as error:
            lines.append(f"not judged, from a run that was cut off: {error}; delete the file to hear no more of it")
            return
        self._orphans += [self._gate.ask_left(row) for row in rows if isinstance(row, Row)]
        lines += [
            f"not judged, from a run that was cut off: {file}: {row}" for row in rows if isinstance(row, RowError)
        ]
        self._waiting.files.add(file)
        if rows:
            lines.append(f"judged too, from a run that was cut off: {file}")

    def _report(self, expected: Expectation, reason: str) -> None:
        entries = expected.entries(expected.verdicts(reason))
        self._keep(entries)
        self._gate.results.stray += _shared(expected, entries)

    def _keep(self, entries: Sequence[AnyEntry]) -> None:
        if self._gate.is_worker:
            self._home.append({"entries": [_plain(entry) for entry in entries]})
        else:
            self._gate.results.add(entries)

    # -- xdist: from a worker to the controller -------------------------------------------------------------

    def _dump(self, report: pytest.TestReport) -> dict[str, Any]:
        data: dict[str, Any] = self._config.hook.pytest_report_to_serializable(config=self._config, report=report)
        return data

    def _restore(self, data: dict[str, Any]) -> pytest.TestReport:
        report: pytest.TestReport = self._config.hook.pytest_report_from_serializable(config=self._config, data=data)
        return report

    def _undecided(self, held: Held) -> dict[str, Any]:
        return {
            "expected": [expected.dump() for expected in held.waits.open],
            "reports": [self._dump(report) for report in held.reports],
            "forgiven": held.forgiven,
        }

    def send_home(self) -> None:
        """On a worker, at its end: hand what is held to the controller."""
        self._config.workeroutput["imagejudge"] = {  # type: ignore[attr-defined]
            "held": self._home,
            "run": self._gate.results.run_counts(),
            "undecided": self._gate.results.undecided,
            "stray": self._gate.results.stray,
        }

    def collect(self, report: pytest.TestReport) -> None:
        """On a report that is logged: keep its entries, and what it leaves undecided on a worker."""
        if self._left:
            self._adopt_early()
        carried = getattr(report, "imagejudge", None)
        if not carried:
            return
        if "failure" in carried and report.failed:
            self._gate.results.add_failed_test(report.nodeid, carried["failure"])
        entries = carried.pop("entries", ())  # the terminal keeps every report to the end
        self._gate.results.add_plain(entries, counts=str(report.outcome) != "rerun")  # pytest-rerunfailures'
        if "pending" in carried and hasattr(report, "node"):
            self._remote[report.nodeid] = report

    def take_over(self, node: Any, error: object) -> None:
        """On the controller, when a worker has ended."""
        data = getattr(node, "workeroutput", {}).pop("imagejudge", {})  # pytest.exit() in a worker ends it twice
        self._gate.results.add_counts(data.get("run", {}))
        self._gate.results.stray += data.get("stray", ())
        for nodeid in data.get("undecided", ()):
            self._gate.results.undecided.append(nodeid)
            self._remote.pop(nodeid, None)
        for row in data.get("held", ()):
            if "orphan" in row:
                self._orphans.append(self._submit(Expectation.load(row["orphan"])))
            if "file" in row:
                self._waiting.files.add(Path(row["file"]))
            if "entries" in row:
                self._gate.results.add_plain(row["entries"])
            if "reports" not in row:
                continue
            reports = [self._restore(report) for report in row["reports"]]
            held = Held(None, reports, node=node, forgiven=row.get("forgiven", True))
            self._remote.pop(held.reports[0].nodeid, None)
            if "expected" in row:
                held.waits.open += [self._submit(Expectation.load(expected)) for expected in row["expected"]]
                self._hold(held)
            elif not self._is_too_much(held.reports[0]):
                for report in held.reports:
                    self._log(report, held)
        if error:
            self._inherit([report for report in self._remote.values() if report.node is node])
            self._adopt_early()

    def _inherit(self, setups: Sequence[Any]) -> None:
        """Note what workers that died left undecided, from the setup reports of its tests."""
        for setup in setups:
            del self._remote[setup.nodeid]
            carried = setup.imagejudge
            self._waiting.files.update(map(Path, carried["files"]))
            waits = Waits(deque(Expectation.load(data) for data in carried["pending"]))
            reports = passed_reports(setup, carried["xfail"])
            self._left.append(Held(None, reports, waits, node=setup.node, forgiven=carried["forgiven"]))

    def _adopt_early(self) -> None:
        """Take over what dead workers left while others use its judges' servers: later these would be started anew."""
        in_use = {kind for kind in self._gate.protocols if self._gate.judge(kind).engine.in_use()}
        left, self._left = self._left, []
        for held in left:
            if {expected.kind for expected in held.waits.open} <= in_use:
                self._adopt(held, submit=True)
            else:
                self._left.append(held)

    def _adopt_all(self, *, submit: bool) -> None:
        """Take over all that workers that died left undecided: judged where its images were kept."""
        self._inherit(list(self._remote.values()))
        while self._left:
            self._adopt(self._left.pop(0), submit=submit)

    def _adopt(self, held: Held, *, submit: bool) -> None:
        for expected in held.waits.open if submit else ():
            self._submit(expected)
        self._hold(held)

    def _submit(self, expected: Expectation) -> Expectation:
        return self._gate.submit(self._gate.judge(expected.kind), expected, urgent=False)


def _plain(entry: AnyEntry) -> str:
    """JSON: quicker than execnet's own way, and ASCII whatever a prompt or an answer holds, which execnet refuses."""
    return json.dumps(entry.model_dump(mode="json", exclude_defaults=True))


def _shared(expected: Expectation, entries: Sequence[AnyEntry]) -> list[tuple[str, str, str | None]]:
    """What is wrong with what a fixture of several tests expects, for where the test it counts for was skipped."""
    words = "a fixture of several tests expects it, and the one that it counts for was skipped: "
    found = failing(entries) if expected.shared else []
    return [(expected.where, words + headline(entry), expected.test) for entry in found]
