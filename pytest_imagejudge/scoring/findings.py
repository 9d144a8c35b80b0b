"""Findings of an image that are no scores: no content, blocked by its pipeline, too little that applies."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, get_args

FindingKind = Literal[
    "blank",  # one colour, or next to it: fails where bounds apply, unless it was asked for
    "half-blank",  # a band along an edge, half of the picture or more, is one colour, or next to it; fails nothing
    "nsfw",  # the pipeline said that it found something unsafe; fails where bounds apply
    "few-applicable",  # fewer facets were applicable than the profile asks for
]
KINDS: tuple[FindingKind, ...] = get_args(FindingKind)


@dataclass(frozen=True, slots=True)
class Finding:
    """One finding, in a word and in figures; the detail is ASCII and of one line."""

    kind: FindingKind
    detail: str

    def fails(self, *, blank: bool = False) -> bool:
        """Tell whether it fails an image with bounds; ``blank`` where a picture without content was asked for."""
        return self.kind in ("nsfw", "few-applicable") or (self.kind == "blank" and not blank)
