"""``imagejudge agree --bench ie-bench-4k`` without recorded answers: a judge of edits judges the benchmark."""

from __future__ import annotations

import argparse
from typing import Any

from ..errors import ConfigError
from ..inputs.edit_benchmark import EditBench, open_edit_bench
from ..inputs.manifest import Row, RowError
from ..recorded.labelled_answers import LabelledAnswers
from ..scoring.verdict import EditVerdict, Verdict
from ..settings import SIGNALS, JudgeSettings
from ..support.escaping import escape
from .judge_benchmark import JudgedBench, judge_rows, where
from .judge_options import both_judges, for_edits


def judge_bench(args: argparse.Namespace) -> tuple[LabelledAnswers, JudgedBench]:
    """Judge all rows as one batch; return the answers as if they had been recorded, and what became of the rows.

    Raises:
        ConfigError: the data, or the judge, can't be used.
    """
    settings = judge_of_edits(args)
    data = open_edit_bench(args.files[0], args.label_field)
    collected = _Collected(data)
    return collected.answers, judge_rows(args, settings, data, collected)


def judge_of_edits(args: argparse.Namespace) -> JudgeSettings:
    """The judge of edits, be it named as the judge of images as in ``score``: a benchmark has only edits.

    Raises:
        ConfigError: two judges, or one that gives edits no overall score.
    """
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
    """Collector of answers for the figures; errors are the rows without one."""

    columns = ("ID", "instruction", "mos_perception", "edit_score", "model_response", "finish_reason", "error")

    def __init__(self, data: EditBench) -> None:
        self.answers = LabelledAnswers()
        self._data = data

    def add(self, row: Row | RowError, result: Verdict | EditVerdict | RowError) -> dict[str, Any]:
        """Count one row in."""
        error = result.message if isinstance(result, RowError) else result.error
        label = row.extra.get(self._data.label)
        columns: dict[str, Any] = dict.fromkeys(self.columns)
        columns.update(ID=row.id, instruction=row.extra.get("instruction"), mos_perception=label, error=error)
        if isinstance(result, EditVerdict):
            columns.update(edit_score=result.score, model_response=result.answer or None)
            columns.update(finish_reason=result.finish_reason)
        if error:
            self.answers.errors.append(f"{escape(self._data.source)}, {where(row)}: {error}")
        elif isinstance(result, EditVerdict) and isinstance(label, float):  # as all are that were asked about
            self.answers.add(row.number, row.id, label, result.score, result.problems)
        return columns
