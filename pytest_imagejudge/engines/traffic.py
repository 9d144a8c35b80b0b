"""The traffic to one server: how many requests are in flight, in which order they go, and when they wait."""

from __future__ import annotations

import asyncio
import heapq
import itertools
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

GROWTH = 0.05  # of the number in flight, a success
LEAST = 1 / 256
SMOOTHING = 0.1
LONGEST_GAP = 60.0  # seconds


class Traffic:
    """Turns of the requests to one server, first come, first served.

    The number in flight is halved where the server has too many requests, and grows by each success. From then on they
    are let in evenly: with four in flight and eight seconds for an answer, one every two seconds. A number below one
    means pauses: with a quarter in flight, one every 32 seconds.

    Args:
        most: requests in flight at once; None for any number.

    Attributes:
        limit: requests in flight at once, as learned.
    """

    def __init__(self, most: int | None = None) -> None:
        self._most = float("inf") if most is None else float(most)
        self.limit = self._most
        self.in_flight = 0
        self._opens = float("-inf")  # when a pause that was asked for ends, in the loop's time
        self._next = float("-inf")  # when the next request may go, so that they go evenly
        self._halved = float("-inf")
        self._took = 0.0  # seconds that an answer takes, smoothed
        self._refusals = 0  # number of waves of requests that were too many, since the last success
        self._tickets = itertools.count()
        self._queue: list[tuple[int, asyncio.Future[None]]] = []
        self._timer: asyncio.TimerHandle | None = None

    def ticket(self) -> int:
        """Return a place in the order, for all tries of one request."""
        return next(self._tickets)

    @asynccontextmanager
    async def turn(self, ticket: int) -> AsyncIterator[None]:
        """Wait for a turn, and hold it."""
        await self._enter(ticket)
        try:
            yield
        finally:
            self.in_flight -= 1
            self._admit()

    def succeeded(self, took: float) -> None:
        """Let more requests in, after one that was answered in so many seconds."""
        self._refusals = 0
        self._took += SMOOTHING * (took - self._took) if self._took else took
        self.limit = min(self._most, self.limit + GROWTH * min(1.0, self.limit))

    def refused(self, sent: float) -> int:
        """Let half as many requests in, after one that was ``sent`` at that time was too many.

        Those that were in flight together are one refusal.

        Returns:
            The number of refusals since the last success.
        """
        if sent >= self._halved:
            half = min(self.limit, self.in_flight) / 2
            self.limit = max(half, LEAST if self._refusals == 0 else min(1.0, self.limit))
            self._halved = asyncio.get_running_loop().time()
            self._refusals += 1
        return self._refusals

    def hold(self, seconds: float) -> None:
        """Let no request in for some time."""
        self._opens = max(self._opens, asyncio.get_running_loop().time() + seconds)

    @property
    def held(self) -> bool:
        """Tell whether a pause is on, in which no request is let in."""
        return asyncio.get_running_loop().time() < self._opens

    def turn_away(self, error: Callable[[], Exception]) -> None:
        """Raise an ``error`` in each request that waits for its turn."""
        queue, self._queue = self._queue, []
        for _, waiting in queue:
            if not waiting.done():
                waiting.set_exception(error())

    async def _enter(self, ticket: int) -> None:
        waiting = asyncio.get_running_loop().create_future()
        heapq.heappush(self._queue, (ticket, waiting))
        self._admit()
        try:
            await waiting
        except asyncio.CancelledError:
            if waiting.done() and not waiting.cancelled():  # it was let in, and is given up
                self.in_flight -= 1
                self._admit()
            raise

    def _admit(self) -> None:
        """Let in as many as may be in flight, or look again when the pause is over."""
        loop = asyncio.get_running_loop()
        while self._queue and self.in_flight < max(1.0, self.limit):
            if self._queue[0][1].done():  # given up
                heapq.heappop(self._queue)
                continue
            if loop.time() < (opens := max(self._opens, self._next)):
                if self._timer is not None:
                    self._timer.cancel()
                self._timer = loop.call_at(opens, self._admit)
                return
            self.in_flight += 1
            heapq.heappop(self._queue)[1].set_result(None)
            if self._halved > float("-inf"):
                self._next = loop.time() + min(self._took / self.limit, LONGEST_GAP)
