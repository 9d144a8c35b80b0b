"""Retries: errors that another try may change, pauses in between, and the end of the tries."""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING, Any

from ..errors import EngineError
from .traffic import Traffic

if TYPE_CHECKING:
    from tenacity import RetryCallState

RATE_LIMIT_SECONDS = 600.0  # how long "too many requests" is waited out while no request at all is answered
LONGEST_WAIT = 60.0
# What says that a server is down, or the one behind a gateway, or that it takes nothing more. A 500 is of one request.
DOWN = frozenset((None, 429, 502, 503, 504))


class UnavailableError(EngineError):
    """A lost connection, or a server that can't answer now, after all retries.

    Attributes:
        status: the HTTP status, or None where there was no response.
        after: seconds that the server asked to wait for, or None.
        final: True where another try at the same server would not help, but one at another server may.
    """

    def __init__(
        self, message: str, status: int | None = None, after: float | None = None, *, final: bool = False
    ) -> None:
        super().__init__(message)
        self.status, self.after, self.final = status, after, final


class Retries:
    """Retries of all requests to one server.

    Args:
        attempts: tries of one request, the first included; those that were too many for the server don't count.
        first_wait: seconds before the second try, or more where the server asks for it; doubled each time.
        progress: told that the server does not answer, once until it does; once that it is gone, or has too many
            requests.
        most: requests in flight at once; None for any number.
    """

    def __init__(
        self, attempts: int, first_wait: float, progress: Callable[[str], None], most: int | None = None
    ) -> None:
        self.attempts, self.first_wait, self.progress = attempts, first_wait, progress
        self.traffic = Traffic(most)
        self.told: set[str] = set()  # what the progress was told of, and need not be again
        self.down = False  # a request waited for the server in vain: the next ones don't wait as long again
        self.last: UnavailableError | None = None  # the one with which a request was given up, until one succeeds
        self.succeeded = float("-inf")  # when a request last did, in the loop's time

    async def call(self, send: Callable[..., Awaitable[dict[str, Any]]], *args: object) -> dict[str, Any]:
        """Return what ``send`` returns, in its turn, tried again where that may help.

        Raises:
            UnavailableError: the last try failed.
        """
        import asyncio

        from tenacity import AsyncRetrying, retry_if_exception

        tries = _Tries(self)
        retrying = AsyncRetrying(
            sleep=asyncio.sleep,
            retry=retry_if_exception(lambda error: isinstance(error, UnavailableError) and not error.final),
            stop=tries.are_spent,
            wait=tries.pause,
            before_sleep=tries.tell,
            reraise=True,
        )
        reply: dict[str, Any] = await retrying(self._send_in_turn, self.traffic.ticket(), send, *args)
        return reply

    async def _send_in_turn(
        self, ticket: int, send: Callable[..., Awaitable[dict[str, Any]]], *args: object
    ) -> dict[str, Any]:
        if self.last is not None and self.traffic.held:
            raise self._again()
        async with self.traffic.turn(ticket):
            sent = _now()
            try:
                reply = await send(*args)
            except UnavailableError as error:
                if error.status == 429:
                    self._slow_down(error, sent)
                elif error.after is not None:
                    self.traffic.hold(pause_seconds(0.0, error.after))
                if error.final:
                    self.down |= self.succeeded < sent
                    self.tell("gone", str(error))
                raise
            self.down, self.last, self.succeeded = False, None, _now()
            self.told.discard("silent")
            self.traffic.succeeded(self.succeeded - sent)
            return reply

    def tell(self, what: str, line: str) -> None:
        """Report something that is wrong with the server, once."""
        if what not in self.told:
            self.told.add(what)
            self.progress(line)

    def _slow_down(self, error: UnavailableError, sent: float) -> None:
        """Hold all requests back after one that was too many, and let fewer go at once."""
        refusals = self.traffic.refused(sent)
        self.traffic.hold(pause_seconds(_backoff(self.first_wait, refusals), error.after))
        self.tell("slow", f"{error}; keeping to the server's limit")

    def _again(self) -> UnavailableError:
        assert self.last is not None
        return UnavailableError(str(self.last), self.last.status, self.last.after)

    def give_up(self, error: UnavailableError) -> None:
        """Know the server to be down by ``error``; while it asks to be left alone, no request is sent."""
        self.down, self.last = True, error
        if self.traffic.held:
            self.traffic.turn_away(self._again)


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
        error, now = _failure(state), _now()
        gone, too_long = error.status in DOWN, (error.after or 0.0) > RATE_LIMIT_SECONDS
        self.since = min(self.since, now)
        if error.status == 429:
            spent = now - max(self.since, self.retries.succeeded) >= RATE_LIMIT_SECONDS
            given_up = self.retries.last is not None
        else:
            self.counted += 1
            spent = self.counted >= self.retries.attempts
            given_up = gone and self.retries.down
        if not (spent or given_up or too_long):
            return False
        # where others were answered in the meantime, it is this request that the server can't bear
        if too_long or (gone and self.retries.succeeded < self.since):
            self.retries.give_up(error)
        return True

    def pause(self, state: RetryCallState) -> float:
        """Return the seconds until the next try, which then waits for its turn."""
        return 0.0 if _failure(state).status == 429 else pause_seconds(_backoff(self.retries.first_wait, self.counted))

    def tell(self, state: RetryCallState) -> None:
        """Report once that the server does not answer, from the second failure on."""
        error = _failure(state)
        if error.status is None and self.counted > 1:
            self.retries.tell("silent", f"{error}; trying again")


def _now() -> float:
    import asyncio

    return asyncio.get_running_loop().time()


def _failure(state: RetryCallState) -> UnavailableError:
    error = state.outcome.exception() if state.outcome else None
    assert isinstance(error, UnavailableError), "no other is tried again"
    return error


def _backoff(first_wait: float, failures: int) -> float:
    return min(first_wait * 2.0 ** min(failures - 1, 30), LONGEST_WAIT / 2)


def pause_seconds(seconds: float, after: float | None = None) -> float:
    """Return the pause before the next try: the larger of ``seconds`` and ``after``, which the server asked for.

    A random part is added, so that the requests of several processes do not return all at once.
    """
    import random

    pause = max(seconds, after or 0.0)
    return pause + random.uniform(0.0, min(pause / 2, LONGEST_WAIT / 4))  # noqa: S311 - no secret


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
