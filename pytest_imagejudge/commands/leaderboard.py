"""``imagejudge leaderboard``: rank models from their recorded answers, without a judge."""

from __future__ import annotations

import argparse
import json
import os
import sys
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any

from ..errors import ConfigError
from ..inputs import BENCH_FILE, HUB, hub_file, metadata_file
from ..manifests import read_metadata
from ..outputs import markdown_table, note, number, print_json, print_table, put, write_text, write_xlsx
from ..protocols import load_protocol
from ..released import ABSENT, DEFAULT, UNREADABLE, Recorded, figures, read_recorded
from ..tables import show_value
from ..taxonomy import FACETS, LEVEL1, LEVEL2, TREE
from ..untrusted import escape, for_log, for_markdown

# The order of the published tables, which is not that of the tree.
PUBLISHED_ORDER = ("Quality", "Aesthetics", "Alignment", "Creative Generation", "Real-world Fidelity")


@dataclass(frozen=True)
class Figure:
    """A mean over prompts: of ``n`` that have the figure; ``left_out`` held an answer that is missing or unreadable."""

    mean: float | None
    n: int
    left_out: int
    low: float | None = None
    high: float | None = None


@dataclass
class Standing:
    """One model on the leaderboard. Ranks are 0 where there is no total."""

    model: str
    total: Figure
    level1: dict[str, Figure]
    level2: dict[str, dict[str, Figure]]
    answers: int
    unreadable: dict[str, int]
    missing: dict[str, int]
    has_total: bool = True
    rank: int = 0
    rank_low: int = 0
    rank_high: int = 0


@dataclass(frozen=True)
class Leaderboard:
    """Models, best first, and the runs of ranks (first and last, from 1) that can't be told apart."""

    standings: list[Standing]
    groups: list[tuple[int, int]]
    prompts: int
    unanswered: int  # prompts that no model has an answer for
    errors: list[str]


def register(parser: argparse.ArgumentParser) -> None:
    """Add this command's arguments."""
    parser.add_argument(
        "files",
        nargs="+",
        metavar="FILE",
        help=f"released answers, <input>_judged files, or {HUB}ORG/NAME[/FILE]",
    )
    parser.add_argument("--output-dir", type=Path, metavar="DIR", help="write tables, chart and JSON there")
    parser.add_argument(
        "--protocol", metavar="NAME", help="whose answers they are (default: as a _judged file shows, else q-judger)"
    )
    parser.add_argument("--judge-metadata", metavar="FILE", help="which dimensions count, by prompt ID")
    parser.add_argument("--json", action="store_true", help="print JSON instead of tables")


def run(args: argparse.Namespace) -> int:
    """Run the command: 0, or 2 where rows could not be used (what could be is written)."""
    for i, name in enumerate(args.files):
        if not name:  # a variable that is not set; as a path it would mean the working folder
            raise ConfigError("FILE is empty; a file is expected")
        if name in args.files[:i]:
            raise ConfigError(f"{escape(name)} is named twice")
    files = [hub_file(name, BENCH_FILE) if name.startswith("hf://") else Path(name) for name in args.files]
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


def rank(recorded: Recorded, metadata: dict[str, tuple[str, ...]] | None = None) -> Leaderboard:
    """The leaderboard of recorded answers.

    A dimension is asked of a prompt if any model has an answer about it, or, with ``metadata``, if that says so.
    Where a model's answer is missing or unreadable, the figures of that prompt that would contain it are left out
    for that model, and counted.
    """
    import numpy as np

    from ..statistics.ranks import bootstrap_means, groups, percentile_interval, rank_models

    errors = list(recorded.errors)
    ids, models = recorded.ids, list(recorded.models)
    codes = np.stack(list(recorded.models.values()))  # models x prompts x facets
    starts = np.cumsum([0, *(sum(path[0] == one for path in FACETS) for one in LEVEL1)])
    of_l1 = list(pairwise(starts))
    absent = np.stack([(codes[:, :, start] == ABSENT) for start, _ in of_l1], axis=2)  # models x prompts x L1
    unreadable = np.stack([(codes[:, :, a:b] == UNREADABLE).any(axis=2) for a, b in of_l1], axis=2)
    asked = np.array(~absent.all(axis=0))
    if metadata is not None:
        for i, name in enumerate(ids):
            asked[i] = [one in metadata.get(name, ()) for one in LEVEL1]
            if name not in metadata:
                errors.append(f"the ID {show_value(name)} is not in the metadata; its answers are left out")
    standings = []
    columns = np.full((len(ids), len(models) * 6), np.nan)  # the totals, then the L1 one after the other
    # all models at once: (models * prompts, facets)
    every = [part.reshape(len(models), len(ids), -1) for part in figures(codes.reshape(-1, len(FACETS)))]
    for m, model in enumerate(models):
        of_model = every[0][m], every[1][m]
        lost = asked & absent[m], asked & unreadable[m]
        standing, totals, level1 = _standing(model, *of_model, asked, *lost, has_total=model not in recorded.partial)
        standings.append(standing)
        columns[:, m] = totals
        columns[:, len(models) * np.arange(1, 6) + m] = level1
    samples = bootstrap_means(columns)
    low, high = percentile_interval(columns, samples)
    for m, standing in enumerate(standings):
        standing.total = _with_interval(standing.total, low[m], high[m])
        for i, one in enumerate(LEVEL1, start=1):
            at = len(models) * i + m
            standing.level1[one] = _with_interval(standing.level1[one], low[at], high[at])
    ranks = rank_models(columns[:, : len(models)], samples[:, : len(models)])
    for m, standing in enumerate(standings):
        standing.rank = int(ranks.rank[m])
        standing.rank_low, standing.rank_high = int(ranks.rank_low[m]), int(ranks.rank_high[m])
    order = sorted(range(len(models)), key=lambda m: standings[m].total.mean or 0, reverse=True)
    ranked = [m for m in order if standings[m].total.mean is not None]
    alike = [(first + 1, last + 1) for first, last in groups(ranked, ranks.apart)]
    return Leaderboard([standings[m] for m in order], alike, len(ids), int((~asked.any(axis=1)).sum()), errors)


def _with_interval(figure: Figure, low: float, high: float) -> Figure:
    return figure if low != low else Figure(figure.mean, figure.n, figure.left_out, float(low), float(high))


def _standing(
    model: str, level1: Any, level2: Any, asked: Any, missing: Any, unreadable: Any, *, has_total: bool
) -> tuple[Standing, Any, Any]:
    """A model's means, and its totals (prompts) and L1 (prompts x 5), NaN where there is none."""
    import numpy as np

    lost = missing | unreadable
    level1[~asked] = np.nan
    of_two = [LEVEL1.index(one) for one, _ in LEVEL2]
    level2[~asked[:, of_two]] = np.nan
    some = ~np.isnan(level1).all(axis=1) & ~lost.any(axis=1) & has_total
    totals = np.full(len(level1), np.nan)
    totals[some] = np.nanmean(level1[some], axis=1)

    def figure(column: Any, broken: Any) -> Figure:
        present = ~np.isnan(column)
        n = int(present.sum())
        return Figure(float(column[present].mean()) if n else None, n, int((broken & ~present).sum()))

    standing = Standing(
        model,
        figure(totals, lost.any(axis=1) & has_total),
        {one: figure(level1[:, i], lost[:, i]) for i, one in enumerate(LEVEL1)},
        {
            one: {
                two: figure(level2[:, i], lost[:, of_two[i]]) for i, (parent, two) in enumerate(LEVEL2) if parent == one
            }
            for one in LEVEL1
        },
        int((asked & ~missing).sum()),
        dict(zip(LEVEL1, map(int, unreadable.sum(axis=0)), strict=True)),
        dict(zip(LEVEL1, map(int, missing.sum(axis=0)), strict=True)),
        has_total,
    )
    return standing, totals, level1


# --- what is written ---


def detail(board: Leaderboard) -> dict[str, Any]:
    """``scores_detail.json``, of the published shape: only what has a score is in it."""
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
    """``scores_result.xlsx``, of the published shape: a summary, and a sheet for each L1."""
    summary = [[s.model, *(s.level1[one].mean for one in PUBLISHED_ORDER), s.total.mean] for s in board.standings]
    found = {"Level-1 Summary": (["Model", *PUBLISHED_ORDER, "Total"], summary)}
    for one in PUBLISHED_ORDER:
        names = sorted(two for two in TREE[one] if any(s.level2[one][two].n for s in board.standings))
        if names:
            rows = [[s.model, *(s.level2[one][two].mean for two in names)] for s in board.standings]
            found[one] = (["Model", *names], rows)
    return found


def as_json(board: Leaderboard) -> dict[str, Any]:
    """All that is known, for ``--json`` and ``leaderboard.json``."""

    def figure(found: Figure) -> dict[str, Any]:
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
                str(s.total.n),
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
    """What the table alone does not say: ranks that can't be told apart, and what was left out."""
    lines = []
    for first, last in board.groups:
        names = ", ".join(escape(s.model) for s in board.standings[first - 1 : last])
        lines.append(f"Ranks {first} to {last} cannot be told apart: {names}.")
    if board.unanswered:
        lines.append(f"{board.unanswered} of {board.prompts} prompts have no answer of any model and are left out.")
    for s in board.standings:
        for count, what in ((s.unreadable, "can't be read"), (s.missing, "are missing")):
            if total := sum(count.values()):
                where = ", ".join(f"{one} {n}" for one, n in count.items() if n)
                lines.append(f"{escape(s.model)}: {total} answers {what} ({where}).")
        if s.answers and sum(s.unreadable.values()) == s.answers:
            lines.append(f"{escape(s.model)}: none can be read; --protocol says whose answers they are.")
        if not s.has_total:
            lines.append(f"{escape(s.model)}: its judge measures too little for a total, so it has no rank.")
        if s.total.left_out:
            lines.append(
                f"{escape(s.model)}: {s.total.left_out} of {board.prompts} prompts are left out of its total for that."
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
    from .. import charts

    write_text(folder / "scores_detail.json", json.dumps(detail(board), ensure_ascii=False, indent=2))
    write_xlsx(folder / "scores_result.xlsx", sheets(board))
    write_text(folder / "leaderboard.json", json.dumps(as_json(board), ensure_ascii=False, indent=2))
    title, lines, level2 = "Leaderboard", notes(board), _level2_tables(board)
    markdown = [f"# {title}", markdown_table(*_main_table(board)), "\n".join(f"- {for_markdown(x)}" for x in lines)]
    markdown += [f"## {name}\n\n{markdown_table(head, rows)}" for name, head, rows in level2]
    write_text(folder / "leaderboard.md", "\n\n".join([*(part for part in markdown if part), _METHOD]) + "\n")
    dots = [(s.model, s.total.mean, s.total.low, s.total.high) for s in board.standings]
    body = [charts.interval_chart("Totals with 95% intervals", dots), charts.table(*_main_table(board))]
    body += ["<ul>" + "".join(f"<li>{charts.safe(line)}</li>" for line in lines) + "</ul>"] if lines else []
    body += [f"<h2>{charts.safe(name)}</h2>\n{charts.table(head, rows)}" for name, head, rows in level2]
    body.append(f'<p class="note">{_METHOD}</p>')
    write_text(folder / "leaderboard.html", charts.page(title, "\n".join(body)))
