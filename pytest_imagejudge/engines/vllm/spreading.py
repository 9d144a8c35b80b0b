"""The spreading of images over the copies of a judge: by content, as evenly as the copies' work allows."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Collection, Iterable
from dataclasses import dataclass

SPARE = 8  # images in flight at a copy beyond those that fill it; more wait for whichever copy is free first


def ordered(picture: bytes, copies: Iterable[int]) -> list[int]:
    """Order copies for a picture by rendezvous hashing: it keeps its order when a copy is added or lost."""
    return sorted(copies, key=lambda copy: hashlib.sha256(picture + copy.to_bytes(4, "big")).digest())


@dataclass
class _Image:
    """An image at a copy, with a number of requests in flight."""

    copy: int
    requests: int = 0


class Spreading:
    """The copy of each image in flight.

    All requests of an image go to one copy, which has its picture in the cache. A new image goes to the copy with the
    fewest images: two H200 that had 46 and 50 of 96 took 4% longer than the half of them takes. Among copies with as
    few, the picture names one, so that another run, process or prompt may find it in that one's cache.

    Args:
        each: number of images that fill a copy.
        later: calls a function a moment later. In that moment an image without a request stays where it is: between
            its primer and its questions there is none.
        has_room: called when a waiting image may be placed.
    """

    def __init__(self, each: int, later: Callable[[Callable[[], None]], object], has_room: Callable[[], None]) -> None:
        self._most, self._later, self._has_room = each + SPARE, later, has_room
        self._images: dict[bytes, _Image] = {}
        self._load: dict[int, int] = {}

    @property
    def copies(self) -> Collection[int]:
        """The copies that take images."""
        return self._load.keys()

    def set_copies(self, copies: Iterable[int]) -> None:
        """Spread over these copies from now on; the images of those that are gone are placed anew."""
        before, self._load = self._load, dict.fromkeys(copies, 0)
        self._images = {name: image for name, image in self._images.items() if image.copy in self._load}
        for image in self._images.values():
            self._load[image.copy] += 1
        if before.keys() != self._load.keys():
            self._has_room()

    def enter(self, image: bytes, picture: bytes) -> int | None:
        """Count one more request of ``image``, and return its copy; None where it has to wait for room."""
        if (found := self._images.get(image)) is None:
            if (copy := self._choose(picture)) is None:
                return None
            found = self._images[image] = _Image(copy)
            self._load[copy] += 1
        found.requests += 1
        return found.copy

    def leave(self, image: bytes, copy: int) -> None:
        """Count one request less."""
        found = self._images.get(image)
        if found is not None and found.copy == copy:
            found.requests -= 1
            if not found.requests:
                self._later(lambda: self._forget(image, found))

    def _forget(self, image: bytes, found: _Image) -> None:
        if self._images.get(image) is found and not found.requests:
            del self._images[image]
            self._load[found.copy] -= 1
            self._has_room()

    def _choose(self, picture: bytes) -> int | None:
        least = min(self._load.values(), default=self._most)
        if least >= self._most:
            return None
        return ordered(picture, (copy for copy, load in self._load.items() if load == least))[0]
