"""Drops that a gate allows, as options give them."""

from __future__ import annotations

from ..errors import ConfigError


def check_drop(option: str, points: float, most: float = 100.0, *, of: str = "images") -> None:
    """Check that a mean can drop by ``points``, and by more than nothing.

    Args:
        option: that gave the drop.
        points: the largest drop allowed.
        most: width of the scale.
        of: what is scored on it.

    Raises:
        ConfigError: the drop is beyond the scale, below 0, or no number.
    """
    if not 0 <= points <= most:
        example = 2 if most > 10 else 0.3  # a fiftieth of the points of images; edits are scored in few
        raise ConfigError(
            f"{option} {points:g}: a number from 0 to {most:g} is expected, since the mean score of {of} can't drop by "
            f"more; give the largest drop to allow, such as {option} {example}"
        )
