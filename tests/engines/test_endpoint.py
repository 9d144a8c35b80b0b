"""The endpoint engine against a server of the OpenAI shape in this process."""

from __future__ import annotations

import asyncio
import gzip
import json
from collections.abc import Callable, Iterator
from email.utils import format_datetime
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from standin import Call, Reply, StandIn, completion, failure, models

from pytest_imagejudge.engines import make_engine
from pytest_imagejudge.engines.base import Answer
from pytest_imagejudge.engines.chat import Address, answer_text, hide_credentials, retry_after
from pytest_imagejudge.engines.endpoint import EndpointEngine, picture_digest
from pytest_imagejudge.errors import ConfigError, EngineError
from pytest_imagejudge.protocols import load_protocol
from pytest_imagejudge.protocols.base import Request
from pytest_imagejudge.settings import API_KEY_VARIABLE, JudgeSettings

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
def server() -> Iterator[StandIn]:
    server = StandIn()
    yield server
    server.close()


@pytest.fixture
def other() -> Iterator[StandIn]:
    server = StandIn()
    yield server
    server.close()


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


@pytest.mark.parametrize("form", ["{}", "{}/", "{}/v1", "{}/v1/", "{}/v1/chat/completions"])
def test_every_form_of_a_url_is_taken(server: StandIn, engine: Callable[..., EndpointEngine], form: str) -> None:
    (answer,) = ask(engine(form.format(server.url)))
    assert answer.text == "{}"
    assert server.asked[0].path == "/v1/chat/completions"
    assert server.asked[0].body["model"] == "judge"
    assert {name: server.asked[0].body[name] for name in FIELDS} == FIELDS


@pytest.mark.parametrize(
    ("url", "base"),
    [
        ("http://h/openai/v1", "http://h/openai/v1"),
        ("https://h:8443/v1beta/openai", "https://h:8443/v1beta/openai"),
        ("http://[::1]:80", "http://[::1]:80/v1"),
        ("https://user:secret@h/x", "https://h/x/v1"),
        ("https://h/v1?key=secret", "https://h/v1"),
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
    with pytest.raises(ConfigError, match="/v1/models"):
        engine().identity()


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


def test_no_answer_is_lost_by_a_close(server: StandIn, engine: Callable[..., EndpointEngine]) -> None:
    one = engine()
    assert [ask(one)[0].text for _ in range(2)] == ["{}", "{}"]


@pytest.mark.parametrize("status", [400, 401, 404, 409, 418, 301])
def test_other_refusals_are_final(server: StandIn, engine: Callable[..., EndpointEngine], status: int) -> None:
    server.answer = lambda call: failure(status, "never", location="http://elsewhere/")
    with pytest.raises(EngineError, match=f"HTTP {status}"):
        ask(engine(), request(temperature=0))
    assert len(server.asked) == 1


def test_a_wrong_model_names_the_right_one(server: StandIn, engine: Callable[..., EndpointEngine]) -> None:
    server.answer = lambda call: failure(404, "no such model")
    with pytest.raises(EngineError, match=r"it lists 'judge' \(did you mean \"judge\"\?\)"):
        ask(engine(model="jugde"))


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
    assert [len(call.body) for call in server.asked] == [7, 4, 4]  # the session remembers
    assert ask(one, request(temperature=0))[0].notes == ()


def test_a_limit_under_its_other_name(server: StandIn, engine: Callable[..., EndpointEngine]) -> None:
    def answer(call: Call) -> Reply:
        if "max_tokens" in call.body:
            return failure(400, "Unsupported parameter: use 'max_completion_tokens' instead")
        return completion()

    server.answer = answer
    (given_answer,) = ask(engine())
    assert given_answer.notes == ()
    assert server.asked[-1].body["max_completion_tokens"] == 99
    assert "structured_outputs" in server.asked[-1].body


def test_a_request_that_is_wrong_in_itself_changes_nothing(
    server: StandIn, engine: Callable[..., EndpointEngine]
) -> None:
    server.answer = lambda call: (
        failure(400, "too long") if "long" in json.dumps(call.body["messages"]) else completion()
    )
    one = engine()
    with pytest.raises(EngineError, match="too long"):
        ask(one, request("long"))
    assert ask(one)[0].notes == ()


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
    ],
)
def test_thinking_and_answer_are_put_together(message: dict[str, Any], text: str) -> None:
    assert answer_text(message, request(), "stop") == text


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
    assert (answer.finish_reason, answer.prompt_tokens, answer.cached_prompt_tokens) == (None, 0, 0)


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"<html><h1>Sign in</h1>",
        b"{",
        b"[]",
        b"null",
        b"{}",
        b'{"choices": []}',
        b'{"choices": [7]}',
        b'{"choices": [{}]}',
        b'{"choices": [{"message": null}]}',
        b'{"choices": {"0": 1}}',
        b'{"error": {"message": "the model is overloaded"}}',
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


def test_no_judge_is_an_error() -> None:
    with pytest.raises(ConfigError, match="--judge-model"):
        make_engine(JudgeSettings(), load_protocol("house"), state_dir=Path())
