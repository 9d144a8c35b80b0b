"""Standings of models: figures with intervals, ranked in the published order."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from typing import Any

from ..tables.rows import show_value
from ..taxonomy import FACETS, LEVEL1, LEVEL2
from .answer_codes import ABSENT, UNREADABLE, figures, means
from .answers import Recorded

# The order of the published tables, which is not that of the tree.
PUBLISHED_ORDER = ("Quality", "Aesthetics", "Alignment", "Creative Generation", "Real-world Fidelity")


@dataclass(frozen=True)
class PromptMean:
    """Mean over the ``n`` prompts that have the figure; ``left_out`` more have a missing or unreadable answer."""

    mean: float | None
    n: int
    left_out: int
    low: float | None = None
    high: float | None = None


@dataclass
class Standing:
    """One model on the leaderboard. Ranks are 0 where there is no total."""

    model: str
    total: PromptMean
    level1: dict[str, PromptMean]
    level2: dict[str, dict[str, PromptMean]]
    answers: int
    unreadable: dict[str, int]
    missing: dict[str, int]
    has_total: bool = True
    rank: int = 0
    rank_low: int = 0
    rank_high: int = 0

    @property
    def prompts(self) -> int:
        """The prompts that count: those with a total, or of a judge without one with any L1."""
        return self.total.n if self.has_total else max(figure.n for figure in self.level1.values())


@dataclass(frozen=True)
class Leaderboard:
    """Models, best first, and the runs of ranks (first and last, from 1) that can't be told apart."""

    standings: list[Standing]
    groups: list[tuple[int, int]]
    prompts: int
    unanswered: int  # prompts that no model has an answer for
    errors: list[str]


def rank(recorded: Recorded, metadata: dict[str, tuple[str, ...]] | None = None) -> Leaderboard:
    """The leaderboard of recorded answers.

    A dimension applies to a prompt if any model has an answer about it, or, with ``metadata``, if that file lists it.
    Where a model's answer is missing or unreadable, the figures of that prompt that depend on it are left out for
    that model, and counted.
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


def _with_interval(figure: PromptMean, low: float, high: float) -> PromptMean:
    return figure if low != low else PromptMean(figure.mean, figure.n, figure.left_out, float(low), float(high))


def _standing(
    model: str, level1: Any, level2: Any, asked: Any, missing: Any, unreadable: Any, *, has_total: bool
) -> tuple[Standing, Any, Any]:
    """A model's means, and its totals (prompts) and L1 (prompts x 5), NaN where there is no figure."""
    import numpy as np

    lost = missing | unreadable
    level1[~asked] = np.nan
    of_two = [LEVEL1.index(one) for one, _ in LEVEL2]
    level2[~asked[:, of_two]] = np.nan
    totals = means(level1.T, lost.T) if has_total else np.full(len(level1), np.nan)

    def figure(column: Any, broken: Any) -> PromptMean:
        present = ~np.isnan(column)
        n = int(present.sum())
        return PromptMean(float(column[present].mean()) if n else None, n, int((broken & ~present).sum()))

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
