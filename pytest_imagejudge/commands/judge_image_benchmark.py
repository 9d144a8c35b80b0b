"""``imagejudge agree --bench agiqa-3k``: a judge of images judges the benchmark, or its answers are read again."""

from __future__ import annotations

import argparse
from typing import Any

from ..errors import ConfigError
from ..inputs.image_benchmark import LABELS, ImageBench, open_image_bench
from ..inputs.judged_columns import ANSWER_COLUMNS
from ..inputs.manifest import Row, RowError
from ..recorded.image_answers import read_image_bench
from ..recorded.labelled_answers import LabelledAnswers
from ..scoring.verdict import EditVerdict, Verdict
from ..settings import JudgeSettings
from ..support.escaping import escape
from ..taxonomy import LEVEL1
from .judge_benchmark import JudgedBench, judge_rows, recorded_file, where
from .judge_options import both_judges

Axes = dict[str, LabelledAnswers]  # by dimension


def judge_image_bench(args: argparse.Namespace) -> tuple[Axes, list[str], JudgedBench]:
    """Judge all images as one batch; return the answers by dimension, the errors, and what became of the rows.

    Raises:
        ConfigError: the data, or the judge, can't be used.
    """
    if args.protocol is not None:
        raise ConfigError("--protocol is for recorded answers; a judge's protocol is --judge-protocol")
    data = open_image_bench(args.files[0])
    collected = _Collected(data)
    judged = judge_rows(args, _settings(args), data, collected, tuple(LABELS))
    return collected.axes, collected.errors, judged


def recorded_image_bench(args: argparse.Namespace) -> tuple[Axes, list[str]]:
    """Read answers that ``--save`` wrote; return them by dimension, and the errors.

    Raises:
        ConfigError: no such file, or one without these answers.
    """
    path = recorded_file(args, "--judge-model or --judge-url", data="data.csv")
    return read_image_bench(path, args.protocol or "q-judger")


def _settings(args: argparse.Namespace) -> JudgeSettings:
    image, edit = both_judges(args)
    if edit.configured or not image.configured:
        raise ConfigError("a benchmark of images has one judge: --judge-model or --judge-url names it")
    return image


class _Collected:
    """Collector of both figures of each image, and of its answers for ``--save``."""

    def __init__(self, data: ImageBench) -> None:
        self.axes: Axes = {name: LabelledAnswers() for name in LABELS}
        self.errors: list[str] = []
        self._data = data
        self._answers = {name: ANSWER_COLUMNS[LEVEL1.index(name)] for name in LABELS}
        self.columns = ("ID", "prompt", *LABELS.values(), *LABELS, *self._answers.values(), "error")

    def add(self, row: Row | RowError, result: Verdict | EditVerdict | RowError) -> dict[str, Any]:
        """Count one row in."""
        error = result.message if isinstance(result, RowError) else result.error
        columns: dict[str, Any] = dict.fromkeys(self.columns)
        columns.update({name: row.extra.get(name) for name in ("prompt", *LABELS.values())}, ID=row.id, error=error)
        if error:
            self.errors.append(f"{escape(self._data.source)}, {where(row)}: {error}")
        if isinstance(result, Verdict):
            for name, label in LABELS.items():
                columns[name] = result.value((name,))
                columns[self._answers[name]] = result.answers.get(name)
                if not error:
                    self.axes[name].add_figure(row.number, row.id, row.extra[label], result, (name,))
        return columns
