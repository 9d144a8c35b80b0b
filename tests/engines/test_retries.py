"""Tries of requests to one server, in virtual time."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import Callable
from typing import Any

import pytest

from pytest_imagejudge.engines.retries import RATE_LIMIT_SECONDS, Retries, UnavailableError
from tests.stand_in.virtual_time import run

Limit = Callable[[float], float | None]  # takes the time, returns the seconds to wait for, or None where there is room


def bucket(size: int, rate: float) -> Limit:
    """A token bucket: ``size`` requests at once, ``rate`` a second."""
    tokens, last = float(size), 0.0

    def take(now: float) -> float | None:
        nonlocal tokens, last
        tokens, last = min(size, tokens + (now - last) * rate), now
        if tokens < 1:
            return (1 - tokens) / rate
        tokens -= 1
        return None

    return take


def window(size: int, seconds: float) -> Limit:
    """So many requests in each minute of the clock; those that are refused count too."""
    begun, count = 0.0, 0

    def take(now: float) -> float | None:
        nonlocal begun, count
        if now >= begun + seconds:
            begun, count = now - now % seconds, 0
        count += 1
        return None if count <= size else begun + seconds - now

    return take


class Server:
    def __init__(self, limit: Limit, latency: float = 2.0, *, tells: bool = True) -> None:
        self.limit, self.latency, self.tells = limit, latency, tells
        self.answered, self.refused = list[int](), 0

    async def send(self, number: int) -> dict[str, Any]:
        wait = self.limit(asyncio.get_running_loop().time())
        if wait is not None:
            self.refused += 1
            await asyncio.sleep(0.05)
            raise UnavailableError("HTTP 429", 429, wait if self.tells else None)
        await asyncio.sleep(self.latency)
        self.answered.append(number)
        return {}


@pytest.mark.parametrize("tells", [True, False], ids=["Retry-After", "without"])
@pytest.mark.parametrize("latency", [0.1, 2.0, 20.0])
@pytest.mark.parametrize("limit", [lambda: bucket(60, 1.0), lambda: bucket(1, 1.0), lambda: window(60, 60.0)])
def test_a_batch_keeps_to_a_limit_of_requests_a_minute(limit: Callable[[], Limit], latency: float, tells: bool) -> None:
    server = Server(limit(), latency, tells=tells)
    said: list[str] = []
    retries = Retries(7, 0.5, said.append, 240)

    async def batch() -> float:
        await asyncio.gather(*(retries.call(server.send, number) for number in range(1000)))
        return asyncio.get_running_loop().time()

    seconds = run(batch())
    assert sorted(server.answered) == list(range(1000))  # no error, and none twice
    assert server.refused < 500
    assert seconds < 3 * 1000  # in virtual time; a limit that is used in full takes 1,000
    late = [number - place for place, number in enumerate(server.answered)]
    assert max(map(abs, late)) <= 240  # no request is overtaken by more than were in flight with it
    assert len(said) == 1
    assert said[0] == "HTTP 429; keeping to the server's limit"
    assert retries.traffic.in_flight == 0


def test_what_is_asked_for_holds_the_other_requests_too() -> None:
    sent = list[float]()

    async def send(number: int) -> dict[str, Any]:
        now = asyncio.get_running_loop().time()
        sent.append(now)
        if number == 0 and now == 0.0:
            raise UnavailableError("HTTP 503", 503, 120.0)
        return {}

    async def batch() -> None:
        retries = Retries(7, 0.5, lambda line: None, 1)
        await asyncio.gather(*(retries.call(send, number) for number in range(5)))

    run(batch())
    assert sent[0] == 0.0
    assert len(sent) == 6
    assert all(time >= 120.0 for time in sent[1:])


def test_pauses_grow_while_nothing_is_answered() -> None:
    sent = list[float]()

    async def send() -> dict[str, Any]:
        sent.append(asyncio.get_running_loop().time())
        if len(sent) < 10:
            raise UnavailableError("HTTP 429", 429, 0.0)
        return {}

    run(Retries(7, 0.25, lambda line: None).call(send))
    pauses = [after - before for before, after in itertools.pairwise(sent)]
    for least, pause in zip((0.25, 0.5, 1, 2, 4, 8, 16, 30, 30), pauses, strict=True):
        assert pause >= least


def test_where_nothing_at_all_is_answered_all_are_given_up() -> None:
    server = Server(lambda now: 20.0)

    async def batch() -> tuple[list[Any], float]:
        retries = Retries(7, 0.5, lambda line: None, 4)
        work = (retries.call(server.send, number) for number in range(300))
        return await asyncio.gather(*work, return_exceptions=True), asyncio.get_running_loop().time()

    found, _ = run(batch())
    assert all(isinstance(one, UnavailableError) and one.status == 429 for one in found)
    assert RATE_LIMIT_SECONDS / 30 <= server.refused < 100  # those that wait are given up with the first, unsent


def test_one_success_keeps_all_waiting() -> None:
    """A server that lets one request in every five minutes is slow, and not gone."""
    server = Server(bucket(1, 1 / 300))

    async def batch() -> list[Any]:
        retries = Retries(7, 0.5, lambda line: None, 8)
        return await asyncio.gather(*(retries.call(server.send, number) for number in range(40)))

    assert run(batch()) == [{}] * 40


def test_a_pause_that_is_too_long_is_told_at_once_and_nothing_more_is_sent_in_it() -> None:
    server = Server(lambda now: 7200.0 - now if now < 7200.0 else None)
    retries = Retries(7, 0.5, lambda line: None, 4)

    async def batch() -> tuple[list[Any], float, int, Any]:
        found = await asyncio.gather(*(retries.call(server.send, n) for n in range(50)), return_exceptions=True)
        found += await asyncio.gather(retries.call(server.send, 50), return_exceptions=True)
        told, asked = asyncio.get_running_loop().time(), server.refused
        await asyncio.sleep(8000.0)
        return found, told, asked, await retries.call(server.send, 51)

    found, told, asked, later = run(batch())
    assert all(isinstance(one, UnavailableError) for one in found)
    assert asked <= 4
    assert told < 1
    assert later == {}


@pytest.mark.parametrize("status", [429, 500, 503])
def test_a_pause_that_is_too_long_ends_the_requests_that_wait_even_after_successes(status: int) -> None:
    sent = list[int]()

    async def send(number: int) -> dict[str, Any]:
        sent.append(number)
        await asyncio.sleep(1)
        if number == 0:
            raise UnavailableError("wait", status, 0.0 if len(sent) < 9 else 7200.0)
        return {}

    async def batch() -> tuple[list[Any], float]:
        retries = Retries(99, 0.5, lambda line: None, 2)
        work = (retries.call(send, number) for number in range(100))
        return await asyncio.gather(*work, return_exceptions=True), asyncio.get_running_loop().time()

    found, seconds = run(batch())
    assert {} in found
    assert len([one for one in found if isinstance(one, UnavailableError)]) > 50
    assert len(sent) < 20
    assert seconds < 60


def test_after_a_request_that_took_too_long_a_limit_is_waited_out_all_the_same() -> None:
    sent = list[int]()

    async def send(number: int) -> dict[str, Any]:
        sent.append(number)
        if len(sent) == 1:
            raise UnavailableError("no answer", final=True)
        if len(sent) < 4:
            raise UnavailableError("HTTP 429", 429)
        return {}

    async def two() -> list[Any]:
        retries = Retries(7, 0.5, lambda line: None)
        return [(await asyncio.gather(retries.call(send, n), return_exceptions=True))[0] for n in (0, 1)]

    lost, answered = run(two())
    assert isinstance(lost, UnavailableError)
    assert answered == {}


def test_a_final_failure_is_not_tried_again_and_spares_the_next_request_its_tries() -> None:
    sent = list[int]()

    async def send(number: int) -> dict[str, Any]:
        sent.append(number)
        raise UnavailableError("gone", final=number == 0)

    async def two() -> list[Any]:
        retries = Retries(7, 0.5, lambda line: None)
        return [(await asyncio.gather(retries.call(send, number), return_exceptions=True))[0] for number in (0, 1)]

    assert all(isinstance(one, UnavailableError) for one in run(two()))
    assert sent == [0, 1]


def test_a_final_failure_of_a_server_that_answers_others_says_nothing_of_the_server() -> None:
    async def send(number: int) -> dict[str, Any]:
        await asyncio.sleep(number)
        if number == 9:
            raise UnavailableError("no answer", final=True)
        return {}

    async def both() -> tuple[list[Any], bool]:
        retries = Retries(7, 0.5, lambda line: None)
        found = await asyncio.gather(*(retries.call(send, number) for number in (9, 1)), return_exceptions=True)
        return found, retries.down

    (lost, answered), down = run(both())
    assert isinstance(lost, UnavailableError)
    assert answered == {}
    assert not down


def test_a_request_that_took_too_long_holds_no_other_back() -> None:
    """Pauses between requests that go evenly are none that the server asked for."""
    limit = bucket(2, 0.5)

    async def send(number: int) -> dict[str, Any]:
        if (wait := limit(asyncio.get_running_loop().time())) is not None:
            raise UnavailableError("HTTP 429", 429, wait)
        await asyncio.sleep(1 if number else 200)
        if not number:
            raise UnavailableError("no answer", final=True)
        return {}

    async def batch() -> list[Any]:
        retries = Retries(7, 0.5, lambda line: None)
        first = asyncio.ensure_future(retries.call(send, 0))
        found = await asyncio.gather(*(retries.call(send, number) for number in range(1, 20)))
        found += await asyncio.gather(first, return_exceptions=True)
        retries.down = True
        return [*found, *await asyncio.gather(*(retries.call(send, number) for number in range(1, 20)))]

    found = run(batch())
    assert [one for one in found if one != {}] == [found[19]]
