"""Results of a run: entries, counts, bounds on the whole run, and reports."""

from __future__ import annotations

import contextlib
import datetime
import json
import os
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import pytest

from .._version import __version__
from ..errors import ConfigError
from ..renderers.explanations import place
from ..renderers.gate_words import left_out_gates
from ..report.ci_run import ci_run_of
from ..report.collector import EntryCollector
from ..report.failed_tests import with_failed_tests
from ..report.lookup import first_judgements
from ..report.model import EditEntry, FailedTest, Report, Run, VerdictEntry
from ..report.spool import E
from ..support.counts import sum_of_told
from ..support.escaping import for_log
from ..support.files import whole_file
from ..support.words import and_more, plural, verb
from .earlier_runs import attach_earlier_runs, keep_baseline_pictures
from .kept_images import KeptImages
from .last_look import LastLook
from .run_copies import RunCopies
from .run_options import renewing_command

if TYPE_CHECKING:
    from ..report.model import SuiteRow
    from ..statistics.baseline import BaselineRow
    from ..statistics.pairing import Scored
    from ..thresholds.profile import Profile
    from .counted_images import CountedImages
    from .expectation import AnyEntry
    from .run_budget import RunBudget
    from .run_options import Options

_COUNTS = ("requests", "from_store", "prompt_tokens", "cached_prompt_tokens", "output_tokens")


class Results:
    """Results of a run, collected in the process that reports: pytest's own, or xdist's controller.

    Figures for the terminal are counted as entries come in; entries are kept only where a report, a bound on the run, a
    baseline or repeats need each of them at the end.
    """

    def __init__(self, config: pytest.Config, options: Options, budget: RunBudget) -> None:
        self._config, self._options, self.budget = config, options, budget
        self._begun = time.monotonic()
        self.report = Report()
        self._before: list[Scored] = []  # the baseline's images
        self.undecided: list[str] = []
        self.excused: set[str] = set()  # tests that turn nothing red whatever was judged: expected to fail, or skipped
        self._failed: set[str] = set()  # tests that failed for another reason than what was judged
        # what was expected by which no test can fail: where, what is wrong, and for which test if for any
        self.unattached: list[tuple[str, str, str | None]] = []
        self._unattached_told = 0  # how many of these were logged
        self.last_look = LastLook()
        self.needs_images = False  # what is kept for the next run
        self.superseded = self._left_again = 0  # judged in attempts that were run again; left by two runs
        self.counted: CountedImages | None = None  # set where a run that was cut off left images, maybe the same ones
        self._kept = KeptImages(self.spool, options.keep_images)
        self.copies = RunCopies(config, options)
        self.lines: list[str] = []  # said at the end of the summary
        self.profile: Profile | None = None
        self.measures: dict[str, list[list[str]]] = {}  # by protocol that can score only some facets

    @property
    def spool(self) -> Path:
        """Folder for images handed over in memory: beside the first report, or in ``.imagejudge``."""
        if self._options.reports:
            return self._options.reports[0].absolute().parent / "imagejudge-images"
        return self._options.rootpath / ".imagejudge" / "images"

    def begin(self) -> None:
        """Record the start of the run."""
        now = datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds")
        self.report.run = Run(version=__version__, started=now)
        self._begun = time.monotonic()
        self.copies.begin()

    # -- collecting -----------------------------------------------------------------------------------------

    @cached_property
    def _gathered(self) -> EntryCollector:
        options, bounded = self._options, self.profile is not None and self.profile.bounds_means
        looked_at_again = options.reports or options.github or options.baseline or options.repeat > 1 or bounded
        return EntryCollector(bool(looked_at_again), self.measures)

    def add(self, entries: Iterable[AnyEntry], *, counts: bool = True) -> None:
        """Add entries; entries of an attempt that is run again are in no report and no figure."""
        for entry in entries:
            self._kept.note(entry, counts=counts)
            bounded = not (entry.model_extra or {}).pop("unbounded", False)
            if not counts:
                self.superseded += 1
                continue
            if bounded:
                self.last_look.enter(entry)
            if self.counted is not None:
                self.counted.add(entry)
            self._config.hook.pytest_imagejudge_verdict(config=self._config, entry=entry)
            self._gathered.add(entry, counts=entry.test is not None)  # what another run left is of no test
            self.copies.want(entry)

    def add_left(self, entries: Sequence[AnyEntry]) -> None:
        """Add the entries of an image that a run that was cut off left, unless this run has counted that image."""
        if self.counted is None or entries[0] not in self.counted:
            self.add(entries)
            return
        self._left_again += 1
        for entry in entries:
            self._kept.note(entry, counts=False)

    def add_failed_test(self, test: str, message: str) -> None:
        """Add a test that uses a judge and failed for a reason other than an image or edit."""
        self._failed.add(test)
        self.report.run.failed_tests.append(FailedTest(test=test, message=message))

    def add_plain(self, entries: Iterable[AnyEntry | str], *, counts: bool = True) -> None:
        """Add entries, some of which may be JSON from a worker's report."""
        for entry in entries:
            if isinstance(entry, str):
                data = json.loads(entry)
                entry = (EditEntry if "edited_image" in data else VerdictEntry).model_validate(data)
            self.add((entry,), counts=counts)

    def count(self, judge: Any) -> None:
        """Add the counts of one judge, at its end."""
        stats, restarts = judge.session.stats, judge.session.engine.restarts
        self.add_counts({name: getattr(stats, name) for name in _COUNTS} | {"restarts": restarts})
        self.budget.uses.append(judge.use())

    def run_counts(self) -> dict[str, Any]:
        """The counts of a worker, as sent to the controller."""
        return {name: getattr(self.report.run, name) for name in (*_COUNTS, "restarts")}

    def add_counts(self, counts: Mapping[str, int | None]) -> None:
        """Add the counts of a worker or a judge; None is one that nobody told."""
        for name, value in counts.items():
            setattr(self.report.run, name, sum_of_told((getattr(self.report.run, name), value)))

    # -- the run as a whole ---------------------------------------------------------------------------------

    def decide_run(self, session: pytest.Session, profile: Profile) -> None:
        """Apply the bounds on the means of the run; each bound is a test in every report."""
        self._session = session
        self._look()
        if not (self._gathered.tally.n or self._gathered.tally.n_edits):
            return
        if profile.bounds_means:
            from ..renderers.junit import suite_properties
            from ..statistics.suite import bounded_means

            self.report.suite = bounded_means(_first(self._gathered.verdicts), _first(self._gathered.edits), profile)
            for row in self.report.suite:
                self._log_gate(f"suite[{place(row.path)}]", row, suite_properties(row))
        if self._options.repeat > 1:
            from ..statistics.flips import flip_lines, flips, repeats_of

            found = flips(repeats_of(self._gathered.verdicts, self._gathered.edits))
            self.report.__pydantic_extra__ = {"flips": found.model_dump(mode="json")}
            self.lines += flip_lines(found)
        self.report.left_out = ["no_baseline"] if profile.bounds_drops and self._options.baseline is None else []
        if self._options.baseline is not None:
            self._against_baseline(self._options.baseline, profile)

    def _look(self) -> bool:
        """Log each image that should have failed a test and did not, as an item; True where there is any."""
        untold, self._unattached_told = self.unattached[self._unattached_told :], len(self.unattached)
        for where, words, _ in untold:
            self._log_item(f"expect[{where}]", f"{where}: {words}")
        shared = {test for _, _, test in self.unattached if test is not None}  # an item of its own tells these
        lost = list(self.last_look.lost(self.excused | shared))
        for test, words in lost:
            self._log_item(f"images[{test}]", words)
            self.add_failed_test(test, words.partition("\n")[0])
        return bool(untold or lost)

    def look_again(self, session: pytest.Session) -> None:
        """Look at a run that ended in another way than by its last test, where it is to end well."""
        if session.exitstatus == pytest.ExitCode.OK:
            self._session = session
            if self._look():
                session.exitstatus = pytest.ExitCode.TESTS_FAILED

    def _against_baseline(self, path: Path, profile: Profile) -> None:
        from ..renderers.junit import baseline_properties
        from ..statistics.baseline import compare_with_baseline
        from ..statistics.baseline_file import read_baseline, update_baseline

        try:
            if self._options.update_baseline:
                before = _labels(path)
                written, left_out = update_baseline(path, _first(self._gathered.verdicts), _first(self._gathered.edits))
                self.lines.append(f"baseline: {plural(written, 'image')} written to {path}")
                kinds = _first(self._gathered.verdicts), _first(self._gathered.edits)
                self.lines += keep_baseline_pictures(self._options, *kinds)
                if gone := len(before - _labels(path)):
                    self.lines.append(
                        f"baseline: {plural(gone, 'image')} of the earlier baseline {verb(gone, 'was')} not in this run"
                    )
                if left_out:
                    self._log_item("baseline", f"{path}: not judged, so not in the baseline: {', '.join(left_out)}")
                return
            baseline = read_baseline(path)
            result = compare_with_baseline(
                _first(self._gathered.verdicts),
                baseline,
                profile.baseline.bounds(),
                edits=_first(self._gathered.edits),
                edit_margin=profile.baseline.edit.score,
                on_undecided=profile.baseline.on_undecided,
                newly_failing=profile.baseline.newly_failing,
                file=str(path),
                renew=renewing_command(self._config),
            )
        except ConfigError as error:
            self._log_item("baseline", str(error))
            return
        self.report.baseline = result.model_dump(mode="json")
        self._before = baseline.images
        for row in result.rows:
            if row.allowed is not None:
                self._log_gate(f"baseline[{place(row.path)}]", row, baseline_properties(row))
        if (outcomes := result.outcomes) is not None and outcomes.gate is not None:
            self._log_item("baseline[newly failing]", outcomes.detail if outcomes.gate == "failed" else None)

    def _log_gate(self, name: str, row: SuiteRow | BaselineRow, properties: Sequence[tuple[str, str]]) -> None:
        """Log a gate that may be undecided: an undecided gate failed nothing, and did not pass either."""
        words = f"{place(row.path)}: {row.detail}"
        failed = row.gate == "failed"
        undecided = row.outcome == "undecided" and not failed
        self._log_item(name, words if failed else None, properties, undecided=words if undecided else "")

    def _log_item(
        self, name: str, failure: str | None, properties: Sequence[tuple[str, str]] = (), *, undecided: str = ""
    ) -> None:
        """Log a gate over the whole run as a test; an undecided gate as a test that was skipped."""
        nodeid = f"imagejudge::{name}"
        self._session.testscollected += 1  # one more than were collected: for the terminal's percentage
        hook = self._config.hook
        location = ("imagejudge", None, name)
        hook.pytest_runtest_logstart(nodeid=nodeid, location=location)
        phases: tuple[Literal["setup", "call", "teardown"], ...] = ("setup", "call", "teardown")
        for when in phases:
            failed = failure if when == "call" else None
            skipped = ("imagejudge", 0, f"undecided: {undecided}") if when == "call" and undecided else None
            hook.pytest_runtest_logreport(
                report=pytest.TestReport(
                    nodeid=nodeid,
                    location=location,
                    keywords={name: 1},
                    outcome="failed" if failed else "skipped" if skipped else "passed",
                    longrepr=failed or skipped,
                    when=when,
                    user_properties=properties,
                )
            )
        hook.pytest_runtest_logfinish(nodeid=nodeid, location=location)

    # -- reporting ------------------------------------------------------------------------------------------

    def finish(self) -> Report:
        """Fill in the seconds, the judges and the summary."""
        report = self.report
        report.run.ci = ci_run_of(os.environ)
        self.budget.fill(report.run)
        report.run.seconds = round(time.monotonic() - self._begun, 3)
        excused = self.excused - {test for _, _, test in self.unattached}
        report.run.excused = sorted(excused & self._gathered.tally.in_trouble)
        self._gathered.tally.excuse(report.run.excused)
        self._gathered.tally.note_failed_tests(self._failed)
        self._gathered.fill(report)
        self.lines += attach_earlier_runs(report, self._before, self._options)
        return with_failed_tests(report, self._failed)

    def write(self, session: pytest.Session) -> None:
        """Write every report of the options; then delete copies of images that are not needed."""
        report = self.finish()
        folder = self._options.rootpath / ".imagejudge"
        if folder.is_dir() and not (folder / ".gitignore").exists():
            with contextlib.suppress(OSError), whole_file(folder / ".gitignore") as file:
                file.write("*\n")
        for path in self._options.reports:
            try:
                self._write(report, path)
                self.lines.append(f"report: {path}")
            except (OSError, ConfigError) as error:  # the others are still written, and the run says that it failed
                self.lines.append(f"report {path} could not be written: {error}")
                session.exitstatus = session.exitstatus or pytest.ExitCode.USAGE_ERROR
        if self._options.github:
            from ..renderers.github import report_to_github

            report_to_github(report, self.bounds(), self._options.rootpath, self._options.reports)
        if not (self.undecided or self.needs_images):
            self._kept.delete_unneeded(self._failed)

    def _write(self, report: Report, path: Path) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        hook = self._config.hook.pytest_imagejudge_report
        if hook.get_hookimpls():  # others may do with it whatever can be done with lists
            report = report.model_copy(update={"verdicts": list(report.verdicts), "edits": list(report.edits)})
        if not hook(config=self._config, report=report, path=path):
            from ..renderers import write_report

            write_report(report, path, self.bounds(), self.copies.made, carry=self._options.pictures)

    def bounds(self) -> dict[tuple[str, ...], float]:
        """The bounds of the run's profile by path, for display."""
        return {} if self.profile is None else self.profile.bounds()

    def print(self, reporter: Any) -> None:
        """Print the tree over all images."""
        from ..renderers.terminal_summary import suite_tree

        if reporter.verbosity < -1 or not (self._gathered.tally.images or self._gathered.tally.edits):
            return
        reporter.write_sep("=", "image judge")
        text = suite_tree(
            self.report,
            self.bounds(),
            width=reporter._tw.fullwidth,
            color=reporter.hasmarkup,
            verbosity=reporter.verbosity,
        )
        for line in text.splitlines():
            reporter.write_line(line)
        if self.undecided:
            reporter.write_line(f"not decided, because the run was stopped: {plural(len(self.undecided), 'test')}")
            for line in filter(None, [*self.undecided[:20], and_more(len(self.undecided) - 20)]):
                reporter.write_line(for_log(f"  {line}"))
        if self.superseded:
            reporter.write_line(f"not counted, because the test was run again: {plural(self.superseded, 'image')}")
        if self._left_again:
            both = plural(self._left_again, "image")
            reporter.write_line(f"counted once, though a killed run had them too: {both}")
        for line in (*(f"warning: {words}" for words in left_out_gates(self.report).values()), *self.lines):
            reporter.write_line(for_log(line))


def _first(entries: Iterable[E]) -> Iterator[E]:
    """Entries without repeated judgements of the same image, and without those that an earlier run left."""
    return first_judgements(entry for entry in entries if entry.test is not None)


def _labels(path: Path) -> set[str]:
    """Labels of the images of a baseline, if there is one that can be read."""
    from ..statistics.baseline_file import read_baseline

    try:
        return {image.label for image in read_baseline(path).images} if path.exists() else set()
    except ConfigError:
        return set()
