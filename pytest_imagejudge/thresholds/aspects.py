"""Bounds on the aspects of an edit: a least, a most, or both."""

from __future__ import annotations

import math
from typing import Annotated, Any, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict

from ..protocols.signals_edit_bounds import RANGES
from ..taxonomy import nearest

Side = Literal["least", "most"]
_KEYS = ("min", "max")


class Between(BaseModel):
    """The least and the most that a figure may be; at least one of them is given."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)
    min: float | None = None
    max: float | None = None

    def sides(self) -> list[tuple[Side, float]]:
        """The bounds that are given, with their sides."""
        both: tuple[tuple[Side, float | None], ...] = (("least", self.min), ("most", self.max))
        return [(side, bound) for side, bound in both if bound is not None]


def show_side(side: Side) -> str:
    """Put a side into words: "at least" or "at most"."""
    return f"at {side}"


def _read(value: Any) -> Any:
    """Read the table of aspects; a bare number is a least.

    Raises:
        ValueError: names the aspect, what was found and what is expected.
    """
    if not isinstance(value, dict):
        return value  # refused as any other value that is no table
    return {name: _between(name, given) for name, given in value.items()}


def _between(name: Any, given: Any) -> Between:
    if isinstance(given, Between):
        return given
    if not isinstance(name, str):
        raise ValueError(f"{name!r}: the name of an aspect is expected")
    given = given if isinstance(given, dict) else {"min": given}
    for key, bound in given.items():
        where = name if given.keys() == {"min"} else f"{name}.{key}"
        if key not in _KEYS:
            raise ValueError(f"{name}.{key}: unknown key{nearest(str(key), _KEYS)}; known are {', '.join(_KEYS)}")
        if type(bound) not in (int, float):
            expected = "a number" if "." in where else "a number, or a table with min and max"
            raise ValueError(f"{where}: {expected} is expected, not {bound!r}")
        if not math.isfinite(bound):
            raise ValueError(f"{where}: a finite number is expected, not {bound!r}")
    if not given:
        raise ValueError(f"{name}: the table is empty; min, max or both are expected")
    between = Between(**{key: float(bound) for key, bound in given.items()})
    if between.min is not None and between.max is not None and between.min > between.max:
        raise ValueError(f"{name}: min {between.min:g} is above max {between.max:g}")
    return between


def beyond(name: str, between: Between, scale: tuple[float, float]) -> str:
    """Say which bound on an aspect no judge's figure can reach, where a model scores from 0 to the scale's end.

    The text is empty where there is none.
    """
    low, high = RANGES.get(name, (0.0, scale[1]))
    low, high = min(low, 0.0), max(high, scale[1])  # another judge may give an aspect of the same name
    for key, bound in (("min", between.min), ("max", between.max)):
        if bound is not None and not low <= bound <= high:
            where = f"{name}.{key}" if between.max is not None else name
            return f"{where}: a number of {low:g} to {high:g} is expected, not {bound:g}"
    return ""


def as_tables(aspects: dict[str, Any]) -> dict[str, Any]:
    """Write each bare number as a table, so that profiles merge the least and the most of an aspect by key."""
    return {name: given if isinstance(given, dict) else {"min": given} for name, given in aspects.items()}


Aspects = Annotated[dict[str, Between], BeforeValidator(_read)]
