"""``imagejudge score --bench gedit``: a model's edits judged as GEdit-Bench does, with results in its shape."""

from __future__ import annotations

import argparse
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..batch.gedit_results import FIGURES, SETS, GEditResults
from ..errors import ConfigError
from ..inputs.gedit import DATA_SET, TASKS, GEdit, open_gedit
from ..protocols import default_name
from ..protocols.score_pairs import PQ, SC
from ..settings import JudgeSettings
from ..support.escaping import escape, for_log
from ..support.words import plural, some
from .agree_tables import shown
from .printing import print_table, put

if TYPE_CHECKING:
    from ..protocols.base import Protocol
    from ..statistics.task_means import TaskMean

BENCHES = ("gedit",)
_FOLDERS = {"openai": "gpt4o", "qwen2.5-vl": "qwen25vl"}  # of published results, by the family of the judge's model
_METHOD = (
    "Semantics and quality: the least of two scores of 0 to 10; overall: the square root of their product, per edit. "
    "Average: mean over tasks. Intervals: 95%; of the average made of the tasks' own."
)


def register(parser: argparse.ArgumentParser) -> None:
    """Add the options of a benchmark."""
    group = parser.add_argument_group("a benchmark of edits")
    group.add_argument("--bench", choices=BENCHES, help="INPUT is a model's folder of this benchmark, or a data set")
    group.add_argument("--bench-data", metavar="DATA", help=f"the benchmark's instructions (default: {DATA_SET})")


def open_bench(args: argparse.Namespace) -> GEdit:
    """Open the edits of ``args.input``.

    Raises:
        ConfigError: no such folder or data set, or an option that does not go with a benchmark.
    """
    wrong = {"--prompts": args.prompts, "--judge-metadata": args.judge_metadata}
    wrong |= {"--judge-dimensions": args.judge_dimensions, "--root": args.root}
    if given := [option for option, value in wrong.items() if value is not None]:
        raise ConfigError(f"--bench {args.bench} takes no {', '.join(given)}")
    return open_gedit(args.input, args.bench_data or DATA_SET)


def with_protocol(settings: JudgeSettings) -> JudgeSettings:
    """Return the settings of the judge with the benchmark's protocol, where none is named."""
    named = settings.protocol or default_name(f"{settings.adapter or ''}/{settings.model or ''}", "edit")
    return replace(settings, protocol="editscore" if named == "editscore" else settings.protocol or "viescore")


def results_of(data: GEdit, protocol: Protocol) -> GEditResults:
    """Return the collector of the results.

    Raises:
        ConfigError: the judge does not give what they have.
    """
    if not {SC, PQ} <= set(protocol.aspects or ()):
        raise ConfigError(
            f"--bench gedit: protocol {protocol.name} gives edits no {SC} and {PQ} (semantic consistency, perceptual "
            "quality); viescore and editscore do"
        )
    return GEditResults(data.name, None if data.edited else data.folder)


def results_folder(data: GEdit, protocol: Protocol) -> Path:
    """Return the default folder of the results, where the published statistics look for them."""
    family = str(getattr(protocol, "family", ""))
    judge = _FOLDERS.get(family, family) if protocol.name == "viescore" else protocol.name
    return data.folder / judge / "eval_results_new"


def print_results(results: GEditResults) -> None:
    """Print a table for each language and set."""
    for language, sets in results.tables().items():
        for which in SETS:
            found = sets[which]
            head = [f"{language}, {which}", "n", "left out", *FIGURES]
            rows = [_row(task, [found[figure][task] for figure in FIGURES]) for task in (*TASKS, "average")]
            print_table(f"GEdit-Bench: {for_log(results.model)}", head, rows)
    put(_METHOD)
    if results.drawn:
        edits = plural(results.drawn, "edit")
        put(f"{edits} could not be read; the published code would have drawn their scores at random.")
    if unnamed := results.unnamed():
        names = some([escape(name) for name in unnamed], 5)
        put(f"{plural(len(unnamed), 'picture')} in fullset/ not judged, as no row of the data names them: {names}.")


def results_json(results: GEditResults) -> dict[str, Any]:
    """Return the means for ``--json``."""

    def mean(one: TaskMean) -> dict[str, Any]:
        return {
            "mean": one.mean.value,
            "low": one.mean.low,
            "high": one.mean.high,
            "n": one.n,
            "left_out": one.left_out,
        }

    tables = {
        language: {
            which: {figure: {task: mean(one) for task, one in tasks.items()} for figure, tasks in figures.items()}
            for which, figures in sets.items()
        }
        for language, sets in results.tables().items()
    }
    counts = {"not_judged": results.lost, "would_be_drawn": results.drawn, "not_in_data": results.unnamed()}
    return {"gedit": {**counts, "languages": tables}}


def _row(task: str, means: list[TaskMean]) -> list[object]:
    return [task, means[0].n, means[0].left_out, *(shown(one.mean) for one in means)]
