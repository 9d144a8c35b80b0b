"""The problems of one image's answers in words: what was found of several dimensions is said once."""

from __future__ import annotations

from collections.abc import Sequence

from ..report.model import ProblemEntry
from ..taxonomy import show


def folded(problems: Sequence[ProblemEntry]) -> list[tuple[str, str, str]]:
    """Return places, kind and detail of each problem; those of one kind and detail are one, with all their places."""
    places: dict[tuple[str, str], list[str]] = {}
    for problem in problems:
        known = places.setdefault((problem.kind, problem.detail), [])
        if problem.path and (place := show(problem.path)) not in known:
            known.append(place)
    return [(", ".join(found), kind, detail) for (kind, detail), found in places.items()]
