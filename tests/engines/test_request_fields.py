"""How a session finds out in what form a server takes a grammar."""

from __future__ import annotations

import asyncio
import itertools
import json
from collections import Counter
from collections.abc import Callable
from typing import Any

import pytest

from pytest_imagejudge.engines import spending
from pytest_imagejudge.engines.address import Address
from pytest_imagejudge.engines.base import Answer
from pytest_imagejudge.engines.chat_client import ChatClient
from pytest_imagejudge.engines.connection import Connection
from pytest_imagejudge.engines.request_fields import FORMS
from pytest_imagejudge.errors import EngineError
from pytest_imagejudge.protocols import load_protocol
from pytest_imagejudge.protocols.base import Request
from pytest_imagejudge.support.usage import Usage
from tests.stand_in.endpoint import Call, Reply, StandIn, completion, failure, fitting

SAMPLING = load_protocol("house").sampling("Quality")
SCHEMA = SAMPLING["structured_outputs"]["json"]
GOOD = json.dumps(fitting(SCHEMA))
LOOSE = f"```json\n{GOOD}\n```"  # what models write that are bound by nothing; it can be read
USAGE = {"prompt_tokens": 100, "completion_tokens": 10, "prompt_tokens_details": {"cached_tokens": 50}}


class Account:
    """Account of tokens of tries whose answers are not returned."""

    def __init__(self) -> None:
        self.lost: list[Usage | None] = []

    def spend(self, usage: Usage) -> None:
        raise AssertionError("no request but tries of this one")

    def lose(self, usage: Usage | None) -> None:
        self.lost.append(usage)


class Session:
    """A client that tells its lines to ``lines``."""

    def __init__(self, server: StandIn) -> None:
        self.server, self.account = server, Account()
        self.lines: list[str] = []
        address = Address.parse(server.url)
        self.client = ChatClient(Connection(address, direct=True), "judge", first_wait=0.0, progress=self.lines.append)

    def ask(self, count: int = 1, sampling: Any = None) -> list[Answer]:
        """Ask at once."""
        one = Request("Quality", [{"role": "user", "content": "?"}], SAMPLING if sampling is None else sampling)

        async def run() -> list[Answer | BaseException]:
            spending.ACCOUNT.set(self.account)
            try:
                return await asyncio.gather(*(self.client.ask(one) for _ in range(count)), return_exceptions=True)
            finally:
                await self.client.close()

        found = asyncio.run(run())
        for one_of_them in found:
            if isinstance(one_of_them, BaseException):
                raise one_of_them
        return [answer for answer in found if isinstance(answer, Answer)]

    @property
    def forms(self) -> list[str]:
        """The form of each request so far, or an empty word."""
        return ["".join(name for name in FORMS if name in call.body) for call in self.server.asked]


def server_that(*applies: str, refuses: tuple[str, ...] = (), loose: str = LOOSE) -> Callable[[Call], Reply]:
    """A server that is bound by some fields, does not know others, and ignores the rest."""

    def answer(call: Call) -> Reply:
        for name in refuses:
            if name in call.body:
                return failure(400, f"Unrecognized request argument supplied: {name}")
        return completion(GOOD if any(name in call.body for name in applies) else loose, usage=USAGE)

    return answer


def test_the_usual_form_goes_first(server: StandIn) -> None:
    server.answer = server_that("response_format")
    (answer,) = Session(server).ask()
    assert answer.text == GOOD
    assert (answer.notes, answer.refused) == (("response_format",), {})
    (call,) = server.asked
    assert "structured_outputs" not in call.body
    sent = call.body["response_format"]
    assert (sent["type"], sent["json_schema"]["strict"]) == ("json_schema", True)
    assert sent["json_schema"]["schema"]["required"] == SCHEMA["required"]


def test_every_mixture_of_forms(server: StandIn) -> None:
    for fates in itertools.product(("applied", "ignored", "refused"), repeat=len(FORMS)):
        server.calls.clear()
        fate = dict(zip(FORMS, fates, strict=True))
        refuses = tuple(name for name in FORMS if fate[name] == "refused")
        server.answer = server_that(*(name for name in FORMS if fate[name] == "applied"), refuses=refuses)
        session = Session(server)
        (first,), (second,) = session.ask(), session.ask()
        works = next((name for name in FORMS if fate[name] == "applied"), "")
        tried = FORMS[: FORMS.index(works) + 1] if works else FORMS
        ignored = [name for name in tried if fate[name] == "ignored"]
        asked_without = fates[-1] == "refused" and not works  # else the last answer, of a form that was ignored, stands
        assert session.forms == [*tried, *([""] if asked_without else []), works], fate
        for answer in (first, second):
            assert answer.text == (GOOD if works else LOOSE)
            assert answer.notes == ((works,) if works else ("unconstrained", "without structured_outputs"))
            assert answer.refused.keys() == (set() if works else {"structured_outputs"})
        if not works:
            reason = first.refused["structured_outputs"]
            assert second.refused["structured_outputs"] == reason
            assert all(name in reason for name in FORMS)
            assert ("the endpoint ignores " in reason) == bool(ignored)
            assert ("HTTP 400 Bad Request" in reason) == bool(refuses)
        assert len(session.lines) == (not works)


def test_the_tokens_of_all_tries_are_told(server: StandIn) -> None:
    server.answer = server_that("guided_json")
    session = Session(server)
    (first,), (second,) = session.ask(), session.ask()
    tokens = Usage(100, 50, 10)
    assert [spending.used_by(answer) for answer in (first, second)] == [tokens, tokens]
    assert session.account.lost == [tokens, tokens]  # response_format's and structured_outputs'
    assert first.notes == second.notes == ("guided_json",)


def test_all_that_is_asked_at_once_learns_from_one(server: StandIn) -> None:
    server.answer = server_that()
    session = Session(server)
    answers = session.ask(60)
    assert {answer.notes for answer in answers} == {("unconstrained", "without structured_outputs")}
    counts = Counter(session.forms)
    assert [counts[name] for name in FORMS[1:]] == [1, 1, 1]
    assert counts["response_format"] >= 1
    assert len(server.asked) <= 63  # none is asked again only to be answered without a grammar
    assert session.lines == [
        f"{server.url}/v1: asked without a grammar: the endpoint ignores response_format, structured_outputs, "
        "guided_json and format: an answer broke the schema that was sent"
    ]


def test_a_form_that_one_has_found_serves_all(server: StandIn) -> None:
    server.answer = server_that("guided_json")
    session = Session(server)
    answers = session.ask(60)
    assert {(answer.text, answer.notes) for answer in answers} == {(GOOD, ("guided_json",))}
    counts = Counter(session.forms)
    assert counts["structured_outputs"] == 1
    assert counts["guided_json"] == 60


def test_refusals_of_all_that_is_asked_at_once_are_found_out_by_one(server: StandIn) -> None:
    server.answer = server_that(refuses=("chat_template_kwargs", *FORMS))
    session = Session(server)
    answers = session.ask(60)
    assert len({answer.notes for answer in answers}) == 1
    counts = Counter(session.forms)
    assert [counts[name] for name in FORMS[1:]] == [1, 1, 1]
    assert counts[""] == 60


def test_requests_that_are_wrong_in_themselves_all_fail(server: StandIn) -> None:
    server.answer = lambda call: failure(400, "this model takes no pictures")
    session = Session(server)
    with pytest.raises(EngineError, match="takes no pictures"):
        session.ask(60)
    assert len(server.asked) <= 60 * 6  # none tries longer than it would alone
    server.answer = server_that("response_format")
    (answer,) = session.ask()
    assert answer.notes == ("response_format",)  # and nothing was learnt


def test_a_form_that_worked_is_dropped_when_it_no_longer_does(server: StandIn) -> None:
    server.answer = server_that("response_format", "structured_outputs")
    session = Session(server)
    session.ask(3)
    server.answer = server_that("structured_outputs")
    (answer,) = session.ask()
    assert (answer.text, answer.notes) == (GOOD, ("structured_outputs",))
    assert session.forms == ["response_format"] * 4 + ["structured_outputs"]


def test_a_late_answer_in_a_dropped_form_costs_no_other(server: StandIn) -> None:
    server.answer = server_that("structured_outputs")
    session = Session(server)
    assert {answer.notes for answer in session.ask(50)} == {("structured_outputs",)}
    assert not {"guided_json", "format"} & set(session.forms)


@pytest.mark.parametrize(
    "reply",
    [
        completion(GOOD[:40], reason="length"),
        completion(LOOSE, reason="content_filter"),
        completion(LOOSE, reason=None),
        completion(None, refusal="I will not judge this."),
        completion(""),
        completion(" \n"),
        completion(None),
        completion(None, reasoning_content="It seems fine."),
        completion(None, reasoning_content='{"a draft": 1}'),
        completion("", reasoning="It seems fine."),
        completion("<think>It seems fine."),
        completion(f"<think>It seems fine.</think>\n{GOOD}"),
        completion(GOOD, reasoning_content="It seems fine."),
        completion(json.dumps(json.loads(GOOD), indent=4) + "\n"),
    ],
)
def test_what_says_nothing_of_the_grammar(server: StandIn, reply: Reply) -> None:
    server.answer = lambda call: reply
    session = Session(server)
    for (answer,) in (session.ask(), session.ask()):
        assert answer.notes[0] == "response_format"
    assert session.forms == ["response_format"] * 2


def test_an_inconclusive_answer_holds_nobody_up(server: StandIn) -> None:
    replies = [completion(LOOSE), completion("{", reason="length")]
    server.answer = lambda call: replies.pop(0) if replies else completion(GOOD)
    session = Session(server)
    (answer,) = session.ask()
    assert (answer.finish_reason, answer.notes) == ("length", ("structured_outputs",))
    assert not session.client.habits.doubtful


def test_a_server_lost_in_the_middle_fails_one_and_hides_nothing(server: StandIn) -> None:
    server.answer = lambda call: completion(LOOSE) if "response_format" in call.body else failure(404, "gone")
    session = Session(server)
    with pytest.raises(EngineError, match="gone"):
        session.ask()
    server.answer = server_that("structured_outputs")
    assert {answer.notes for answer in session.ask(20)} == {("structured_outputs",)}


def test_other_grammars_go_in_vllms_way_and_are_not_checked(server: StandIn) -> None:
    server.answer = server_that()
    (answer,) = Session(server).ask(sampling={"structured_outputs": {"regex": "[0-9]"}})
    assert answer.notes == ("structured_outputs",)
    assert server.asked[0].body["structured_outputs"] == {"regex": "[0-9]"}


def test_a_request_without_a_grammar_waits_for_nothing(server: StandIn) -> None:
    server.answer = server_that()
    session = Session(server)
    session.client.habits.doubtful = True
    (answer,) = session.ask(sampling={"temperature": 0})
    assert answer.notes == ()
    assert session.client.habits.doubtful


def test_our_own_server_is_asked_as_the_protocol_says(server: StandIn) -> None:
    server.answer = server_that()
    client = ChatClient(Connection(Address.parse(server.url), direct=True), "judge", adapt=False)

    async def run() -> Answer:
        try:
            return await client.ask(Request("Quality", [], SAMPLING))
        finally:
            await client.close()

    assert asyncio.run(run()).notes == ()
    (call,) = server.asked
    assert {name: call.body[name] for name in SAMPLING} == SAMPLING


# --- servers that can't be had here, as they are documented

# OpenAI refuses each unknown name by itself (https://github.com/TutteInstitute/toponymy/pull/148, 2026-05), and a
# schema with a part that has no type (https://github.com/FlowiseAI/Flowise/issues/4502, 2025-05).
OPENAI_FIELDS = {"model", "messages", "temperature", "seed", "max_tokens", "response_format", "top_p"}


def openai_error(message: str, param: str | None = None) -> Reply:
    error = {"message": message, "type": "invalid_request_error", "param": param, "code": None}
    return 400, {}, json.dumps({"error": error}).encode()


def untyped(schema: Any, where: tuple[str, ...] = ()) -> tuple[str, ...] | None:
    """The first part of a schema that has no type."""
    if "anyOf" in schema:
        return next((found for part in schema["anyOf"] if (found := untyped(part, where)) is not None), None)
    if "type" not in schema:
        return where
    parts = schema.get("properties", {}).items()
    return next((at for name, part in parts if (at := untyped(part, (*where, "properties", name))) is not None), None)


def openai(call: Call) -> Reply:
    if strange := sorted(call.body.keys() - OPENAI_FIELDS):
        return openai_error(f"Unrecognized request argument supplied: {strange[0]}")
    schema = call.body.get("response_format", {}).get("json_schema", {}).get("schema")
    if schema is None:
        return completion(LOOSE)
    if (where := untyped(schema)) is not None:
        message = f"Invalid schema for response_format 'answer': In context={where}, schema must have a 'type' key."
        return openai_error(message, "response_format")
    return completion(json.dumps(fitting(schema)))


# Gemini's endpoint of the OpenAI shape names all unknown fields at once, in a list with one error
# (https://github.com/MinLL/SkyrimNet-GamePlugin/issues/77, 2025-08; https://github.com/Vali-98/ChatterUI/issues/227).
def gemini(call: Call) -> Reply:
    if strange := sorted(call.body.keys() - (OPENAI_FIELDS - {"seed"})):
        lines = [f'Invalid JSON payload received. Unknown name "{name}": Cannot find field.' for name in strange]
        error = {"code": 400, "message": "\n".join(lines), "status": "INVALID_ARGUMENT"}
        return 400, {}, json.dumps([{"error": error}]).encode()
    return completion(GOOD if "response_format" in call.body else LOOSE)


# Azure OpenAI before its API version 2024-08-01-preview (https://learn.microsoft.com/en-us/answers/questions/2278693).
def old_azure(call: Call) -> Reply:
    if strange := sorted(call.body.keys() - OPENAI_FIELDS):
        return openai_error(f"Unrecognized request argument supplied: {strange[0]}")
    if "response_format" in call.body:
        message = "response_format value as json_schema is enabled only for api versions 2024-08-01-preview and later"
        return 400, {}, json.dumps({"error": {"code": "BadRequest", "message": message}}).encode()
    return completion(LOOSE)


# SGLang 0.5.23 (python/sglang/srt/entrypoints/openai/protocol.py, ChatCompletionRequest) and LM Studio 0.3
# (https://lmstudio.ai/docs/advanced/structured-output) know response_format, and nothing of vLLM's fields.
sglang = server_that("response_format")

# vLLM before 0.12 knows guided_json too, and not structured_outputs
# (https://docs.vllm.ai/en/v0.8.2/features/reasoning_outputs.html). A gateway before it may drop response_format.
old_vllm_behind_a_gateway = server_that("guided_json")

# llama.cpp b9272 was reported to take a schema and not to apply it (https://github.com/ggml-org/llama.cpp/issues/24097),
# and so was Ollama for a model whose thinking is off (https://github.com/ollama/ollama/issues/14645). OpenRouter drops
# the field where the provider behind it has none (https://openrouter.ai/docs/structured-outputs).
llama_cpp = server_that(loose="The picture is sound in every respect.")


@pytest.mark.parametrize(
    ("answer", "notes", "requests"),
    [
        (openai, ("response_format", "without chat_template_kwargs"), 2),
        (gemini, ("response_format", "without chat_template_kwargs", "without seed"), 3),
        (old_azure, ("unconstrained", "without chat_template_kwargs", "without structured_outputs"), 6),
        (sglang, ("response_format",), 1),
        (old_vllm_behind_a_gateway, ("guided_json",), 3),
        (llama_cpp, ("unconstrained", "without structured_outputs"), 4),
    ],
)
def test_servers(server: StandIn, answer: Callable[[Call], Reply], notes: tuple[str, ...], requests: int) -> None:
    server.answer = answer
    session = Session(server)
    for _ in range(2):
        (found,) = session.ask()
        assert found.notes == notes
    assert len(server.asked) == requests + 1


def test_openai_takes_the_schema_of_every_dimension(server: StandIn) -> None:
    server.answer = openai
    session = Session(server)
    for protocol in (load_protocol("house"), load_protocol("house", kind="edit")):
        for dimension in protocol.dimensions:
            (answer,) = session.ask(sampling=protocol.sampling(dimension))
            assert answer.notes == ("response_format", "without chat_template_kwargs")
    as_in_the_protocol = {"response_format": {"json_schema": {"schema": SCHEMA}}}
    status, _, text = openai(Call("POST", "/", {}, as_in_the_protocol))
    assert status == 400
    assert b"must have a 'type' key" in text
