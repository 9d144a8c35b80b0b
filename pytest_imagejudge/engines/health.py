"""The watch on a server while requests to it are silent: its health is asked, and a dead one ends them."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Coroutine, Mapping
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

from .address import Address, cause
from .retries import UnavailableError

if TYPE_CHECKING:
    import httpx

SILENCE_SECONDS = 15.0  # after which a server's health is asked
EVERY_SECONDS = 5.0
REPLY_SECONDS = 4.0
MISSES = 2
BAD_GATEWAY = 502  # from this status on a reply says that the server is down: 502, 503, 504, Cloudflare's 520 to 530
# Headers of a LiteLLM proxy (1.100), whose /health has each model behind it answer a request, which costs money.
# https://docs.litellm.ai/docs/proxy/health
LITELLM = "x-litellm-"


class _Line:
    """One request under way.

    Attributes:
        heard: when the server was last heard in it, or when it was sent, in the loop's time.
    """

    def __init__(self, scope: asyncio.Timeout) -> None:
        self._scope = scope
        self.heard = asyncio.get_running_loop().time()
        self.end = ""

    def hear(self) -> None:
        """Note that the server was heard."""
        self.heard = asyncio.get_running_loop().time()

    def cut(self, reason: str) -> None:
        """End the request."""
        self.end = reason
        self._scope.reschedule(self.heard)


@asynccontextmanager
async def listening(watch: HealthWatch | None) -> AsyncIterator[Callable[[], None]]:
    """Watch over one request, if there is a watch, and give what is to be called at each word from the server.

    Raises:
        UnavailableError: the server is dead.
    """
    if watch is None:
        yield lambda: None
        return
    async with watch.line() as line:
        yield line.hear


class HealthWatch:
    """Watch over all requests to one server.

    A server that ends keeps the connections of its requests open and takes no new ones (vLLM 0.32 and its uvicorn,
    after SIGTERM). A server whose health answers is only slow, however long it is silent; one that takes the question
    and does not answer is as busy with it as with the requests.

    Args:
        address: of the server.
        client: makes a client for new connections to it.
        silence: seconds without a word in a request, after which the server's health is asked.
        every: seconds between two questions.
    """

    def __init__(
        self,
        address: Address,
        client: Callable[[], httpx.AsyncClient],
        silence: float = SILENCE_SECONDS,
        every: float = EVERY_SECONDS,
    ) -> None:
        self.address, self.silence, self.every = address, silence, every
        self._client = client
        self._lines: set[_Line] = set()
        self._tasks: dict[str, asyncio.Task[None]] = {}
        self.has_health: bool | None = None  # whether /health has answered with 200; None where it was not asked

    @asynccontextmanager
    async def line(self) -> AsyncIterator[_Line]:
        """Watch over one request; see `listening`.

        Raises:
            UnavailableError: the server is dead.
        """
        scope = asyncio.timeout(None)
        line = _Line(scope)
        try:
            async with scope:
                self._lines.add(line)
                self._run("watch", self._watch)
                yield line
        except TimeoutError:
            if not line.end:
                raise
            raise UnavailableError(line.end, final=True) from None
        finally:
            self._lines.discard(line)

    def answered(self, headers: Mapping[str, str]) -> None:
        """Find out, after the server's first reply, whether it has a ``/health``."""
        if self.has_health is None:
            self.has_health = False
            if not any(name.lower().startswith(LITELLM) for name in headers):
                self._run("learn", self._learn)

    async def close(self) -> None:
        """End the watch."""
        tasks, self._tasks = self._tasks, {}
        for task in tasks.values():
            task.cancel()
        await asyncio.gather(*tasks.values(), return_exceptions=True)

    def _run(self, name: str, work: Callable[[], Coroutine[object, object, None]]) -> None:
        if name not in self._tasks or self._tasks[name].done():
            self._tasks[name] = asyncio.get_running_loop().create_task(work())

    async def _learn(self) -> None:
        found = await self._ask(f"{self.address.root}/health")
        self.has_health = found == 200

    async def _watch(self) -> None:
        """Ask for the server's health while any request is silent."""
        loop = asyncio.get_running_loop()
        misses, missed = 0, 0.0
        while self._lines:
            oldest = min(line.heard for line in self._lines)
            if (left := oldest + self.silence - loop.time()) > 0:
                misses = 0
                await asyncio.sleep(left)
                continue
            asked = loop.time()
            url = f"{self.address.root}/health" if self.has_health else self.address.to("/models")
            found = await self._ask(url)
            if isinstance(found, int) and found < BAD_GATEWAY:
                misses = 0
            else:
                misses, missed = misses + 1, missed if misses else asked
            if misses >= MISSES:
                shown = f"{self.address.root}/health" if self.has_health else self.address.to_show("/models")
                why = f"HTTP {found}" if isinstance(found, int) else found
                silent = f"silent for {loop.time() - oldest:.0f} s"
                self._cut(missed, f"{self.address.to_show('/chat/completions')}: {silent}, and {shown}: {why}")
                misses = 0
            await asyncio.sleep(self.every)

    def _cut(self, since: float, reason: str) -> None:
        """End the requests that have not heard from the server since then."""
        for line in list(self._lines):
            if line.heard <= since:
                line.cut(reason)

    async def _ask(self, url: str) -> int | str:
        """Return the status of a reply, 0 where none comes to a question that was taken, or the failure in words."""
        import httpx

        try:
            async with self._client() as client:
                timeout = httpx.Timeout(REPLY_SECONDS)
                async with client.stream("GET", url, timeout=timeout) as response:
                    return response.status_code
        except httpx.ReadTimeout:
            return 0
        except (httpx.HTTPError, httpx.InvalidURL, OSError, ValueError) as error:
            return cause(error, self.address.secrets(None))
