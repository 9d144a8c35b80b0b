"""The servers of a judge while they are used: which copies are up, which are lost, and which come back."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from ...errors import EngineError
from ..base import Progress
from ..retries import UnavailableError
from .copies import Copies, Copy
from .copy_news import CopyNews
from .shared_server import Server
from .state import State, healthy, log_file

LOOK_SECONDS = 0.5  # between two looks at the copies


class ServedCopies:
    """The copies of one server that was joined, from its start to its end.

    Args:
        server: which was joined.
        copies: of the server, none of them up.
        progress: told what becomes of the copies, where there can be several.
        changed: called when copies have come or gone.

    Attributes:
        restarts: number of times that copies were started again since this user came.
    """

    def __init__(self, server: Server, copies: Copies, progress: Progress, changed: Callable[[], None]) -> None:
        self.server, self.copies = server, copies
        self.restarts = 0
        self._progress, self._changed = progress, changed
        self._news = CopyNews()
        self._lost: set[int] = set()  # generations of servers with which a request was lost
        self._restarts_before: int | None = None
        self._updating, self._returning = asyncio.Lock(), asyncio.Lock()

    async def until_up(self) -> None:
        """Wait until a copy takes requests.

        Raises:
            EngineError: none does any more; with the tail of a log.
        """
        async with self._returning:
            if self.copies.up:
                return
            if self._lost:
                self._progress("the judge's server was lost; its requests wait for it to be started again")
            state = await self.server.ready(self._progress, lost=self._lost)
            async with self._updating:
                await self._use(state)

    async def watch(self) -> None:
        """Use copies as they come and go, without end."""
        while True:
            await asyncio.sleep(LOOK_SECONDS)
            await self.look()

    async def look(self) -> None:
        """Use the copies that are up now."""
        async with self._updating:
            state = self.server.state()
            if state is not None and self.server.supervised:
                await self._use(state)

    async def take_out(self, used: Copy, lost: EngineError) -> None:
        """Take a copy out of use, with whose server a request was lost, once the supervisor has found it dead.

        Raises:
            EngineError: it lives.
        """
        if used.gone:
            return
        # one that answers lives, unless it is about to end because its engine is dead, and says so
        answers = isinstance(lost, UnavailableError) and lost.status is not None
        lives = answers and await asyncio.to_thread(healthy, used.state.url)
        if lives or not await self.server.noticed(used.state.generation):
            log = log_file(self.server.folder, used.state.number)
            raise EngineError(f"the judge's server is up, but a request failed: {lost}\n  log: {log}")
        async with self._updating:
            self._lost.add(used.state.generation)
            state = self.server.state()
            if state is not None and self.server.supervised:
                await self._use(state)
            else:  # all servers end with their supervisor
                self._lost |= self.copies.generations()
                await self.copies.update(())

    async def _use(self, state: State) -> None:
        """Use the copies that are ready, apart from those that are known to be lost."""
        new, lost = await self.copies.update([copy for copy in state.of("ready") if copy.generation not in self._lost])
        self._lost |= {copy.state.generation for copy in lost}
        if self.copies.spread:
            for line in self._news.of(state, up=len(self.copies.up)):
                self._progress(line)
        if self._restarts_before is None:
            self._restarts_before = state.restarts
        self.restarts = max(0, state.restarts - self._restarts_before)
        if new or lost:
            self._changed()
