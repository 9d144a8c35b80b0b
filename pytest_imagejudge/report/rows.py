"""The tree over one image or many as rows, for whatever draws it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal

from ..scoring import mean
from ..taxonomy import TREE, Path
from .build import facet_of
from .model import VerdictEntry

State = Literal["scored", "N/A", "not asked", "unreadable", "no total"]


@dataclass(frozen=True)
class Row:
    """One place of the tree.

    Attributes:
        path: ``()`` is the total.
        mean: mean over the ``n`` images that have the figure, 0 to 100.
        unread: images in which it, or something that its figure would contain, was asked and not read, or which
            were not judged.
        lost: of these, the images in which the judge's answer failed exactly here; at the total, all of them.
        failed: images with a breach here.
        counts: images by raw score, for a facet.
        evidence: the judge's words, of a single image.
    """

    path: Path
    mean: float | None
    n: int
    state: State
    bound: float | None = None
    unread: int = 0
    lost: int = 0
    failed: int = 0
    counts: Mapping[str, int] = field(default_factory=dict)
    evidence: str = ""
    children: tuple[Row, ...] = ()

    @property
    def name(self) -> str:
        """The last name of the path."""
        return self.path[-1] if self.path else "Total"

    @property
    def low(self) -> bool:
        """Whether the mean lies below the bound."""
        return self.bound is not None and self.mean is not None and self.mean < self.bound

    @property
    def missed(self) -> bool:
        """Whether an image breaches the bound here, or the mean lies below it."""
        return bool(self.failed) or self.low

    @property
    def trouble(self) -> bool:
        """Whether something is wrong here or below."""
        return self.missed or bool(self.lost) or any(child.trouble for child in self.children)

    @property
    def uniform(self) -> bool:
        """Whether nothing here or below has a figure, all for one reason, so that one line says it all."""
        return not self.n and all(row.state == self.state and not row.bound and not row.failed for row in self.walk())

    def walk(self) -> Iterator[Row]:
        """This row and all below it."""
        yield self
        for child in self.children:
            yield from child.walk()


def tree(
    entries: Sequence[VerdictEntry], bounds: Mapping[Path, float] | None = None, *, worst_first: bool = True
) -> Row:
    """The whole tree over ``entries``, 1 + 5 + 23 + 56 rows, whatever was asked.

    Args:
        entries: the images.
        bounds: by path; the total's under ``()`` or ``("total",)``.
        worst_first: sort siblings by what is wrong, else the order of the checklist.
    """
    bounds = dict(bounds or {})
    if ("total",) in bounds:
        bounds[()] = bounds.pop(("total",))
    failed: dict[Path, int] = {}
    for entry in entries:
        for path in {() if breach.path == ["total"] else tuple(breach.path) for breach in entry.breaches}:
            failed[path] = failed.get(path, 0) + 1
    ones = [_row((one,), entries, bounds, failed, worst_first) for one in TREE]
    return _row((), entries, bounds, failed, worst_first, ones)


def _row(
    path: Path,
    entries: Sequence[VerdictEntry],
    bounds: Mapping[Path, float],
    failed: Mapping[Path, int],
    worst_first: bool,
    children: list[Row] | None = None,
) -> Row:
    if children is None:
        names = TREE[path[0]] if len(path) == 1 else TREE[path[0]][path[1]] if len(path) == 2 else ()
        children = [_row((*path, name), entries, bounds, failed, worst_first) for name in names]
    if worst_first:
        children.sort(key=_badness)
    values = [value_of(entry, path) for entry in entries]
    n = sum(value is not None for value in values)
    unread = sum(value is None and is_unread(entry, path) for entry, value in zip(entries, values, strict=True))
    state: State = "scored"
    if not n:
        if unread:
            state = "unreadable"
        elif not path:
            state = "no total" if any(child.n for child in children) else "N/A"
        else:
            state = "N/A" if any(path[0] in entry.level1 for entry in entries) else "not asked"
    counts: dict[str, int] = {}
    evidence = ""
    if len(path) == 3:
        for entry in entries:
            if (facet := facet_of(entry, path)) is not None:
                counts[str(facet.raw)] = counts.get(str(facet.raw), 0) + 1
                evidence = facet.evidence
    return Row(
        path,
        mean(values),
        n,
        state,
        bounds.get(path),
        unread,
        sum(list(path) in entry.unreadable for entry in entries) if path else unread,
        failed.get(path, 0),
        counts,
        evidence if len(entries) == 1 else "",
        tuple(children),
    )


def _badness(row: Row) -> tuple[float, ...]:
    """Sorts the worst first; stable, so equals keep the checklist's order."""
    if not row.n and not row.unread:
        return (2, 0, 0, 0)
    shortfall = max(
        (each.bound - each.mean for each in row.walk() if each.bound is not None and each.mean is not None), default=0.0
    )
    wrong = any(each.missed for each in row.walk())
    return (0 if wrong else 1, -row.unread, -shortfall if wrong else 0.0, 101.0 if row.mean is None else row.mean)


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


def measured(entries: Sequence[VerdictEntry]) -> int:
    """How many of the 56 facets have a score in at least one image."""
    return sum(
        any((facet := facet_of(entry, row.path)) is not None and facet.score is not None for entry in entries)
        for row in tree(entries, worst_first=False).walk()
        if len(row.path) == 3
    )
