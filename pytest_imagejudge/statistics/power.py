"""Power of a baseline gate: the images that it takes, and the drop that a given suite can see.

The gate of `baseline` sees a drop when the mean drop is beyond the margin and is no chance. Its power is that of a
one-sided t test against no drop at all, at the family's critical value, whose mean also has to be beyond the margin.
Where other dimensions surely drop as well, the gate sees more (it steps down); that is not counted on. The change of
one prompt varies by the seeds of both runs, and by how unevenly a real change falls on prompts: its variance is
``2 within^2 / seeds + uneven^2``.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from math import sqrt
from typing import Any

import numpy as np
from scipy.special import chdtri, ndtr, stdtrit  # type: ignore[import-untyped]

from ..errors import ConfigError
from ..support.words import plural, verb
from ..taxonomy import EDIT_SCORE, LEVEL1, TOTAL, Path, show
from .intervals import LARGE, MINIMUM
from .paired import ALPHA, smallest
from .pairing import Scored, pair

MAIN: tuple[Path, ...] = (TOTAL, *((one,) for one in LEVEL1))
_GRID = (5, 6, 8, 11, 16, 30, 60, 200, 2000)  # prompts
_MOST = 1_000_000  # prompts; more is no plan
_SPREADS = (np.arange(400) + 0.5) / 400  # probabilities at which the spread that a run shows is taken

# Standard deviations of an image's figures between and within prompts, in points, and how often they apply: of the
# simulated suites of benchmarks/simulated.py, whose means are the published ones of the leaderboard's fifth place.
_DEFAULT: dict[Path, tuple[float, float, float]] = {
    TOTAL: (11.1, 11.7, 1.0),
    ("Quality",): (14.6, 18.9, 1.0),
    ("Aesthetics",): (14.3, 19.0, 1.0),
    ("Alignment",): (14.2, 18.6, 1.0),
    ("Real-world Fidelity",): (15.1, 24.5, 0.94),
    ("Creative Generation",): (13.5, 19.5, 0.99),
}
_WITH_TOTAL, _BETWEEN_L1 = 0.57, 0.17  # correlations of the differences of an L1 with the total's, and another L1's
_WITHIN_SHARE = 0.6  # of the variance between images of different prompts; used where prompts have one seed each


@dataclass(frozen=True)
class Noise:
    """Variation of figures, by dimension.

    Attributes:
        between: standard deviation of prompts' true means.
        within: standard deviation of images of one prompt.
        uneven: standard deviation of a change over prompts, beyond the seeds' noise.
        applies: share of prompts that have the figure.
        correlation: between the dimensions' changes, in the order of ``paths``.
        source: the file, or "defaults"; ``notes``: assumptions that were made.
        prompts, seeds: of the source; 0 for defaults.
    """

    paths: tuple[Path, ...]
    between: dict[Path, float]
    within: dict[Path, float]
    uneven: dict[Path, float]
    applies: dict[Path, float]
    correlation: Any
    source: str
    notes: tuple[str, ...] = ()
    prompts: int = 0
    seeds: float = 0.0
    _criticals: dict[float, list[float]] = field(default_factory=dict, repr=False, compare=False)

    def of_change(self, path: Path, seeds: float) -> float:
        """Standard deviation of one prompt's change, with ``seeds`` images of it in each run."""
        return sqrt(2 * self.within[path] ** 2 / seeds + self.uneven[path] ** 2)

    def of_mean(self, path: Path, seeds: float) -> float:
        """Standard deviation of one prompt's mean over ``seeds`` images."""
        return sqrt(self.between[path] ** 2 + self.within[path] ** 2 / seeds)

    def critical(self, prompts: int, alpha: float) -> float:
        """Critical value of the largest t over all dimensions, close to that of the gate's random flips."""
        if alpha not in self._criticals:
            rng = np.random.default_rng(0)
            root = np.linalg.cholesky(self.correlation + 1e-9 * np.eye(len(self.paths)))
            normal = rng.standard_normal((40_000, len(self.paths))) @ root.T
            self._criticals[alpha] = [
                float(
                    np.quantile(
                        (normal / np.sqrt(rng.chisquare(units - 1, normal.shape) / (units - 1))).max(1), 1 - alpha
                    )
                )
                for units in _GRID
            ]
        # nearly linear in the reciprocal of the degrees of freedom
        return float(np.interp(-1 / (prompts - 1), [-1 / (units - 1) for units in _GRID], self._criticals[alpha]))


def default_noise(paths: Sequence[Path] = MAIN) -> Noise:
    """Return the variation in simulated suites, of the total and the L1.

    Raises:
        ConfigError: there are no published figures for a path.
    """
    for path in paths:
        if path not in _DEFAULT:
            name = "edits" if path == EDIT_SCORE else show(path)
            raise ConfigError(
                f"plan: there are no published figures of how {name} varies; give a baseline or report (--from)"
            )
    count = len(paths)
    correlation = np.full((count, count), _BETWEEN_L1)
    for i, path in enumerate(paths):
        if path == TOTAL:
            correlation[i, :] = correlation[:, i] = _WITH_TOTAL
    np.fill_diagonal(correlation, 1.0)
    return Noise(
        tuple(paths),
        between={path: _DEFAULT[path][0] for path in paths},
        within={path: _DEFAULT[path][1] for path in paths},
        uneven=dict.fromkeys(paths, 0.0),
        applies={path: _DEFAULT[path][2] for path in paths},
        correlation=correlation,
        source="defaults",
        notes=(
            "no baseline was given: the spread is that of simulated suites whose means are those of the published "
            "leaderboard; your images may vary more or less",
            "a drop is taken to fall evenly on all prompts",
        ),
    )


def noise_from(items: Sequence[Scored], paths: Sequence[Path], source: str) -> Noise:
    """Estimate the variation from one run's images; by seeds and prompts apart where prompts have several images.

    Raises:
        ConfigError: fewer than five prompts have a figure that is planned for.
    """
    groups = _by_prompt(items)
    between, within, applies = {}, {}, {}
    repeated = True
    for path in paths:
        values = [found for group in groups.values() if (found := _values(group, path))]
        _enough(len(values), path, source)
        applies[path] = len(values) / max(1, sum(1 for group in groups.values() if _of(group, path)))
        pooled = _pooled(values)
        means = np.array([np.mean(group) for group in values])
        if pooled is None:
            repeated = False
            total = float(means.var(ddof=1))
            within[path], between[path] = sqrt(_WITHIN_SHARE * total), sqrt((1 - _WITHIN_SHARE) * total)
        else:
            size = float(np.mean([len(group) for group in values]))
            within[path] = sqrt(pooled)
            between[path] = sqrt(max(0.0, float(means.var(ddof=1)) - pooled / size))
    notes = ["a drop is taken to fall evenly on all prompts"]
    if not repeated:
        few = "one image a prompt" if len(items) == len(groups) else "hardly a prompt with several images"
        notes.insert(
            0,
            f"{source} has {few}: {_WITHIN_SHARE:.0%} of the variance is taken to be the seed's, as in "
            "the simulated suites; a baseline with several seeds a prompt would tell",
        )
    residuals = _residuals(groups, paths) if repeated else _rows(items, paths)
    return Noise(
        tuple(paths),
        between,
        within,
        dict.fromkeys(paths, 0.0),
        applies,
        _correlation(residuals, paths),
        source,
        tuple(notes),
        len(groups),
        len(items) / max(1, len(groups)),
    )


def noise_from_two(before: Sequence[Scored], after: Sequence[Scored], paths: Sequence[Path], source: str) -> Noise:
    """Estimate the variation from two runs of the same prompts: changes between runs are observed, not assumed.

    Raises:
        ConfigError: fewer than five prompts are in both with a figure that is planned for.
    """
    single = noise_from(before, paths, source)
    pairs = pair(before, after).pairs
    groups: dict[tuple[str, str], list[tuple[Scored, Scored]]] = {}
    for old, new in pairs:
        groups.setdefault((old.kind, old.prompt), []).append((old, new))
    within, uneven = dict(single.within), dict(single.uneven)
    table = []
    repeated = False
    for path in paths:
        changes = [
            [new.figures[path] - old.figures[path] for old, new in group if path in old.figures and path in new.figures]
            for group in groups.values()
        ]
        _enough(sum(1 for group in changes if group), path, source)
        table.append([float(np.mean(group)) if group else np.nan for group in changes])
        present = [group for group in changes if group]
        variance = float(np.var([np.mean(group) for group in present], ddof=1))
        pooled = _pooled(present)
        if pooled is None:
            within[path], uneven[path] = sqrt(variance / 2), 0.0
        else:
            repeated = True
            size = float(np.mean([len(group) for group in present]))
            within[path], uneven[path] = sqrt(pooled / 2), sqrt(max(0.0, variance - pooled / size))
    notes = (
        ()
        if repeated
        else ("one image a prompt in both runs: all that changes vary by is taken to be the seeds' noise",)
    )
    return Noise(
        tuple(paths),
        single.between,
        within,
        uneven,
        single.applies,
        _correlation(np.array(table).T, paths),
        source,
        notes,
        len(groups),
        len(pairs) / max(1, len(groups)),
    )


def power_of(
    noise: Noise,
    path: Path,
    drop: float,
    prompts: int,
    seeds: float = 1,
    alpha: float = ALPHA,
    *,
    margin: float = 0.0,
) -> float:
    """The probability that the gate sees a ``drop`` where ``margin`` is allowed, with this many prompts and seeds."""
    units = max(2.0, prompts * noise.applies[path])
    if units < MINIMUM:
        return 0.0
    deviation = noise.of_change(path, seeds)
    if deviation == 0:
        return float(drop > margin)
    error = deviation / sqrt(units)
    # Over the spreads that a run may show: what the mean drop has to pass, in true standard errors.
    needed = np.maximum(noise.critical(prompts, alpha) * _shown(units), margin / error)
    return float(ndtr(drop / error - needed).mean())


@lru_cache(maxsize=1024)
def _shown(units: float) -> Any:
    """The spreads that so many prompts may show, as shares of the true one; a search asks for the same ones again."""
    return np.sqrt(chdtri(units - 1, _SPREADS) / (units - 1))


def prompts_needed(
    noise: Noise,
    path: Path,
    drop: float,
    power: float,
    seeds: float = 1,
    alpha: float = ALPHA,
    *,
    margin: float = 0.0,
) -> int | None:
    """The smallest number of prompts with the power ``power``, at least five; None for more than a million."""
    return smallest(
        lambda prompts: power_of(noise, path, drop, prompts, seeds, alpha, margin=margin) >= power, MINIMUM, _MOST
    )


def drop_seen(
    noise: Noise,
    path: Path,
    prompts: int,
    power: float,
    seeds: float = 1,
    alpha: float = ALPHA,
    *,
    margin: float = 0.0,
) -> float | None:
    """The smallest drop that is seen with the power ``power``; None for fewer than five prompts."""
    if prompts * noise.applies[path] < MINIMUM:
        return None
    low, high = 0.0, 1.0
    while power_of(noise, path, high, prompts, seeds, alpha, margin=margin) < power:
        high *= 2
        if high > 1e6:
            return None
    while high - low > 1e-4:
        middle = (low + high) / 2
        seen = power_of(noise, path, middle, prompts, seeds, alpha, margin=margin) >= power
        low, high = (low, middle) if seen else (middle, high)
    return high


def half_width(noise: Noise, path: Path, prompts: int, seeds: float = 1, level: float = 0.95) -> float | None:
    """Approximate half the width of a mean's interval; None for fewer than five prompts."""
    units = prompts * noise.applies[path]
    if units < MINIMUM:
        return None
    return float(stdtrit(min(units - 1, 10 * LARGE), 0.5 + level / 2)) * noise.of_mean(path, seeds) / sqrt(units)


def prompts_with(path: Path, before: Sequence[Scored], after: Sequence[Scored] | None = None) -> int:
    """Count the prompts that have a figure at ``path``; with a second run, in a pair of images of both."""
    if after is None:
        return len({(item.kind, item.prompt) for item in before if path in item.figures})
    pairs = pair(before, after).pairs
    return len({(old.kind, old.prompt) for old, new in pairs if path in old.figures and path in new.figures})


def _by_prompt(items: Sequence[Scored]) -> dict[tuple[str, str], list[Scored]]:
    groups: dict[tuple[str, str], list[Scored]] = {}
    for item in items:
        groups.setdefault((item.kind, item.prompt), []).append(item)
    return groups


def _of(group: Sequence[Scored], path: Path) -> bool:
    return group[0].kind == ("edit" if path == EDIT_SCORE else "image")


def _values(group: Sequence[Scored], path: Path) -> list[float]:
    return [item.figures[path] for item in group if path in item.figures]


def _pooled(groups: Sequence[Sequence[float]]) -> float | None:
    """The variance within groups, or None where hardly any group has more than one value."""
    freedom = sum(len(group) - 1 for group in groups)
    if freedom < MINIMUM:
        return None
    return float(sum(((np.array(group) - np.mean(group)) ** 2).sum() for group in groups) / freedom)


def _enough(count: int, path: Path, source: str) -> None:
    if count < MINIMUM:
        name = "an edit score" if path == EDIT_SCORE else f"a figure of {show(path)}"
        prompts = f"{plural(count, 'prompt')} of {source} {verb(count, 'has')} {name}"
        raise ConfigError(f"plan: {prompts}; {MINIMUM} are needed to see how it varies")


def _rows(items: Sequence[Scored], paths: Sequence[Path]) -> Any:
    return np.array([[item.figures.get(path, np.nan) for path in paths] for item in items])


def _residuals(groups: dict[tuple[str, str], list[Scored]], paths: Sequence[Path]) -> Any:
    found = []
    for group in groups.values():
        if len(group) > 1:
            rows = _rows(group, paths)
            count = (~np.isnan(rows)).sum(axis=0)
            found.append(rows - np.nansum(rows, axis=0) / np.maximum(count, 1))
    return np.concatenate(found)


def _correlation(rows: Any, paths: Sequence[Path]) -> Any:
    """Correlations over complete rows; 0 where there are too few rows, which makes the plan take more images."""
    complete = rows[~np.isnan(rows).any(axis=1)]
    identity = np.eye(len(paths))
    if len(paths) == 1 or len(complete) < 2 * MINIMUM:
        return identity
    spread = complete.std(axis=0)
    spread[spread == 0] = 1.0
    scaled = (complete - complete.mean(axis=0)) / spread
    found = scaled.T @ scaled / len(complete)
    np.fill_diagonal(found, 1.0)
    shrink = min(1.0, len(paths) / len(complete))  # keeps it positive definite
    return (1 - shrink) * found + shrink * identity
