"""Images that this run has counted, told apart from what a run that was cut off left of the same ones."""

from __future__ import annotations

from collections.abc import Hashable, Iterator

from ..report.lookup import repeat_of
from ..report.model import EditEntry
from .expectation import AnyEntry


class CountedImages:
    """A set of entries by what was judged: of each no more than two numbers are kept."""

    def __init__(self) -> None:
        self._known: set[int] = set()

    def add(self, entry: AnyEntry) -> None:
        """Remember an entry; further judgements of one image are the same image."""
        if not repeat_of(entry):
            self._known.update(map(hash, _identities(entry)))

    def __contains__(self, entry: AnyEntry) -> bool:
        return any(hash(identity) in self._known for identity in _identities(entry))


def _identities(entry: AnyEntry) -> Iterator[Hashable]:
    """The content key, which an entry that was not judged lacks; and the pictures' files with the text."""
    if entry.key:
        yield entry.key
    if isinstance(entry, EditEntry):
        yield entry.source_image, entry.edited_image, entry.instruction
    else:
        yield entry.image, entry.prompt
