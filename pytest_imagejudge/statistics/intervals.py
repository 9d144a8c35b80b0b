"""Intervals of a mean over images.

An image's figure is bounded (0 to 100; of an edit, by its judge's scale), discrete and often skewed, and a run may be
as small as five images. From 5 to 199 units the interval is Wilson's score interval on the effective number of images:
the variance of the mean is taken as proportional to mu (R - mu), as of a proportion, with the factor estimated
from the images (the design-effect form of Korn and Graubard, Survey Methodology 24, 1998) and Student's t in
place of the normal quantile. It never leaves the scale and follows the skew near its ends. From 200 it is
Student's t interval, from which Wilson's can then hardly be told apart. Coverage of both is simulated in
``benchmarks/gates.py``.

Several images of one prompt are not independent: prompts are then the units, with the cluster-robust variance
of a ratio mean. With fewer than five prompts nothing can be said of other prompts; images are the units, and the
interval speaks for these prompts only.
"""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from dataclasses import dataclass
from math import isclose

import numpy as np
from scipy.special import stdtrit  # type: ignore[import-untyped]

from ..support.words import plural

Ints = np.ndarray[tuple[int], np.dtype[np.intp]]

MINIMUM = 5  # images (or prompts) for an interval
LARGE = 200  # units from which Student's t interval is used
LEVEL = 0.95
_MOST = 10_000_000  # images; more than that is no advice


@dataclass(frozen=True, slots=True)
class Interval:
    """An interval of a mean.

    Attributes:
        mean: over all values; None where there are none.
        low, high: limits, in the unit of the values; None for fewer than five units.
        n: number of values.
        units: independent units among them: prompts, or images.
        clustered: whether the units are prompts with several images.
        spread: n times the variance of the mean, in the values' unit squared; 0 where all values are the same.
        method: name of the method; empty where there is no interval.
        scale: smallest and largest possible value.
        level: nominal coverage.
    """

    mean: float | None
    low: float | None
    high: float | None
    n: int
    units: int
    clustered: bool
    spread: float
    method: str
    scale: tuple[float, float]
    level: float = LEVEL


def mean_interval(
    values: Sequence[float],
    prompts: Sequence[Hashable] | None = None,
    images: Sequence[Hashable] | None = None,
    *,
    scale: tuple[float, float] = (0.0, 100.0),
    level: float = LEVEL,
) -> Interval:
    """The mean of ``values`` and its interval.

    Args:
        values: one figure an image, none missing, within ``scale``.
        prompts: the prompt of each; images that share one are a cluster.
        images: an identifier of each image (a content key); an image judged twice is one unit.
        scale: smallest and largest possible value.
        level: nominal coverage, two-sided.
    """
    x = np.asarray(values, dtype=float)
    n = len(x)
    labels, clustered = _units(n, prompts, images)
    units = int(labels.max()) + 1 if n else 0
    if units < MINIMUM:
        return Interval(float(x.mean()) if n else None, None, None, n, units, clustered, 0.0, "", scale, level)
    mean = float(x.mean())
    # The ratio mean's variance: residuals summed within each unit.
    sums = np.bincount(labels, weights=x - mean, minlength=units)
    spread = float(units / (units - 1) * np.sum(sums**2) / n)
    if isclose(spread, 0.0, abs_tol=1e-9):
        spread = 0.0
    low, high = limits(mean, spread, n, units, scale=scale, level=level)
    name = "Student's t interval" if units >= LARGE else "Wilson score interval on the effective number of images"
    if spread == 0:
        name = "interval by the rule of three, as all figures are the same"
    if clustered:
        name += f", clustered by prompt ({plural(units, 'prompt')})"
    return Interval(mean, low, high, n, units, clustered, spread, f"{level:.0%} {name}", scale, level)


def limits(
    mean: float, spread: float, n: float, units: float, *, scale: tuple[float, float], level: float = LEVEL
) -> tuple[float, float]:
    """The interval of a mean of ``n`` values with variance ``spread / n``, from ``units`` independent units."""
    bottom, top = scale
    width = top - bottom
    t = float(stdtrit(units - 1, 0.5 + level / 2))
    if units >= LARGE and spread > 0:
        half = t * (spread / n) ** 0.5
        return max(bottom, mean - half), min(top, mean + half)
    share = min(1.0, max(0.0, (mean - bottom) / width))
    binomial = share * (1 - share)
    if spread == 0 or binomial == 0:
        # Figures that are all the same have no spread to go by. A share of 1 - 0.05^(1/n), about 3/n, may differ
        # unseen (rule of three), by a fifth of the scale, which is what images of one run usually differ by.
        half = (1 - 0.05 ** (1 / units)) * width / 5
        return max(bottom, mean - half), min(top, mean + half)
    factor = spread / width**2 / binomial
    effective = n / factor
    denominator = 1 + t * t / effective
    centre = (share + t * t / (2 * effective)) / denominator
    half = t / denominator * (binomial / effective + (t / (2 * effective)) ** 2) ** 0.5
    low, high = max(0.0, centre - half), min(1.0, centre + half)
    return bottom + width * min(low, share), bottom + width * max(high, share)


def images_to_decide(interval: Interval, bound: float) -> int | None:
    """The smallest number of images whose interval would not contain ``bound``, if mean and spread stay as they are.

    The number is at least five; None where the mean is the bound, or more than ten million images would be needed.
    """
    if interval.mean is None:
        return MINIMUM
    if interval.low is None:
        return max(MINIMUM, interval.n + 1) if interval.n < MINIMUM else None
    ratio = interval.units / interval.n
    mean, spread, scale, level = interval.mean, interval.spread, interval.scale, interval.level

    def decided(n: int) -> bool:
        low, high = limits(mean, spread, n, max(2.0, n * ratio), scale=scale, level=level)
        return low >= bound or high < bound

    most = MINIMUM
    while not decided(most):
        most *= 2
        if most > _MOST:
            return None
    least = most // 2
    while most - least > 1:
        middle = (least + most) // 2
        least, most = (least, middle) if decided(middle) else (middle, most)
    return max(MINIMUM, most)


def _units(n: int, prompts: Sequence[Hashable] | None, images: Sequence[Hashable] | None) -> tuple[Ints, bool]:
    """A unit's number for each value, and whether the units are prompts with several images."""
    by_image = _numbers(images if images is not None else range(n))
    if prompts is None:
        return by_image, False
    by_prompt = _numbers(prompts)
    count = int(by_prompt.max()) + 1 if n else 0
    if count < MINIMUM:
        return by_image, False
    return by_prompt, count < n


def _numbers(labels: Sequence[Hashable]) -> Ints:
    order: dict[Hashable, int] = {}
    return np.array([order.setdefault(label, len(order)) for label in labels], dtype=np.intp)
