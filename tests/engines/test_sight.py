"""The first question to an endpoint: whether pictures reach its model, by the tokens that it counts."""

from __future__ import annotations

import asyncio
import base64
import dataclasses
import io
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from pytest_imagejudge.engines import spending
from pytest_imagejudge.engines.base import Answer
from pytest_imagejudge.engines.endpoint import EndpointEngine
from pytest_imagejudge.errors import EngineError
from pytest_imagejudge.protocols import load_protocol
from pytest_imagejudge.protocols.base import Request
from pytest_imagejudge.settings import API_KEY_VARIABLE, JudgeSettings
from pytest_imagejudge.support.usage import Usage
from tests.stand_in.endpoint import Call, Reply, StandIn, completion, failure, shows
from tests.stand_in.judge import levels


@pytest.fixture(autouse=True)
def no_proxies(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(API_KEY_VARIABLE, raising=False)
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")


@pytest.fixture
def engine(server: StandIn, tmp_path: Path) -> Callable[..., EndpointEngine]:
    def make(*urls: str, **settings: Any) -> EndpointEngine:
        chosen = JudgeSettings(model="judge", urls=urls or (server.url,), **settings)
        return EndpointEngine(chosen, load_protocol("house"), state_dir=tmp_path, first_wait=0.0)

    return make


def picture(number: int) -> Request:
    parts = [{"type": "text", "text": "?"}, {"type": "image_url", "image_url": {"url": f"data:{number}"}}]
    return Request("Quality", [{"role": "user", "content": parts}], {"temperature": 0})


def ask(engine: EndpointEngine, *requests: Request, said: list[str] | None = None) -> list[Answer | BaseException]:
    async def run() -> list[Answer | BaseException]:
        spending.ACCOUNT.set(ACCOUNT)
        await engine.start((said if said is not None else []).append)
        try:
            every = requests or (picture(1), picture(2), picture(3))
            return list(await asyncio.gather(*map(engine.ask, every), return_exceptions=True))
        finally:
            await engine.close()

    return asyncio.run(run())


class Account:
    """Account of tokens beside those of the answers that are returned."""

    def __init__(self) -> None:
        self.spent: list[int] = []

    def spend(self, usage: Usage) -> None:
        self.spent.append(usage.prompt_tokens)

    def lose(self, usage: Usage | None) -> None:
        pass


ACCOUNT = Account()


def counts(plain: Any, pictured: Any) -> Callable[[Call], Reply]:
    return lambda call: completion("x", usage={"prompt_tokens": pictured if shows(call) else plain})


def refusing(status: int, message: str = "this model takes no pictures") -> Callable[[Call], Reply]:
    return lambda call: failure(status, message) if shows(call) else completion("x", usage={"prompt_tokens": 12})


def test_an_endpoint_that_sees_is_asked_twice_and_no_more(
    server: StandIn, engine: Callable[..., EndpointEngine]
) -> None:
    one = engine()
    ACCOUNT.spent.clear()
    for _ in range(2):  # also after a close
        assert all(isinstance(answer, Answer) for answer in ask(one))
    assert [(shows(call), call.body["max_tokens"]) for call in server.looks] == [(False, 1), (True, 1)]
    assert len(server.asked) == 6
    assert ACCOUNT.spent == [12, 74]  # prompt tokens of both, once
    ask(engine())  # another session
    assert len(server.looks) == 4


def test_the_picture_is_one_that_every_model_takes(server: StandIn, engine: Callable[..., EndpointEngine]) -> None:
    ask(engine())
    part, _ = server.looks[1].body["messages"][0]["content"]
    kind, data = part["image_url"]["url"].split(",")
    assert kind == "data:image/png;base64"
    image = Image.open(io.BytesIO(base64.b64decode(data)))
    assert (image.mode, image.size) == ("RGB", (224, 224))


@pytest.mark.parametrize(
    ("sight", "words"),
    [
        (counts(12, 12), "12 prompt tokens with a picture, 12 without one"),
        (counts(12, 17), "17 prompt tokens with a picture, 12 without one"),  # a placeholder in its place
        (counts(12, 9), "9 prompt tokens with a picture, 12 without one"),
        (counts(12, 30_000), "30000 prompt tokens with a picture, 12 without one, so the picture is read as text"),
        (refusing(400), 'HTTP 400 Bad Request: {"error": {"message": "this model takes no pictures"}}'),
        (refusing(422), "this model takes no pictures"),
        (refusing(500, "image input is not supported"), "image input is not supported"),
    ],
)
def test_a_blind_judge_is_an_error_of_every_image(
    server: StandIn, engine: Callable[..., EndpointEngine], sight: Callable[[Call], Reply], words: str
) -> None:
    server.sight = sight
    found = ask(engine())
    assert len(found) == 3
    for error in found:
        assert isinstance(error, EngineError)
        assert words in str(error)
        assert f"{server.url}/v1: no picture reaches the judge" in str(error)
        assert "Either the model 'judge' takes no pictures, or a gateway" in str(error)
        assert "judge_sight = assumed" in str(error)
    assert not server.asked


@pytest.mark.parametrize("tokens", [(12, 97), (12, 61), (20, 8_532)])  # OpenAI's flat 85, 49 patches, GPT-4o mini
def test_known_ways_of_counting_a_picture(
    server: StandIn, engine: Callable[..., EndpointEngine], tokens: tuple[int, int]
) -> None:
    server.sight = counts(*tokens)
    assert all(isinstance(answer, Answer) for answer in ask(engine()))


@pytest.mark.parametrize("told", [(None, None), (0, 0), (12, 0), (0, 74), ("12", "74")])
def test_where_the_tokens_are_not_told_one_line_says_so(
    server: StandIn, engine: Callable[..., EndpointEngine], told: tuple[Any, Any]
) -> None:
    server.sight = counts(*told)
    said: list[str] = []
    assert all(isinstance(answer, Answer) for answer in ask(engine(), said=said))
    (line,) = [line for line in said if "can't be known" in line]
    assert "does not tell the tokens of a prompt" in line
    assert len(server.looks) == 2


def test_a_blind_endpoint_is_not_stood_in_for(
    server: StandIn, other: StandIn, engine: Callable[..., EndpointEngine]
) -> None:
    server.sight = counts(12, 12)
    found = ask(engine(server.url, other.url), *map(picture, range(20)))
    blind = [error for error in found if isinstance(error, EngineError)]
    assert 0 < len(blind) < len(found)
    assert len(other.asked) == len(found) - len(blind)


def test_a_server_that_is_lost_before_it_is_known_is_stood_in_for(
    server: StandIn, other: StandIn, engine: Callable[..., EndpointEngine]
) -> None:
    server.sight = lambda call: None
    assert all(isinstance(answer, Answer) for answer in ask(engine(server.url, other.url), *map(picture, range(20))))
    assert len(other.asked) == 20


def test_a_server_that_was_lost_is_asked_again_later(server: StandIn, engine: Callable[..., EndpointEngine]) -> None:
    one = engine()
    server.sight = lambda call: failure(503)
    assert all(isinstance(error, EngineError) for error in ask(one))
    server.sight = counts(12, 74)
    assert all(isinstance(answer, Answer) for answer in ask(one))


def test_a_model_that_thinks_first_may_need_more_than_one_token(
    server: StandIn, engine: Callable[..., EndpointEngine]
) -> None:
    server.sight = lambda call: (
        failure(400, "Could not finish the message because model output limit was reached")
        if call.body["max_tokens"] == 1
        else counts(12, 74)(call)
    )
    assert all(isinstance(answer, Answer) for answer in ask(engine()))
    assert [call.body["max_tokens"] for call in server.looks] == [1, 1024, 1024]


def test_an_endpoint_that_refuses_any_question_is_left_to_the_real_one(
    server: StandIn, engine: Callable[..., EndpointEngine]
) -> None:
    server.sight = server.answer = lambda call: failure(422, "who are you?")
    for error in ask(engine()):
        assert "who are you?" in str(error)
        assert "picture" not in str(error)
    assert len(server.asked) == 3


def test_what_shows_no_picture_needs_no_sight(server: StandIn, engine: Callable[..., EndpointEngine]) -> None:
    server.sight = counts(12, 12)
    (answer,) = ask(engine(), Request("Quality", [{"role": "user", "content": "?"}], {}))
    assert isinstance(answer, Answer)
    assert not server.looks


def test_sight_that_is_assumed_is_not_asked_for(server: StandIn, engine: Callable[..., EndpointEngine]) -> None:
    server.sight = counts(12, 12)
    assert all(isinstance(answer, Answer) for answer in ask(engine(sight="assumed")))
    assert not server.looks


def test_a_field_that_is_refused_is_found_out_before_any_picture_is_sent(
    server: StandIn, engine: Callable[..., EndpointEngine]
) -> None:
    def strict(call: Call) -> Reply:
        if "chat_template_kwargs" in call.body:
            return failure(400, "Unrecognized request argument supplied: chat_template_kwargs")
        return completion(levels("Quality", 1), usage={"prompt_tokens": 74 if shows(call) else 12})

    server.sight = server.answer = strict
    sampling = load_protocol("house").sampling("Quality")
    requests = [dataclasses.replace(picture(number), sampling=sampling) for number in range(40)]
    answers = ask(engine(), *requests)
    assert {answer.notes for answer in answers if isinstance(answer, Answer)} == {
        ("response_format", "without chat_template_kwargs")
    }
    assert len(server.asked) == 40  # each once, without the field
    refused, *looks = server.looks
    assert "chat_template_kwargs" in refused.body
    assert [shows(call) for call in (refused, *looks)] == [False, False, True]
    assert all("response_format" not in call.body and call.body["max_tokens"] == 1 for call in server.looks)


@pytest.mark.parametrize("status", [401, 403, 404, 429])
def test_what_is_refused_for_another_reason_is_told_as_that(
    server: StandIn, engine: Callable[..., EndpointEngine], status: int
) -> None:
    server.sight = server.answer = lambda call: failure(status, "insufficient_quota, or no such key")
    said: list[str] = []
    (error,) = ask(engine(), picture(1), said=said)
    assert isinstance(error, EngineError)
    assert f"HTTP {status}" in str(error)
    assert not [line for line in said if "can't be known" in line]
    assert len(server.looks) == 1
