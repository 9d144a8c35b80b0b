"""Progress in words: rate and remaining time."""

from __future__ import annotations


def pace(done: int, left: int | None, seconds: float, unit: str = "") -> str:
    """Return ``, 12 images a minute, 3 min 04 s left`` to end a line with; empty where nothing is known yet.

    Args:
        done: number of units done in ``seconds``.
        left: number of remaining units, or None where unknown.
        seconds: time of the units done.
        unit: name of the unit, such as ``images``.
    """
    if done <= 0 or seconds <= 0:
        return ""
    rate = done / seconds
    words = f", {_figure(rate * 60)} {unit} a minute" if unit else f", {_figure(rate * 60)} a minute"
    return words if left is None else f"{words}, {duration(max(0, left) / rate)} left"


def duration(seconds: float) -> str:
    """Return a duration as ``3 min 04 s``, or ``4 s``."""
    minutes, rest = divmod(round(seconds), 60)
    return f"{minutes} min {rest:02d} s" if minutes else f"{rest} s"


def _figure(number: float) -> str:
    return f"{number:.0f}" if number >= 10 else f"{number:.2g}"
