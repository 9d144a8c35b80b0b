"""Answers that the store serves for a task: those that settle a dimension, and those of this run."""

from __future__ import annotations

import dataclasses
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from ..engines.base import Answer, EngineIdentity
from ..images.content import Look
from ..store.answer_store import Store, key_of
from ..store.entry import StoredAnswer
from .dimension_reader import Asked, DimensionReader, better
from .task import Task


@dataclass(frozen=True)
class Known:
    """The store's data on a task: looks at its pictures, the keys, the answers under them, and their readings.

    ``region`` is the hash of where an edit was asked to be. ``stored`` holds the answers that are served, ``asked`` the
    dimensions that need no further request.
    """

    looks: tuple[Look, ...]
    region: str
    keys: Mapping[tuple[str, bool], str]
    stored: Mapping[str, Answer]
    asked: Mapping[str, Asked]

    @property
    def pixels(self) -> tuple[str, ...]:
        """SHA-256 of each picture's pixels."""
        return tuple(look.pixels for look in self.looks)


class Lookup:
    """Looks tasks up in the store, by what decides their answers.

    Args:
        reader: of the judge's protocol.
        store: where answers are kept.
        identity: the judge's model and revision, which are resolved where they are first needed.
    """

    def __init__(self, reader: DimensionReader, store: Store, identity: Callable[[], EngineIdentity]) -> None:
        self.protocol = reader.protocol
        self.store = store
        self._reader = reader
        self._identity = identity
        self._begun = time.time()
        # the same for every image, and not cheap: a grammar is part of it
        self._digests: dict[tuple[str, bool], str] = {}

    def of(self, task: Task, looks: tuple[Look, ...], region: str = "") -> Known:
        """Look up a task, after ``looks`` at its pictures; ``region`` as in `key`."""
        keys = self.keys_of(task, looks, region)
        return self.read(task, looks, keys, self.store.entries_of(keys.values()), region)

    def keys_of(self, task: Task, looks: tuple[Look, ...], region: str = "") -> dict[tuple[str, bool], str]:
        """Return the keys of a task's first requests."""
        pixels = tuple(look.pixels for look in looks)
        return {(name, False): self.key(task, pixels, name, again=False, region=region) for name in task.dimensions}

    def read(
        self,
        task: Task,
        looks: tuple[Look, ...],
        keys: dict[tuple[str, bool], str],
        found: dict[str, StoredAnswer],
        region: str = "",
    ) -> Known:
        """Read the answers that were ``found``; after one that does not settle its dimension, look for the second.

        An answer is served where it settles its dimension, or is of this run: no run sends the same request twice.
        """
        pixels = tuple(look.pixels for look in looks)
        asked: dict[str, Asked] = {}
        stored: dict[str, Answer] = {}
        for name in task.dimensions:
            best: Asked | None = None
            tries = self._reader.tries(name)
            read: dict[str, StoredAnswer] = {}
            for again in tries:
                if again:  # seldom: only of an answer that does not settle it
                    keys[name, again] = self.key(task, pixels, name, again=again, region=region)
                    found |= self.store.entries_of([keys[name, again]])
                if (entry := found.get(keys[name, again])) is None:
                    break
                read[entry.key] = entry
                this = self._reader.read(task.text, name, entry.answer, again=again, stored=True)
                best = better(best, this)
                enough = not this.reading.unreadable or again is tries[-1]
                if this.settled or (enough and self._is_of_this_run(entry)):
                    asked[name] = best
                    break
            stored |= {key: one.answer for key, one in read.items() if name in asked or self._is_of_this_run(one)}
        return Known(looks, region, keys, stored, asked)

    def served(self, task: Task, dimension: str, key: str, *, again: bool) -> Answer | None:
        """Return the answer under one key, where it is served."""
        if (entry := self.store.entries_of([key]).get(key)) is None:
            return None
        this = self._reader.read(task.text, dimension, entry.answer, again=again, stored=True)
        return entry.answer if this.settled or self._is_of_this_run(entry) else None

    def unanswered(self, task: Task, pixels: tuple[str, ...], dimension: str, *, again: bool) -> str | None:
        """Return the store's key of a request that has to be sent; None where it need not, or another comes first."""
        one = dataclasses.replace(task, dimensions=(dimension,))
        known = self.of(one, tuple(map(Look, pixels)))
        first = known.keys[dimension, False]
        if dimension in known.asked or again is not (first in known.stored):
            return None
        return self.key(one, pixels, dimension, again=True) if again else first

    def _is_of_this_run(self, entry: StoredAnswer) -> bool:
        """Tell whether a stored answer was given since this session began, to it or to another process."""
        return self._begun <= entry.stored <= time.time()

    def key(self, task: Task, pixels: tuple[str, ...], dimension: str, *, again: bool, region: str = "") -> str:
        """Return the store's key of one request; ``region``, a hash, is part of it where the judge is told of it."""
        where = {"region": region} if region and self.protocol.uses_region else {}
        return key_of(
            pixels=list(pixels),
            **where,
            text=task.text,
            dimension=dimension,
            judge=self._deciding(dimension, again=again),
            again=again,
            repeat=task.repeat,
        )

    def _deciding(self, dimension: str, *, again: bool) -> str:
        """Digest of all that decides an answer but the image and the text; the same for every image."""
        if (dimension, again) not in self._digests:
            identity = self._identity()
            self._digests[dimension, again] = key_of(
                model=identity.model,
                revision=identity.revision,
                protocol=self.protocol.digest,
                treatment=self.protocol.treatment,
                sampling=self.protocol.sampling(dimension, again=again),
                extra=identity.extra,
            )
        return self._digests[dimension, again]
