"""Agreement of a judge's table of scores with people's, dimension by dimension."""

from __future__ import annotations

import argparse
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..errors import ConfigError
from ..support.escaping import escape
from ..support.text_tables import number
from ..support.words import plural, some
from ..taxonomy import nearest
from .printing import note, print_table, put

if TYPE_CHECKING:
    from ..recorded.score_tables import Scores
    from ..renderers.charts import Block
    from ..statistics.agreement import Estimate, RankAgreement

_HEAD = ["Dimension", "n", "left out", "Spearman", "Kendall", "Pairwise accuracy", "Published Spearman"]


@dataclass(frozen=True)
class _Pair:
    """Two tables side by side.

    Attributes:
        judge, human: the tables.
        shared: columns that are in both.
        items: items that are in both.
        lone: items that only one has, by its side.
    """

    judge: Scores
    human: Scores
    shared: list[str]
    items: list[str]
    lone: dict[str, list[str]]


_Found = Mapping[str, "tuple[RankAgreement, int]"]  # by dimension; with how many items are left out there


def tables_agreement(args: argparse.Namespace) -> tuple[dict[str, Any], list[str], list[Block | None]]:
    """Compare two tables and print how they agree.

    Returns:
        The result as JSON has it, the errors of both tables, and the body of an HTML page.

    Raises:
        ConfigError: a table can't be read, or they have too little in common.
    """
    pair = _read(args)
    found, computed = _compare(pair)
    rows = [_row(name, agreement, left_out) for name, (agreement, left_out) in found.items()]
    method = _method(found)
    if not args.json:
        print_table("Agreement with people", _HEAD, rows)
        if computed:
            put("Overall is the mean of the dimensions where a table has none of its own.")
        put(method)
    errors = [*pair.judge.errors, *pair.human.errors]
    return _result(pair, found, computed=computed), errors, _page(pair, found, rows, method)


def _read(args: argparse.Namespace) -> _Pair:
    from ..recorded.score_tables import pair_up, read_scores

    judge = read_scores(Path(args.files[0]), args.key, args.judge_as)
    human = read_scores(Path(args.files[1]), args.key, args.human_as)
    if paired := pair_up(judge, human):
        note(f'note: "{escape(paired[0])}" and "{escape(paired[1])}", the only columns of numbers, are compared')
    shared = _shared_columns(judge, human)
    items = [name for name in judge.items if name in human.items]
    lone = {
        "judge": [name for name in judge.items if name not in human.items],
        "human": [name for name in human.items if name not in judge.items],
    }
    for side, names in lone.items():
        if names:
            left = some([escape(name) for name in names], 5)
            note(f"note: {len(names)} only in the {side} table, left out: {left}")
    if len(items) < 2:
        raise ConfigError(
            f"{escape(judge.path)} and {escape(human.path)} have {plural(len(items), 'item')} in common; "
            "at least 2 are needed"
        )
    return _Pair(judge, human, shared, items, lone)


def _shared_columns(judge: Scores, human: Scores) -> list[str]:
    from ..recorded.score_tables import OVERALL

    shared = [name for name in judge.columns if name in human.columns]
    if not shared:
        raise ConfigError(
            f"{escape(judge.path)} and {escape(human.path)} have no dimension in common: "
            f"{', '.join(map(escape, judge.columns))} in the first, "
            f"{', '.join(map(escape, human.columns))} in the second"
            f"{nearest(judge.columns[0], map(escape, human.columns))}"
        )
    for one, other in ((judge, human), (human, judge)):
        for name in one.columns:
            if name not in other.columns and name != OVERALL:
                near = nearest(name, map(escape, [x for x in other.columns if x not in shared]))
                note(f'note: "{escape(name)}" of {escape(one.path)} is not in {escape(other.path)}{near}')
    return shared


def _compare(pair: _Pair) -> tuple[_Found, bool]:
    """Return the agreement in each dimension, and whether the overall score was computed for a table."""
    from ..recorded.score_tables import OVERALL

    judge, human, shared, items = pair.judge, pair.human, pair.shared, pair.items
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
    return found, computed


def _row(name: str, agreement: RankAgreement, left_out: int) -> list[Any]:
    from ..recorded.score_tables import PUBLISHED

    estimates = (agreement.spearman, agreement.kendall, agreement.pairwise)
    reference = f"{PUBLISHED[name]:.2f}" if name in PUBLISHED else ""
    return [name, agreement.n, left_out, *map(shown, estimates), reference]


def _method(found: _Found) -> str:
    from ..recorded.score_tables import PUBLISHED_MODELS

    method = (
        f"Intervals: 95%, percentile bootstrap over items. Published: Q-Judger against experts' rankings of "
        f"{PUBLISHED_MODELS} models."
    )
    if any(abs(agreement.spearman.value or 0) > 1 - 1e-9 for agreement, _ in found.values()):
        method += " A perfect order stays perfect in every resample, so its interval says nothing about other items."
    return method


def _page(pair: _Pair, found: _Found, rows: list[list[Any]], method: str) -> list[Block | None]:
    from ..renderers.charts import DataTable, Heading, Note, interval_chart, scatter_chart

    judge, human = pair.judge.items, pair.human.items
    dots = [(name, a.spearman.value, a.spearman.low, a.spearman.high) for name, (a, _) in found.items()]
    body: list[Block | None] = [
        Heading("Spearman's correlation"),
        interval_chart("Spearman's correlation", dots),
        DataTable(_HEAD, rows),
        Note(method),
    ]
    for name in found:
        points = [
            (x, y, item)
            for item in pair.items
            if (x := judge[item][name]) is not None and (y := human[item][name]) is not None
        ]
        body += [Heading(name), scatter_chart(name, points, "judge", "people")]
    return body


def _result(pair: _Pair, found: _Found, *, computed: bool) -> dict[str, Any]:
    from ..recorded.score_tables import OVERALL, PUBLISHED, PUBLISHED_MODELS

    result: dict[str, Any] = {
        "n": len(pair.items),
        "dimensions": {
            name: {
                **asdict(agreement),
                "left_out": left_out,
                "published_spearman": PUBLISHED.get(name),
                "judge_as": pair.judge.as_[name],
                "human_as": pair.human.as_[name],
            }
            for name, (agreement, left_out) in found.items()
            if name != OVERALL
        },
        "overall": None,
        "only_in_judge": pair.lone["judge"],
        "only_in_human": pair.lone["human"],
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
    return result


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
            note(f"note: {escape(name)} of {escape(scores.path)} looks like ranks; give {option} ranks if 1 is best")


def _add_overall(scores: Scores, dimensions: list[str]) -> None:
    from ..recorded.score_tables import OVERALL

    kinds = {scores.as_[name] for name in dimensions}
    if len(kinds) > 1:
        raise ConfigError(f"{escape(scores.path)} mixes scores and ranks, so it needs an {OVERALL} column")
    for item in scores.items.values():
        values = [value for name in dimensions if (value := item[name]) is not None]
        item[OVERALL] = sum(values) / len(values) if len(values) == len(dimensions) else None
    scores.as_[OVERALL] = kinds.pop()


def shown(estimate: Estimate, digits: int = 3) -> str:
    """Return a figure with its interval."""
    if estimate.value is None:
        return "N/A"
    if estimate.low is None:
        return f"{number(estimate.value, digits)} (interval N/A)"
    return f"{estimate.value:.{digits}f} ({number(estimate.low, digits)} to {number(estimate.high, digits)})"
