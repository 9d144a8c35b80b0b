"""Turns of requests to one server."""

from __future__ import annotations

import asyncio

import pytest

from pytest_imagejudge.engines.traffic import LEAST, LONGEST_GAP, Traffic
from tests.stand_in.virtual_time import run


def test_no_more_are_in_flight_than_allowed_and_the_order_is_kept() -> None:
    traffic, begun, most = Traffic(3), list[int](), 0

    async def one(number: int) -> None:
        nonlocal most
        async with traffic.turn(traffic.ticket()):
            begun.append(number)
            most = max(most, traffic.in_flight)
            await asyncio.sleep(10 - number % 7)

    async def all_of_them() -> None:
        await asyncio.gather(*map(one, range(40)))

    run(all_of_them())
    assert begun == list(range(40))
    assert most == 3
    assert traffic.in_flight == 0


def test_without_a_limit_all_go_at_once() -> None:
    traffic = Traffic()

    async def one() -> None:
        async with traffic.turn(traffic.ticket()):
            await asyncio.sleep(1)

    async def all_of_them() -> float:
        await asyncio.gather(*(one() for _ in range(40)))
        return asyncio.get_running_loop().time()

    assert run(all_of_them()) == pytest.approx(1)


def test_a_request_that_was_refused_goes_before_later_ones() -> None:
    traffic, done = Traffic(1), list[int]()

    async def one(number: int) -> None:
        ticket = traffic.ticket()
        for again in range(2 if number == 0 else 1):
            async with traffic.turn(ticket):
                await asyncio.sleep(1)
            done.append(number + 10 * again)

    async def all_of_them() -> None:
        await asyncio.gather(*map(one, range(4)))

    run(all_of_them())
    assert done == [0, 1, 10, 2, 3]  # one of the others had been let in before the first came back


def test_a_pause_holds_all_requests() -> None:
    traffic, begun = Traffic(), list[float]()

    async def one() -> None:
        async with traffic.turn(traffic.ticket()):
            begun.append(asyncio.get_running_loop().time())

    async def all_of_them() -> None:
        await one()
        traffic.hold(7)
        traffic.hold(3)  # the longer one counts
        assert traffic.held
        await asyncio.gather(one(), one())
        assert not traffic.held

    run(all_of_them())
    assert begun == [0.0, 7.0, 7.0]


def test_those_that_wait_are_turned_away() -> None:
    traffic = Traffic(1)

    async def one() -> str:
        try:
            async with traffic.turn(traffic.ticket()):
                await asyncio.sleep(1)
                traffic.turn_away(lambda: ValueError("no"))
        except ValueError as error:
            return str(error)
        return "done"

    async def all_of_them() -> list[str]:
        return list(await asyncio.gather(one(), one(), one()))

    assert run(all_of_them()) == ["done", "no", "no"]


def test_requests_that_are_given_up_leave_no_turn_behind() -> None:
    traffic = Traffic(1)

    async def one(seconds: float) -> None:
        async with traffic.turn(traffic.ticket()):
            await asyncio.sleep(seconds)

    async def all_of_them() -> None:
        tasks = [asyncio.create_task(one(9)) for _ in range(3)]
        await asyncio.sleep(0)
        tasks[1].cancel()  # while it waits
        await asyncio.sleep(0)
        tasks[0].cancel()
        await asyncio.sleep(0)  # the third is let in
        tasks[2].cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await one(1)

    run(all_of_them())
    assert traffic.in_flight == 0


def test_the_number_in_flight_is_halved_once_for_those_sent_together_and_grows_again() -> None:
    traffic = Traffic(100)

    async def refused(sent: float) -> int:
        async with traffic.turn(traffic.ticket()):
            await asyncio.sleep(1)
            return traffic.refused(sent)

    async def all_of_them() -> list[int]:
        return list(await asyncio.gather(*(refused(0.0) for _ in range(40))))

    assert run(all_of_them()) == [1] * 40
    assert traffic.limit == 20  # half of what was in flight, not of what could have been
    for _ in range(100):
        traffic.succeeded(1.0)
    assert traffic.limit == pytest.approx(25)
    for _ in range(2000):
        traffic.succeeded(1.0)
    assert traffic.limit == 100


@pytest.mark.parametrize(("limit", "gap"), [(4.0, 2.0), (0.25, 32.0), (LEAST, LONGEST_GAP)])
def test_once_some_were_too_many_requests_are_let_in_evenly(limit: float, gap: float) -> None:
    traffic, begun = Traffic(), list[float]()

    async def one() -> None:
        async with traffic.turn(traffic.ticket()):
            begun.append(asyncio.get_running_loop().time())
            await asyncio.sleep(8)

    async def all_of_them() -> None:
        await asyncio.gather(one(), one(), one())
        traffic.succeeded(8.0)
        traffic.refused(asyncio.get_running_loop().time())
        traffic.limit = limit
        await asyncio.gather(one(), one(), one())

    run(all_of_them())
    assert begun == [0.0, 0.0, 0.0, 8.0, 8.0 + gap, 8.0 + 2 * gap]


def test_while_nothing_succeeds_the_limit_does_not_sink_below_one() -> None:
    traffic = Traffic(4)

    async def one() -> None:
        async with traffic.turn(traffic.ticket()):
            sent = asyncio.get_running_loop().time()
            await asyncio.sleep(1)
            traffic.refused(sent)

    async def refusals() -> list[float]:
        await asyncio.gather(*(one() for _ in range(20)))
        found = [traffic.limit]
        traffic.succeeded(1.0)
        for _ in range(3):
            await one()
            found.append(traffic.limit)
        return found

    assert run(refusals()) == [1.0, 0.5, 0.5, 0.5]


def test_the_limit_has_an_end_below() -> None:
    traffic = Traffic(1)

    async def in_turn() -> None:
        for _ in range(40):
            traffic.succeeded(1.0)
            async with traffic.turn(traffic.ticket()):
                traffic.refused(asyncio.get_running_loop().time())
            await asyncio.sleep(1)

    run(in_turn())
    assert traffic.limit == LEAST
