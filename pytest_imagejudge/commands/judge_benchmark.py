"""``imagejudge agree --bench`` without recorded answers: a judge judges all rows of a benchmark as one batch."""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from ..batch.fates import BAD_INPUT, FATES, NOT_ASKED, RowCounts
from ..batch.judged_rows import JudgedRows
from ..batch.plan import RunSettings
from ..batch.row_preview import RowCounter
from ..batch.run import BatchRun
from ..errors import ConfigError
from ..inputs.manifest import Row, RowError
from ..scoring.verdict import EditVerdict, Verdict
from ..settings import JudgeSettings
from ..support.escaping import escape
from ..support.words import listed
from ..tables.rows import SUFFIXES
from .judge_options import add_judge_options, judge_settings, max_pixels
from .printing import note
from .progress import RowProgress, terminated

if TYPE_CHECKING:
    from ..judge import EditJudge, Judge

_SAVED = (".csv", ".json", ".jsonl")


_RUN = {
    *("seconds", "requests", "from_store", "prompt_tokens", "cached_prompt_tokens", "output_tokens", "restarts"),
    *("cost", "budget"),
}


def register(parser: argparse.ArgumentParser) -> None:
    """Add the options that have a benchmark judged."""
    add_judge_options(parser)
    add = parser.add_argument_group("judging a benchmark").add_argument
    add("--judge", action=_Judge, metavar="JUDGE", help="--edit-judge-model, or --edit-judge-url where it is a URL")
    add("--judge-store", type=Path, metavar="DIR", help="where answers are kept (default: .imagejudge/store)")
    add("--judge-no-store", action="store_true", help="keep no answers between runs")
    add("--save", type=Path, metavar="FILE", help="write the answers (.jsonl, .json, .csv), for agree to read again")


def names_judge(args: argparse.Namespace) -> bool:
    """Tell whether a judge is named."""
    return bool(judge_settings(args))


def recorded_file(args: argparse.Namespace, options: str, *, data: str | None = None) -> Path:
    """Return the file of recorded answers that is read where no judge is named.

    Args:
        args: the command's arguments.
        options: that would name a judge.
        data: the name of the benchmark's own table, which holds no answers.

    Raises:
        ConfigError: it is no file of answers.
    """
    path = Path(args.files[0])
    if path.suffix.lower() not in SUFFIXES or path.name == data:
        raise ConfigError(
            f"{escape(path)}: a file of recorded answers is expected ({', '.join(SUFFIXES)}); to have a benchmark "
            f"judged, name a judge: {options}"
        )
    return path


class _Judge(argparse.Action):
    """Action that stores a judge under the longer option's name."""

    def __call__(self, parser: Any, namespace: argparse.Namespace, values: Any, option_string: Any = None) -> None:
        if "://" in values:
            namespace.edit_judge_url = [*namespace.edit_judge_url, values]
        else:
            namespace.edit_judge_model = values


class Benchmark(Protocol):
    """Rows to judge, with the place that they come from."""

    @property
    def source(self) -> str:
        """The benchmark as the user named it."""

    @property
    def revision(self) -> str | None:
        """Commit of the Hub's data set, None elsewhere."""

    @property
    def files(self) -> tuple[Path, ...]:
        """The tables of the benchmark."""

    def rows(self) -> Iterator[Row | RowError]:
        """Yield the rows from the start."""

    def count(self) -> int:
        """Count the rows."""


class Collector(Protocol):
    """Collector of rows as they are judged."""

    @property
    def columns(self) -> tuple[str, ...]:
        """The columns of the rows that ``--save`` writes."""

    def add(self, row: Row | RowError, result: Verdict | EditVerdict | RowError) -> dict[str, Any] | None:
        """Count one row in, and return what ``--save`` writes with it, if anything."""


@dataclass
class JudgedBench:
    """Result of judging a benchmark.

    Attributes:
        tally: rows by fate.
        interrupted: whether the run was stopped before its end.
        details: for ``--json``: data, judge and counts.
    """

    tally: RowCounts
    interrupted: bool = False
    details: dict[str, Any] = field(default_factory=dict)

    @property
    def code(self) -> int:
        """The command's exit code."""
        return exit_code(self.tally)

    def rows(self) -> list[list[object]]:
        """Return the fates of the rows as a table's rows."""
        fates = self.tally.fates
        counts: list[list[object]] = [[FATES[fate], n] for fate, n in fates.items() if n or fate == "judged"]
        return [["all", self.tally.rows], *counts, ["from the store", self.tally.from_store]]


def exit_code(tally: RowCounts) -> int:
    """Return 3 where the engine failed or the budget ended, else 2 where rows were bad, else 0."""
    if any(tally.fates[fate] for fate in NOT_ASKED):
        return 3
    return 2 if any(tally.fates[fate] for fate in BAD_INPUT) else 0


def judge_rows(
    args: argparse.Namespace,
    settings: JudgeSettings,
    data: Benchmark,
    collected: Collector,
    dimensions: tuple[str, ...] | None = None,
) -> JudgedBench:
    """Judge all rows as one batch; answers that an earlier run stored are not asked for again.

    Args:
        args: the command's arguments.
        settings: of the judge, whose kind is that of the rows.
        data: the rows.
        collected: takes each row, in order.
        dimensions: L1 to ask about each image, as far as the protocol asks about them; None is all.

    Raises:
        ConfigError: the judge can't be used, or ``--save`` can't be written.
    """
    if args.save and args.save.suffix.lower() not in _SAVED:
        raise ConfigError(f"--save {escape(args.save)}: a name that ends in {', '.join(_SAVED)} is expected")
    if args.save and args.save.resolve() in {path.resolve() for path in data.files}:
        raise ConfigError(f"--save {escape(args.save)} would overwrite the data to judge")
    progress = RowProgress(RowCounter(data.count))
    fingerprint: dict[str, Any] = {}
    with ExitStack() as stack:
        judge = ready_judge(args, settings, progress, stack)
        output = JudgedRows(args.save, collected.columns) if args.save else None

        def each(row: Row | RowError, result: Verdict | EditVerdict | RowError) -> None:
            saved = collected.add(row, result)
            if not isinstance(result, RowError) and not result.error and not fingerprint:
                fingerprint.update(result.fingerprint)
            if output is not None and saved is not None:
                output.write(saved)

        judges: dict[str, Any] = {settings.kind: judge}
        asked = None if dimensions is None else _asked(dimensions, judge)
        plan = RunSettings(**judges, budget=judge.budget, dimensions=asked)
        run = BatchRun(plan, None, say=progress.row, tick=progress.tick, each=each)
        found = JudgedBench(run.tally)
        try:
            with terminated() as stopped:
                run.run(data.rows(), stopped)
        except KeyboardInterrupt:
            found.interrupted = True
        progress.close()
        if output is not None:
            output.close()
            note(output.path)
        found.details = {
            "data": {"source": data.source, "revision": data.revision, "files": [str(path) for path in data.files]},
            "judge": fingerprint,
            "rows": run.tally.as_json(),
            "run": told(run),
            "saved": str(output.path) if output is not None else None,
        }
    return found


def ready_judge(
    args: argparse.Namespace, settings: JudgeSettings, progress: RowProgress, stack: ExitStack
) -> Judge | EditJudge:
    """Return the judge of ``settings``, ready to be asked, until ``stack`` ends.

    Raises:
        ConfigError: it can't be used.
    """
    from ..judge import EditJudge, Judge
    from ..store.answer_store import default_root

    store = None if args.judge_no_store else args.judge_store or default_root()
    made: type[Judge | EditJudge] = EditJudge if settings.kind == "edit" else Judge
    judge = made.from_settings(settings, store=store, progress=progress.say, max_pixels=max_pixels(args))
    stack.callback(judge.close)
    judge.preflight()
    _ = judge.protocol.digest  # words that can't be had are said before anything is judged
    return judge


def _asked(dimensions: tuple[str, ...], judge: Judge | EditJudge) -> tuple[str, ...]:
    """Return those dimensions that the judge's protocol can ask about.

    Raises:
        ConfigError: there is none.
    """
    known = judge.protocol.dimensions
    if asked := tuple(name for name in dimensions if name in known):
        return asked
    raise ConfigError(f"protocol {judge.protocol.name} asks about {', '.join(known)}, not about {listed(dimensions)}")


def told(run: BatchRun) -> dict[str, Any]:
    """Tell what the run took, on standard error, and return it for ``--json``."""
    from ..renderers.cost_words import run_lines
    from ..report.model import only_given

    report = run.report().run
    for words in run_lines(report):
        note(words)
    return only_given(report.model_dump(mode="json", include=_RUN))


def where(row: Row | RowError) -> str:
    """Name a row by its place, and by its ID where that says more."""
    return row.where if row.id in (None, str(row.number)) else f'{row.where} (ID "{escape(row.id)}")'
