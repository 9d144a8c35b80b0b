"""Agreement of a judge with people.

Correlations of scores or ranks (`rank_agreement`), and the figures of IE-Bench-4k (`score_agreement`): Pearson's
and Spearman's correlation, plain and with the benchmark's logistic fit. Intervals are 95% percentile bootstrap
intervals over items, from five items on. A figure that can't be computed (all values the same) is None.
"""

from __future__ import annotations

import warnings
from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy import stats  # type: ignore[import-untyped]

MINIMUM = 5
LEVEL = 0.95
_SMALL = 600  # items up to which pairs are counted in matrices, all resamples at once
Floats = Any


@dataclass(frozen=True, slots=True)
class Estimate:
    """A figure with its interval."""

    value: float | None
    low: float | None = None
    high: float | None = None


@dataclass(frozen=True, slots=True)
class RankAgreement:
    """Agreement of two sets of scores of the same items.

    Attributes:
        n: items.
        spearman, kendall: rank correlations (Kendall's tau-b), -1 to 1.
        pairwise: share, of the pairs that people tell apart, that the judge orders alike; the judge's ties count half.
        pairs: pairs that people tell apart.
    """

    n: int
    spearman: Estimate
    kendall: Estimate
    pairwise: Estimate
    pairs: int


def rank_agreement(judge: Floats, human: Floats, *, resamples: int = 2000, seed: int = 0) -> RankAgreement:
    """Agreement of a judge's scores with people's; higher is better in both."""
    x, y = np.asarray(judge, dtype=float), np.asarray(human, dtype=float)
    n = len(x)
    tau, pairwise, pairs = _pairs(x, y)
    spearman = _spearman(x, y)
    if n < MINIMUM:
        return RankAgreement(n, Estimate(spearman), Estimate(tau), Estimate(pairwise), pairs)
    rng = np.random.default_rng(seed)
    draws = rng.integers(0, n, (resamples, n))
    if n <= _SMALL:
        taus, shares = _resampled_pairs(x, y, draws)
    else:
        some = [_pairs(x[draw], y[draw])[:2] for draw in draws[:200]]
        taus, shares = np.array(some, dtype=float).T
    return RankAgreement(
        n,
        _estimate(spearman, _spearman_rows(x[draws], y[draws])),
        _estimate(tau, taus),
        _estimate(pairwise, shares),
        pairs,
    )


def _estimate(value: float | None, samples: Floats) -> Estimate:
    samples = samples[np.isfinite(samples)]
    if value is None or len(samples) == 0:
        return Estimate(value)
    low, high = np.quantile(samples, [(1 - LEVEL) / 2, (1 + LEVEL) / 2])
    return Estimate(value, float(low), float(high))


def _finite(value: Any) -> float | None:
    return float(value) if np.isfinite(value) else None


def _exact(r: Floats) -> Floats:
    """Clean correlations of rounding errors, by which perfect ones would lie beyond 1 or outside their interval."""
    return np.where(np.abs(r) > 1 - 1e-12, np.sign(r), r)


def _pearson(x: Floats, y: Floats) -> float | None:
    if len(x) < 2 or np.ptp(x) == 0 or np.ptp(y) == 0:
        return None
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # nearly constant values; the result is what it is
        return _finite(_exact(stats.pearsonr(x, y)[0]))


def _spearman(x: Floats, y: Floats) -> float | None:
    return _pearson(stats.rankdata(x), stats.rankdata(y)) if len(x) >= 2 else None


def _pearson_rows(x: Floats, y: Floats) -> Floats:
    x, y = x - x.mean(axis=1, keepdims=True), y - y.mean(axis=1, keepdims=True)
    size = np.sqrt((x**2).sum(axis=1) * (y**2).sum(axis=1))
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.where(size > 1e-12, _exact((x * y).sum(axis=1) / size), np.nan)


def _spearman_rows(x: Floats, y: Floats) -> Floats:
    return _pearson_rows(stats.rankdata(x, axis=1), stats.rankdata(y, axis=1))


def _pairs(judge: Floats, human: Floats) -> tuple[float | None, float | None, int]:
    """Kendall's tau-b, pairwise accuracy, and the number of pairs that people tell apart."""
    n = len(judge)

    def apart(values: Floats) -> int:
        counts = np.unique(values, return_counts=True)[1]
        return n * (n - 1) // 2 - int((counts * (counts - 1) // 2).sum())

    of_judge, of_human = apart(judge), apart(human)
    if of_human == 0:
        return None, None, 0
    if of_judge == 0:
        return None, 0.5, of_human
    tau = _finite(stats.kendalltau(judge, human).statistic)
    if tau is None:
        return None, None, of_human
    balance = tau * np.sqrt(float(of_judge) * float(of_human))  # concordant less discordant pairs
    return tau, float((balance / of_human + 1) / 2), of_human


def _resampled_pairs(judge: Floats, human: Floats, draws: Floats) -> tuple[Floats, Floats]:
    """tau-b and pairwise accuracy of resamples, from the signs of all pairs and how often each item was drawn."""
    n = len(judge)
    weights = np.zeros(draws.shape)
    np.add.at(weights, (np.arange(len(draws))[:, None], draws), 1.0)
    of_judge = np.sign(judge[:, None] - judge[None, :])
    of_human = np.sign(human[:, None] - human[None, :])

    def total(matrix: Floats) -> Floats:
        return ((weights @ matrix) * weights).sum(axis=1)

    assert of_judge.shape == (n, n)
    balance, judged, told = total(of_judge * of_human), total(np.abs(of_judge)), total(np.abs(of_human))
    with np.errstate(divide="ignore", invalid="ignore"):
        return balance / np.sqrt(judged * told), (balance / told + 1) / 2


# --- IE-Bench-4k ---


@dataclass(frozen=True, slots=True)
class Correlation:
    """PLCC, SRCC and their mean, which is the benchmark's main score; ``parameters`` are the fit's, b1 to b4."""

    plcc: Estimate
    srcc: Estimate
    main: Estimate
    parameters: tuple[float, ...] | None = None


@dataclass(frozen=True, slots=True)
class ScoreAgreement:
    """Agreement of predicted with mean opinion scores.

    Attributes:
        n: items.
        plain: of the predictions as they are.
        fitted: of predictions after the logistic fit to the same labels, as published; None where there is no fit, as
            on fewer than five items, which the four parameters would fit in any case.
        cross_validated: of predictions mapped by a fit that has not seen their labels, one fit a fold.
    """

    n: int
    plain: Correlation
    fitted: Correlation | None
    cross_validated: Correlation | None
    folds: int = 0


def logistic(x: Floats, b1: float, b2: float, b3: float, b4: float) -> Floats:
    """The benchmark's curve, from b2 (low end) to b1: ``b2 + (b1 - b2) / (1 + exp(-(x - b3) / |b4|))``."""
    with np.errstate(over="ignore", divide="ignore", invalid="ignore"):
        return b2 + (b1 - b2) / (1 + np.exp(-(x - b3) / np.abs(b4)))


def _slopes(x: Floats, b1: float, b2: float, b3: float, b4: float) -> Floats:
    """Compute the derivatives of `logistic` in its parameters, a row each."""
    z = (x - b3) / abs(b4)
    found = np.empty((4, len(x)))
    share, rest, middle, width = found
    np.divide(1, 1 + np.exp(-z), out=share)
    np.subtract(1, share, out=rest)
    np.multiply(share * rest, (b2 - b1) / abs(b4), out=middle)
    np.multiply(middle, z if b4 > 0 else -z, out=width)
    return found


def fit_logistic(
    predictions: Floats, labels: Floats, start: tuple[float, ...] | None = None, *, most: int = 20_000
) -> tuple[float, ...] | None:
    """Fit the parameters b1 to b4 by least squares, from the published start; None where ``most`` steps find none."""
    from scipy.optimize import leastsq  # type: ignore[import-untyped]

    if len(predictions) < 4 or np.ptp(predictions) == 0:
        return None
    first = start or (float(np.max(labels)), float(np.min(labels)), float(np.mean(predictions)), 0.5)
    x, y = np.asarray(predictions, dtype=float), np.asarray(labels, dtype=float)

    def missed(parameters: Floats) -> Floats:
        b1, b2, b3, b4 = parameters.tolist()
        return b2 + (b1 - b2) / (1 + np.exp(-(x - b3) / abs(b4))) - y

    # As scipy's curve_fit has it, without its bookkeeping at each step: a bootstrap takes tens of thousands of them.
    with np.errstate(all="ignore"), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            found, *_, outcome = leastsq(
                missed, first, Dfun=lambda at: _slopes(x, *at.tolist()), col_deriv=True, full_output=True, maxfev=most
            )
        except (ArithmeticError, TypeError, ValueError):
            return None
    return tuple(map(float, found)) if outcome in (1, 2, 3, 4) and np.isfinite(found).all() else None


def score_agreement(
    predictions: Floats, labels: Floats, *, resamples: int = 1000, fits: int = 300, folds: int = 10, seed: int = 0
) -> ScoreAgreement:
    """PLCC, SRCC and main score of ``predictions`` against ``labels``.

    Args:
        predictions: the judge's scores.
        labels: mean opinion scores.
        resamples: of the bootstrap.
        fits: number of the resamples to which the logistic curve is fitted anew.
        folds: of the cross-validation, fewer where there are fewer than five items a fold.
        seed: of the resamples and the folds.
    """
    x, y = np.asarray(predictions, dtype=float), np.asarray(labels, dtype=float)
    n = len(x)
    rng = np.random.default_rng(seed)
    draws = rng.integers(0, n, (resamples, n)) if n >= MINIMUM else np.zeros((0, n), dtype=int)
    plain = _correlation(x, y, x, x[draws], draws)
    parameters = fit_logistic(x, y) if n >= MINIMUM else None
    fitted = None
    if parameters is not None:
        at_start = parameters

        def refitted(draw: Floats) -> Floats:
            found = fit_logistic(x[draw], y[draw], at_start, most=100) or at_start
            return logistic(x[draw], *found)

        some = draws[:fits]
        resampled = np.array([refitted(draw) for draw in some]).reshape(some.shape)
        fitted = _correlation(logistic(x, *parameters), y, x, resampled, some, parameters)
    count = min(folds, n // MINIMUM)
    held_out = _held_out(x, y, count, rng) if count >= 2 and parameters is not None else None
    crossed = None
    if held_out is not None:
        crossed = _correlation(held_out, y, x, held_out[draws], draws)
    return ScoreAgreement(n, plain, fitted, crossed, count if crossed is not None else 0)


def _held_out(x: Floats, y: Floats, folds: int, rng: np.random.Generator) -> Floats | None:
    """Predictions mapped by fits on the other folds; None where a fit is not found."""
    order = rng.permutation(len(x))
    mapped = np.empty(len(x))
    for fold in range(folds):
        out = order[fold::folds]
        rest = np.setdiff1d(order, out)
        parameters = fit_logistic(x[rest], y[rest])
        if parameters is None:
            return None
        mapped[out] = logistic(x[out], *parameters)
    return mapped


def _correlation(
    mapped: Floats,
    labels: Floats,
    raw: Floats,
    resampled: Floats,
    draws: Floats,
    parameters: tuple[float, ...] | None = None,
) -> Correlation:
    """Compute the published figures: PLCC of mapped predictions, SRCC of raw ones, and their mean as the main score.

    ``resampled``: the mapped predictions of each row of ``draws``.
    """
    plcc, srcc = _pearson(mapped, labels), _spearman(raw, labels)
    main = None if plcc is None or srcc is None else (plcc + srcc) / 2
    if len(draws) == 0:
        return Correlation(Estimate(plcc), Estimate(srcc), Estimate(main), parameters)
    plccs = _pearson_rows(resampled, labels[draws])
    srccs = _spearman_rows(raw[draws], labels[draws])
    return Correlation(_estimate(plcc, plccs), _estimate(srcc, srccs), _estimate(main, (plccs + srccs) / 2), parameters)
