"""Logs of the HTTP client without secrets."""

from __future__ import annotations

import asyncio
import logging
import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from pytest_imagejudge.engines import masked_logs
from pytest_imagejudge.engines.endpoint import EndpointEngine
from pytest_imagejudge.errors import EngineError
from pytest_imagejudge.protocols import load_protocol
from pytest_imagejudge.protocols.base import Request
from pytest_imagejudge.settings import API_KEY_VARIABLE, JudgeSettings
from tests.stand_in.endpoint import StandIn, completion, failure


@pytest.fixture(autouse=True)
def no_secrets_left(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(masked_logs._MASK, "secrets", frozenset())
    for name in [name for name in os.environ if name.lower().endswith("_proxy")]:
        monkeypatch.delenv(name)


@pytest.fixture
def server() -> Iterator[StandIn]:
    server = StandIn()
    yield server
    server.close()


@pytest.mark.parametrize("proxied", [False, True])
def test_no_secret_is_logged(
    server: StandIn,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
    proxied: bool,
) -> None:
    monkeypatch.setenv("TEAM", "sesame-header")
    monkeypatch.setenv(API_KEY_VARIABLE, "sesame-key")
    url = server.url
    if proxied:
        monkeypatch.setenv("http_proxy", f"http://user:sesame-proxy@127.0.0.1:{server.port}")
        url = "http://judge.example"
    server.answer = lambda call: (200, {"x-echo": str(call.headers).replace("\r\n", " ")}, completion()[2])
    caplog.set_level(logging.DEBUG)
    settings = JudgeSettings(urls=(f"{url}/v1?key=sesame-query",), headers=("x-team=TEAM",))
    engine = EndpointEngine(settings, load_protocol("house"), state_dir=tmp_path)

    async def ask() -> None:
        await engine.ask(Request("Quality", [], {"temperature": 0}))
        server.answer = lambda call: failure(400, str(call.headers))
        with pytest.raises(EngineError):
            await engine.ask(Request("Quality", [], {"temperature": 0}))
        await engine.close()

    asyncio.run(ask())
    assert "HTTP Request: POST" in caplog.text
    assert "?key=***" in caplog.text
    assert "x-echo" in caplog.text
    assert "sesame" not in caplog.text


def test_logs_of_others_stay_as_they_are(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    masked_logs.mask_in_logs({"sesame"})
    logging.getLogger("httpx").info("to %s", "another server")
    (record,) = caplog.records
    assert (record.msg, record.args) == ("to %s", ("another server",))
