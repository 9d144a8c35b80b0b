"""``imagejudge agree --bench`` without recorded answers: a judge of edits judges the benchmark."""

from __future__ import annotations

import argparse
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ..batch.fates import BAD_INPUT, NOT_ASKED, RowCounts
from ..batch.judged_rows import JudgedRows
from ..batch.plan import RunSettings
from ..batch.row_preview import RowCounter
from ..batch.run import BatchRun
from ..errors import ConfigError
from ..inputs.edit_benchmark import EditBench, open_edit_bench
from ..inputs.manifest import Row, RowError
from ..recorded.edit_answers import EditAnswers
from ..scoring.verdict import EditVerdict, Verdict
from ..settings import SIGNALS, JudgeSettings
from ..support.escaping import escape
from .judge_options import add_judge_options, both_judges, for_edits, judge_settings, max_pixels
from .printing import note
from .progress import RowProgress, terminated

_SAVED = (".csv", ".json", ".jsonl")


COLUMNS = ("ID", "instruction", "mos_perception", "edit_score", "model_response", "finish_reason", "error")


def register(parser: argparse.ArgumentParser) -> None:
    """Add the options that have the benchmark judged."""
    add_judge_options(parser)
    add = parser.add_argument_group("judging a benchmark of edits").add_argument
    add("--judge", action=_Judge, metavar="JUDGE", help="--edit-judge-model, or --edit-judge-url where it is a URL")
    add("--judge-store", type=Path, metavar="DIR", help="where answers are kept (default: .imagejudge/store)")
    add("--judge-no-store", action="store_true", help="keep no answers between runs")
    add("--save", type=Path, metavar="FILE", help="write the answers (.jsonl, .json, .csv), for agree to read again")


def names_judge(args: argparse.Namespace) -> bool:
    """Tell whether a judge is named."""
    return bool(judge_settings(args))


class _Judge(argparse.Action):
    """Action that stores a judge under the longer option's name."""

    def __call__(self, parser: Any, namespace: argparse.Namespace, values: Any, option_string: Any = None) -> None:
        if "://" in values:
            namespace.edit_judge_url = [*namespace.edit_judge_url, values]
        else:
            namespace.edit_judge_model = values


@dataclass
class JudgedBench:
    """Result of judging a benchmark.

    Attributes:
        answers: the answers, as if they had been recorded; ``errors`` are the rows without one.
        tally: rows by fate.
        interrupted: whether the run was stopped before its end.
        details: for ``--json``: data, judge and counts.
    """

    answers: EditAnswers
    tally: RowCounts
    interrupted: bool = False
    details: dict[str, Any] = field(default_factory=dict)

    @property
    def code(self) -> int:
        """The command's exit code."""
        fates = self.tally.fates
        if any(fates[fate] for fate in NOT_ASKED):
            return 3
        return 2 if any(fates[fate] for fate in BAD_INPUT) else 0


def judge_bench(args: argparse.Namespace) -> JudgedBench:
    """Judge all rows as one batch; answers that an earlier run stored are not asked for again.

    Raises:
        ConfigError: the data, or the judge, can't be used.
    """
    from ..judge import EditJudge
    from ..renderers.cost_words import run_lines
    from ..report.model import only_given
    from ..store.answer_store import default_root

    settings = _settings(args)
    if args.save and args.save.suffix.lower() not in _SAVED:
        raise ConfigError(f"--save {escape(args.save)}: a name that ends in {', '.join(_SAVED)} is expected")
    data = open_edit_bench(args.files[0], args.label_field)
    if args.save and args.save.resolve() in {path.resolve() for path in data.files}:
        raise ConfigError(f"--save {escape(args.save)} would overwrite the data to judge")
    store = None if args.judge_no_store else args.judge_store or default_root()
    progress = RowProgress(RowCounter(data.count))
    with ExitStack() as stack:
        judge = EditJudge.from_settings(settings, store=store, progress=progress.say, max_pixels=max_pixels(args))
        stack.callback(judge.close)
        judge.preflight()
        _ = judge.protocol.digest  # words that can't be had are said before anything is judged
        output = JudgedRows(args.save, COLUMNS) if args.save else None
        collected = _Collected(data, output)
        run = BatchRun(
            RunSettings(edit=judge, budget=judge.budget), None, say=progress.row, tick=progress.tick, each=collected.add
        )
        found = JudgedBench(collected.answers, run.tally)
        try:
            with terminated() as stopped:
                run.run(data.rows(), stopped)
        except KeyboardInterrupt:
            found.interrupted = True
        progress.close()
        if output is not None:
            output.close()
            note(output.path)
        report = run.report().run
        for words in run_lines(report):
            note(words)
        found.details = {
            "data": {"source": data.source, "revision": data.revision, "files": [str(path) for path in data.files]},
            "judge": collected.fingerprint,
            "rows": run.tally.as_json(),
            "run": only_given(report.model_dump(mode="json", include=_RUN)),
            "saved": str(output.path) if output is not None else None,
        }
    return found


_RUN = {
    *("seconds", "requests", "from_store", "prompt_tokens", "cached_prompt_tokens", "output_tokens", "restarts"),
    *("cost", "budget"),
}


def _settings(args: argparse.Namespace) -> JudgeSettings:
    """The judge of edits, be it named as the judge of images as in ``score``: a benchmark has only edits."""
    if args.protocol is not None:
        raise ConfigError("--protocol is for recorded answers; a judge's protocol is --edit-judge-protocol")
    image, edit = both_judges(args)
    if image.configured == edit.configured:
        raise ConfigError("a benchmark of edits has one judge: --edit-judge-model or --edit-judge-url names it")
    settings = for_edits(image, edit)
    if SIGNALS in (settings.model, settings.protocol):
        raise ConfigError(f"{SIGNALS} gives edits no overall score, so there is nothing to compare with people's")
    return settings


class _Collected:
    """Collector of rows as they are judged: answers for the figures, and every row for ``--save``."""

    def __init__(self, data: EditBench, output: JudgedRows | None) -> None:
        self.answers = EditAnswers()
        self.fingerprint: dict[str, Any] = {}
        self._data, self._output = data, output

    def add(self, row: Row | RowError, result: Verdict | EditVerdict | RowError) -> None:
        """Count one row in."""
        error = result.message if isinstance(result, RowError) else result.error
        label = row.extra.get(self._data.label)
        columns: dict[str, Any] = dict.fromkeys(COLUMNS)
        columns.update(ID=row.id, instruction=row.extra.get("instruction"), mos_perception=label, error=error)
        if isinstance(result, EditVerdict):
            columns.update(edit_score=result.score, model_response=result.answer or None)
            columns.update(finish_reason=result.finish_reason)
        if error:
            self.answers.errors.append(f"{escape(self._data.source)}, {_where(row)}: {error}")
        elif isinstance(result, EditVerdict) and isinstance(label, float):  # as all are that were asked about
            self.fingerprint = self.fingerprint or dict(result.fingerprint)
            self.answers.add(row.number, row.id, label, result.score, result.problems)
        if self._output is not None:
            self._output.write(columns)


def _where(row: Row | RowError) -> str:
    return row.where if row.id in (None, str(row.number)) else f'{row.where} (ID "{escape(row.id)}")'
