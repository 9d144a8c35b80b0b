"""``imagejudge leaderboard``: rank models from their recorded answers, without a judge."""

from __future__ import annotations

import argparse
import json
import os
import sys
from pathlib import Path
from typing import Any

from ..errors import ConfigError
from ..inputs.hub import BENCH_FILE, HUB, hub_file, is_hub, metadata_file
from ..inputs.metadata import read_metadata
from ..protocols import load_protocol
from ..recorded.answer_codes import DEFAULT
from ..recorded.answers import read_recorded
from ..recorded.leaderboard import PUBLISHED_ORDER, Leaderboard, PromptMean, Standing, rank
from ..support.escaping import escape, for_log, for_markdown
from ..support.files import write_text
from ..support.spreadsheets import write_xlsx
from ..support.text_tables import markdown_table, number
from ..support.words import plural
from ..taxonomy import LEVEL1, TREE
from .printing import note, print_json, print_table, put


def register(parser: argparse.ArgumentParser) -> None:
    """Add this command's arguments."""
    parser.add_argument(
        "files",
        nargs="+",
        metavar="FILE",
        help=f"released answers, <input>_judged files, or {HUB}ORG/NAME[/FILE]",
    )
    parser.add_argument("--output-dir", type=Path, metavar="DIR", help="write tables, a chart and JSON to this folder")
    parser.add_argument(
        "--protocol",
        metavar="NAME",
        help="the protocol of the answers (default: as a _judged file shows, else q-judger)",
    )
    parser.add_argument(
        "--judge-metadata", metavar="FILE", help="a file that lists, by prompt ID, the dimensions that count"
    )
    parser.add_argument("--json", action="store_true", help="print JSON instead of tables")


def run(args: argparse.Namespace) -> int:
    """Run the command: 0, or 2 where rows could not be used (the others are written)."""
    for i, name in enumerate(args.files):
        if not name:  # a variable that is not set; as a path it would mean the working folder
            raise ConfigError("FILE is empty; a file is expected")
        if name in args.files[:i]:
            raise ConfigError(f"{escape(name)} is named twice")
    files = [hub_file(name, BENCH_FILE) if is_hub(name) else Path(name) for name in args.files]
    if "numpy" not in sys.modules:  # its matrices are small here: starting threads would take longer than using them
        os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
    load_protocol(args.protocol or DEFAULT, kind="image")  # a wrong name is said even where no answer needs its reader
    recorded = read_recorded(files, args.protocol)
    metadata = read_metadata(metadata_file(args.judge_metadata)) if args.judge_metadata else None
    board = rank(recorded, metadata)
    if args.output_dir:
        write(board, args.output_dir)
    if args.json:
        print_json(as_json(board))
    else:
        _print(board)
    for error in board.errors:
        note(error)
    return 2 if board.errors else 0


# --- what is written ---


def detail(board: Leaderboard) -> dict[str, Any]:
    """Content of ``scores_detail.json``, in the published shape: figures without a score are absent."""
    found: dict[str, Any] = {}
    for standing in board.standings:
        level2 = {
            one: {two: standing.level2[one][two].mean for two in TREE[one] if standing.level2[one][two].n}
            for one in PUBLISHED_ORDER
        }
        found[standing.model] = {
            "total": standing.total.mean,
            "level1": {one: standing.level1[one].mean for one in PUBLISHED_ORDER if standing.level1[one].n},
            "level2": {one: twos for one, twos in level2.items() if twos},
        }
    return found


def sheets(board: Leaderboard) -> dict[str, tuple[list[str], list[list[Any]]]]:
    """Sheets of ``scores_result.xlsx``, in the published shape: a summary, and a sheet for each L1."""
    summary = [[s.model, *(s.level1[one].mean for one in PUBLISHED_ORDER), s.total.mean] for s in board.standings]
    found = {"Level-1 Summary": (["Model", *PUBLISHED_ORDER, "Total"], summary)}
    for one in PUBLISHED_ORDER:
        names = sorted(two for two in TREE[one] if any(s.level2[one][two].n for s in board.standings))
        if names:
            rows = [[s.model, *(s.level2[one][two].mean for two in names)] for s in board.standings]
            found[one] = (["Model", *names], rows)
    return found


def as_json(board: Leaderboard) -> dict[str, Any]:
    """Return the whole result, for ``--json`` and ``leaderboard.json``."""

    def figure(found: PromptMean) -> dict[str, Any]:
        return {"mean": found.mean, "low": found.low, "high": found.high, "n": found.n, "left_out": found.left_out}

    return {
        "prompts": board.prompts,
        "unanswered": board.unanswered,
        "models": [
            {
                "model": s.model,
                "rank": s.rank or None,
                "rank_low": s.rank_low or None,
                "rank_high": s.rank_high or None,
                "total": figure(s.total),
                "level1": {one: figure(s.level1[one]) for one in LEVEL1},
                "level2": {one: {two: figure(found) for two, found in s.level2[one].items()} for one in LEVEL1},
                "answers": s.answers,
                "unreadable": sum(s.unreadable.values()),
                "unreadable_by": s.unreadable,
                "missing": sum(s.missing.values()),
                "missing_by": s.missing,
            }
            for s in board.standings
        ],
        "not_told_apart": [
            {"ranks": [first, last], "models": [s.model for s in board.standings[first - 1 : last]]}
            for first, last in board.groups
        ],
        "errors": board.errors,
    }


def _ranks(s: Standing) -> str:
    if not s.rank:
        return "-"
    return str(s.rank) if s.rank_low == s.rank_high else f"{s.rank} ({s.rank_low}-{s.rank_high})"


def _main_table(board: Leaderboard) -> tuple[list[str], list[list[str]]]:
    head = ["Model", "Rank", *PUBLISHED_ORDER, "Total", "95% interval", "Prompts", "Unreadable", "Missing"]
    rows = []
    for s in board.standings:
        spread = "" if s.total.low is None else f"{number(s.total.low)} to {number(s.total.high)}"
        rows.append(
            [
                s.model,
                _ranks(s),
                *(number(s.level1[one].mean) for one in PUBLISHED_ORDER),
                number(s.total.mean),
                spread,
                str(s.prompts),
                str(sum(s.unreadable.values())),
                str(sum(s.missing.values())),
            ]
        )
    return head, rows


def _level2_tables(board: Leaderboard) -> list[tuple[str, list[str], list[list[str]]]]:
    return [
        (name, head, [[row[0], *(number(value) for value in row[1:])] for row in rows])
        for name, (head, rows) in sheets(board).items()
        if name != "Level-1 Summary"
    ]


def notes(board: Leaderboard) -> list[str]:
    """Notes below the table: ranks that can't be told apart, and answers that were left out."""
    lines = []
    for first, last in board.groups:
        names = ", ".join(escape(s.model) for s in board.standings[first - 1 : last])
        lines.append(f"Ranks {first} to {last} cannot be told apart: {names}.")
    if board.unanswered:
        lines.append(f"{board.unanswered} of {plural(board.prompts, 'prompt')} left out: no model has an answer.")
    for s in board.standings:
        for count, what in ((s.unreadable, "can't be read"), (s.missing, "missing")):
            if total := sum(count.values()):
                where = ", ".join(f"{one} {n}" for one, n in count.items() if n)
                lines.append(f"{escape(s.model)}: {plural(total, 'answer')} {what} ({where}).")
        if s.answers and sum(s.unreadable.values()) == s.answers:
            lines.append(f"{escape(s.model)}: none can be read; name the protocol of these answers with --protocol.")
        if not s.has_total:
            lines.append(f"{escape(s.model)}: its judge measures too little for a total, so it has no rank.")
        if s.total.left_out:
            lines.append(
                f"{escape(s.model)}: {s.total.left_out} of {plural(board.prompts, 'prompt')} left out of the total, "
                "for want of an answer."
            )
    return lines


def _print(board: Leaderboard) -> None:
    print_table("Level 1 and total", *_main_table(board))
    for name, head, rows in _level2_tables(board):
        print_table(f"Level 2: {name}", head, rows)
    for line in notes(board):
        put(for_log(line))


_METHOD = (
    "Rank intervals: paired bootstrap over prompts, simultaneous over all pairs of models (95%). Figures that would "
    "contain an answer that is missing or can't be read are left out of that model's means and counted."
)


def write(board: Leaderboard, folder: Path) -> None:
    """Write all files into ``folder``."""
    from ..renderers.charts import Block, BulletList, DataTable, Heading, Note, interval_chart, page

    write_text(folder / "scores_detail.json", json.dumps(detail(board), ensure_ascii=False, indent=2))
    write_xlsx(folder / "scores_result.xlsx", sheets(board))
    write_text(folder / "leaderboard.json", json.dumps(as_json(board), ensure_ascii=False, indent=2))
    title, lines, level2 = "Leaderboard", notes(board), _level2_tables(board)
    markdown = [f"# {title}", markdown_table(*_main_table(board)), "\n".join(f"- {for_markdown(x)}" for x in lines)]
    markdown += [f"## {name}\n\n{markdown_table(head, rows)}" for name, head, rows in level2]
    write_text(folder / "leaderboard.md", "\n\n".join([*(part for part in markdown if part), _METHOD]) + "\n")
    dots = [(s.model, s.total.mean, s.total.low, s.total.high) for s in board.standings]
    body: list[Block | None] = [interval_chart("Totals with 95% intervals", dots), DataTable(*_main_table(board))]
    body += [BulletList(lines)] if lines else []
    for name, head, rows in level2:
        body += [Heading(name), DataTable(head, rows)]
    body.append(Note(_METHOD))
    write_text(folder / "leaderboard.html", page(title, body))
