"""What a LiteLLM proxy says in words that name another cause; tests/real_servers/test_litellm.py has the real one."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from pytest_imagejudge.engines.base import Answer
from pytest_imagejudge.engines.endpoint import EndpointEngine
from pytest_imagejudge.errors import ConfigError, EngineError
from pytest_imagejudge.protocols import load_protocol
from pytest_imagejudge.protocols.base import Request
from pytest_imagejudge.settings import JudgeSettings
from tests.stand_in.endpoint import Reply, StandIn

# LiteLLM 1.100.5
UNKNOWN_MODEL = (
    "/chat/completions: Invalid model name passed in model=jugde. Call `/v1/models` to view available models"
)
UNKNOWN_KEY = {"message": "No connected db.", "type": "no_db_connection", "param": None, "code": "400"}


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[StandIn]:
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    server = StandIn()
    yield server
    server.close()


def refusal(**error: object) -> Reply:
    return 400, {}, json.dumps({"error": error}).encode()


def ask(server: StandIn, folder: Path, model: str | None = "jugde") -> Answer:
    protocol = load_protocol("house")
    engine = EndpointEngine(JudgeSettings(urls=(server.url,), model=model), protocol, state_dir=folder, first_wait=0.0)

    async def run() -> Answer:
        try:
            return await engine.ask(Request("Quality", [], protocol.sampling("Quality")))
        finally:
            await engine.close()

    return asyncio.run(run())


def test_an_unknown_model_is_answered_with_those_that_are_served(server: StandIn, tmp_path: Path) -> None:
    server.answer = lambda call: refusal(message=UNKNOWN_MODEL, type="None", code="400")
    with pytest.raises(EngineError, match=r"Invalid model name .*it lists 'judge' \(did you mean \"judge\"\?\)"):
        ask(server, tmp_path)
    assert len(server.asked) == 1  # no field is to blame


def test_an_unknown_key_is_named(server: StandIn, tmp_path: Path) -> None:
    server.answer = lambda call: refusal(**UNKNOWN_KEY)
    with pytest.raises(EngineError, match=r"No connected db\..*check IMAGEJUDGE_API_KEY"):
        ask(server, tmp_path)
    assert len(server.asked) == 1
    server.listing = lambda: refusal(**UNKNOWN_KEY)
    with pytest.raises(ConfigError, match=r"/models: HTTP 400: .*check IMAGEJUDGE_API_KEY"):
        ask(server, tmp_path, model=None)
