"""``imagejudge agree``: how well a judge agrees with people.

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
from ..taxonomy import nearest
from . import judge_edit_benchmark
from .printing import note, print_json, print_table, put

if TYPE_CHECKING:
    from ..recorded.edit_answers import Bench
    from ..recorded.score_tables import Scores
    from ..renderers.charts import Block
    from ..statistics.agreement import Correlation, Estimate, RankAgreement, ScoreAgreement

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
    tables.add_argument("--judge-as", choices=kinds, help="what the judge's numbers are (default: by their names)")
    tables.add_argument("--human-as", choices=kinds, help="what people's numbers are (default: by their names)")
    bench = parser.add_argument_group("a benchmark of edits")
    bench.add_argument("--bench", choices=BENCHES, help="which benchmark it is")
    bench.add_argument(
        "--label-field", metavar="NAME", help='column of the mean opinion scores (default: "mos_perception", "answer")'
    )
    bench.add_argument("--answer-field", default="model_response", metavar="NAME", help="default: %(default)s")
    bench.add_argument("--protocol", metavar="NAME", help="whose recorded answers (default: ie-critic)")
    judge_edit_benchmark.register(parser)
    gate = parser.add_argument_group("a gate")
    gate.add_argument("--labels", type=Path, metavar="FILE", help="ID and label (good or bad) of images in the report")


def run(args: argparse.Namespace) -> int:
    """Run the command: 0; 2 where rows could not be used; 3 where a judge was asked and failed."""
    judging = judge_edit_benchmark.asked_for(args)
    if (judging or args.save) and not (judging and args.bench):
        raise ConfigError("a judge, --bench with what it is to judge, and --save go together")
    if args.bench and args.labels:
        raise ConfigError("--bench and --labels are two uses; give one of them")
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
        result, errors, body = _tables(args)
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


def _shown(estimate: Estimate, digits: int = 3) -> str:
    if estimate.value is None:
        return "N/A"
    if estimate.low is None:
        return f"{number(estimate.value, digits)} (interval N/A)"
    return f"{estimate.value:.{digits}f} ({number(estimate.low, digits)} to {number(estimate.high, digits)})"


# --- two tables ---


def _tables(args: argparse.Namespace) -> tuple[dict[str, Any], list[str], list[Block | None]]:
    from ..recorded.score_tables import OVERALL, PUBLISHED, PUBLISHED_MODELS, pair_up, read_scores
    from ..renderers.charts import DataTable, Heading, Note, interval_chart, scatter_chart

    judge = read_scores(Path(args.files[0]), args.key, args.judge_as)
    human = read_scores(Path(args.files[1]), args.key, args.human_as)
    if paired := pair_up(judge, human):
        note(f'note: "{escape(paired[0])}" and "{escape(paired[1])}", the only numbers, belong together')
    shared = [name for name in judge.columns if name in human.columns]
    if not shared:
        raise ConfigError(
            f"{escape(judge.path)} and {escape(human.path)} have no dimension in common: "
            f"{', '.join(map(escape, judge.columns))} there, {', '.join(map(escape, human.columns))} here"
            f"{nearest(judge.columns[0], map(escape, human.columns))}"
        )
    for one, other in ((judge, human), (human, judge)):
        for name in one.columns:
            if name not in other.columns and name != OVERALL:
                near = nearest(name, map(escape, [x for x in other.columns if x not in shared]))
                note(f'note: "{escape(name)}" of {escape(one.path)} is not in {escape(other.path)}{near}')
    items = [name for name in judge.items if name in human.items]
    lone = {
        "judge": [name for name in judge.items if name not in human.items],
        "human": [name for name in human.items if name not in judge.items],
    }
    for side, names in lone.items():
        if names:
            some = ", ".join(map(escape, names[:5])) + (", ..." if len(names) > 5 else "")
            note(f"note: {len(names)} only in the {side} table, left out: {some}")
    if len(items) < 2:
        raise ConfigError(
            f"{escape(judge.path)} and {escape(human.path)} have {plural(len(items), 'item')} in common; "
            "at least 2 are needed"
        )
    for scores in (judge, human):
        ranks = [name for name in shared if scores.as_[name] == "ranks"]
        if ranks:
            note(f"note: {escape(scores.path)}: ranks, 1 is best: {', '.join(map(escape, ranks))}")
    dimensions = [name for name in shared if name != OVERALL]
    found = {name: _agreement(judge, human, name, items) for name in dimensions}
    computed = OVERALL not in shared and len(dimensions) > 1
    if computed:
        for scores in (judge, human):
            if OVERALL not in scores.columns:
                _add_overall(scores, dimensions)
    if computed or OVERALL in shared:
        found[OVERALL] = _agreement(judge, human, OVERALL, items)
    for name, (agreement, _) in found.items():
        if (agreement.spearman.value or 0) < 0:
            _hint_at_ranks(judge, human, name, items)
    rows = []
    for name, (agreement, left_out) in found.items():
        reference = f"{PUBLISHED[name]:.2f}" if name in PUBLISHED else ""
        rows.append(
            [
                name,
                agreement.n,
                left_out,
                _shown(agreement.spearman),
                _shown(agreement.kendall),
                _shown(agreement.pairwise),
                reference,
            ]
        )
    head = ["Dimension", "n", "left out", "Spearman", "Kendall", "Pairwise accuracy", "Published Spearman"]
    method = (
        f"Intervals: 95%, percentile bootstrap over items. Published: Q-Judger against experts' rankings of "
        f"{PUBLISHED_MODELS} models."
    )
    if any(abs(agreement.spearman.value or 0) > 1 - 1e-9 for agreement, _ in found.values()):
        method += " A perfect order leaves resampling nothing to vary: its interval says nothing of other items."
    if not args.json:
        print_table("Agreement with people", head, rows)
        if computed:
            put("Overall is the mean of the dimensions where a table has none of its own.")
        put(method)
    dots = [(name, a.spearman.value, a.spearman.low, a.spearman.high) for name, (a, _) in found.items()]
    body: list[Block | None] = [
        Heading("Spearman's correlation"),
        interval_chart("Spearman's correlation", dots),
        DataTable(head, rows),
        Note(method),
    ]
    for name in found:
        points = [(x, y, item) for item in items if (x := judge.items[item][name]) is not None
                  and (y := human.items[item][name]) is not None]  # fmt: skip
        body += [Heading(name), scatter_chart(name, points, "judge", "people")]
    result = {
        "n": len(items),
        "dimensions": {
            name: {
                **asdict(agreement),
                "left_out": left_out,
                "published_spearman": PUBLISHED.get(name),
                "judge_as": judge.as_[name],
                "human_as": human.as_[name],
            }
            for name, (agreement, left_out) in found.items()
            if name != OVERALL
        },
        "overall": None,
        "only_in_judge": lone["judge"],
        "only_in_human": lone["human"],
        "published": {"spearman": PUBLISHED, "models": PUBLISHED_MODELS},
    }
    if OVERALL in found:
        agreement, left_out = found[OVERALL]
        result["overall"] = {
            **asdict(agreement),
            "left_out": left_out,
            "published_spearman": PUBLISHED[OVERALL],
            "computed": computed,
        }
    return result, [*judge.errors, *human.errors], body


def _agreement(judge: Scores, human: Scores, name: str, items: list[str]) -> tuple[RankAgreement, int]:
    """Agreement in one dimension, and how many items lack a number there."""
    from ..statistics.agreement import rank_agreement

    pairs = [(judge.items[item][name], human.items[item][name]) for item in items]
    present = [(x, y) for x, y in pairs if x is not None and y is not None]
    signs = [-1.0 if scores.as_[name] == "ranks" else 1.0 for scores in (judge, human)]  # more has to be better
    found = rank_agreement([signs[0] * x for x, _ in present], [signs[1] * y for _, y in present])
    return found, len(pairs) - len(present)


def _hint_at_ranks(judge: Scores, human: Scores, name: str, items: list[str]) -> None:
    from ..recorded.score_tables import is_ranking

    for scores, option in ((judge, "--judge-as"), (human, "--human-as")):
        values = [value for item in items if (value := scores.items[item][name]) is not None]
        if scores.as_[name] == "scores" and is_ranking(values):
            note(f"note: {escape(name)} of {escape(scores.path)} looks like ranks; {option} ranks takes 1 as best")


def _add_overall(scores: Scores, dimensions: list[str]) -> None:
    from ..recorded.score_tables import OVERALL

    kinds = {scores.as_[name] for name in dimensions}
    if len(kinds) > 1:
        raise ConfigError(f"{escape(scores.path)} mixes scores and ranks, so it needs an {OVERALL} column")
    for item in scores.items.values():
        values = [value for name in dimensions if (value := item[name]) is not None]
        item[OVERALL] = sum(values) / len(values) if len(values) == len(dimensions) else None
    scores.as_[OVERALL] = kinds.pop()


# --- a benchmark of edits ---


def _recorded(args: argparse.Namespace) -> Bench:
    from ..recorded.edit_answers import read_bench
    from ..tables.rows import SUFFIXES

    path = Path(args.files[0])
    if path.suffix.lower() not in SUFFIXES:
        raise ConfigError(
            f"{escape(path)}: a file of recorded answers is expected ({', '.join(SUFFIXES)}); to have a benchmark "
            "judged, name a judge: --edit-judge-model or --edit-judge-url"
        )
    return read_bench(path, args.protocol or "ie-critic", args.label_field or "mos_perception", args.answer_field)


def _bench(args: argparse.Namespace, bench: Bench) -> tuple[dict[str, Any], list[Block | None]]:
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
    """Show what became of the rows of a benchmark that was judged."""
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
            cells = [_shown(x, 4) for x in (correlation.plcc, correlation.srcc, correlation.main)]
        rows.append([f"{name}, {title}", found.n, *cells])
    return rows


def _as_json(found: ScoreAgreement) -> dict[str, Any]:
    def correlation(one: Correlation | None) -> dict[str, Any] | None:
        if one is None:
            return None
        shown = {"plcc": asdict(one.plcc), "srcc": asdict(one.srcc), "main": asdict(one.main)}
        return {**shown, "parameters": list(one.parameters)} if one.parameters else shown

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
    outcome = {"passed": True, "failed": False, "error": None}
    passed = [outcome[entry.outcome] for entry in entries.values()]
    found = gate_calibration(passed, [labels.get(name) for name in entries])
    judged = [value for value in passed if value is not None]
    rate = found.corrected_pass_rate(sum(judged), len(judged))
    shares = {
        "bad images that the gate fails (sensitivity)": found.sensitivity,
        "good images that the gate passes (specificity)": found.specificity,
        "images that people would pass, all that were judged": rate,
    }
    head = ["", "share", "95% interval", "of"]
    rows = []
    for name, share in shares.items():
        spread = "" if share.low is None else f"{number(share.low, 3)} to {number(share.high, 3)}"
        rows.append([name, number(share.value, 3), spread, share.n])
    note = f"{found.left_out} of {plural(len(entries), 'image')} not judged, or without a label."
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
