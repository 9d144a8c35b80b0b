"""The endpoint engine against a server of the OpenAI shape in this process."""

from __future__ import annotations

import asyncio
import dataclasses
import gzip
import json
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from email.utils import format_datetime
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from pytest_imagejudge.engines import make_engine, retries
from pytest_imagejudge.engines.address import Address, hide_credentials
from pytest_imagejudge.engines.answer_message import answer_text
from pytest_imagejudge.engines.base import Answer
from pytest_imagejudge.engines.chat_client import ChatClient
from pytest_imagejudge.engines.connection import Connection
from pytest_imagejudge.engines.endpoint import EndpointEngine, picture_digest
from pytest_imagejudge.engines.retries import pause_seconds, retry_after
from pytest_imagejudge.errors import ConfigError, EngineError
from pytest_imagejudge.protocols import load_protocol
from pytest_imagejudge.protocols.base import Request
from pytest_imagejudge.settings import API_KEY_VARIABLE, JudgeSettings
from tests.stand_in.endpoint import Call, Reply, StandIn, completion, failure, models

FIELDS = {
    "temperature": 0,
    "max_tokens": 99,
    "top_k": 1,
    "structured_outputs": {"json": {}},
    "thinking_token_budget": 5,
}


def request(text: str = "?", *, image: str = "data:1", **sampling: Any) -> Request:
    parts = [{"type": "text", "text": text}, {"type": "image_url", "image_url": {"url": image}}]
    return Request("Quality", [{"role": "user", "content": parts}], sampling or FIELDS, text)


@pytest.fixture(autouse=True)
def no_proxies(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(API_KEY_VARIABLE, raising=False)
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")


@pytest.fixture
def engine(server: StandIn, tmp_path: Path) -> Callable[..., EndpointEngine]:
    def make(*urls: str, **settings: Any) -> EndpointEngine:
        chosen = JudgeSettings(urls=urls or (server.url,), **settings)
        return EndpointEngine(chosen, load_protocol("house"), state_dir=tmp_path, first_wait=0.0)

    return make


def ask(engine: EndpointEngine, *requests: Request) -> list[Answer]:
    async def run() -> list[Answer]:
        try:
            return list(await asyncio.gather(*(engine.ask(one) for one in requests or (request(),))))
        finally:
            await engine.close()

    return asyncio.run(run())


def ask_in_turn(engine: EndpointEngine, *requests: Request) -> list[Answer | BaseException]:
    """One after the other, by clients that stay the same."""

    async def run() -> list[Answer | BaseException]:
        try:
            return [(await asyncio.gather(engine.ask(one), return_exceptions=True))[0] for one in requests]
        finally:
            await engine.close()

    return asyncio.run(run())


@pytest.mark.parametrize("text", ["an é and a 猫", "half a pair: \ud83d", "\x00 \u2028 \U0001f600"])
def test_a_text_arrives_as_it_is(server: StandIn, engine: Callable[..., EndpointEngine], text: str) -> None:
    ask(engine(), request(text))
    (call,) = server.asked
    assert call.body["messages"] == request(text).messages


@pytest.mark.parametrize("form", ["{}", "{}/", "{}/v1", "{}/v1/", "{}/v1/chat/completions"])
def test_every_form_of_a_url_is_taken(server: StandIn, engine: Callable[..., EndpointEngine], form: str) -> None:
    (answer,) = ask(engine(form.format(server.url)))
    assert answer.text == "{}"
    assert server.asked[0].path == "/v1/chat/completions"
    body = server.asked[0].body
    assert body["model"] == "judge"
    assert body.keys() == {"model", "messages", "response_format", *FIELDS} - {"structured_outputs"}
    assert {name: body[name] for name in FIELDS if name in body} == {
        name: value for name, value in FIELDS.items() if name != "structured_outputs"
    }


@pytest.mark.parametrize(
    ("url", "base"),
    [
        ("http://h/openai/v1", "http://h/openai/v1"),
        ("https://h:8443/v1beta/openai", "https://h:8443/v1beta/openai"),
        ("http://[::1]:80", "http://[::1]:80/v1"),
        ("https://user:secret@h/x", "https://h/x/v1"),
        ("https://h/v1?key=secret", "https://h/v1"),
        ("https://h/inference/chat/completions", "https://h/inference"),
        ("https://h/chat/completions/", "https://h"),
        ("https://h/deployments/gpt/chat/completions?api-version=secret", "https://h/deployments/gpt"),
        ("https://h/v1beta1/openai", "https://h/v1beta1/openai"),
        ("http://gpu/v100", "http://gpu/v100/v1"),
        ("http://gpu/v1x", "http://gpu/v1x/v1"),
    ],
)
def test_addresses(url: str, base: str) -> None:
    assert Address.parse(url).base == base
    assert "secret" not in hide_credentials(url)
    assert "secret" not in Address.parse(url).to_show("/models")


@pytest.mark.parametrize("url", ["localhost:8000", "ftp://h", "http://", "", "http://h:port", "http://a b", "://"])
def test_what_is_no_url_is_refused(url: str, engine: Callable[..., EndpointEngine]) -> None:
    with pytest.raises(ConfigError, match="--judge-url"):
        make_engine(JudgeSettings(urls=(url,)), load_protocol("house"), state_dir=Path())


def test_a_forgotten_scheme_is_named() -> None:
    with pytest.raises(ConfigError, match="did you mean 'http://localhost:8000'"):
        Address.parse("localhost:8000")


def test_the_key_is_sent_and_never_shown(
    server: StandIn, engine: Callable[..., EndpointEngine], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(API_KEY_VARIABLE, "sesame-1")
    server.answer = lambda call: failure(403, f"{call.headers['authorization']} is not welcome")
    with pytest.raises(EngineError) as caught:
        ask(engine(f"http://user:hidden@127.0.0.1:{server.port}"))
    assert server.asked[0].headers["authorization"] == "Bearer sesame-1"
    assert "sesame-1" not in str(caught.value)
    assert "hidden" not in str(caught.value)
    assert API_KEY_VARIABLE in str(caught.value)


def test_what_an_endpoint_echoes_shows_no_secret(server: StandIn, engine: Callable[..., EndpointEngine]) -> None:
    def echo(call: Call) -> Reply:
        return failure(400, f'{call.path} {call.headers["authorization"]} pa/"ss pa%2F%22ss')

    server.answer = echo
    server.listing = lambda: (500, {}, json.dumps([f"q/ry q%2Fry {server.calls[-1].headers}"]).encode())
    one = engine(f"http://user:pa%2F%22ss@127.0.0.1:{server.port}/v1?key=q%2Fry&opaque", model="judge")
    with pytest.raises(EngineError) as refused:
        ask(one, request(temperature=0))
    with pytest.raises(EngineError) as listed:
        engine(f"http://user:pa%2F%22ss@127.0.0.1:{server.port}/v1?key=q%2Fry").identity()
    for shown in (str(refused.value), str(listed.value)):
        assert "***" in shown
        for secret in ("pa/", "pa%2F", "dXNlcjpw", "q/ry", "q%2Fry", "opaque"):
            assert secret not in shown


@pytest.mark.parametrize("before", [0, 30, 60, 90, 120, 390])
def test_no_part_of_a_key_is_shown_where_a_message_is_cut(
    server: StandIn, engine: Callable[..., EndpointEngine], monkeypatch: pytest.MonkeyPatch, before: int
) -> None:
    monkeypatch.setenv(API_KEY_VARIABLE, "sesame-" + "7" * 150)
    server.answer = lambda call: failure(418, "." * before + call.headers["authorization"] * 12)
    with pytest.raises(EngineError) as caught:
        ask(engine())
    assert "sesame" not in str(caught.value)


def test_user_and_password_of_the_url_are_used(server: StandIn, engine: Callable[..., EndpointEngine]) -> None:
    ask(engine(f"http://user:p%40ss@127.0.0.1:{server.port}"))
    assert server.asked[0].headers["authorization"] == "Basic dXNlcjpwQHNz"


def test_a_key_that_is_no_header_is_refused(
    engine: Callable[..., EndpointEngine], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(API_KEY_VARIABLE, "a\nb")
    with pytest.raises(ConfigError, match=API_KEY_VARIABLE):
        engine()


def test_the_only_model_is_taken(server: StandIn, engine: Callable[..., EndpointEngine]) -> None:
    assert engine().identity().model == "judge"
    server.listing = lambda: models("a", "b")
    with pytest.raises(ConfigError, match=r"lists 2 models: 'a', 'b'; name the judge with --judge-model"):
        engine().preflight()
    with pytest.raises(ConfigError, match="--edit-judge-model"):
        engine(kind="edit").preflight()
    assert engine(model="b").identity().model == "b"
    server.listing = models
    with pytest.raises(ConfigError, match="lists no model"):
        engine().identity()


@pytest.mark.parametrize(
    "reply", [(200, {}, b"<html>"), (200, {}, b"[]"), (200, {}, b'{"data": 1}'), failure(500), failure(404), None]
)
def test_a_list_that_is_none_is_an_error(
    server: StandIn, engine: Callable[..., EndpointEngine], reply: Reply | None
) -> None:
    server.listing = lambda: reply  # type: ignore[return-value]
    failed = reply is None or reply[0] >= 500
    with pytest.raises(EngineError if failed else ConfigError, match="/v1/models"):
        engine().identity()


def test_an_endpoint_without_a_list_answers_all_the_same(
    server: StandIn, engine: Callable[..., EndpointEngine]
) -> None:
    server.listing = lambda: failure(404)
    assert engine(model="judge").unreachable() == []
    assert "up to /v1" in engine().unreachable()[0]  # nothing names the model
    assert ask(engine(model="judge"))[0].text == "{}"
    server.answer = lambda call: failure(404)
    with pytest.raises(EngineError, match=r"up to /v1"):
        ask(engine(model="judge"))


@pytest.mark.parametrize("url", ["http://a..b", f"http://{'a' * 70}.example"])
def test_a_host_that_can_be_none_is_named(engine: Callable[..., EndpointEngine], url: str) -> None:
    with pytest.raises(ConfigError, match="UnicodeError") as caught:
        engine(url).preflight()
    assert f"{url}/v1/models: " in str(caught.value)


def test_a_named_model_needs_no_server(engine: Callable[..., EndpointEngine]) -> None:
    one = engine("http://127.0.0.1:9", model="judge")
    one.preflight()
    assert one.identity().model == "judge"


def test_the_model_is_remembered_while_the_server_is_away(engine: Callable[..., EndpointEngine]) -> None:
    server = StandIn()
    assert engine(server.url).identity().model == "judge"
    server.close()
    assert engine(server.url).identity().model == "judge"
    with pytest.raises(EngineError, match="ConnectError"):
        ask(engine(server.url))


@pytest.mark.parametrize(("kind", "option"), [("image", "--judge-url"), ("edit", "--edit-judge-url")])
def test_that_nothing_answers_is_said_while_it_is_tried(
    server: StandIn, engine: Callable[..., EndpointEngine], kind: str, option: str
) -> None:
    server.close()
    said: list[str] = []
    judge = engine(model="judge", kind=kind)

    async def run() -> None:
        await judge.start(said.append)
        await asyncio.gather(judge.ask(request()), judge.ask(request("!")))

    with pytest.raises(EngineError, match=f"is the server running, and is {option} its address"):
        asyncio.run(run())
    assert [line for line in said if "trying again" in line] == [said[-1]], said
    assert "ConnectError" in said[-1]


def test_lost_and_busy_servers_are_asked_again(server: StandIn, engine: Callable[..., EndpointEngine]) -> None:
    replies: list[Reply | None] = [failure(429, retry_after="0"), failure(503), None, failure(500), completion("yes")]
    server.answer = lambda call: replies.pop(0)
    assert ask(engine())[0].text == "yes"
    assert len(server.asked) == 5


def test_retries_end(server: StandIn, engine: Callable[..., EndpointEngine]) -> None:
    server.answer = lambda call: failure(503, "over\x1b[31m loaded\n::error::x")
    with pytest.raises(EngineError) as caught:
        ask(engine())
    assert "HTTP 503" in str(caught.value)
    assert "\x1b" not in str(caught.value)
    assert "\n" not in str(caught.value)
    assert len(server.asked) == 7


def test_a_server_that_is_down_is_not_waited_for_again_and_again(
    server: StandIn, engine: Callable[..., EndpointEngine]
) -> None:
    async def run() -> list[int]:
        one, counts = engine(), []
        for working in (False, False, True, False):
            server.answer = lambda call, works=working: completion() if works else failure(503)
            server.calls.clear()
            await asyncio.gather(one.ask(request()), return_exceptions=True)
            counts.append(len(server.asked))
        await one.close()
        return counts

    assert asyncio.run(run()) == [7, 1, 1, 7]


@pytest.mark.parametrize(
    "reply",
    [
        failure(408),
        failure(409),
        failure(425),
        failure(200, "the server behind this one is overloaded"),
        (200, {}, b'{"error": {"code": 502, "message": "no"}, "choices": []}'),
        (200, {}, b'{"error": {"code": "429"}}'),
        (200, {}, b'{"choices": [{"mess'),
        completion('{"Realism": ', reason="abort"),
        completion("", reason="ABORTED"),
    ],
)
def test_what_passes_is_asked_again(server: StandIn, engine: Callable[..., EndpointEngine], reply: Reply) -> None:
    replies = [reply, completion("yes")]
    server.answer = lambda call: replies.pop(0)
    assert ask(engine())[0].text == "yes"


def test_an_answer_that_is_broken_off_each_time_is_none(server: StandIn, engine: Callable[..., EndpointEngine]) -> None:
    server.answer = lambda call: completion('{"Realism": ', reason="abort")
    with pytest.raises(EngineError, match=r"/v1/chat/completions: the server broke the answer off .*'abort'") as caught:
        ask(engine())
    assert "does the server run" not in str(caught.value)
    assert len(server.asked) == 7


def test_a_server_that_breaks_answers_off_is_stood_in_for(
    server: StandIn, other: StandIn, engine: Callable[..., EndpointEngine]
) -> None:
    other.answer = lambda call: completion("half", reason="abort")
    answers = ask(engine(server.url, other.url), *(request(image=f"data:{image}") for image in range(10)))
    assert [answer.text for answer in answers] == ["{}"] * 10
    assert other.asked


def test_an_error_in_an_answer_counts_as_its_status(server: StandIn, engine: Callable[..., EndpointEngine]) -> None:
    def answer(call: Call) -> Reply:
        fault = {"error": {"code": 400, "message": "unknown field top_k"}}
        return (200, {}, json.dumps(fault).encode()) if "top_k" in call.body else completion()

    server.answer = answer
    (given_answer,) = ask(engine())
    assert given_answer.notes == ("response_format", "without top_k")
    assert "unknown field top_k" in given_answer.refused["top_k"]
    assert len(server.asked) == 2


def test_tries_that_were_too_many_are_not_counted(server: StandIn, engine: Callable[..., EndpointEngine]) -> None:
    replies = [*[failure(429)] * 8, *[None] * 3, *[failure(429)] * 8, *[None] * 3, completion("yes")]
    server.answer = lambda call: replies.pop(0)
    assert ask(engine())[0].text == "yes"


def test_the_wait_is_never_shorter_than_the_backoff() -> None:
    for after in (None, 0.0, 1.0):
        assert all(2.0 <= pause_seconds(2.0, after) <= 3.0 for _ in range(20))
    waits = [pause_seconds(2.0, 10.0) for _ in range(20)]
    assert min(waits) >= 10.0
    assert len(set(waits)) > 1  # workers do not come back all at once
    assert all(300.0 <= pause_seconds(2.0, 300.0) <= 315.0 for _ in range(20))  # what was asked for, and little more


@pytest.mark.parametrize(
    ("words", "final"),
    [("on requests per day (RPD): Limit 200, Used 200", True), ("too many tokens a minute", False)],
)
def test_a_quota_that_is_used_up_is_told_at_once(
    server: StandIn, engine: Callable[..., EndpointEngine], words: str, final: bool
) -> None:
    replies = [failure(429, words), completion()]
    server.answer = lambda call: replies.pop(0)
    (answer,) = ask_in_turn(engine(), request())
    assert isinstance(answer, EngineError if final else Answer)
    assert len(server.asked) == (1 if final else 2)
    if final:
        assert words in str(answer)
        assert "a quota is used up: waiting a minute does not help" in str(answer)


def test_a_limit_that_was_waited_out_is_not_waited_out_again(
    server: StandIn, engine: Callable[..., EndpointEngine], monkeypatch: pytest.MonkeyPatch
) -> None:
    replies = [failure(429)] * 3
    server.answer = lambda call: replies.pop() if replies else completion()
    monkeypatch.setattr(retries, "RATE_LIMIT_SECONDS", 0.0)
    one = engine()

    async def run() -> list[Any]:
        found: list[Any] = await asyncio.gather(one.ask(request()), return_exceptions=True)
        monkeypatch.setattr(retries, "RATE_LIMIT_SECONDS", 600.0)
        for _ in range(4):
            found += await asyncio.gather(one.ask(request()), return_exceptions=True)
            if len(found) == 4:
                replies.append(failure(429))  # which the last waits out, for the server has been heard since
        await one.close()
        return found

    assert [isinstance(answer, Answer) for answer in asyncio.run(run())] == [False, False, False, True, True]


def test_what_fails_for_one_request_says_nothing_of_others(
    server: StandIn, engine: Callable[..., EndpointEngine]
) -> None:
    replies = [*[failure(500)] * 7, *[None] * 6, completion("yes")]
    server.answer = lambda call: replies.pop(0)
    bad, good = ask_in_turn(engine(), request("bad"), request("good"))
    assert "HTTP 500" in str(bad)
    assert isinstance(good, Answer)


def test_a_server_that_answers_others_is_not_down(server: StandIn, monkeypatch: pytest.MonkeyPatch) -> None:
    bad, good, pause = request("bad"), request("good"), asyncio.sleep

    async def run() -> None:
        client = ChatClient(Connection(Address.parse(server.url)), "judge", first_wait=0.1)

        async def sleep(seconds: float) -> None:
            await pause(0)
            if seconds:
                await client.ask(good)

        monkeypatch.setattr(asyncio, "sleep", sleep)
        server.answer = lambda call: None if "bad" in json.dumps(call.body) else completion()
        with pytest.raises(EngineError):
            await client.ask(bad)
        assert not client.retries.down
        await client.close()

    asyncio.run(run())


def test_no_answer_is_lost_by_a_close(server: StandIn, engine: Callable[..., EndpointEngine]) -> None:
    one = engine()
    assert [ask(one)[0].text for _ in range(2)] == ["{}", "{}"]


@pytest.mark.parametrize("status", [400, 401, 404, 418, 301])
def test_other_refusals_are_final(server: StandIn, engine: Callable[..., EndpointEngine], status: int) -> None:
    server.answer = lambda call: failure(status, "never", location="http://elsewhere/")
    with pytest.raises(EngineError, match=f"HTTP {status}"):
        ask(engine(), request(temperature=0))
    assert len(server.asked) == 1


def test_a_wrong_model_names_the_right_one(server: StandIn, engine: Callable[..., EndpointEngine]) -> None:
    server.answer = lambda call: failure(404, "no such model")
    with pytest.raises(EngineError, match=r"it lists 'judge' \(did you mean \"judge\"\?\)"):
        ask(engine(model="jugde"))


def test_a_picture_too_long_for_a_server_is_named(server: StandIn, engine: Callable[..., EndpointEngine]) -> None:
    words = "absolute aspect ratio must be smaller than 100, got 150.0"
    server.answer = lambda call: failure(400, words)
    images = (Image.new("RGB", (64, 64)), Image.new("RGB", (20, 3000)))
    long = dataclasses.replace(request(), images=images)
    with pytest.raises(EngineError, match=r"the picture of 20x3000 has sides of 150 to 1.*crop it") as caught:
        ask(engine(), long)
    assert words in str(caught.value)
    assert len(server.asked) == 1  # no field of the request is to blame


def test_a_server_that_refuses_our_fields_is_asked_without_them(
    server: StandIn, engine: Callable[..., EndpointEngine]
) -> None:
    def answer(call: Call) -> Reply:
        strange = set(call.body) - {"model", "messages", "temperature", "max_tokens"}
        return failure(400, f"unknown {sorted(strange)}") if strange else completion()

    server.answer = answer
    one = engine()
    first, second = ask(one)[0], ask(one)[0]
    for given_answer in (first, second):
        assert given_answer.notes == (
            "unconstrained",
            "without structured_outputs",
            "without thinking_token_budget",
            "without top_k",
        )
    assert [len(call.body) for call in server.asked] == [7, 5, 5, 5, 4, 4]  # the session remembers
    forms = [call.body.keys() - {"model", "messages", "temperature", "max_tokens"} for call in server.asked[1:4]]
    assert forms == [{"structured_outputs"}, {"guided_json"}, {"format"}]
    assert ask(one, request(temperature=0))[0].notes == ()


def test_a_limit_under_its_other_name(server: StandIn, engine: Callable[..., EndpointEngine]) -> None:
    def answer(call: Call) -> Reply:
        if "max_tokens" in call.body:
            return failure(400, "Unsupported parameter: use 'max_completion_tokens' instead")
        return completion()

    server.answer = answer
    (given_answer,) = ask(engine())
    assert given_answer.notes == ("response_format",)
    assert server.asked[-1].body["max_completion_tokens"] == 99
    assert "response_format" in server.asked[-1].body


FIRST = {"temperature": 0, "top_k": 1, "chat_template_kwargs": {}}
AGAIN = {**FIRST, "structured_outputs": {"json": {}}, "thinking_token_budget": 5}


@pytest.mark.parametrize("words", ["thinking_token_budget is set but top_kk is not", "no"])
def test_a_refused_field_costs_no_other(server: StandIn, engine: Callable[..., EndpointEngine], words: str) -> None:
    server.answer = lambda call: failure(400, words) if "thinking_token_budget" in call.body else completion()
    first, again, last = ask_in_turn(engine(), request(**FIRST), request(**AGAIN), request(**FIRST))
    assert isinstance(first, Answer)
    assert isinstance(again, Answer)
    assert isinstance(last, Answer)
    assert first.notes == last.notes == ()
    assert "without thinking_token_budget" in again.notes
    assert "without top_k" not in again.notes
    assert server.asked[-1].body.keys() == server.asked[0].body.keys()
    assert ("structured_outputs" in server.asked[-2].body) == (words == "no")  # the grammar was under suspicion too


def test_where_new_fields_were_not_the_cause_all_are_left_out(
    server: StandIn, engine: Callable[..., EndpointEngine]
) -> None:
    def answer(call: Call) -> Reply:
        hard = "hard" in json.dumps(call.body["messages"])
        return failure(422) if hard and "top_k" in call.body else completion()

    server.answer = answer
    _, hard, after = ask_in_turn(engine(), request(**FIRST), request("hard", **AGAIN), request(**FIRST))
    assert isinstance(hard, Answer)
    assert isinstance(after, Answer)
    assert hard.notes == ("unconstrained", *(f"without {name}" for name in sorted(AGAIN) if name != "temperature"))
    assert after.notes == ("without chat_template_kwargs", "without top_k")


def test_a_field_that_was_not_carried_is_not_learnt(server: StandIn, engine: Callable[..., EndpointEngine]) -> None:
    server.answer = lambda call: (
        failure(400, "response_format and top_k don't go together") if "response_format" in call.body else completion()
    )
    grammar = request(temperature=0, structured_outputs={"json": {}})
    _, answer = ask_in_turn(engine(), grammar, request(**FIRST))
    assert isinstance(answer, Answer)
    assert answer.notes == ()


def test_a_field_of_every_server_that_a_model_refuses_by_name(
    server: StandIn, engine: Callable[..., EndpointEngine]
) -> None:
    server.answer = lambda call: (
        failure(400, "Unsupported value: 'temperature' does not support 0")
        if "temperature" in call.body
        else completion()
    )
    one, fields = engine(), {"temperature": 0, "seed": 7, "top_k": 1}
    for given_answer in (ask(one, request(**fields))[0], ask(one, request(**fields))[0]):
        assert given_answer.notes == ("without temperature",)
    assert [sorted(call.body) for call in server.asked[1:]] == [["messages", "model", "seed", "top_k"]] * 2


def test_of_fields_that_exclude_each_other_one_is_kept(server: StandIn, engine: Callable[..., EndpointEngine]) -> None:
    server.answer = lambda call: (
        failure(400, "temperature and top_p can't both be given") if "top_p" in call.body else completion()
    )
    assert ask(engine(), request(temperature=0, top_p=1.0))[0].notes == ("without top_p",)


DECIDING = {
    "mm_processor_kwargs": {"max_pixels": 1},
    "chat_template_kwargs": {"enable_thinking": False},
    "thinking_token_budget": 5,
    "structured_outputs": {"regex": "a"},
    "repetition_penalty": 1.05,
    "top_k": 1,
    "seed": 42,
    "temperature": 0,
}


@pytest.mark.parametrize("name", DECIDING)
def test_whatever_is_refused_is_named_with_the_servers_reason(
    server: StandIn, engine: Callable[..., EndpointEngine], name: str
) -> None:
    server.answer = lambda call: failure(400, f"{name} is not for this model") if name in call.body else completion()
    one = engine()
    for given_answer in (*ask(one, request(**DECIDING)), *ask(one, request(**DECIDING))):
        (reason,) = given_answer.refused.values()
        assert given_answer.refused == {name: reason}
        assert reason.startswith("HTTP 400 Bad Request: ")
        assert f"{name} is not for this model" in reason
        assert server.url not in reason
    assert len(server.asked) == 3
    assert server.asked[-1].body.keys() == {"model", "messages", *DECIDING} - {name}


def test_what_is_sent_under_another_name_is_not_refused(server: StandIn, engine: Callable[..., EndpointEngine]) -> None:
    names = {"max_tokens", "response_format"}
    server.answer = lambda call: (
        failure(400, "unknown response_format; max_completion_tokens is the limit's name")
        if names & call.body.keys()
        else completion()
    )
    (given_answer,) = ask(engine(), request(max_tokens=9, structured_outputs={"json": {}}))
    assert given_answer.refused == {}
    assert {"max_completion_tokens", "structured_outputs"} < server.asked[-1].body.keys()


def test_a_field_of_every_server_stays_unless_it_is_named(
    server: StandIn, engine: Callable[..., EndpointEngine]
) -> None:
    server.answer = lambda call: failure(400, "nothing said of temperatures")
    with pytest.raises(EngineError, match="nothing said"):
        ask(engine(), request(temperature=0, top_k=1))
    assert [set(call.body) - {"model", "messages"} for call in server.asked] == [
        {"temperature", "top_k"},
        {"temperature"},
    ]


def test_a_limit_is_never_left_out(server: StandIn, engine: Callable[..., EndpointEngine]) -> None:
    server.answer = lambda call: failure(400, "'max_tokens' or 'max_completion_tokens' is too large: 99")
    with pytest.raises(EngineError, match="too large"):
        ask(engine(), request(max_tokens=99, temperature=0))
    assert all({"max_tokens", "max_completion_tokens"} & call.body.keys() for call in server.asked)


def test_a_grammar_under_its_other_name(server: StandIn, engine: Callable[..., EndpointEngine]) -> None:
    server.answer = lambda call: (
        failure(400, "Unrecognized request argument supplied: response_format")
        if "response_format" in call.body
        else completion()
    )
    fields = {"temperature": 0, "structured_outputs": {"json": {"type": "object"}}}
    one = engine()
    for given_answer in (ask(one, request(**fields))[0], ask(one, request(**fields))[0]):
        assert given_answer.notes == ("structured_outputs",)
    assert len(server.asked) == 3
    assert server.asked[0].body["response_format"] == {
        "type": "json_schema",
        "json_schema": {"name": "answer", "schema": {"type": "object"}, "strict": True},
    }
    assert server.asked[-1].body["structured_outputs"] == fields["structured_outputs"]


def test_each_server_gets_the_grammar_in_its_own_form(
    server: StandIn, other: StandIn, engine: Callable[..., EndpointEngine]
) -> None:
    schema = {"type": "object", "properties": {"score": {"enum": [1]}}, "required": ["score"]}

    def strict(call: Call) -> Reply:
        if "response_format" in call.body:
            return failure(400, "unknown field response_format")
        return completion('{"score": 1}' if "structured_outputs" in call.body else "one point")

    server.answer = strict
    other.answer = lambda call: completion('{"score": 1}' if "response_format" in call.body else "one point")
    requests = [request(image=f"data:{n}", structured_outputs={"json": schema}) for n in range(24)]
    answers = ask_in_turn(engine(server.url, other.url), *requests)
    notes = {answer.notes for answer in answers if isinstance(answer, Answer) and answer.text == '{"score": 1}'}
    assert notes == {("response_format",), ("structured_outputs",)}
    assert {answer.text for answer in answers if isinstance(answer, Answer)} == {'{"score": 1}'}


def test_fields_of_a_protocol_file_stay_where_another_is_refused(
    server: StandIn, engine: Callable[..., EndpointEngine]
) -> None:
    own = {"response_format": {"type": "json_object"}, "reasoning_effort": "low", "max_completion_tokens": 9}
    forms = {"structured_outputs", "guided_json", "format"}

    def answer(call: Call) -> Reply:
        strange = sorted(forms & call.body.keys())
        return failure(400, f"unknown: {strange}") if strange else completion()

    server.answer = answer
    (given_answer,) = ask(engine(), request(**own, structured_outputs={"json": {}}))
    assert given_answer.notes == ("unconstrained", "without structured_outputs")
    assert len(server.asked) == 4
    assert {name: server.asked[-1].body[name] for name in own} == own


def test_a_request_that_is_wrong_in_itself_changes_nothing(
    server: StandIn, engine: Callable[..., EndpointEngine]
) -> None:
    server.answer = lambda call: (
        failure(400, "too long") if "long" in json.dumps(call.body["messages"]) else completion()
    )
    one = engine()
    with pytest.raises(EngineError, match="too long"):
        ask(one, request("long"))
    assert ask(one)[0].notes == ("response_format",)


@pytest.mark.parametrize(
    ("message", "text"),
    [
        ({"content": "x"}, "x"),
        ({"content": "b", "reasoning_content": "a"}, "<think>a</think>b"),
        ({"content": "b", "reasoning": "a"}, "<think>a</think>b"),
        ({"content": None, "reasoning": "a"}, "<think>a"),
        ({"content": None}, ""),
        ({"content": "a</think>b"}, "<think>a</think>b"),
        ({"content": "<think>a</think>b"}, "<think>a</think>b"),
        ({"content": "\n<think>a"}, "\n<think>a"),
        ({"content": "c", "reasoning": 'a</think>{"x": 2}'}, '<think>a</ think>{"x": 2}</think>c'),
        ({"content": [{"type": "text", "text": "a"}, {"type": "x"}, "b", 3]}, "ab"),
        ({"content": 7, "reasoning": 8}, ""),
        ({"content": None, "refusal": "I will not"}, "I will not"),
        ({"content": [{"type": "reasoning", "text": "a"}, {"type": "output_text", "text": "b"}]}, "<think>a</think>b"),
        (
            {"content": [{"type": "thinking", "thinking": [{"type": "text", "text": "a"}]}, {"text": "b"}]},
            "<think>a</think>b",
        ),
        ({"content": [{"type": "thinking", "text": "a"}]}, "<think>a"),
        ({"content": [{"type": "tool_use", "text": "a"}]}, ""),
        ({"content": [], "reasoning": [{"type": "summary_text", "text": "a"}]}, "<think>a"),
    ],
)
def test_thinking_and_answer_are_put_together(message: dict[str, Any], text: str) -> None:
    assert answer_text(message, request(), "stop") == text


@pytest.mark.parametrize(
    ("message", "reason"),
    [
        ({"content": None, "refusal": "I will not"}, "refusal"),
        ({"content": " ", "refusal": "I will not"}, "refusal"),
        ({"content": "{}", "refusal": "I will not"}, "stop"),
        ({"content": None, "refusal": ""}, "stop"),
        ({"content": None, "refusal": None}, "stop"),
    ],
)
def test_a_refusal_is_no_end_that_the_answer_came_to(
    server: StandIn, engine: Callable[..., EndpointEngine], message: dict[str, Any], reason: str
) -> None:
    server.answer = lambda call: completion(**message)
    assert ask(engine())[0].finish_reason == reason


def test_an_answer_that_ended_in_its_thinking_stays_open() -> None:
    assert answer_text({"content": "", "reasoning": "a"}, request(), "length") == "<think>a"
    assert answer_text({"content": "", "reasoning": "a"}, request(), "stop") == "<think>a</think>"


def test_a_turn_that_the_request_began() -> None:
    begun = Request("Edit", [{"role": "user", "content": "?"}, {"role": "assistant", "content": "<think>"}], {})
    assert answer_text({"content": "a</think>b"}, begun, "stop") == "<think>a</think>b"
    assert answer_text({"content": "a"}, begun, "length") == "<think>a"
    assert answer_text({"content": "<think>a"}, begun, "length") == "<think>a"


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5) | st.just("<think>") | st.just("</think>"),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(["text", "type", "x"]), inner),
    max_leaves=6,
)


@given(
    st.dictionaries(st.sampled_from(["content", "reasoning", "reasoning_content", "refusal"]), json_values), json_values
)
def test_no_message_breaks_it(message: dict[str, Any], reason: Any) -> None:
    text = answer_text(message, request(), reason)
    assert isinstance(text, str)
    if answer_text({"content": None, **{k: v for k, v in message.items() if k.startswith("reas")}}, request(), None):
        assert text.lstrip().startswith("<think>")


def test_counts_and_the_rest(server: StandIn, engine: Callable[..., EndpointEngine]) -> None:
    usage = {"prompt_tokens": 7, "completion_tokens": 3, "prompt_tokens_details": {"cached_tokens": 5}}
    server.answer = lambda call: completion("x", reason="length", usage=usage)
    (answer,) = ask(engine())
    counts = (answer.prompt_tokens, answer.cached_prompt_tokens, answer.output_tokens)
    assert (answer.finish_reason, *counts) == ("length", 7, 5, 3)
    assert (answer.engine, answer.engine_version) == ("endpoint", "vllm 9.9.9")
    assert answer.created.endswith("+00:00")


@pytest.mark.parametrize("usage", [None, [], {"prompt_tokens": "7"}, {"prompt_tokens_details": 3}, {"a": True}])
def test_counts_that_are_none(server: StandIn, engine: Callable[..., EndpointEngine], usage: Any) -> None:
    server.answer = lambda call: completion("x", reason=None, usage=usage)
    (answer,) = ask(engine())
    assert (answer.finish_reason, answer.prompt_tokens, answer.cached_prompt_tokens) == (None, 0, None)


def test_no_cached_tokens_are_a_count_too(server: StandIn, engine: Callable[..., EndpointEngine]) -> None:
    usage = {"prompt_tokens": 7, "prompt_tokens_details": {"cached_tokens": 0}}
    server.answer = lambda call: completion("x", usage=usage)
    assert ask(engine())[0].cached_prompt_tokens == 0


def test_an_answer_waits_for_no_other_work_of_the_process(
    server: StandIn, engine: Callable[..., EndpointEngine]
) -> None:
    async def run() -> Answer:
        free, one = threading.Event(), engine(model="judge")
        loop = asyncio.get_running_loop()
        loop.set_default_executor(ThreadPoolExecutor(1))
        busy = loop.run_in_executor(None, free.wait)
        try:
            async with asyncio.timeout(600):
                return await one.ask(request())
        finally:
            free.set()
            await busy
            await one.close()

    assert asyncio.run(run()).engine_version == "vllm 9.9.9"


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"<html><h1>Sign in</h1>",
        b"[]",
        b"null",
        b"{}",
        b'{"choices": []}',
        b'{"choices": [7]}',
        b'{"choices": [{}]}',
        b'{"choices": [{"message": null}]}',
        b'{"choices": {"0": 1}}',
        b'{"a":' * 100_000,
        b"\xff\xfe",
        b"[" * 100_000,
    ],
)
def test_what_is_no_completion_is_an_error(server: StandIn, engine: Callable[..., EndpointEngine], body: bytes) -> None:
    server.answer = lambda call: (200, {}, body)
    with pytest.raises(EngineError, match="/v1/chat/completions"):
        ask(engine())
    assert len(server.asked) == 1


def test_an_answer_without_end_is_cut(server: StandIn, engine: Callable[..., EndpointEngine]) -> None:
    bomb = gzip.compress(b" " * (64 << 20))
    server.answer = lambda call: (200, {"content-encoding": "gzip"}, bomb)
    with pytest.raises(EngineError, match="more than 8 MiB"):
        ask(engine())


def test_an_encoding_that_is_wrong(server: StandIn, engine: Callable[..., EndpointEngine]) -> None:
    server.answer = lambda call: (200, {"content-encoding": "gzip"}, b"not gzip")
    with pytest.raises(EngineError, match="/v1/chat/completions"):
        ask(engine())


def test_an_image_keeps_its_server(server: StandIn, other: StandIn, engine: Callable[..., EndpointEngine]) -> None:
    requests = [request(f"{question}", image=f"data:{image}") for image in range(20) for question in range(5)]
    one = engine(server.url, other.url, f"{server.url}/v1")
    assert one.concurrency == 96  # the third is the first
    ask(one, *requests)
    images = [{call.body["messages"][0]["content"][1]["image_url"]["url"] for call in s.asked} for s in (server, other)]
    assert images[0] and images[1]
    assert not images[0] & images[1]
    assert len(server.asked) + len(other.asked) == len(requests)


def test_a_server_that_is_lost_is_stood_in_for(
    server: StandIn, other: StandIn, engine: Callable[..., EndpointEngine]
) -> None:
    other.answer = lambda call: None
    answers = ask(engine(server.url, other.url), *(request(image=f"data:{image}") for image in range(10)))
    assert [answer.text for answer in answers] == ["{}"] * 10


def test_a_model_that_came_after_the_protocol_was_chosen_is_not_asked_in_other_words(
    server: StandIn, engine: Callable[..., EndpointEngine]
) -> None:
    server.listing = lambda: models("Qwen/Qwen-Image-Bench")
    with pytest.raises(ConfigError, match=r"whose protocol is q-judger.*name the judge with --judge-model"):
        engine().preflight()
    with pytest.raises(ConfigError, match="whose protocol is q-judger"):
        ask(engine())
    engine(protocol="house").preflight()
    engine(model="Qwen/Qwen-Image-Bench").preflight()


def test_endpoints_with_different_models(
    server: StandIn, other: StandIn, engine: Callable[..., EndpointEngine]
) -> None:
    other.listing = lambda: models("another")
    with pytest.raises(ConfigError, match="different models: 'another', 'judge'"):
        engine(server.url, other.url).identity()


def test_the_picture_decides_and_the_text_does_not() -> None:
    assert picture_digest(request("a")) == picture_digest(request("b"))
    assert picture_digest(request(image="data:1")) != picture_digest(request(image="data:2"))


@pytest.mark.parametrize(
    ("value", "seconds"),
    [(None, None), ("", None), ("7", 7.0), ("1.5", 1.5), ("-1", None), ("soon", None), ("٣", None)],
)
def test_retry_after(value: str | None, seconds: float | None) -> None:
    assert retry_after(value) == seconds


def test_retry_after_a_date() -> None:
    from datetime import UTC, datetime, timedelta

    soon = retry_after(format_datetime(datetime.now(UTC) + timedelta(seconds=100), usegmt=True))
    assert soon is not None
    assert 0 < soon <= 100
    assert retry_after("Wed, 21 Oct 2015 07:28:00 GMT") == 0.0


def test_what_is_wrong_with_an_endpoint(server: StandIn, engine: Callable[..., EndpointEngine]) -> None:
    assert engine(model="judge").unreachable() == []
    (line,) = engine(model="jugde").unreachable()
    assert 'did you mean "judge"' in line
    (line,) = engine("http://127.0.0.1:9", model="x").unreachable()
    assert "ConnectError" in line
    assert "is not needed" not in line  # the model is named
    (line,) = engine("http://127.0.0.1:9").unreachable()
    assert "with --judge-model the list of models is not needed" in line


def test_no_judge_is_an_error() -> None:
    with pytest.raises(ConfigError, match="--judge-model"):
        make_engine(JudgeSettings(), load_protocol("house"), state_dir=Path())


@pytest.mark.parametrize(
    ("told", "served", "system"),
    [
        ({"model": "gpt-4o-2024-08-06", "system_fingerprint": "fp_1"}, "gpt-4o-2024-08-06", "fp_1"),
        ({"model": "judge", "system_fingerprint": None}, "judge", ""),
        ({"model": 4, "system_fingerprint": ["fp"]}, "", ""),
        ({"model": "a\x1b[31m", "system_fingerprint": "\n"}, "", ""),
        ({"model": "m" * 999}, "m" * 200, ""),
        ({}, "", ""),
    ],
)
def test_the_model_that_answered_is_recorded(
    server: StandIn, engine: Callable[..., EndpointEngine], told: dict[str, Any], served: str, system: str
) -> None:
    server.answer = lambda call: completion(told=told)
    (answer,) = ask(engine())
    assert (answer.served_model, answer.system_fingerprint) == (served, system)


def test_a_server_is_asked_as_many_requests_at_once_as_it_may_be(
    server: StandIn, other: StandIn, engine: Callable[..., EndpointEngine]
) -> None:
    lock, now, most = threading.Lock(), {"server": 0, "other": 0}, {"server": 0, "other": 0}
    both = threading.Barrier(2, timeout=60)  # the second one comes while the first is there

    def answer(name: str) -> Callable[[Call], Reply]:
        def count(call: Call) -> Reply:
            with lock:
                now[name] += 1
                most[name] = max(most[name], now[name])
            if name == "server":
                both.wait()
            with lock:
                now[name] -= 1
            return completion()

        return count

    server.answer, other.answer = answer("server"), answer("other")
    one = engine(server.url, concurrency=2)
    assert len(ask(one, *(request(str(number)) for number in range(20)))) == 20
    assert most["server"] == 2
    assert one.concurrency == 2
    assert engine(server.url, other.url, concurrency=2).concurrency == 4
    assert engine(server.url, other.url, concurrency=100).concurrency == 96
    assert engine(server.url, other.url).concurrency == 96


def test_a_batch_against_a_server_with_a_limit_is_answered_in_full(
    server: StandIn, engine: Callable[..., EndpointEngine]
) -> None:
    lock, tokens, last = threading.Lock(), 20.0, time.monotonic()

    def answer(call: Call) -> Reply:
        nonlocal tokens, last
        with lock:
            now = time.monotonic()
            tokens, last = min(20.0, tokens + (now - last) * 300), now
            if tokens < 1:
                return failure(429, retry_after=f"{(1 - tokens) / 300:.6f}")
            tokens -= 1
            return completion()

    server.answer = answer
    answers = ask(engine(), *(request(str(number)) for number in range(400)))
    assert [answer.text for answer in answers] == ["{}"] * 400
    assert 400 < len(server.asked) < 1000
