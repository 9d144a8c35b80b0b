"""Lines about the copies of a judge: what was chosen and why, and what became of each."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from typing import Any

from ...support.escaping import escape
from .state import CopyState, State


class CopyNews:
    """Tells of each copy once what became of it."""

    def __init__(self) -> None:
        self._told: dict[int, tuple[int, str]] = {}  # generation and status, by number

    def of(self, state: State, *, up: int) -> list[str]:
        """Return the lines on what is new in ``state``; ``up`` copies take requests."""
        lines = []
        for copy in state.copies:
            before, now = self._told.get(copy.number), (copy.generation, copy.status)
            if before != now:
                self._told[copy.number] = now
                words = _words(copy, before is not None and before[1] == "ready", others=up > 0)
                lines += [f"{escape(state.title)}, copy {copy.number}{_on(copy.place)}: {words}"] if words else []
        return lines


def _words(copy: CopyState, was_ready: bool, *, others: bool) -> str:
    if copy.status == "failed":
        go_on = "; the others take its images over" if others else ""
        return f"{escape(copy.message)}{go_on}"
    if copy.status == "ready":
        return f"ready after {time.time() - copy.started:.0f} s" if copy.number > 1 or copy.restarts else ""
    if was_ready:
        go_on = "; the others take its images over meanwhile" if others else ""
        return f"it died, and is started again{go_on}"
    return f"it is started: {copy.why}" if copy.why else ""


def _on(place: str) -> str:
    return f" on {place}" if place else ""


def copies_words(title: str, copies: Sequence[Mapping[str, Any]]) -> str:
    """Return a sentence on the copies that were chosen and why; ``copies`` are `CopySpec` by field."""
    places = ", ".join(str(copy["place"]) for copy in copies)
    if len(copies) == 1:
        return f"{title}: 1 copy, on {places}: no more images waited than it answers at once"
    return f"{title}: {len(copies)} copies, on {places}: {copies[-1]['why']}"
