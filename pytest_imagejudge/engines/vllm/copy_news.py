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
                words = _words(copy, before[1] if before else "", others=up > 0)
                lines += [f"{escape(state.title)}, copy {copy.number}{_on(copy.place)}: {words}"] if words else []
        return lines


def _words(copy: CopyState, before: str, *, others: bool) -> str:
    started = f"it is started: {copy.why}" if copy.why else ""
    if copy.status == "failed":
        go_on = "; the others take its images over" if others else ""
        return f"{escape(copy.message)}{go_on}"
    if copy.status == "ready":
        ready = f"ready after {time.time() - copy.started:.0f} s" if copy.number > 1 or copy.restarts else ""
        return f"{started}; {ready}" if started and not before else ready  # its start was over before it was seen
    if before == "ready":
        go_on = "; the others take its images over meanwhile" if others else ""
        return f"it died, and is started again{go_on}"
    return started


def _on(place: str) -> str:
    return f" on {place}" if place else ""


def copies_words(title: str, copies: Sequence[Mapping[str, Any]], *, lacks_room: bool) -> str:
    """Return a sentence on the copies that were chosen and why.

    Args:
        title: of the model.
        copies: `CopySpec` by field, the first copy first.
        lacks_room: True where the images were worth one more, and no GPU was unused.
    """
    places = ", ".join(str(copy["place"]) for copy in copies)
    why = str(copies[-1]["why"]) if len(copies) > 1 else "no more images waited than it answers at once"
    count = "1 copy" if len(copies) == 1 else f"{len(copies)} copies"
    return f"{title}: {count}, on {places}: {'no other GPU was unused' if lacks_room else why}"
