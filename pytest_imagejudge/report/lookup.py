"""Look-ups in one entry of a report, or over several: figures and bounds by path, and which judgement counts."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from functools import partial

from ..scoring.figures import figure_at, unread_at
from ..taxonomy import EDIT_SCORE, Path, facets_of, from_written
from .model import AnyEntry, Bound, Breach, EditEntry, Entry, Facet, VerdictEntry
from .spool import E

EditBounds = frozenset[tuple[str, str, float]]  # of one edit: name of the figure, side ("least" or "most"), bound


def facet_of(entry: VerdictEntry, path: Sequence[str]) -> Facet | None:
    """The facet at a path of three names, or None where the judge was not asked or not read."""
    one, two, three = path
    return entry.level3.get(one, {}).get(two, {}).get(three)


def value_of(entry: AnyEntry, path: Sequence[str]) -> float | None:
    """The figure of an image at ``path``, 0 to 100 (``()`` is the total), or of an edit at `EDIT_SCORE`; or None."""
    if not isinstance(entry, VerdictEntry):
        return entry.score if tuple(path) == EDIT_SCORE else None
    return figure_at(entry, path, partial(facet_of, entry))


def why_absent(entry: AnyEntry, path: Sequence[str]) -> str:
    """The judge's words on why a figure does not apply: of the facets at or below ``path``, or of an edit's score."""
    if not isinstance(entry, VerdictEntry):
        name = "score" if tuple(path) == EDIT_SCORE else "".join(path[:1])
        return " ".join(entry.evidence.get(name, "").split())
    facets = (facet_of(entry, place) for place in facets_of(from_written(path)))
    said = (" ".join(facet.evidence.split()) for facet in facets if facet is not None and facet.raw == "N/A")
    return "; ".join(filter(None, dict.fromkeys(said)))


def unread_of(entry: Entry, path: Sequence[str]) -> list[tuple[str, ...]]:
    """Places at, below or above ``path`` whose answers were not read; for an edit's score, all of the edit's."""
    return unread_at(entry.unreadable, () if tuple(path) == EDIT_SCORE else path)


def is_unread(entry: VerdictEntry, path: Sequence[str]) -> bool:
    """Tell whether an answer at ``path`` was not read, wholly or in part, or the image was not judged."""
    return bool((entry.error and not entry.level1) or unread_of(entry, path))


def repeat_of(entry: Entry) -> int:
    """The number of a judgement: 0 for the first of an image, from 1 for those after it (``--judge-repeat``)."""
    found = (entry.model_extra or {}).get("repeat") or 0
    try:
        return int(found)
    except (TypeError, ValueError, OverflowError):  # another program's report; no first judgement carries the field
        return 1


def first_judgements(entries: Iterable[E]) -> Iterator[E]:
    """The entries without repeated judgements: of one image the first counts."""
    return (entry for entry in entries if not repeat_of(entry))


def bounds_of(entries: Iterable[AnyEntry]) -> dict[Path, float]:
    """The least bounds, by path, on which all entries that have bounds agree; the total's path is ``()``."""
    agreed: dict[Path, float] | None = None
    for entry in entries:
        given: list[Bound | Breach] = [*entry.bounds, *entry.breaches]
        bounds = {tuple(each.path): each.bound for each in given if each.side == "least"}
        if bounds and agreed is None:
            agreed = bounds
        elif bounds and agreed is not None:
            agreed = {path: bound for path, bound in agreed.items() if bounds.get(path) == bound}
    return {from_written(path): bound for path, bound in (agreed or {}).items()}


def edit_bounds(entry: EditEntry) -> EditBounds:
    """The bounds on an edit's score and aspects."""
    given: list[Bound | Breach] = [*entry.bounds, *entry.breaches]
    return frozenset((each.path[0], each.side, each.bound) for each in given if each.path)


def lowest_facets(entry: VerdictEntry, path: Sequence[str]) -> list[Path]:
    """The facets below ``path`` that pulled its figure down: those that failed, or else those short of the best."""
    found: dict[Path, float] = {}
    for place in facets_of(tuple(path)):
        facet = facet_of(entry, place)
        if facet is not None and facet.score is not None and facet.score < 100:
            found[place] = facet.score
    failed = [place for place, score in found.items() if score == 0]
    return failed or sorted(found, key=lambda place: found[place])


def may_not_fail(path: Sequence[str], bound: float) -> bool:
    """Tell whether a bound only demands that the raw score of a facet, 0, 1 or 2, is not 0."""
    return len(path) == 3 and 0 < bound <= 60
