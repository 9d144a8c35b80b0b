"""The watch on servers that are silent: stand-ins hold a request, and go away or stay."""

from __future__ import annotations

import asyncio
import re
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from pytest_imagejudge.engines import endpoint
from pytest_imagejudge.engines.base import Answer
from pytest_imagejudge.engines.endpoint import EndpointEngine
from pytest_imagejudge.errors import EngineError
from pytest_imagejudge.protocols import load_protocol
from pytest_imagejudge.protocols.base import Request
from pytest_imagejudge.settings import JudgeSettings
from tests.stand_in.endpoint import Call, Reply, StandIn, completion, failure

AT_ONCE = (0.0, 0.01)  # seconds of silence, and between two questions


@pytest.fixture(autouse=True)
def no_proxies(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")


@pytest.fixture
def held() -> Iterator[threading.Event]:
    """Set at the end: what a stand-in's request may wait for."""
    event = threading.Event()
    yield event
    event.set()


@pytest.fixture
def engine(tmp_path: Path) -> Callable[..., EndpointEngine]:
    def make(*servers: StandIn, watch: tuple[float, float] = AT_ONCE) -> EndpointEngine:
        settings = JudgeSettings(model="judge", urls=tuple(one.url for one in servers))
        return EndpointEngine(settings, load_protocol("house"), state_dir=tmp_path, first_wait=0.0, watch=watch)

    return make


def request(number: int = 0) -> Request:
    parts = [{"type": "image_url", "image_url": {"url": f"data:{number}"}}]
    return Request("Quality", [{"role": "user", "content": parts}], {"temperature": 0}, "?")


async def answers(engine: EndpointEngine, count: int = 1) -> list[Any]:
    return list(await asyncio.gather(*(engine.ask(request(n)) for n in range(count)), return_exceptions=True))


def ask(engine: EndpointEngine, count: int = 1) -> list[Any]:
    async def run() -> list[Any]:
        try:
            return await answers(engine, count)
        finally:
            await engine.close()

    return asyncio.run(run())


def goes(server: StandIn, held: threading.Event, at: int = 1) -> Callable[[Call], Reply | None]:
    """Answer by ending, at a request: no new connection is taken, and those that are open stay so, silent."""

    def end(call: Call) -> None:
        if len(server.asked) >= at:
            threading.Thread(target=server.close, daemon=True).start()
        held.wait(60)

    return end


def test_all_requests_of_a_server_that_goes_away_are_answered_by_another(
    server: StandIn, other: StandIn, held: threading.Event, engine: Callable[..., EndpointEngine]
) -> None:
    server.answer = goes(server, held)
    found = ask(engine(server, other), 24)
    assert [answer.text for answer in found] == ["{}"] * 24
    assert server.asked  # those that it held
    assert len(other.asked) == 24


def test_a_server_that_goes_away_is_named(
    server: StandIn, held: threading.Event, engine: Callable[..., EndpointEngine]
) -> None:
    server.answer = goes(server, held, at=3)
    said: list[str] = []
    one = engine(server)

    async def run() -> list[Any]:
        await one.start(said.append)
        found = await answers(one, 3)
        await one.close()
        return found

    error, *others = asyncio.run(run())
    assert isinstance(error, EngineError)
    assert all(isinstance(other, EngineError) for other in others)
    assert said[1:] == [str(error)]  # once for all of them
    words = rf"{server.url}/v1/chat/completions: silent for \d+ s, and {server.url}/v1/models: ConnectError"
    assert re.match(words, str(error))


def test_later_requests_try_a_server_that_went_away_once(
    server: StandIn, other: StandIn, held: threading.Event, engine: Callable[..., EndpointEngine]
) -> None:
    server.answer = goes(server, held)
    one = engine(server, other)
    tries: list[bytes] = []

    async def run() -> list[Any]:
        found = await answers(one, 24)
        for client in one._clients:
            send = client._complete
            client._complete = lambda content, send=send: (tries.append(content), send(content))[1]  # type: ignore
        found += await answers(one, 24)
        await one.close()
        return found

    found = asyncio.run(run())
    assert all(isinstance(answer, Answer) for answer in found)
    assert 24 < len(tries) <= 48  # one try at each server, not seven


@pytest.mark.parametrize("status", [200, 401, 403, 404, 405, 429, 500, 501])
def test_a_server_that_says_anything_is_slow_and_waited_for(
    server: StandIn, engine: Callable[..., EndpointEngine], status: int
) -> None:
    asked, enough = 0, threading.Event()

    def listing() -> Reply:
        nonlocal asked
        asked += 1
        if asked == 4:
            enough.set()
        return failure(status)

    def slow(call: Call) -> Reply:
        assert enough.wait(60)
        return completion("late")

    server.listing, server.answer = listing, slow
    assert ask(engine(server))[0].text == "late"


def test_a_health_that_answered_is_asked_and_says_that_the_server_goes_down(
    server: StandIn, other: StandIn, held: threading.Event, engine: Callable[..., EndpointEngine]
) -> None:
    """vLLM's /health, which fails while the list of models is still given."""
    learned = threading.Event()

    def health() -> Reply:
        if learned.is_set():
            return failure(503)
        learned.set()
        return 200, {}, b""

    def answer(call: Call) -> Reply | None:
        if len(server.asked) > 1:
            learned.wait(60)
            held.wait(60)
        return completion("first")

    server.health, server.answer = health, answer
    one = engine(server)

    async def run() -> list[Any]:
        found = await answers(one)
        (client,) = one._clients
        assert client.watch is not None
        await client.watch._tasks["learn"]
        assert client.watch.has_health
        found += await answers(one)
        await one.close()
        return found

    first, lost = asyncio.run(run())
    assert first.text == "first"
    assert f"{server.url}/health: HTTP 503" in str(lost)
    assert len(server.asked) == 2


def test_one_question_that_fails_is_not_enough(server: StandIn, engine: Callable[..., EndpointEngine]) -> None:
    replies = [502, 404, 503, 404, 504, 200]
    enough = threading.Event()

    def listing() -> Reply:
        status = replies.pop(0) if replies else 200
        if not replies:
            enough.set()
        return failure(status)

    def slow(call: Call) -> Reply:
        assert enough.wait(60)
        return completion("late")

    server.listing, server.answer = listing, slow
    assert ask(engine(server))[0].text == "late"


def test_the_health_of_a_litellm_proxy_is_not_asked(
    server: StandIn, other: StandIn, engine: Callable[..., EndpointEngine]
) -> None:
    """It would have each model behind the proxy answer a request."""
    status, headers, body = completion()
    server.answer = server.sight = lambda call: (status, {**headers, "x-litellm-version": "1.94.1"}, body)

    async def run(*servers: StandIn) -> None:
        one = engine(*servers)
        await answers(one)
        (client,) = one._clients
        assert client.watch is not None
        await asyncio.gather(*client.watch._tasks.values())
        await one.close()

    asyncio.run(run(server))
    asyncio.run(run(other))
    assert "/health" not in [call.path for call in server.calls]
    assert "/health" in [call.path for call in other.calls]


def test_a_server_that_sends_its_answer_is_not_silent(server: StandIn, engine: Callable[..., EndpointEngine]) -> None:
    ask(engine(server, watch=(3600.0, 0.01)), 5)
    assert "/v1/models" not in [call.path for call in server.calls]


def test_a_request_that_takes_too_long_is_answered_by_another_server(
    server: StandIn,
    other: StandIn,
    held: threading.Event,
    engine: Callable[..., EndpointEngine],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(endpoint, "ANSWER_SECONDS", 5.0)  # enough for the other server on a machine that is busy

    def hold(call: Call) -> None:
        held.wait(60)

    server.answer = hold
    found = ask(engine(server, other, watch=(3600.0, 0.01)), 24)
    assert [answer.text for answer in found] == ["{}"] * 24
    assert len(server.asked) == len({str(call.body) for call in server.asked}) > 0  # none again
    monkeypatch.setattr(endpoint, "ANSWER_SECONDS", 0.2)
    (lost,) = ask(engine(server, watch=(3600.0, 0.01)))
    assert str(lost) == f"{server.url}/v1/chat/completions: no answer within 0.2 s (judge_timeout)"
