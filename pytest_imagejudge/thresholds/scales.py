"""Scales of edits' scores, and the bounds of a profile that are on one."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any

from pydantic import BeforeValidator

from ..protocols.signals_edit_bounds import RANGES
from ..taxonomy import EDIT_SCALE, show_scale
from .aspects import Between, beyond

OWN_PROFILES = {EDIT_SCALE: "default", (0.0, 10.0): "edit-10"}  # of the judges of edits, by their scale


def _pair(value: Any) -> Any:
    if not isinstance(value, list | tuple) or len(value) != 2 or any(type(one) not in (int, float) for one in value):
        raise ValueError(f"two numbers are expected, the least and the most that a score can be, not {value!r}")
    low, high = map(float, value)
    if not -1e6 <= low < high <= 1e6:
        raise ValueError(f"the least and the most that a score can be are expected, not {value!r}")
    return low, high


Scale = Annotated[tuple[float, float], BeforeValidator(_pair)]


def outside(scores: Mapping[str, float], aspects: Mapping[str, Between], scale: tuple[float, float]) -> str:
    """Say which bound lies outside the scale; the text is empty where none does.

    Args:
        scores: bounds on overall scores, and on their drops, by key.
        aspects: bounds on aspects by name.
        scale: of the profile.
    """
    low, high = scale
    for key, bound in scores.items():
        least, most = (0.0, high - low) if key.startswith("baseline") else (low, high)
        if not least <= bound <= most:
            side = f"at most {most:g}" if bound > most else f"at least {least:g}"
            drop = f", so that no score drops by more than {most:g}" if key.startswith("baseline") else ""
            return f"{key}: a number of {side} is expected, not {bound:g} (edit.scale is {show_scale(scale)}{drop})"
    for name, between in aspects.items():
        if words := beyond(name, between, scale):
            return f"edit.aspects.{words}"
    return ""


def left_over(inherited: Mapping[str, Any], own: Mapping[str, Any]) -> list[str]:
    """Return the keys of inherited bounds that would be taken over onto another scale.

    Args:
        inherited: the content of the profile that is extended.
        own: that of the profile that extends it.
    """
    scale = _at(own, "edit", "scale")
    if scale is None or tuple(scale) == tuple(_at(inherited, "edit", "scale") or EDIT_SCALE):
        return []
    places = [("edit", "score"), ("suite", "edit", "score"), ("baseline", "edit", "score")]
    places += [("edit", "aspects", name) for name in _at(inherited, "edit", "aspects") or () if name not in RANGES]
    found = [place for place in places if _at(inherited, *place) is not None and _at(own, *place) is None]
    return [".".join(place) for place in found]


def _at(data: Any, *keys: str) -> Any:
    for key in keys:
        data = data.get(key) if isinstance(data, Mapping) else None
    return data
