"""The reward that IE-Critic-R1 was trained with, for training other judges.

Source: repository Coobiw/IE-Critic-R1 at commit 357c239709aeabb3393ac8af76c2c9103568d70c.
"""

from __future__ import annotations

import math
from typing import Literal, SupportsFloat, get_args

Shape = Literal["l1", "gaussian", "laplace"]


LOW, HIGH = 1.0, 5.0


def reward(
    prediction: SupportsFloat | str | None,
    label: SupportsFloat | str,
    shape: Shape = "l1",
    *,
    r_min: float = 0.05,
    d: float = 1.0,
    floor: bool = True,
) -> float:
    """The reward of a predicted edit score, 1 where it is the label, falling to ``r_min`` at distance ``d``.

    "l1" falls on a straight line and is the published choice, "gaussian" and "laplace" fall on the curves of these
    names. A prediction outside 1 to 5 or that is no number, and NaN or infinity on either side, give 0.

    Args:
        prediction: the score, or its text; None for an answer that could not be read.
        label: people's score, 1 to 5, not range-checked, as in the published function.
        shape: how the reward falls.
        r_min: reward at distance ``d``; clipped to 0.000001 to 0.999999.
        d: distance in points, its sign ignored; at least 0.000001.
        floor: whether predictions in range get at least ``r_min``; else l1 ends at 0, the others near 0.

    Raises:
        ValueError: another shape.
    """
    if shape not in get_args(Shape):
        raise ValueError(f"the shape of a reward is one of {', '.join(get_args(Shape))}, not {shape!r}")
    try:
        guess, truth = float(prediction), float(label)  # type: ignore[arg-type]
    except (TypeError, ValueError, OverflowError):
        return 0.0
    if not (LOW <= guess <= HIGH and math.isfinite(truth)):
        return 0.0
    least = min(max(float(r_min), 1e-6), 0.999999)
    distance = abs(guess - truth) / max(abs(float(d)), 1e-6)
    if shape == "l1":
        value = 1.0 - (1.0 - least) * distance
    else:
        try:
            value = math.exp(math.log(least) * distance ** (2 if shape == "gaussian" else 1))
        except OverflowError:
            value = 0.0
    return min(1.0, max(value, least if floor else 0.0))
