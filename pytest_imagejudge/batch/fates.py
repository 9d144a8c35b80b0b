"""Fates of a row (judged, failed, bad input, not judged), and how many rows met each."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Literal, get_args

from ..inputs.cells import ErrorKind
from ..session.budget import NOT_JUDGED

Fate = Literal[
    "judged",  # and read in full
    "unreadable",  # judged, but not all of the answer could be read
    "image_missing",  # no such file, outside of the root, a path of Windows, a URL
    "image_unreadable",  # a file that is no image, or too large a one
    "unknown_id",  # the metadata does not have it
    "duplicate",  # the ID of an earlier row
    "bad_row",  # no prompt, no ID, no text, ...
    "over_budget",  # the budget had no room for a request
    "engine_failed",  # the judge was lost, or refused the request
    "not_reached",  # the run was interrupted before
]


FATES: dict[Fate, str] = {
    "judged": "judged",
    "unreadable": "judged, but the answer can't be read in full",
    "image_missing": "image missing",
    "image_unreadable": "image can't be read",
    "unknown_id": "ID unknown to the metadata",
    "duplicate": "ID of an earlier row",
    "bad_row": "row can't be used",
    "over_budget": NOT_JUDGED,
    "engine_failed": "engine failed",
    "not_reached": "not reached",
}


BAD_INPUT: frozenset[Fate] = frozenset(("image_missing", "image_unreadable", "unknown_id", "duplicate", "bad_row"))


NOT_ASKED: frozenset[Fate] = frozenset(("over_budget", "engine_failed"))  # rows that a later run may go on with


FATE_OF: dict[ErrorKind, Fate] = {
    "row": "bad_row",
    "image": "image_missing",
    "duplicate": "duplicate",
    "unknown": "unknown_id",
    "stopped": "not_reached",
}


def fate_of_error(error: str, *, seen: bool) -> Fate:
    """Return the fate of a row that was not judged because of ``error``; ``seen`` where its pictures were decoded."""
    if error.startswith(NOT_JUDGED):
        return "over_budget"
    # Without pixels it was the picture that could not be had, unless an error nobody foresaw says its type.
    judge = seen or re.match(r"[A-Z]\w*(Error|Exception): ", error)
    return "engine_failed" if judge else "image_unreadable"


@dataclass
class RowCounts:
    """Numbers of rows by fate. The fates add up to ``rows``; ``from_store`` counts judged rows only."""

    rows: int = 0
    fates: dict[Fate, int] = field(default_factory=lambda: dict.fromkeys(get_args(Fate), 0))
    from_store: int = 0

    def as_json(self) -> dict[str, int]:
        """Return the counts as one flat object, for ``--json``."""
        counts = {str(fate): count for fate, count in self.fates.items()}
        return {"rows": self.rows, "from_store": self.from_store, **counts}
