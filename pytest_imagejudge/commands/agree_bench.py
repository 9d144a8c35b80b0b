"""``imagejudge agree --bench``: a judge on a benchmark with people's opinions, recorded or judged here."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING, Any

from ..support.escaping import escape
from ..support.words import plural
from .agree_opinions import opinion_agreement, print_opinions
from .agree_pairs import agree_pairs
from .judge_benchmark import JudgedBench, recorded_file
from .judge_edit_benchmark import judge_bench
from .judge_image_benchmark import judge_image_bench, recorded_image_bench
from .printing import print_table, put

if TYPE_CHECKING:
    from ..recorded.labelled_answers import LabelledAnswers
    from ..renderers.charts import Block

    Agreement = tuple[dict[str, Any], list[str], list[Block | None]]  # as JSON has it, errors, body of a page

BENCHES = {
    "ie-bench-4k": "edits, with mean opinion scores",
    "agiqa-3k": "images, with mean opinion scores of quality and of alignment",
    "editreward-bench": "pairs of edits, of which people prefer the first",
}


def agree_bench(
    args: argparse.Namespace, *, judging: bool
) -> tuple[dict[str, Any], list[str], list[Block | None], JudgedBench | None]:
    """Compare a judge with people on ``args.bench``, and print how they agree.

    Returns:
        The result as JSON has it, the errors of rows, the body of an HTML page, and what became of the rows that were
        judged here.

    Raises:
        ConfigError: the data, or the judge, can't be used.
    """
    (result, errors, body), judged = {
        "ie-bench-4k": _edits,
        "agiqa-3k": _images,
        "editreward-bench": agree_pairs,
    }[args.bench](args, judging=judging)
    result = {"bench": args.bench, **result}
    if judged:
        result |= judged.details
        body += _rows(args, judged, len(errors))
    return result, errors, body, judged


def _edits(args: argparse.Namespace, *, judging: bool) -> tuple[Agreement, JudgedBench | None]:
    answers, judged = judge_bench(args) if judging else (_recorded(args), None)
    found = opinion_agreement(answers)
    if not args.json:
        print_opinions(_title(args), {"": found}, "edits")
    return (found.as_json(), answers.errors, found.page("Predictions and labels", "edits")), judged


def _recorded(args: argparse.Namespace) -> LabelledAnswers:
    from ..recorded.edit_answers import read_bench

    path = recorded_file(args, "--edit-judge-model or --edit-judge-url")
    return read_bench(path, args.protocol or "ie-critic", args.label_field or "mos_perception", args.answer_field)


def _images(args: argparse.Namespace, *, judging: bool) -> tuple[Agreement, JudgedBench | None]:
    judged = None
    if judging:
        axes, errors, judged = judge_image_bench(args)
    else:
        axes, errors = recorded_image_bench(args)
    found = {name: opinion_agreement(answers) for name, answers in axes.items()}
    if not args.json:
        print_opinions(_title(args), found, "images")
    body = [block for name, one in found.items() for block in one.page(f"{name}: predictions and labels", "images")]
    return ({"dimensions": {name: one.as_json() for name, one in found.items()}}, errors, body), judged


def _title(args: argparse.Namespace) -> str:
    return f"{args.bench}: {escape(args.files[0])}"


def _rows(args: argparse.Namespace, judged: JudgedBench, lost: int) -> list[Block]:
    """Show the fates of a judged benchmark's rows."""
    from ..renderers.charts import DataTable, Note

    rows = judged.rows()
    note = f"{lost} of {plural(judged.tally.rows, 'row')} not judged: the figures lack them." if lost else ""
    if not args.json:
        print_table("Rows", ["", "n"], rows)
        if note:
            put(note)
    table = DataTable(["", "n"], rows)
    return [table, Note(note)] if note else [table]
