"""Flips: different verdicts of a judge on the same image. They are a property of the judge, not of the model.

Even a judge with greedy decoding varies with the batch that a request is in. Images judged several times tell the
share whose outcome flips, the noise of each dimension, and the margin that exceeds this noise.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Sequence
from itertools import chain, combinations

import numpy as np
from pydantic import BaseModel

from ..report.model import EditEntry, VerdictEntry
from ..support.words import plural
from ..taxonomy import EDIT_SCORE, TOTAL, Path, from_written, written
from .figures import DIMENSIONS
from .pairing import Scored, scored

_LEVEL = 0.95


class FlipRow(BaseModel):
    """One dimension, in points (edits: on their judge's scale).

    Attributes:
        n: images with the figure in at least two judgements; ``changed`` of them have different figures.
        flipped: images that missed the dimension's bound in some judgements only.
        sd: standard deviation of a judgement about the image's own mean, pooled over images.
        image_margin: 95% of second judgements of an image are within it of the first.
        mean_margin: difference between two runs' means over ``n`` images that the judge's noise alone exceeds in 5%.
    """

    path: list[str]
    n: int
    changed: int
    flipped: int
    sd: float
    image_margin: float
    mean_margin: float


class FlippedImage(BaseModel):
    """An image with its outcomes, one a judgement."""

    label: str
    outcomes: list[str]


class Flips(BaseModel):
    """Flipped images: of ``images`` judged at least twice, those whose outcome changed, with the share's interval."""

    images: int
    judgements: int
    flipped: list[FlippedImage] = []
    share: float | None = None
    low: float | None = None
    high: float | None = None
    rows: list[FlipRow] = []
    not_judged: int = 0
    left_out: int = 0
    method: str = ""


def flips(groups: Iterable[Sequence[Scored]]) -> Flips:
    """The flips of images, each given with all its judgements.

    Images with fewer than two judgements, or whose pixels differ between them, are left out. A judgement that
    failed counts as an outcome (``error``) but has no figures.
    """
    kept: list[Sequence[Scored]] = []
    left_out = 0
    for group in groups:
        same = len({item.pixels for item in group if item.pixels}) <= 1 and len({item.prompt for item in group}) == 1
        if len(group) > 1 and same:
            kept.append(group)
        else:
            left_out += 1
    result = Flips(
        images=len(kept),
        judgements=sum(len(group) for group in kept),
        not_judged=sum(1 for group in kept for item in group if item.lost),
        left_out=left_out,
        rows=[row for path in (*DIMENSIONS, EDIT_SCORE) if (row := _row(path, kept)) is not None],
    )
    with_outcome = [group for group in kept if all(item.outcome for item in group)]
    if with_outcome:
        changed = [group for group in with_outcome if len({item.outcome for item in group}) > 1]
        result.flipped = [
            FlippedImage(label=group[0].label, outcomes=[item.outcome for item in group]) for group in changed
        ]
        result.share, result.low, result.high = share_interval(len(changed), len(with_outcome))
        result.method = "95% Clopper-Pearson interval of the share"
    return result


def flip_lines(found: Flips, top: int = 5) -> list[str]:
    """Lines for a summary: the flipped images and the noise of the total. Labels are not escaped."""
    if not found.images:
        return []
    lines = []
    if found.share is not None and found.low is not None and found.high is not None:
        lines.append(
            f"judged again: {len(found.flipped)} of {plural(found.images, 'image')} changed the outcome "
            f"({found.share:.1%}, 95% interval {found.low:.1%} to {found.high:.1%})"
        )
        lines += [f"  {image.label}: {', '.join(image.outcomes)}" for image in found.flipped[:top]]
        if len(found.flipped) > top:
            lines.append(f"  and {len(found.flipped) - top} more")
    for row in found.rows:
        path = from_written(row.path)
        if path in (TOTAL, EDIT_SCORE):
            name = "total" if path == TOTAL else "edit score"
            lines.append(
                f"the judge's noise in the {name}: standard deviation {row.sd:.2f}; an image nearer to its bound than "
                f"{row.image_margin:.2f} may flip; "
                f"the noise alone moves a mean by more than {row.mean_margin:.2f} in 5% of runs"
            )
    return lines


def repeats_of(verdicts: Iterable[VerdictEntry], edits: Iterable[EditEntry] = ()) -> list[list[Scored]]:
    """All judgements of each image of one run (``--judge-repeat``)."""
    return grouped([scored(chain(verdicts, edits))])


def grouped(runs: Iterable[Iterable[Scored]]) -> list[list[Scored]]:
    """Judgements of the same image, from one run or several, by ID, or by prompt and seed."""
    groups: dict[tuple[Hashable, ...], list[Scored]] = {}
    for run in runs:
        for item in run:
            groups.setdefault(item.key, []).append(item)
    return list(groups.values())


def share_interval(count: int, n: int, level: float = _LEVEL) -> tuple[float, float, float]:
    """A share and its exact (Clopper-Pearson) interval."""
    from scipy.special import betaincinv  # type: ignore[import-untyped]  # scipy.stats takes four times as long to load

    beyond = (1 - level) / 2
    low = float(betaincinv(count, n - count + 1, beyond)) if count else 0.0
    high = float(betaincinv(count + 1, n - count, 1 - beyond)) if count < n else 1.0
    return count / n, low, high


def _row(path: Path, groups: Sequence[Sequence[Scored]]) -> FlipRow | None:
    values = [[item.figures[path] for item in group if path in item.figures] for group in groups]
    several = [np.array(found) for found in values if len(found) > 1]
    if not several:
        return None
    squares = sum(float(((found - found.mean()) ** 2).sum()) for found in several)
    sd = (squares / sum(len(found) - 1 for found in several)) ** 0.5
    # one number for an image, so that those judged often do not count more
    apart = [float(np.quantile([abs(a - b) for a, b in combinations(found, 2)], _LEVEL)) for found in several]
    missed = [{path in item.breached for item in group if not item.lost} for group in groups]
    return FlipRow(
        path=written(path),
        n=len(several),
        changed=sum(1 for found in several if np.ptp(found) > 1e-9),
        flipped=sum(1 for found in missed if len(found) > 1),
        sd=sd,
        image_margin=float(np.quantile(apart, _LEVEL, method="higher")),
        mean_margin=1.645 * sd * (2 / len(several)) ** 0.5,
    )
