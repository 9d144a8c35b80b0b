"""Calibration of a gate against people: how often the gate fails images labelled bad and passes those labelled good."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import sqrt
from typing import Literal

from scipy.special import ndtri  # type: ignore[import-untyped]

Method = Literal["wilson", "exact"]


@dataclass(frozen=True, slots=True)
class Share:
    """Share of ``count`` in ``n`` with its interval; all None where ``n`` is 0 or the share can't be known."""

    value: float | None
    low: float | None
    high: float | None
    count: int = 0
    n: int = 0


@dataclass(frozen=True, slots=True)
class Calibration:
    """Reliability of a gate's outcomes, from images that people have labelled too.

    Attributes:
        sensitivity: share of the bad images that the gate fails.
        specificity: share of the good images that the gate passes.
        left_out: images that were not judged or not labelled.
    """

    sensitivity: Share
    specificity: Share
    left_out: int
    level: float
    method: Method

    @property
    def informative(self) -> bool:
        """Tell whether the gate distinguishes bad from good: whether both shares together exceed one."""
        caught, passed = self.sensitivity.value, self.specificity.value
        return caught is not None and passed is not None and caught + passed > 1

    def corrected_pass_rate(self, passed: int, n: int) -> Share:
        """Estimate the share of images that people would pass, from a run in which the gate passed ``passed`` of ``n``.

        Rogan and Gladen's estimate, American Journal of Epidemiology 107, 1978, with the interval of Lang and
        Reiczigel, Preventive Veterinary Medicine 113, 2014, which knows that sensitivity and specificity are
        estimates too. Values are None where the gate is not `informative` or ``n`` is 0.

        Raises:
            ValueError: ``passed`` is not between 0 and ``n``.
        """
        if not 0 <= passed <= n:
            raise ValueError(f"passed is between 0 and n ({n}), not {passed}")
        caught, spared = self.sensitivity, self.specificity
        if not self.informative or n == 0 or caught.value is None or spared.value is None:
            return Share(None, None, None, passed, n)
        bad = ((n - passed) / n + spared.value - 1) / (caught.value + spared.value - 1)
        z = float(ndtri(0.5 + self.level / 2))
        rate = (n - passed + z * z / 2) / (n + z * z)
        se, sp = (caught.count + 1) / (caught.n + 2), (spared.count + 1) / (spared.n + 2)
        if se + sp <= 1:
            return Share(1 - min(1.0, max(0.0, bad)), 0.0, 1.0, passed, n)
        share = (rate + sp - 1) / (se + sp - 1)
        of_se, of_sp = se * (1 - se) / (caught.n + 2), sp * (1 - sp) / (spared.n + 2)
        shift = 2 * z * z * (share * of_se - (1 - share) * of_sp)
        variance = rate * (1 - rate) / (n + z * z) + share**2 * of_se + (1 - share) ** 2 * of_sp
        half = z * sqrt(variance) / (se + sp - 1)
        low, high = (min(1.0, max(0.0, share + shift + side * half)) for side in (-1, 1))
        return Share(1 - min(1.0, max(0.0, bad)), 1 - high, 1 - low, passed, n)


def gate_calibration(
    passed: Sequence[bool | None], good: Sequence[bool | None], *, level: float = 0.95, method: Method = "wilson"
) -> Calibration:
    """Compare a gate's outcomes with people's labels of the same images.

    Args:
        passed: whether the gate passed each image; None where it was not judged.
        good: whether people would pass each image; None where there is no label.
        level: nominal coverage of the intervals.
        method: "wilson", or "exact" (Clopper-Pearson), which covers at least ``level``.

    Raises:
        ValueError: ``passed`` and ``good`` differ in length.
    """
    rows = [(gate, label) for gate, label in zip(passed, good, strict=True) if gate is not None and label is not None]
    bad = [gate for gate, label in rows if not label]
    fine = [gate for gate, label in rows if label]
    return Calibration(
        sensitivity=_share(sum(1 for gate in bad if not gate), len(bad), level, method),
        specificity=_share(sum(1 for gate in fine if gate), len(fine), level, method),
        left_out=len(passed) - len(rows),
        level=level,
        method=method,
    )


def _share(count: int, n: int, level: float, method: Method) -> Share:
    from scipy.stats import binomtest  # type: ignore[import-untyped]

    if n == 0:
        return Share(None, None, None)
    found = binomtest(count, n).proportion_ci(level, method)
    return Share(count / n, float(found.low), float(found.high), count, n)
