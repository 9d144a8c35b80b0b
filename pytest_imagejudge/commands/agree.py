"""``imagejudge agree``: agreement of a judge with people.

Three uses: two tables of scores or ranks; a benchmark of edits, with recorded answers or judged here; a gate's report
and labels.
"""

from __future__ import annotations

import argparse
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..batch.fates import FATES
from ..errors import ConfigError
from ..support.escaping import escape
from ..support.files import write_text
from ..support.text_tables import number
from ..support.words import plural
from . import judge_edit_benchmark
from .agree_tables import shown, tables_agreement
from .printing import note, print_json, print_table, put

if TYPE_CHECKING:
    from ..recorded.edit_answers import EditAnswers
    from ..renderers.charts import Block
    from ..statistics.agreement import Correlation, ScoreAgreement


BENCHES = ("ie-bench-4k",)
_PAGES = (".html", ".htm")


def register(parser: argparse.ArgumentParser) -> None:
    """Add this command's arguments."""
    parser.add_argument(
        "files",
        nargs="+",
        metavar="FILE",
        help="JUDGE and HUMAN tables; with --bench the recorded answers, or the benchmark (a file, a folder, a data "
        "set of the Hub) for a judge to judge; with --labels the gate's JSON report",
    )
    parser.add_argument("--json", action="store_true", help="print JSON")
    parser.add_argument("-o", "--output", type=Path, metavar="FILE", help="write an HTML page with a chart")
    tables = parser.add_argument_group("two tables (CSV, JSON, JSON Lines, or a leaderboard's scores_detail.json)")
    tables.add_argument("--key", metavar="COLUMN", help='the column of names (default: "model", "ID", ...)')
    kinds = ("scores", "ranks")
    tables.add_argument(
        "--judge-as", choices=kinds, help="the kind of the judge's numbers (default: by the columns' names)"
    )
    tables.add_argument(
        "--human-as", choices=kinds, help="the kind of people's numbers (default: by the columns' names)"
    )
    bench = parser.add_argument_group("a benchmark of edits")
    bench.add_argument("--bench", choices=BENCHES, help="which benchmark it is")
    bench.add_argument(
        "--label-field", metavar="NAME", help='column of the mean opinion scores (default: "mos_perception", "answer")'
    )
    bench.add_argument("--answer-field", default="model_response", metavar="NAME", help="default: %(default)s")
    bench.add_argument("--protocol", metavar="NAME", help="the protocol of the recorded answers (default: ie-critic)")
    judge_edit_benchmark.register(parser)
    gate = parser.add_argument_group("a gate")
    gate.add_argument("--labels", type=Path, metavar="FILE", help="ID and label (good or bad) of images in the report")


def run(args: argparse.Namespace) -> int:
    """Run the command: 0; 2 where rows could not be used; 3 where a judge was asked and failed."""
    judging = judge_edit_benchmark.names_judge(args)
    if (judging or args.save) and not (judging and args.bench):
        raise ConfigError("--save needs a judge, and a judge needs --bench with the data to judge")
    if args.bench and args.labels:
        raise ConfigError("--bench and --labels exclude each other; give one of them")
    if args.output and args.output.suffix.lower() not in _PAGES:
        raise ConfigError(f"--output {escape(args.output)}: a file ending in .html is expected")
    wanted = 1 if args.bench or args.labels else 2
    if len(args.files) != wanted:
        what = {1: "one file goes with --bench or --labels", 2: "two files are expected, the judge's and people's"}
        raise ConfigError(f"{what[wanted]}, not {len(args.files)}")
    judged = judge_edit_benchmark.judge_bench(args) if judging else None
    if args.bench:
        bench = judged.answers if judged else _recorded(args)
        result, body = _bench(args, bench)
        errors = bench.errors
        if judged:
            result |= judged.details
            body += _rows(args, judged)
    elif args.labels:
        result, errors, body = _gate(args)
    else:
        result, errors, body = tables_agreement(args)
    if args.output:
        from ..renderers.charts import page

        write_text(args.output, page("Agreement with people", body))
    if args.json:
        print_json({**result, "errors": errors})
    if judged:  # its errors were said as they came
        if judged.interrupted:
            raise KeyboardInterrupt
        return judged.code
    for error in errors:
        note(error)
    return 2 if errors else 0


# --- a benchmark of edits ---


def _recorded(args: argparse.Namespace) -> EditAnswers:
    from ..recorded.edit_answers import read_bench
    from ..tables.rows import SUFFIXES

    path = Path(args.files[0])
    if path.suffix.lower() not in SUFFIXES:
        raise ConfigError(
            f"{escape(path)}: a file of recorded answers is expected ({', '.join(SUFFIXES)}); to have a benchmark "
            "judged, name a judge: --edit-judge-model or --edit-judge-url"
        )
    return read_bench(path, args.protocol or "ie-critic", args.label_field or "mos_perception", args.answer_field)


def _bench(args: argparse.Namespace, bench: EditAnswers) -> tuple[dict[str, Any], list[Block | None]]:
    from ..renderers.charts import DataTable, Note, scatter_chart
    from ..statistics.agreement import logistic, score_agreement

    read = [(prediction, label) for _, label, prediction in bench.rows if prediction is not None]
    labels = [label for _, label, _ in bench.rows]
    left_out = score_agreement([x for x, _ in read], [y for _, y in read])
    # An answer that can't be read says nothing of its edit, so it counts as the prediction that says nothing: the
    # mean of the others. It can't make agreement, whatever its label is.
    middle = sum(x for x, _ in read) / len(read) if read else None
    counted = left_out
    if bench.unreadable and middle is not None:
        counted = score_agreement([middle if x is None else x for _, _, x in bench.rows], labels)
    head = ["", "n", "PLCC", "SRCC", "Main score"]
    rows = [
        *_bench_rows("unreadable left out", left_out),
        *(_bench_rows("unreadable counted as the mean prediction", counted) if bench.unreadable else []),
    ]
    share = f"{len(bench.unreadable)} of {plural(len(bench.rows), 'answer')} can't be read"
    mended = dict(sorted(bench.problems.items()))
    method = (
        "Main score: mean of PLCC and SRCC. With fit: the 4-parameter logistic fit made on the labels it is tested on, "
        "as published; cross-validated: each prediction mapped by a fit that has not seen its label. "
        "Intervals: 95%, percentile bootstrap over edits."
    )
    if not args.json:
        print_table(f"{args.bench}: {escape(args.files[0])}", head, rows)
        put(f"{share}.")
        if mended:
            put("Problems in the answers: " + ", ".join(f"{kind} {n}" for kind, n in mended.items()) + ".")
        put(method)
    curve: list[tuple[float, float]] = []
    if left_out.fitted and left_out.fitted.parameters:
        low, high = min(x for x, _ in read), max(x for x, _ in read)
        at = [low + (high - low) * i / 60 for i in range(61)]
        curve = [(x, float(logistic(x, *left_out.fitted.parameters))) for x in at]
    points = [(x, label, f"row {row}") for row, label, x in bench.rows if x is not None]
    body: list[Block | None] = [
        scatter_chart("Predictions and labels", points, "judge", "mean opinion score", curve),
        DataTable(head, rows),
        Note(f"{share}. {method}"),
    ]
    result = {
        "bench": args.bench,
        "n": len(bench.rows),
        "readable": len(read),
        "unreadable": len(bench.unreadable),
        "unreadable_rows": [{"row": row, "id": name, "problems": kinds} for row, name, kinds in bench.unreadable],
        "problems": mended,
        "left_out": _as_json(left_out),
        "counted": {**_as_json(counted), "counted_as": middle},
    }
    return result, body


def _rows(args: argparse.Namespace, judged: judge_edit_benchmark.JudgedBench) -> list[Block]:
    """Show the fates of a judged benchmark's rows."""
    from ..renderers.charts import DataTable, Note

    tally = judged.tally
    counts: list[list[object]] = [[FATES[fate], n] for fate, n in tally.fates.items() if n or fate == "judged"]
    rows = [["all", tally.rows], *counts, ["from the store", tally.from_store]]
    lost = len(judged.answers.errors)
    note = f"{lost} of {plural(tally.rows, 'row')} not judged: the figures lack them." if lost else ""
    if not args.json:
        print_table("Rows", ["", "n"], rows)
        if note:
            put(note)
    table = DataTable(["", "n"], rows)
    return [table, Note(note)] if note else [table]


def _bench_rows(title: str, found: ScoreAgreement) -> list[list[object]]:
    rows: list[list[object]] = []
    for name, correlation in (
        ("without fit", found.plain),
        ("with fit", found.fitted),
        (f"cross-validated fit ({found.folds} folds)", found.cross_validated),
    ):
        cells = ["N/A"] * 3
        if correlation is not None:
            cells = [shown(x, 4) for x in (correlation.plcc, correlation.srcc, correlation.main)]
        rows.append([f"{name}, {title}", found.n, *cells])
    return rows


def _as_json(found: ScoreAgreement) -> dict[str, Any]:
    def correlation(one: Correlation | None) -> dict[str, Any] | None:
        if one is None:
            return None
        figures = {"plcc": asdict(one.plcc), "srcc": asdict(one.srcc), "main": asdict(one.main)}
        return {**figures, "parameters": list(one.parameters)} if one.parameters else figures

    return {
        "n": found.n,
        "without_fit": correlation(found.plain),
        "with_fit": correlation(found.fitted),
        "cross_validated": correlation(found.cross_validated),
        "folds": found.folds,
    }


# --- a gate ---


def _gate(args: argparse.Namespace) -> tuple[dict[str, Any], list[str], list[Block | None]]:
    from ..recorded.labels import read_labels
    from ..renderers.charts import DataTable, Note, interval_chart
    from ..report.json_file import read
    from ..statistics.calibration import gate_calibration

    labels, errors = read_labels(args.labels)
    report = read(Path(args.files[0]))
    entries = {entry.id: entry for entry in (*report.verdicts, *report.edits) if entry.id is not None}
    unknown = [name for name in labels if name not in entries]
    errors += [f'{escape(args.labels)}: the ID "{escape(name)}" is not in {escape(args.files[0])}' for name in unknown]
    outcome = {"passed": True, "failed": False}  # what was not judged, or only scored, the gate did not decide
    passed = [outcome.get(entry.outcome) for entry in entries.values()]
    found = gate_calibration(passed, [labels.get(name) for name in entries])
    judged = [value for value in passed if value is not None]
    rate = found.corrected_pass_rate(sum(judged), len(judged))
    shares = {
        "bad images that the gate fails (sensitivity)": found.sensitivity,
        "good images that the gate passes (specificity)": found.specificity,
        "images that people would pass, of all judged": rate,
    }
    head = ["", "share", "95% interval", "of"]
    rows = []
    for name, share in shares.items():
        spread = "" if share.low is None else f"{number(share.low, 3)} to {number(share.high, 3)}"
        rows.append([name, number(share.value, 3), spread, share.n])
    note = f"{found.left_out} of {plural(len(entries), 'image')} not judged, only scored, or without a label."
    if not args.json:
        print_table("The gate against people's labels", head, rows)
        put(note)
        if not found.informative:
            put("The gate does not tell bad from good here.")
    result = {
        "n": len(entries),
        "left_out": found.left_out,
        "informative": found.informative,
        "sensitivity": asdict(found.sensitivity),
        "specificity": asdict(found.specificity),
        "corrected_pass_rate": asdict(rate),
    }
    dots = [(name, share.value, share.low, share.high) for name, share in shares.items()]
    return result, errors, [interval_chart("Shares", dots, digits=3), DataTable(head, rows), Note(note)]
