"""Tests that a drop is no chance, side by side: false alarms, power and time of each. `gates.py` writes the table.

All of them look at differences of paired figures, NaN where an image has no figure on both sides, and answer with
p-values that are adjusted for the number of figures tested together.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np
from scipy.special import ndtr, stdtr
from scipy.stats import rankdata
from simulated import PATHS, draw, draw_prompts

from pytest_imagejudge.statistics.paired import differences
from pytest_imagejudge.taxonomy import FACETS

ALPHA = 0.05
MARGIN = 2.0  # of the rule with limits
QUALITY_ALONE = np.array([path[0] == "Quality" for path in FACETS], dtype=np.float32)
Test = Callable[[np.ndarray], np.ndarray]  # changes (suites, images, figures) to adjusted p (suites, figures)


def holm(p: np.ndarray) -> np.ndarray:
    """Holm's correction over the last axis."""
    order = np.argsort(p, axis=-1)
    stepped = np.take_along_axis(p, order, -1) * np.arange(p.shape[-1], 0, -1)
    found = np.empty_like(p)
    np.put_along_axis(found, order, np.maximum.accumulate(np.minimum(stepped, 1.0), axis=-1), -1)
    return found


def paired_t(change: np.ndarray) -> np.ndarray:
    """Student's paired t test of each figure, one-sided, with Holm's correction."""
    here = ~np.isnan(change)
    n = here.sum(axis=1)
    d = np.where(here, change, 0.0)
    mean = d.sum(axis=1) / np.maximum(n, 1)
    squares = np.maximum((d**2).sum(axis=1) - n * mean**2, 0.0)
    with np.errstate(divide="ignore", invalid="ignore"):
        t = mean / np.sqrt(squares / np.maximum(n - 1, 1) / n)
        p = stdtr(np.maximum(n - 1, 1), t)
    return holm(np.where((n < 5) | np.isnan(p), 1.0, p))


def flips_of(images: int) -> np.ndarray:
    """All flips up to 2**14, else a sample of 4,000; the first flips nothing."""
    if images <= 14:
        return 1.0 - 2.0 * (np.arange(2**images)[:, None] >> np.arange(images) & 1)
    flips = np.random.default_rng(0).integers(0, 2, (4000, images), np.int8) * 2.0 - 1.0
    flips[0] = 1.0
    return flips


def _by_flips(values: np.ndarray) -> np.ndarray:
    """The share of flips whose sum is at least as low as the one seen, of each figure by itself."""
    suites, images, figures = values.shape
    flat = values.transpose(1, 0, 2).reshape(images, -1)
    sums = flips_of(images) @ flat
    return (sums <= sums[0] + 1e-9 * np.abs(flat).sum(axis=0)).mean(axis=0).reshape(suites, figures)


def signed_rank(change: np.ndarray) -> np.ndarray:
    """Wilcoxon's signed rank test with Holm's correction: zeros left out, mean ranks of ties, exact up to 14 images."""
    d = np.nan_to_num(change)
    zeros = (d == 0).sum(axis=1, keepdims=True)
    ranks = np.where(d == 0, 0.0, (rankdata(np.abs(d), axis=1) - zeros) * np.sign(d))
    if d.shape[1] <= 14:
        return holm(_by_flips(ranks))
    spread = np.sqrt((ranks**2).sum(axis=1))
    return holm(np.where(spread > 0, ndtr(ranks.sum(axis=1) / np.maximum(spread, 1e-9)), 1.0))


def flips_with_holm(change: np.ndarray) -> np.ndarray:
    """A permutation test of each figure's mean by sign flips, with Holm's correction."""
    return holm(_by_flips(np.nan_to_num(change)))


def _pairs(change: np.ndarray) -> dict[tuple[str, ...], list[tuple[int, float, float]]]:
    return {
        PATHS[k]: [(i, 0.0, value) for i, value in enumerate(change[:, k].tolist()) if value == value]
        for k in range(change.shape[1])
    }


def joint_flips(change: np.ndarray) -> np.ndarray:
    """The gate's own: the largest t of all figures under the same sign flips, stepped down."""
    return np.array([[1.0 if row.p is None else row.p for row in differences(_pairs(one))] for one in change])


def limits_beyond(change: np.ndarray) -> np.ndarray:
    """The rule until now, as p of 0 or 1: the whole simultaneous interval of the drop is beyond a margin of 2."""
    found = [differences(_pairs(one)) for one in change]
    return np.array([
        [float(not (row.p is not None and row.difference + row.critical * row.error < -MARGIN)) for row in rows]
        for rows in found
    ])  # fmt: skip


TESTS: dict[str, Test] = {
    "paired t, Holm": paired_t,
    "signed rank, Holm": signed_rank,
    "sign flips, Holm": flips_with_holm,
    "sign flips, jointly (the gate)": joint_flips,
    f"limits beyond a margin of {MARGIN:g} (the rule before)": limits_beyond,
}


@dataclass(frozen=True)
class Kind:
    """A kind of runs: how changes are drawn, and which figure drops where one does."""

    name: str
    drops: int
    draw: Callable[[np.random.Generator, int, int, bool], np.ndarray]


def normal(rng: np.random.Generator, suites: int, images: int, dropped: bool) -> np.ndarray:
    """Five L1, apart from each other; 30 points of spread a pair, a drop of 12 in the first."""
    return rng.normal(0, 30, (suites, images, 5)) - np.array([12.0 * dropped, 0, 0, 0, 0])


def checklist(rng: np.random.Generator, suites: int, images: int, dropped: bool) -> np.ndarray:
    """Other seeds of the same prompts: total and five L1; where one dropped it is Quality, by 12 (the total by 2.4)."""
    given = draw_prompts(rng, suites, images)
    before, after = (
        draw(rng, suites, images, given=given, shift=shift).figures for shift in (0.0, 0.42 * dropped * QUALITY_ALONE)
    )
    return np.stack([after[path][..., 0] - before[path][..., 0] for path in PATHS[:6]], axis=-1)


def few_changed(rng: np.random.Generator, suites: int, images: int, dropped: bool) -> np.ndarray:
    """The same seeds: four pictures of five are as they were; of the others Quality drops by 45 where it dropped."""
    given = draw_prompts(rng, suites, images)
    before, after = (
        draw(rng, suites, images, given=given, shift=shift).figures for shift in (0.0, 1.9 * dropped * QUALITY_ALONE)
    )
    change = np.stack([after[path][..., 0] - before[path][..., 0] for path in PATHS[:6]], axis=-1)
    same = rng.random((suites, images, 1)) < 0.8
    return np.where(same & ~np.isnan(change), 0.0, change)


KINDS = (
    Kind("five L1, normal", 0, normal),
    Kind("checklist, other seeds", 1, checklist),
    Kind("checklist, 1 picture of 5 changed", 1, few_changed),
)


def table(suites: Callable[[int], int]) -> Iterator[str]:
    """Rows of Markdown: false alarms over all figures, power for the one that drops, and the time of one run."""
    yield "| images | runs | test | false alarms | power | mean drop | ms a run |"
    yield "|--:|---|---|--:|--:|--:|--:|"
    for images, wanted in ((5, 2000), (12, 2000), (40, 2000), (64, 2000), (200, 1000)):
        for kind in KINDS:
            if images == 64 and kind.draw is not normal:
                continue
            total = suites(wanted)
            rng = np.random.default_rng([7, images, KINDS.index(kind)])
            alarms, seen, drops = dict.fromkeys(TESTS, 0), dict.fromkeys(TESTS, 0), 0.0
            for begin in range(0, total, 100):
                size = min(100, total - begin)
                nothing, one = (kind.draw(rng, size, images, dropped) for dropped in (False, True))
                drops -= float(np.nanmean(one[..., kind.drops], axis=1).sum())
                for name, test in TESTS.items():
                    alarms[name] += int((test(nothing) <= ALPHA).any(axis=1).sum())
                    seen[name] += int((test(one)[:, kind.drops] <= ALPHA).sum())
            sample = kind.draw(rng, 20, images, True)
            for name, test in TESTS.items():
                yield (
                    f"| {images} | {kind.name} | {name} | {100 * alarms[name] / total:.1f} "
                    f"| {100 * seen[name] / total:.1f} | {drops / total:.1f} | {1000 * _seconds(test, sample):.1f} |"
                )


def _seconds(test: Test, sample: np.ndarray) -> float:
    """The median time of one run."""
    found = []
    for one in sample:
        begun = time.perf_counter()
        test(one[None])
        found.append(time.perf_counter() - begun)
    return float(np.median(found))
