"""``imagejudge agree``: agreement of a judge with people.

Three uses: two tables of scores or ranks; a benchmark with people's opinions, with recorded answers or judged here; a
gate's report and labels.
"""

from __future__ import annotations

import argparse
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..errors import ConfigError
from ..support.escaping import escape
from ..support.files import write_text
from ..support.text_tables import number
from ..support.words import plural
from . import judge_benchmark
from .agree_bench import BENCHES, agree_bench
from .agree_tables import tables_agreement
from .printing import note, print_json, print_table, put

if TYPE_CHECKING:
    from ..renderers.charts import Block

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
    bench = parser.add_argument_group("a benchmark")
    bench.add_argument("--bench", choices=BENCHES, help="which benchmark it is")
    bench.add_argument(
        "--label-field", metavar="NAME", help='column of the mean opinion scores (default: "mos_perception", "answer")'
    )
    bench.add_argument("--answer-field", default="model_response", metavar="NAME", help="default: %(default)s")
    bench.add_argument(
        "--protocol", metavar="NAME", help="the protocol of the recorded answers (default: that of the benchmark)"
    )
    judge_benchmark.register(parser)
    gate = parser.add_argument_group("a gate")
    gate.add_argument("--labels", type=Path, metavar="FILE", help="ID and label (good or bad) of images in the report")


def run(args: argparse.Namespace) -> int:
    """Run the command: 0; 2 where rows could not be used; 3 where a judge was asked and failed."""
    judging = judge_benchmark.names_judge(args)
    if (judging or args.save) and not (judging and args.bench):
        raise ConfigError("--save needs a judge, and a judge needs --bench with the data to judge")
    if args.bench and args.labels:
        raise ConfigError("--bench and --labels exclude each other; give one of them")
    if args.output and args.output.suffix.lower() not in _PAGES:
        raise ConfigError(f"--output {escape(args.output)}: a file ending in .html is expected")
    wanted = 1 if args.bench or args.labels else 2
    if len(args.files) != wanted:
        what = {
            1: "one file goes with --bench or --labels",
            2: "two files are expected, the judge's and people's (with --bench NAME or --labels FILE one)",
        }
        raise ConfigError(f"agree: {what[wanted]}, not {len(args.files)}")
    judged = None
    if args.bench:
        result, errors, body, judged = agree_bench(args, judging=judging)
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
