"""``imagejudge rank``: the N best of several images, or edits, of one prompt."""

from __future__ import annotations

import argparse
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..batch.best_of_n import FILE, BestFolder, Candidates
from ..batch.fates import FATES
from ..batch.plan import RunSettings
from ..batch.row_preview import RowCounter, first_row
from ..batch.run import BatchRun
from ..errors import ConfigError
from ..inputs.opening import INPUT, open_input
from ..settings import JudgeSettings
from ..support.escaping import escape, for_log
from ..support.text_tables import number
from ..support.words import and_more, plural
from ..tables.rows import WITH_PICTURES
from ..taxonomy import TOTAL, check_path, nearest, show
from .judge_benchmark import exit_code, ready_judge, told
from .judge_options import add_judge_options, both_judges, for_edits, no_judge
from .printing import note, print_table, put
from .progress import RowProgress, terminated

if TYPE_CHECKING:
    from ..protocols.base import Protocol
    from ..report.ranking import Ranking

_SHOWN = 20  # groups in the table


def register(parser: argparse.ArgumentParser) -> None:
    """Add this command's arguments."""
    add = parser.add_argument
    add("input", metavar="INPUT", help=INPUT)
    add("--n", type=int, default=1, metavar="N", help="how many of each prompt are copied (default: %(default)s)")
    add(
        "--by",
        metavar="COLUMN",
        help="the column that groups rows (default: the prompt; of edits source and instruction)",
    )
    add(
        "--score",
        metavar="NAME",
        help="the score that ranks: an L1, 'L1 / L2', or an aspect (default: the overall one)",
    )
    add("--prompts", type=Path, metavar="FILE", help="the prompts of a folder's images")
    add("--root", "--judge-root", type=Path, metavar="DIR", help="images must lie in this folder")
    add("--output-dir", type=Path, metavar="DIR", help="where the best go (default: INPUT_best beside the input)")
    add("--link", action="store_true", help="link the best in place of copies")
    add("--judge-store", type=Path, metavar="DIR", help="where answers are kept (default: .imagejudge/store)")
    add("--judge-no-store", action="store_true", help="keep no answers between runs")
    add("--json", action="store_true", help=f"print {FILE}")
    add_judge_options(parser)


def run(args: argparse.Namespace) -> int:
    """Run the command.

    Returns 3 where the engine failed or the budget ended, else 2 where rows were bad, else 1 where answers could not be
    read, else 0. A run that is interrupted ranks nothing; its answers are stored.
    """
    from ..report.ranking import Ranking, RankingRun, ranking_text

    if args.n < 1:
        raise ConfigError(f"--n {args.n}: a whole number of 1 or more is expected")
    source = open_input(args.input, prompts=args.prompts, root=args.root)
    if args.by is not None and args.by not in source.columns:
        columns = ", ".join(map(escape, source.columns))
        raise ConfigError(f'--by: no column "{escape(args.by)}"{nearest(args.by, source.columns)}; they are: {columns}')
    in_table = args.input.lower().endswith(WITH_PICTURES)
    if args.link and in_table:
        raise ConfigError(f"--link: the pictures in {escape(args.input)} are no files; leave it out to have copies")
    first = first_row(source.rows())
    folder = BestFolder(args.output_dir or source.folder / f"{source.name}_best", link=args.link)
    settings = _settings(args, first.kind if first else "image")
    with ExitStack() as stack:
        progress = RowProgress(RowCounter(source.count))
        judge = ready_judge(args, settings, progress, stack)
        figure = _figure(args.score, judge.protocol)
        candidates = Candidates(figure, args.by)
        judges: dict[str, Any] = {settings.kind: judge}
        dimensions = (figure[0],) if isinstance(figure, tuple) and figure else None
        plan = RunSettings(**judges, budget=judge.budget, dimensions=dimensions, keep=in_table)
        bench = BatchRun(plan, None, say=progress.row, tick=progress.tick, each=candidates.add)
        try:
            with terminated() as stopped:
                bench.run(source.rows(), stopped)
        except KeyboardInterrupt:
            note("nothing is ranked before all is judged; the same command goes on from the store")
            raise
        finally:
            progress.close()
        told(bench)
        ranking = Ranking(
            kind=settings.kind,
            n=args.n,
            by=args.by,
            score=figure if isinstance(figure, str) else show(figure),
            scale=_scale(figure, judge.protocol),
            run=RankingRun.model_validate(bench.report().run.model_dump(include=set(RankingRun.model_fields))),
            judge=candidates.fingerprint,
            rows=bench.tally.as_json(),
        )
        path = folder.write(ranking, candidates)
    if args.json:
        put(ranking_text(ranking).rstrip())
    else:
        _print(args, ranking)
    note(path)
    code = exit_code(bench.tally)
    return code or (1 if bench.tally.fates["unreadable"] else 0)


def _settings(args: argparse.Namespace, kind: str) -> JudgeSettings:
    image, edit = both_judges(args)
    settings = for_edits(image, edit) if kind == "edit" else image
    if not settings.configured:
        raise no_judge(kind)
    return settings


def _figure(named: str | None, protocol: Protocol) -> tuple[str, ...] | str:
    """The score that ranks, checked against what the judge gives.

    Raises:
        ConfigError: the judge gives no such score; names those that it gives.
    """
    if protocol.kind == "edit":
        aspects = protocol.aspects
        if not protocol.has_total and named in (None, "score"):
            known = ", ".join(aspects or ())
            raise ConfigError(f"protocol {protocol.name} gives edits no overall score: --score names one of {known}")
        if named in (None, "score"):
            return "score"
        if aspects is not None and named not in aspects:
            names = ["score", *aspects] if protocol.has_total else list(aspects)
            raise ConfigError(f'--score: no "{escape(named)}"{nearest(str(named), names)}; one of {", ".join(names)}')
        return str(named)
    if named is None or named.casefold() == "total":
        if not protocol.has_total:
            raise ConfigError(f"protocol {protocol.name} gives no total: --score names an L1, such as Quality")
        return TOTAL
    try:
        path = check_path([part.strip() for part in named.split(" / ")])
    except KeyError as error:
        raise ConfigError(f"--score: {error.args[0]}") from None
    if not any(facet[: len(path)] == path for facet in protocol.measures):
        raise ConfigError(f"--score {escape(named)}: protocol {protocol.name} does not measure it")
    return path


def _scale(figure: tuple[str, ...] | str, protocol: Protocol) -> tuple[float, float] | None:
    if not isinstance(figure, str):
        return (0.0, 100.0)
    if figure == "score":
        return protocol.scale
    return protocol.aspect_ranges.get(figure)


def _print(args: argparse.Namespace, ranking: Ranking) -> None:
    rows: list[list[object]] = []
    for group in ranking.groups[:_SHOWN]:
        scores = [one.score for one in group.ranked]
        chosen = sum(one.file is not None for one in group.ranked)
        least = number(scores[chosen - 1]) if chosen else "N/A"
        best = number(scores[0]) if scores else "N/A"
        text = group.group if len(group.group) <= 40 else f"{group.group[:39]}…"
        rows.append([text, len(scores), len(group.unranked), chosen, best, least])
    head = ["", "ranked", "not ranked", "copied", "best", "last copied"]
    print_table(f"The {args.n} best of each by {ranking.score}: {for_log(args.input)}", head, rows)
    if more := and_more(len(ranking.groups) - _SHOWN):
        put(f"{more}.")
    if tied := sum(group.tied for group in ranking.groups):
        put(f"In {plural(tied, 'group')} scores are equal on both sides of the cut; the first rows were taken.")
    if few := sum(len(group.ranked) < args.n for group in ranking.groups):
        put(f"{plural(few, 'group')} had fewer than {args.n} that could be ranked.")
    counts = [[FATES[fate], ranking.rows[fate]] for fate in FATES if ranking.rows[fate] or fate == "judged"]
    every: list[list[object]] = [["all", ranking.rows["rows"]], *counts, ["from the store", ranking.rows["from_store"]]]
    print_table("Rows", ["", "n"], every)
