"""The copies of a judge that are up, as their user asks them: one place gives each request its copy."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import AsyncIterator, Callable, Collection
from contextlib import asynccontextmanager
from dataclasses import dataclass

from ...protocols.base import Request
from ..chat_client import ChatClient
from ..endpoint import image_urls
from .spreading import Spreading
from .state import CopyState

ENDS = 1024  # characters of a picture; a PNG ends with checksums of all of it

MOMENT = 0.1  # seconds for which an image without a request keeps its place; see `Spreading`


@dataclass(eq=False)
class Copy:
    """One copy that is up.

    Attributes:
        state: as it was when the copy was found.
        client: for its server.
        requests: number in flight.
        gone: True where it was lost, and takes no more requests.
    """

    state: CopyState
    client: ChatClient
    requests: int = 0
    gone: bool = False


class Copies:
    """All copies that are up.

    Args:
        each: number of images that fill a copy.
        connect: makes the client for a copy.
        spread: False where there can be one copy only: pictures need no digest then.
    """

    def __init__(self, each: int, connect: Callable[[CopyState], ChatClient], *, spread: bool) -> None:
        self.each, self.spread, self._connect = each, spread, connect
        self._up: dict[int, Copy] = {}
        self._spreading = Spreading(each, lambda call: asyncio.get_running_loop().call_later(MOMENT, call), self._wake)
        self._waiting: list[asyncio.Future[None]] = []

    @property
    def up(self) -> list[Copy]:
        """The copies that take requests."""
        return list(self._up.values())

    def generations(self) -> set[int]:
        """Return the generations of the copies that take requests."""
        return {copy.state.generation for copy in self._up.values()}

    async def update(self, ready: Collection[CopyState]) -> tuple[list[Copy], list[Copy]]:
        """Use the copies that are ``ready`` from now on, and return those that are new and those that are lost."""
        wanted = {state.number: state for state in ready}
        lost = [
            copy
            for number, copy in self._up.items()
            if number not in wanted or wanted[number].generation != copy.state.generation
        ]
        for copy in lost:
            del self._up[copy.state.number]
            copy.gone = True
        if lost:
            self._spreading.set_copies(self._up)  # without those that are back already: their images are placed anew
        new = [Copy(state, self._connect(state)) for number, state in wanted.items() if number not in self._up]
        self._up |= {copy.state.number: copy for copy in new}
        self._spreading.set_copies(self._up)
        for copy in lost:
            await self._close_unused(copy)
        return new, lost

    @asynccontextmanager
    async def one_for(self, request: Request) -> AsyncIterator[Copy | None]:
        """Give the copy for a request, as soon as it has room; None where no copy is up."""
        picture = picture_mark(request) if self.spread else b""
        image = picture + request.text.encode("utf-8", "surrogatepass") if self.spread else b""
        while (number := self._spreading.enter(image, picture)) is None:
            if not self._up:
                yield None
                return
            await self._room()
        copy = self._up[number]
        copy.requests += 1
        try:
            yield copy
        finally:
            copy.requests -= 1
            if not copy.gone:
                self._spreading.leave(image, number)
            await self._close_unused(copy)

    async def close(self) -> None:
        """Close all clients."""
        copies, self._up = self.up, {}
        self._spreading.set_copies(())
        for copy in copies:
            await copy.client.close()

    async def _close_unused(self, copy: Copy) -> None:
        if copy.gone and not copy.requests:
            await copy.client.close()

    async def _room(self) -> None:
        waiting = asyncio.get_running_loop().create_future()
        self._waiting.append(waiting)
        await waiting

    def _wake(self) -> None:
        waiting, self._waiting = self._waiting, []
        for one in waiting:
            if not one.done():
                one.set_result(None)


def picture_mark(request: Request) -> bytes:
    """Return a digest that tells pictures apart: of the length, the beginning and the end of each, as it is sent.

    A digest of all of it, a few megabytes, would cost the event loop some ten milliseconds a request. Pictures that
    agree in these go to one copy, as one picture would.
    """
    digest = hashlib.sha256()
    for url in image_urls(request.messages):
        digest.update(f"{len(url)} {url[:ENDS]} {url[-ENDS:]}\0".encode("utf-8", "surrogatepass"))
    return digest.digest()
