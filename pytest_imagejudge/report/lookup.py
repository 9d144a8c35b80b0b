"""Figures and unread places of an entry by path, and the bounds that apply to it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from ..taxonomy import Path, from_written
from .model import AnyEntry, Facet, VerdictEntry
from .spool import E


def once(entries: Iterable[E]) -> list[E]:
    """Without repeated judgements of the same image, which carry ``repeat``: the first one counts."""
    return [entry for entry in entries if not getattr(entry, "repeat", None)]


def facet_of(entry: VerdictEntry, path: Sequence[str]) -> Facet | None:
    """The facet at a path of three names, or None where the judge was not asked or not read."""
    one, two, three = path
    return entry.level3.get(one, {}).get(two, {}).get(three)


def bounds_of(entries: Iterable[AnyEntry]) -> dict[Path, float]:
    """The bounds on which all entries agree that have any, by path; the total's is ``()``."""
    agreed: dict[Path, float] | None = None
    for entry in entries:
        bounds = {tuple(each.path): each.bound for each in entry.bounds}
        bounds |= {tuple(each.path): each.bound for each in entry.breaches}
        if bounds and agreed is None:
            agreed = bounds
        elif bounds and agreed is not None:
            agreed = {path: bound for path, bound in agreed.items() if bounds.get(path) == bound}
    return {from_written(path): bound for path, bound in (agreed or {}).items()}


def may_not_fail(path: Sequence[str], bound: float) -> bool:
    """Whether a bound says no more than that the raw score of a facet, 0, 1 or 2, may not be 0."""
    return len(path) == 3 and 0 < bound <= 60


def value_of(entry: VerdictEntry, path: Sequence[str]) -> float | None:
    """An image's figure at ``path`` (``()`` is the total), 0 to 100, or None."""
    if not path:
        return entry.total
    if len(path) == 1:
        return entry.level1.get(path[0])
    if len(path) == 2:
        return entry.level2.get(path[0], {}).get(path[1])
    facet = facet_of(entry, path)
    return None if facet is None else facet.score


def is_unread(entry: VerdictEntry, path: Sequence[str]) -> bool:
    """Whether ``path`` was asked and not read, wholly or in part, or the image was not judged."""
    if entry.error and not entry.level1:
        return True
    return any(
        tuple(other[: len(path)]) == tuple(path) or tuple(path[: len(other)]) == tuple(other)
        for other in entry.unreadable
    )
