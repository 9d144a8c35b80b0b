"""Retries: errors that another try may change, pauses in between, and the end of the tries."""

from __future__ import annotations

import re
import time
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING, Any

from ..errors import EngineError

if TYPE_CHECKING:
    from tenacity import RetryCallState

RATE_LIMIT_SECONDS = 600.0  # how long a request waits out "too many requests"
LONGEST_WAIT = 60.0
# What says that a server is down, or the one behind a gateway, or that it takes nothing more. A 500 is of one request.
DOWN = frozenset((None, 429, 502, 503, 504))


class UnavailableError(EngineError):
    """A lost connection, or a server that can't answer now, after all retries.

    Attributes:
        status: the HTTP status, or None where there was no response.
        after: seconds that the server asked to wait for, or None.
    """

    def __init__(self, message: str, status: int | None = None, after: float | None = None) -> None:
        super().__init__(message)
        self.status, self.after = status, after


class Retries:
    """Retries of all requests to one server.

    Args:
        attempts: tries of one request, the first included; those that were too many for the server don't count.
        first_wait: seconds before the second try, or more where the server asks for it; doubled each time.
        progress: told that the server does not answer, once until it does.
    """

    def __init__(self, attempts: int, first_wait: float, progress: Callable[[str], None]) -> None:
        self.attempts, self.first_wait, self.progress = attempts, first_wait, progress
        self.told = False
        self.down = False  # a request waited for the server in vain: the next ones don't wait as long again
        self.succeeded = float("-inf")  # when a request last did

    async def call(self, send: Callable[..., Awaitable[dict[str, Any]]], *args: object) -> dict[str, Any]:
        """Return what ``send`` returns, tried again where that may help.

        Raises:
            UnavailableError: the last try failed.
        """
        import asyncio

        from tenacity import AsyncRetrying, retry_if_exception_type

        tries = _Tries(self)
        retrying = AsyncRetrying(
            sleep=asyncio.sleep,
            retry=retry_if_exception_type(UnavailableError),
            stop=tries.are_spent,
            wait=self._wait,
            before_sleep=tries.tell,
            reraise=True,
        )
        reply: dict[str, Any] = await retrying(send, *args)
        self.down, self.told, self.succeeded = False, False, time.monotonic()
        return reply

    def _wait(self, state: RetryCallState) -> float:
        """Return the seconds until the next try."""
        from tenacity import wait_exponential

        backoff = wait_exponential(multiplier=self.first_wait, max=LONGEST_WAIT / 2)
        return pause_seconds(backoff(state), _failure(state).after)


class _Tries:
    """The tries of one request, as tenacity asks about them after each that failed.

    Attributes:
        counted: number of tries, without those answered by "too many requests".
        since: time of the first failure.
    """

    def __init__(self, retries: Retries) -> None:
        self.retries = retries
        self.counted, self.since = 0, float("inf")

    def are_spent(self, state: RetryCallState) -> bool:
        """Return True where the request is given up."""
        status, now = _failure(state).status, time.monotonic()
        gone = status in DOWN
        self.since = min(self.since, now)
        if status == 429:
            spent = now - self.since >= RATE_LIMIT_SECONDS
        else:
            self.counted += 1
            spent = self.counted >= self.retries.attempts
        if not spent and not (gone and self.retries.down):
            return False
        # where others were answered in the meantime, it is this request that the server can't bear
        self.retries.down |= gone and self.retries.succeeded < self.since
        return True

    def tell(self, state: RetryCallState) -> None:
        """Report once that the server does not answer, from the second failure on."""
        error = _failure(state)
        if error.status is None and self.counted > 1 and not self.retries.told:
            self.retries.told = True
            self.retries.progress(f"{error}; trying again")


def _failure(state: RetryCallState) -> UnavailableError:
    error = state.outcome.exception() if state.outcome else None
    assert isinstance(error, UnavailableError), "no other is tried again"
    return error


def pause_seconds(seconds: float, after: float | None) -> float:
    """Return the pause before the next try: the larger of ``seconds`` and ``after``, which the server asked for.

    A random part is added, so that the requests of a batch do not return all at once.
    """
    import random

    return max(seconds, min(after or 0.0, LONGEST_WAIT)) * random.uniform(1.0, 1.5)  # noqa: S311 - no secret


def retry_after(value: str | None) -> float | None:
    """Return the seconds of a Retry-After header (a number or a date), or None."""
    if not value:
        return None
    if re.fullmatch(r"\d{1,9}(\.\d{1,9})?", value.strip(), re.ASCII):
        return float(value)
    try:
        moment = parsedate_to_datetime(value)
    except (ValueError, TypeError, OverflowError):
        return None
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=UTC)
    return max(0.0, (moment - datetime.now(UTC)).total_seconds())
