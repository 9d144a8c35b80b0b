"""Entries of a run: the first ones in memory, all others in a file, so that memory does not grow with the run."""

from __future__ import annotations

import json
import os
import tempfile
import weakref
from abc import ABC, abstractmethod
from array import array
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import IO, Any, Generic, TypeVar, overload

from pydantic import ValidationError
from pydantic_core import PydanticSerializationError

from .model import Entry

E = TypeVar("E", bound=Entry)
MOST = 1_000  # entries in memory


class Entries(Sequence[E], ABC, Generic[E]):
    """Sequence of entries that makes each entry when it is read."""

    @abstractmethod
    def _at(self, number: int) -> E:
        """The entry at a place, from 0."""

    def map(self, change: Callable[[E], E]) -> Mapped[E]:
        """Return all entries, each changed when it is read."""
        return Mapped(self, change)

    def __iter__(self) -> Iterator[E]:
        for number in range(len(self)):
            yield self._at(number)

    @overload
    def __getitem__(self, index: int) -> E: ...
    @overload
    def __getitem__(self, index: slice) -> list[E]: ...
    def __getitem__(self, index: int | slice) -> E | list[E]:
        if isinstance(index, slice):
            return [self._at(number) for number in range(*index.indices(len(self)))]
        return self._at(range(len(self))[index])


class Spool(Entries[E]):
    """Entries of one kind, in the order they came. Reading an entry from the file gives a new copy each time.

    The file has no name and vanishes with the process, even when that is killed.
    """

    def __init__(self, kind: type[E], entries: Iterable[E] = (), *, most: int | None = None) -> None:
        """Keep up to ``most`` (`MOST`) entries in memory, beginning with ``entries``."""
        self._kind = kind
        self._most = MOST if most is None else most
        self._held: list[E] = []
        self._file: IO[bytes] | None = None
        self._ends = array("Q", [0])  # of the entries in the file, one after the other
        self._rest: list[E] = []  # what the disk does not take
        for entry in entries:
            self.append(entry)

    def append(self, entry: E) -> None:
        """Add one entry; with a full disk it stays in memory."""
        if len(self._held) < self._most:
            self._held.append(entry)
        elif self._rest or not self._write(_dump(entry)):
            self._rest.append(entry)

    def _write(self, text: bytes) -> bool:
        try:
            if self._file is None:
                self._file = tempfile.TemporaryFile(prefix="imagejudge-", buffering=0)  # noqa: SIM115 - stays open
                weakref.finalize(self, self._file.close)
            if os.pwrite(self._file.fileno(), text, self._ends[-1]) < len(text):
                return False
        except OSError:
            return False
        self._ends.append(self._ends[-1] + len(text))
        return True

    def plain(self) -> Any:
        """The list of all entries, where all of them are in memory; else this spool."""
        return self if len(self) > len(self._held) else self._held

    def __len__(self) -> int:
        return len(self._held) + len(self._ends) - 1 + len(self._rest)

    def _at(self, number: int) -> E:
        if number < len(self._held):
            return self._held[number]
        number -= len(self._held)
        if number >= len(self._ends) - 1:
            return self._rest[number - len(self._ends) + 1]
        assert self._file is not None
        begin, end = self._ends[number], self._ends[number + 1]
        return _load(self._kind, os.pread(self._file.fileno(), end - begin, begin))


class Mapped(Entries[E]):
    """Sequence of entries, each changed when it is read."""

    def __init__(self, entries: Entries[E], change: Callable[[E], E]) -> None:
        """Store ``entries`` and ``change``, which makes a new entry of one and does not modify it."""
        self._entries, self._change = entries, change

    def __len__(self) -> int:
        return len(self._entries)

    def _at(self, number: int) -> E:
        return self._change(self._entries._at(number))


def rebuilt(entries: Sequence[E], changed: Iterable[E]) -> Any:
    """Return ``changed`` stored as ``entries`` are: in memory, or in a file."""
    return Spool(entries._kind, changed) if isinstance(entries, Spool) else list(changed)


def _dump(entry: Entry) -> bytes:
    try:
        return entry.__pydantic_serializer__.to_json(entry, exclude_defaults=True)
    except PydanticSerializationError:  # half a surrogate pair, which a prompt may hold
        return json.dumps(entry.model_dump(mode="json", exclude_defaults=True)).encode()


def _load(kind: type[E], line: bytes) -> E:
    try:
        return kind.model_validate_json(line)
    except ValidationError:  # as above
        return kind.model_validate(json.loads(line))
