"""The marker ``imagejudge``: its keywords, checked while tests are collected."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import pytest

from ..taxonomy import check_dimensions, nearest

KEYWORDS = ("thresholds", "dimensions", "image", "prompt", "blank", "quarantine")


@dataclass(frozen=True)
class MarkerValues:
    """Values from the markers of a test; of each keyword the closest marker counts."""

    thresholds: Any = None
    dimensions: tuple[str, ...] | None = None
    image: Any = None
    prompt: str | None = None
    blank: bool | None = None
    quarantine: str | bool | None = None


def check_marker(marker: pytest.Mark, item: pytest.Item) -> None:
    """Check one marker.

    Raises:
        pytest.UsageError: naming the test, the keyword, and the nearest valid one.
    """
    where = f"{item.nodeid}: marker imagejudge"
    if marker.args:
        raise pytest.UsageError(f"{where}: takes keywords only ({', '.join(KEYWORDS)}), not {marker.args!r}")
    for name, value in marker.kwargs.items():
        if name not in KEYWORDS:
            raise pytest.UsageError(
                f"{where}: unknown keyword {name!r}{nearest(name, KEYWORDS)}; known are {', '.join(KEYWORDS)}"
            )
        if name == "dimensions" and value is not None:
            try:
                dimensions_of(value)
            except (KeyError, TypeError) as error:
                raise pytest.UsageError(f"{where}: dimensions: {error.args[0]}") from None
    if not isinstance(marker.kwargs.get("blank"), bool | None):
        raise pytest.UsageError(f"{where}: blank: True or False is expected, not {marker.kwargs['blank']!r}")
    if not isinstance(marker.kwargs.get("quarantine"), str | bool | None):
        raise pytest.UsageError(
            f"{where}: quarantine: a reason, True or False is expected, not {marker.kwargs['quarantine']!r}"
        )
    if "image" in marker.kwargs and not isinstance(marker.kwargs.get("prompt"), str):
        raise pytest.UsageError(f"{where}: image names a picture to judge before the test, and needs prompt=")


def dimensions_of(value: Iterable[str]) -> tuple[str, ...]:
    """Check L1 names, one or several.

    Raises:
        KeyError: an unknown name.
        TypeError: the value is no name and no sequence of names.
    """
    if not isinstance(value, Iterable):
        raise TypeError(f"names of L1 dimensions are expected, not {value!r}")
    names = (value,) if isinstance(value, str) else tuple(value)
    if not all(isinstance(name, str) for name in names):
        raise TypeError(f"names of L1 dimensions are expected, not {names!r}")
    return check_dimensions(names)


def marker_values(item: pytest.Item) -> MarkerValues:
    """Read the markers of ``item``."""
    found: dict[str, Any] = {}
    for marker in item.iter_markers("imagejudge"):  # closest first
        for name, value in marker.kwargs.items():
            found.setdefault(name, value)
    if found.get("dimensions") is not None:
        found["dimensions"] = dimensions_of(found["dimensions"])
    return MarkerValues(**found)
