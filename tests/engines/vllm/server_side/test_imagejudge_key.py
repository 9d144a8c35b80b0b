"""The key that each request to the server must bear."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from pytest_imagejudge.engines.vllm.server_side.imagejudge_key import VARIABLE, KeyCheck, key


@pytest.fixture(autouse=True)
def variable(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(VARIABLE, "s3cret")


def asked(kind: str, path: str = "/v1/models", *headers: tuple[bytes, bytes]) -> list[dict[str, Any]]:
    """What a client is sent, by an app that answers 200 to all that reaches it."""
    sent: list[Any] = []

    async def app(scope: Any, receive: Any, send: Any) -> None:
        await send({"type": "reached"})

    async def send(message: Any) -> None:
        sent.append(message)

    async def receive() -> Any:
        raise AssertionError("nothing is read before the key is checked")

    asyncio.run(KeyCheck(app)({"type": kind, "path": path, "headers": headers}, receive, send))
    return sent


@pytest.mark.parametrize("path", ["/v1/models", "/metrics", "/tokenize", "/sleep", "/health/x", "/healthz", ""])
@pytest.mark.parametrize(
    "headers",
    [
        (),
        ((b"authorization", b"Bearer wrong"),),
        ((b"authorization", b"s3cret"),),
        ((b"authorization", b"Bearer s3cret "),),
        ((b"authorization", b""),),
        ((b"authorization", b"Bearer wrong"), (b"authorization", b"Bearer s3cret")),
        ((b"x-api-key", b"Bearer s3cret"),),
    ],
)
def test_without_the_key_nothing_is_reached(path: str, headers: tuple[tuple[bytes, bytes], ...]) -> None:
    start, body = asked("http", path, *headers)
    assert start["status"] == 401
    assert dict(start["headers"])[b"content-length"] == str(len(body["body"])).encode()


@pytest.mark.parametrize("name", [b"authorization", b"Authorization"])
@pytest.mark.parametrize("kind", ["http", "websocket"])
def test_with_the_key_the_server_is_reached(kind: str, name: bytes) -> None:
    assert asked(kind, "/v1/models", (name, b"Bearer s3cret")) == [{"type": "reached"}]


def test_health_and_the_start_of_the_server_need_none() -> None:
    assert asked("http", "/health") == [{"type": "reached"}]
    assert asked("lifespan", "") == [{"type": "reached"}]


def test_a_websocket_without_the_key_is_closed() -> None:
    assert asked("websocket", "/v1/realtime") == [{"type": "websocket.close", "code": 1008}]


@pytest.mark.parametrize("value", [None, ""])
def test_without_a_key_there_is_no_server(monkeypatch: pytest.MonkeyPatch, value: str | None) -> None:
    monkeypatch.delenv(VARIABLE) if value is None else monkeypatch.setenv(VARIABLE, value)
    with pytest.raises(SystemExit, match=VARIABLE):
        key()
    with pytest.raises(SystemExit, match=VARIABLE):
        asked("http")
