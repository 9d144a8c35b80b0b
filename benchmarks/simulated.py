"""Simulated suites: facet scores drawn so that the L1 means are those of the published leaderboard.

One image's facets share a prompt, a picture and a dimension, so they are correlated. A facet's latent
quality is the sum of standard normal parts (prompt, prompt within the L1, picture, picture within the L1,
own), cut at two points into 0, 60 and 100. Which facets apply is a property of the prompt.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.special import ndtri

from pytest_imagejudge.taxonomy import FACETS, LEVEL1, LEVEL2, TOTAL, Path

PATHS: tuple[Path, ...] = (TOTAL, *((one,) for one in LEVEL1), *LEVEL2)
LOW, HIGH = (
    (54.39, 58.67, 59.28, 51.83, 64.94),  # Qwen Image 2.0 Pro as published
    (58.65, 67.53, 65.85, 57.38, 75.23),  # GPT Image 2 as published
)
# shares of a facet's latent variance: prompt, prompt within the L1, picture, picture within the L1; the rest is its own
SHARES = (0.12, 0.12, 0.08, 0.16)
# how often a facet applies, by L1: quality always; of the others, those that the prompt is about and some more
APPLIES = {
    "Quality": 1.0,
    "Aesthetics": 0.8,
    "Alignment": 0.4,
    "Real-world Fidelity": 0.3,
    "Creative Generation": 0.2,
}
_PASS = 0.55  # share of facets that just pass; the mean decides the share that excels


@dataclass
class Suites:
    """Scores of ``suites`` runs of ``prompts`` x ``seeds`` images.

    Attributes:
        figures: by path, array (suites, prompts, seeds), NaN where not applicable.
    """

    figures: dict[Path, np.ndarray]


def _cuts(means: tuple[float, ...]) -> tuple[np.ndarray, np.ndarray]:
    """Latent cut points of each of the 56 facets; a facet's mean spreads around its L1's."""
    spread = np.random.default_rng(7).uniform(-6, 6, len(FACETS))
    target = np.array([means[LEVEL1.index(path[0])] for path in FACETS]) + spread
    excels = np.clip((target - 60 * _PASS) / 100, 0.01, None)
    return ndtri(1 - excels - _PASS), ndtri(1 - excels)


def draw_prompts(rng: np.random.Generator, suites: int, prompts: int) -> dict[str, np.ndarray]:
    """What prompts bring along: their latent parts and the facets that apply."""
    applies = rng.random((suites, prompts, 1, len(FACETS))) < np.array([APPLIES[path[0]] for path in FACETS])
    return {
        "all": rng.standard_normal((suites, prompts, 1, 1), dtype=np.float32),
        "one": rng.standard_normal((suites, prompts, 1, len(LEVEL1)), dtype=np.float32),
        "applies": applies,
    }


def draw(
    rng: np.random.Generator,
    suites: int,
    prompts: int,
    seeds: int = 1,
    *,
    means: tuple[float, ...] = LOW,
    given: dict[str, np.ndarray] | None = None,
    shift: float | np.ndarray = 0.0,
) -> Suites:
    """Draw suites.

    ``given`` keeps the prompts of an earlier draw; ``shift`` lowers the latent quality, of all facets or of each.
    """
    given = given or draw_prompts(rng, suites, prompts)
    which = np.array([LEVEL1.index(path[0]) for path in FACETS])
    a, b, c, d = np.sqrt(SHARES)
    shape = (suites, prompts, seeds)
    latent = np.sqrt(np.float32(1 - sum(SHARES))) * rng.standard_normal((*shape, len(FACETS)), dtype=np.float32)
    latent += a * given["all"] + b * given["one"][..., which] - np.asarray(shift, np.float32)
    latent += c * rng.standard_normal((*shape, 1), dtype=np.float32)
    latent += d * rng.standard_normal((*shape, len(LEVEL1)), dtype=np.float32)[..., which]
    low, high = _cuts(means)
    scores = np.where(latent < low, 0.0, np.where(latent < high, 60.0, 100.0)).astype(np.float32)
    return Suites(aggregate(scores, np.broadcast_to(given["applies"], scores.shape)))


def aggregate(scores: np.ndarray, applies: np.ndarray) -> dict[Path, np.ndarray]:
    """Means of the level below, what does not apply left out; the same formula as the package's, on arrays."""

    def mean(values: list[np.ndarray]) -> np.ndarray:
        total = np.zeros(values[0].shape, np.float64)
        count = np.zeros(values[0].shape, np.float64)
        for value in values:
            here = ~np.isnan(value)
            total += np.where(here, value, 0.0)
            count += here
        return np.where(count > 0, total / np.maximum(count, 1), np.nan)

    masked = np.where(applies, scores, np.nan)
    figures: dict[Path, np.ndarray] = {}
    for two in LEVEL2:
        figures[two] = mean([masked[..., i] for i, path in enumerate(FACETS) if path[:2] == two])
    for one in LEVEL1:
        figures[(one,)] = mean([figures[two] for two in LEVEL2 if two[0] == one])
    figures[TOTAL] = mean([figures[(one,)] for one in LEVEL1])
    return {path: figures[path] for path in PATHS}
