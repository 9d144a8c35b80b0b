"""Servers that sleep: their weights in main memory, the GPU's memory free for others."""

from __future__ import annotations

from ...errors import EngineError
from ..base import Progress
from ..retries import UnavailableError
from .copies import Copy
from .served_copies import ServedCopies


def asleep_of(served: ServedCopies) -> list[Copy]:
    """Return the copies that are up and that a user put to sleep."""
    asleep = served.server.asleep
    return [copy for copy in served.copies.up if copy.state.generation in asleep]


async def put_to_sleep(served: ServedCopies, weights: int, progress: Progress) -> None:
    """Put all copies to sleep, where nobody else uses them and the main memory has room for their ``weights``.

    A copy that starts is waited for: it would take its GPU's memory later. With requests in flight by then none sleeps.

    Raises:
        EngineError: a server refused.
    """
    if asleep_of(served) or served.server.shared():
        return
    await served.server.settled()
    await served.look()
    copies = served.copies.up
    if any(copy.requests for copy in copies):
        return
    if _free_main_memory() < weights * len(copies):
        progress("the judge's server does not sleep: the main memory has no room for its weights")
        return
    served.server.asleep = served.copies.generations()
    for copy in copies:
        await _tell(copy, "/sleep?level=1")


async def wake_up(served: ServedCopies) -> None:
    """Wake all copies that sleep.

    Raises:
        EngineError: the memory is not free any more.
    """
    lost = list[UnavailableError]()
    copies = asleep_of(served)
    for copy in copies:
        try:
            await _tell(copy, "/wake_up")
        except UnavailableError as error:  # it died while it slept, and its supervisor sees to that
            lost.append(error)
    served.server.asleep = ()
    if lost and len(lost) == len(copies):
        raise lost[0]


async def _tell(copy: Copy, path: str) -> None:
    """Send a command to a copy's server.

    Raises:
        UnavailableError: it is lost.
        EngineError: it refused.
    """
    import httpx

    url = f"{copy.client.address.root}{path}"
    async with httpx.AsyncClient(trust_env=False, timeout=600.0) as client:
        try:
            response = await client.post(url, headers=copy.client.connection.headers)
        except httpx.TransportError as error:
            raise UnavailableError(f"{url}: {type(error).__name__}: {error}") from None
    if response.status_code != 200:
        raise EngineError(f"{url}: HTTP {response.status_code}: {response.text[:400]}")


def _free_main_memory() -> int:
    import psutil

    return int(psutil.virtual_memory().available)
