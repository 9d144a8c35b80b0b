"""Judge all rows of an input as one batch: streaming, in order, every row accounted for."""

from __future__ import annotations

import os
import time
from collections import Counter as Multiset
from collections import deque
from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import CancelledError, Future, wait
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from .._version import __version__
from ..errors import ConfigError, ImageJudgeError
from ..inputs.cells import ErrorKind
from ..inputs.judged_columns import EDIT_OUTPUTS, IMAGE_OUTPUTS
from ..inputs.manifest import Row, RowError
from ..scoring.findings import FindingKind
from ..scoring.verdict import EditVerdict, Verdict, not_judged
from ..support.counts import sum_of_told
from ..support.digests import digest_of
from ..support.escaping import escape
from ..tables.rows import show_value
from ..taxonomy import EDIT, LEVEL1, show
from .fates import FATE_OF, Fate, RowCounts, fate_of_error
from .judged_rows import JudgedRows, edit_output, image_output
from .plan import RowPlan, RunSettings
from .scores import BenchScores

if TYPE_CHECKING:
    from ..images.image_file import ImageFile
    from ..judge import Judge
    from ..report.model import EditEntry, Report, VerdictEntry
    from ..report.uses import JudgeUse
    from ..thresholds.profile import Profile


_WINDOW = 64  # rows in flight at least


_TICK = 0.5  # seconds between looks at the clock


class BatchRun:
    """One run over an input.

    Args:
        settings: judges and bounds.
        output: where judged rows go; None writes none.
        say: takes a line about a row that was not judged, not read in full, or missed a bound.
        tick: called about twice a second, with how many rows are done.
        each: takes every row, in order, with its verdict or with why there is none.
    """

    def __init__(
        self,
        settings: RunSettings,
        output: JudgedRows | None,
        *,
        say: Callable[[str], None],
        tick: Callable[[RowCounts], None] | None = None,
        each: Callable[[Row | RowError, Verdict | EditVerdict | RowError], None] | None = None,
    ) -> None:
        from ..report.collector import EntryCollector

        self.settings, self.output = settings, output
        self.say = say
        self.tick = tick or (lambda tally: None)
        self.each = each or (lambda row, result: None)
        self.tally = RowCounts()
        self.failed = 0  # rows that missed a bound, had nothing that a bound applies to, or a picture of nothing
        self.quarantined = self.quarantined_failed = 0  # rows whose failure is expected, and those that did fail
        self.failed_rows: list[dict[str, Any]] = []  # the same, where they are to be kept
        self.findings: Multiset[FindingKind] = Multiset()  # images by what was found of them that is no score
        self.scores = BenchScores() if settings.image is None else BenchScores(settings.image.protocol.measures)
        self.entries = EntryCollector(settings.keep)
        self.fresh: set[int] = set()  # numbers of rows that were asked about in this run, though not by the session
        self.asked = 0  # requests of theirs
        self.started = datetime.now(UTC)
        self._begun = time.monotonic()
        columns = () if output is None else output.columns
        self._not_added = dict.fromkeys(name for name in (*IMAGE_OUTPUTS, *EDIT_OUTPUTS) if name in columns)
        self._profiles: dict[str, Profile] = {}
        self._written: Multiset[Path] = Multiset()  # pictures out of the rows: in how many that are in flight

    def run(self, rows: Iterable[Row | RowError], stopped: Callable[[], bool] = lambda: False) -> None:
        """Judge ``rows`` and write each as soon as all before it are done, until ``stopped`` says that it is enough.

        Raises:
            KeyboardInterrupt: it was stopped; what was judged, and what was not, has been written.
        """
        judges = [judge for judge in (self.settings.image, self.settings.edit) if judge is not None]
        source = iter(rows)
        pending: deque[tuple[Row | RowError, Future[Any] | RowError]] = deque()
        try:
            for row in source:
                pending.append(self._submit(row))
                window = max(_WINDOW, 4 * max((judge.session.engine.concurrency for judge in judges), default=1))
                while pending and (_done(pending[0][1]) or len(pending) >= window):
                    self._next(pending, stopped)
                if stopped():
                    raise KeyboardInterrupt
            while pending:
                self._next(pending, stopped)
            if stopped():
                raise KeyboardInterrupt
        except KeyboardInterrupt:
            for row, future in pending:
                finished = isinstance(future, RowError) or (future.done() and not future.cancelled())
                self._emit(row, future if finished else _not_reached(row))
            for row in source:
                self._emit(row, row if isinstance(row, RowError) else _not_reached(row))
            raise

    def _next(self, pending: deque[tuple[Row | RowError, Future[Any] | RowError]], stopped: Callable[[], bool]) -> None:
        """Write the first row when it is done.

        Raises:
            KeyboardInterrupt: the run was stopped before.
        """
        row, future = pending[0]
        while isinstance(future, Future) and not wait([future], timeout=_TICK).done:
            if stopped():
                raise KeyboardInterrupt
            self.tick(self.tally)
        pending.popleft()
        self._emit(row, future)
        self.tick(self.tally)

    def _submit(self, row: Row | RowError) -> tuple[Row | RowError, Future[Any] | RowError]:
        """Submit a row; the returned row names files in place of the pictures that it contained."""
        planned = self.plan(row)
        if isinstance(planned, RowError):
            return row, planned
        assert isinstance(row, Row)
        try:
            files, region = planned.files(), planned.region()
            mask = () if region is None or region.mask is None else (region.mask,)
            row = self._without_bytes(row, (*files, *mask))
            return row, planned.judge.submit_task(planned.text, files, planned.dimensions, region=region)
        except (ImageJudgeError, TypeError) as error:
            return row, RowError(row.number, row.line, row.id, str(error), "image", row.extra)

    def _without_bytes(self, row: Row, files: tuple[ImageFile, ...]) -> Row:
        names = ("source", "edited", "mask") if row.kind == "edit" else ("image",)
        held: dict[str, Any] = {
            name: file.path for name, file in zip(names, files, strict=False) if isinstance(getattr(row, name), bytes)
        }
        self._written.update(held.values())
        return replace(row, **held) if held else row

    def _as_named(self, row: Row, message: str) -> str:
        """Return ``message`` with the pictures of the row called as in the row, not by the files made of them."""
        columns = {"image_path": row.image, "source_path": row.source, "edited_path": row.edited, "mask": row.mask}
        for column, path in columns.items():
            if isinstance(path, Path) and path in self._written:
                name = row.extra.get(column)
                called = f"the picture {show_value(name)}" if name else "the picture"
                message = message.replace(escape(path), f"{column}: {called}")
        return message

    def _remove_pictures(self, row: Row | RowError) -> None:
        """Remove the pictures that were written for a row, unless another row or a report is to show them."""
        if isinstance(row, RowError) or (self.settings.keep and self.settings.keep_answers):
            return
        for path in (row.image, row.source, row.edited, row.mask):
            if isinstance(path, Path) and path in self._written:
                self._written[path] -= 1
                if not self._written[path]:
                    del self._written[path]
                    path.unlink(missing_ok=True)

    def plan(self, row: Row | RowError) -> RowPlan | RowError:
        """Return a row's judge and questions, or the reason why the row is not judged."""
        if isinstance(row, RowError):
            return row
        settings = self.settings
        try:
            self._profile(row)  # an unknown one is said before its row is judged
        except ConfigError as error:
            return _error(row, str(error))
        if row.kind == "edit":
            if settings.edit is None:
                return _error(row, "an edit, but no judge of edits: --edit-judge-model or --edit-judge-url")
            judge, pictures = settings.edit, (row.source, row.edited)
            try:
                requests = judge.protocol.requests_on(row.edit_type)
            except ConfigError as error:
                return _error(row, str(error))
            return RowPlan(judge, row.instruction or "", pictures, requests, row.mask, row.box)
        if settings.image is None:
            return _error(row, "an image, but no judge of images: --judge-model or --judge-url")
        dimensions = self._dimensions(row, settings.image)
        if not dimensions:
            return _error(row, "the metadata does not have this ID", "unknown")
        return RowPlan(settings.image, row.prompt, (row.image,), dimensions)

    def _dimensions(self, row: Row | RowError, judge: Judge) -> tuple[str, ...]:
        """The L1 to ask about an image; none where the metadata would say it and does not have the ID."""
        if isinstance(row, Row):
            named = row.dimensions
        else:  # as far as the column can be read
            cell = str(row.extra.get("dimensions") or "")
            named = tuple(one for one in LEVEL1 if one in cell) if cell else ()
        if not named and self.settings.metadata is not None:
            return self.settings.metadata.get(row.id or "", ())
        return named or self.settings.dimensions or judge.protocol.dimensions

    def _profile(self, row: Row) -> Profile | None:
        """The bounds on a row; None where the run's profile bounds only the run, so that no row is decided by it."""
        if row.thresholds is None or self.settings.load_profile is None:
            profile = self.settings.profile
            return None if profile is None or profile.only_the_run(row.kind) else profile
        if row.thresholds not in self._profiles:
            self._profiles[row.thresholds] = self.settings.load_profile(row.thresholds)
        return self._profiles[row.thresholds]

    def _emit(self, row: Row | RowError, result: Future[Any] | RowError) -> None:
        self._count(row, result)
        self._remove_pictures(row)

    def _count(self, row: Row | RowError, result: Future[Any] | RowError) -> None:
        self.tally.rows += 1
        if isinstance(result, RowError):
            self._fail(row, result, FATE_OF[result.kind])
            return
        try:
            verdict = result.result()
        except (CancelledError, ImageJudgeError) as error:
            lost = RowError(row.number, row.line, row.id, str(error) or "the session ended", extra=row.extra)
            self._fail(row, lost, "engine_failed")
            return
        assert isinstance(row, Row)
        self._judged(row, verdict)

    def _judged(self, row: Row, verdict: Verdict | EditVerdict) -> None:
        from ..report.entry import entry_of

        fate: Fate = "judged" if verdict.readable else "unreadable"
        if verdict.error:
            verdict = replace(verdict, error=self._as_named(row, verdict.error))
            fate = fate_of_error(verdict.error, seen=bool(verdict.pixels))
            self.say(str(RowError(row.number, row.line, row.id, verdict.error)))
        else:
            self.tally.from_store += verdict.source == "store" and row.number not in self.fresh
            if verdict.unreadable:
                lost = ", ".join(show(path) for path in verdict.unreadable)
                self.say(str(RowError(row.number, row.line, row.id, f"unreadable: {lost}")))
        self.tally.fates[fate] += 1
        self.findings.update(found.kind for found in verdict.findings)
        self.scores.add(verdict)
        self.each(row, verdict)
        self._write(row.extra, verdict)
        profile = self._profile(row)
        gate = profile is not None or self.settings.profile is not None
        if not gate and not self.settings.keep:
            return
        entry = entry_of(verdict, profile, gate=gate, blank=bool(row.blank), id=row.id, seed=row.seed)
        self.quarantined += row.quarantine is not None
        if entry.outcome == "failed" and row.quarantine is not None:
            from ..renderers.explanations import headline

            self.quarantined_failed += 1
            words = f"in quarantine{f' ({row.quarantine})' if row.quarantine else ''}: {headline(entry)}"
            self.say(str(RowError(row.number, row.line, row.id, words)))
        elif entry.outcome == "failed":
            from ..renderers.explanations import headline

            self.failed += 1
            if self.settings.keep_failed:
                self.failed_rows.append(_failed(row, entry))
            self.say(str(RowError(row.number, row.line, row.id, headline(entry))))
        if self.settings.keep:
            if not self.settings.keep_answers:
                entry = entry.model_copy(update={"answers": {}} if isinstance(verdict, Verdict) else {"answer": ""})
            self.entries.add(entry)
            if self.settings.copies is not None:
                self.settings.copies.want(entry)

    def _fail(self, row: Row | RowError, error: RowError, fate: Fate) -> None:
        self.tally.fates[fate] += 1
        if fate != "not_reached":
            self.say(str(error))
        self._lose(row)
        self.each(row, error)
        # A second row with one ID has no place among the outputs, nor has one without an ID.
        if error.id is not None and fate != "duplicate":
            self._write(error.extra, None)
        if self.settings.keep:
            self.entries.add(_entry(row, error))

    def _lose(self, row: Row | RowError) -> None:
        """Count a row as left out of the means that it would have been in."""
        kind = _kind(row)
        asked: tuple[str, ...] = (EDIT,)
        if kind == "image":
            asked = () if self.settings.image is None else self._dimensions(row, self.settings.image)
        self.scores.lose(asked)

    def _write(self, columns: Mapping[str, Any], verdict: Verdict | EditVerdict | None) -> None:
        if self.output is None or self.output.failed:
            return
        added: Mapping[str, Any] = self._not_added
        if isinstance(verdict, EditVerdict):
            added = edit_output(verdict)
        elif verdict is not None:
            added = image_output(verdict)
        try:
            self.output.write({**columns, **added})
        except ConfigError as error:  # figures and reports are worth having all the same
            self.say(f"{error}; judging goes on")

    def uses(self) -> list[JudgeUse]:
        """The use of each judge so far."""
        return [judge.use() for judge in (self.settings.image, self.settings.edit) if judge is not None]

    def report(self) -> Report:
        """The run so far, as a report."""
        from ..report.ci_run import ci_run_of
        from ..report.model import Report, Run
        from ..report.uses import cost_of

        run = Run(
            version=__version__,
            ci=ci_run_of(os.environ),
            started=self.started.isoformat(timespec="seconds"),
            seconds=round(time.monotonic() - self._begun, 3),
        )
        for judge in (self.settings.image, self.settings.edit):
            if judge is not None:
                stats = judge.session.stats
                run.requests += stats.requests
                run.from_store += stats.from_store
                run.prompt_tokens += stats.prompt_tokens
                run.cached_prompt_tokens = sum_of_told((run.cached_prompt_tokens, stats.cached_prompt_tokens))
                run.output_tokens += stats.output_tokens
                run.restarts += judge.session.engine.restarts
                run.note_copies([judge.session.engine.copies()])
        run.cost = cost_of(self.uses())
        run.budget = None if self.settings.budget is None else self.settings.budget.reported()
        run.from_store -= self.asked
        return self.entries.fill(Report(run=run))


def _failed(row: Row, entry: VerdictEntry | EditEntry) -> dict[str, Any]:
    """Row of ``--json`` about a row that missed its bounds."""
    found = [{"kind": one.kind, "detail": one.detail} for one in entry.findings if one.failed]
    return {
        "row": row.number,
        "line": row.line,
        "id": row.id,
        "breaches": [one.model_dump() for one in entry.breaches],
        "not_applicable": entry.not_applicable,
        **({"findings": found} if found else {}),
    }


def _done(future: Future[Any] | RowError) -> bool:
    return isinstance(future, RowError) or future.done()


def _error(row: Row, message: str, kind: ErrorKind = "row") -> RowError:
    return RowError(row.number, row.line, row.id, message, kind, row.extra)


def _not_reached(row: Row | RowError) -> RowError:
    message = "the run was interrupted before this was judged"
    return RowError(row.number, row.line, row.id, message, "stopped", row.extra)


def _entry(row: Row | RowError, error: RowError) -> VerdictEntry | EditEntry:
    from ..report.entry import entry_of

    kind = _kind(row)
    column, names = ("instruction", ("source", "edited")) if kind == "edit" else ("prompt", ("image",))
    text = error.extra.get(column)
    images = [_path_of(row, name) for name in names]
    words = f"{error.where}: {error.message}"
    lost = not_judged(kind, text if isinstance(text, str) else "", words, images=images)
    return entry_of(lost, None, id=error.id, key=digest_of("row", error.number, error.line, error.id, error.message))


def _kind(row: Row | RowError) -> Literal["image", "edit"]:
    """Kind of a row, judged or not: image or edit."""
    if isinstance(row, Row):
        return row.kind
    return "edit" if "edited_path" in row.extra and not row.extra.get("image_path") else "image"


def _path_of(row: Row | RowError, name: str) -> str:
    path = getattr(row, name, None)
    return str(path) if isinstance(path, Path) else ""
