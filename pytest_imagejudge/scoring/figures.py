"""From raw scores to figures: raw -> mapped -> L2 -> L1 -> total.

The method is the published one of Qwen-Image-Bench: 0, 1, 2 map to 0, 60, 100; N/A is left out; every
level is the mean of the level below. Unlike there, a figure with an unreadable part is None instead of the mean of
the rest.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from math import fsum
from typing import Generic, Protocol, TypeVar

from ..taxonomy import BRANCHES, TREE, Path

MAPPED: dict[int | str, float | None] = {0: 0.0, 1: 60.0, 2: 100.0, "N/A": None}


def mapped(raw: int | str) -> float | None:
    """Map a raw score (0, 1, 2 or "N/A") to 0 to 100, or None.

    Raises:
        ValueError: for anything else; 1.9 and True are no raw scores.
    """
    if type(raw) in (int, str) and raw in MAPPED:
        return MAPPED[raw]
    raise ValueError(f'a raw score is 0, 1, 2 or "N/A", not {raw!r}')


def mean(values: Iterable[float | None]) -> float | None:
    """Return the mean of the values that are not None, or None without any."""
    present = [value for value in values if value is not None]
    return fsum(present) / len(present) if present else None


class RunningMean:
    """A running mean, exact to the last digit in any order, without storing the values.

    Attributes:
        n: number of values so far, without None.
    """

    __slots__ = ("_parts", "n")

    def __init__(self) -> None:
        self.n = 0
        self._parts: list[float] = []  # sums without overlap: their exact sum is that of all values (Shewchuk)

    def add(self, value: float | None, times: int = 1) -> None:
        """Add ``value``, ``times`` times."""
        if value is None:
            return
        self.n += times
        new = value * times
        parts = []
        for part in self._parts:
            high = new + part
            low = part - (high - new) if abs(new) >= abs(part) else new - (high - part)
            if low:
                parts.append(low)
            new = high
        parts.append(new)
        self._parts = parts

    @property
    def value(self) -> float | None:
        """The mean, or None without any value."""
        return fsum(self._parts) / self.n if self.n else None


class FigureMean(RunningMean):
    """The exact mean of one figure over many images, without N/A, and the number of images left out as unread.

    Attributes:
        unread: number of images that were not judged, or with an unread facet in the figure.
    """

    __slots__ = ("unread",)

    def __init__(self) -> None:
        super().__init__()
        self.unread = 0

    def count(self, value: float | None, *, unread: bool) -> None:
        """Add one image; ``unread`` tells an unread ``value`` of None from N/A."""
        self.add(value)
        self.unread += unread and value is None


class HasScore(Protocol):
    """An object with a mapped score, such as a facet."""

    @property
    def score(self) -> float | None:
        """The mapped score, or None where not applicable."""


class Levels(Protocol):
    """An object with figures by level, such as `Figures`, a verdict or an entry of a report."""

    @property
    def total(self) -> float | None:
        """The total."""

    @property
    def level1(self) -> Mapping[str, float | None]:
        """Figures by L1."""

    @property
    def level2(self) -> Mapping[str, Mapping[str, float | None]]:
        """Figures by L1 and L2."""


def figure_at(levels: Levels, path: Sequence[str], facet: Callable[[Path], HasScore | None]) -> float | None:
    """Return the figure at ``path``, or None where it is unreadable, N/A or was not asked.

    Args:
        levels: holds the total (path ``()``), the L1 and the L2.
        path: up to three names.
        facet: returns the facet at three names, or None where there is none.
    """
    if len(path) == 3:
        found = facet(tuple(path))
        return None if found is None else found.score
    if len(path) == 2:
        return levels.level2.get(path[0], {}).get(path[1])
    return levels.level1.get(path[0]) if path else levels.total


def unread_at(unreadable: Iterable[Sequence[str]], path: Sequence[str]) -> list[Path]:
    """Return the ``unreadable`` paths at, below or above ``path``, which the figure at ``path`` would contain."""
    place = tuple(path)
    return [other for other in map(tuple, unreadable) if other[: len(place)] == place or place[: len(other)] == other]


M = TypeVar("M", bound=FigureMean)


class RunMeans(Generic[M]):
    """The means of a run by path, each over the images' figures, so that the total is the mean of the totals.

    Attributes:
        at: the means by path; ``()`` is the total.
    """

    def __init__(self, paths: Iterable[Path], new: Callable[[], M]) -> None:
        """Make the means at ``paths``, each by ``new``."""
        self.at: dict[Path, M] = {path: new() for path in paths}

    def add(self, levels: Levels) -> None:
        """Add the total, the L1 and the L2 of one image, without names that have no path here."""
        at = self.at
        at[()].add(levels.total)
        for one, value in levels.level1.items():
            if (one,) in at:
                at[one,].add(value)
        for one, twos in levels.level2.items():
            for two, value in twos.items():
                if (one, two) in at:
                    at[one, two].add(value)

    def leave_out(self, paths: Iterable[Path], images: int = 1) -> None:
        """Count one image, or several, as unread at ``paths``."""
        for path in paths:
            self.at[path].unread += images


@dataclass(frozen=True, slots=True)
class Figures:
    """The figures of one image, each 0 to 100 or None."""

    total: float | None = None
    level1: dict[str, float | None] = field(default_factory=dict)
    level2: dict[str, dict[str, float | None]] = field(default_factory=dict)


def aggregate(
    scores: Mapping[Path, float | None],
    asked: Sequence[str],
    unreadable: Iterable[Path] = (),
    *,
    has_total: bool = True,
) -> Figures:
    """Compute the figures of one image from its facets' mapped scores (None is N/A).

    ``asked`` names the L1 that count; ``unreadable`` holds paths of one to three names.
    """
    broken: set[Path] = set()  # every path whose figure would contain something unreadable
    for path in unreadable:
        broken.update(path[:length] for length in range(len(path) + 1))
    lost = set(unreadable)
    level1: dict[str, float | None] = {}
    level2: dict[str, dict[str, float | None]] = {}
    for one in asked:
        level2[one] = {
            two: None
            if (one, two) in broken or (one,) in lost
            else mean([scores.get(path) for path in BRANCHES[one, two]])
            for two in TREE[one]
        }
        level1[one] = None if (one,) in broken else mean(level2[one].values())
    total = None if () in broken or not has_total else mean(level1.values())
    return Figures(total, level1, level2)
