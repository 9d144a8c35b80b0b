"""A stand-in for a server of the OpenAI shape: a thread that answers as each test says, and keeps what it was asked."""

from __future__ import annotations

import json
import ssl
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from pytest_imagejudge.engines.sight import QUESTION

Reply = tuple[int, dict[str, str], bytes]


@dataclass
class Call:
    method: str
    path: str
    headers: dict[str, str]
    body: dict[str, Any]


def completion(
    content: Any = "{}",
    *,
    reason: str | None = "stop",
    usage: Any = None,
    told: dict[str, Any] | None = None,
    **message: Any,
) -> Reply:
    choice = {"index": 0, "finish_reason": reason, "message": {"role": "assistant", "content": content, **message}}
    reply = {"object": "chat.completion", "choices": [choice], "usage": usage or {}, **(told or {})}
    return 200, {"content-type": "application/json"}, json.dumps(reply).encode()


def failure(status: int, message: str = "no", **headers: str) -> Reply:
    names = {name.replace("_", "-"): value for name, value in headers.items()}
    return status, names, json.dumps({"error": {"message": message}}).encode()


def models(*names: str) -> Reply:
    return 200, {}, json.dumps({"object": "list", "data": [{"id": name} for name in names]}).encode()


def fitting(schema: dict[str, Any], shared: dict[str, Any] | None = None) -> Any:
    """A value that satisfies a schema of objects and enums, with the last number of each enum, and empty texts."""
    shared = schema.get("$defs", {}) if shared is None else shared
    if "$ref" in schema:
        return fitting(shared[schema["$ref"].rpartition("/")[2]], shared)
    if "anyOf" in schema:
        return fitting(schema["anyOf"][0], shared)
    if "pattern" in schema:
        return ""
    if "enum" in schema:
        return next((value for value in reversed(schema["enum"]) if not isinstance(value, str)), schema["enum"][-1])
    return {name: fitting(part, shared) for name, part in schema["properties"].items()}


def asks_for_sight(call: Call) -> bool:
    """True of the question by which an engine finds out whether pictures reach the model."""
    return QUESTION in json.dumps(call.body.get("messages"))


def shows(call: Call) -> bool:
    """True where a request has a picture."""
    return '"image_url"' in json.dumps(call.body["messages"])


def seeing(call: Call) -> Reply | None:
    """Answer the question of sight as a server does whose model takes pictures."""
    usage = {"prompt_tokens": 74 if shows(call) else 12, "completion_tokens": 1}
    return completion("Red", reason="length", usage=usage)


@dataclass
class StandIn:
    """``answer`` takes a `Call` to the chat completions and returns a `Reply`, or None to drop the connection.

    A request that ``answer`` still holds when the stand-in is closed keeps its connection, while no new one is taken.

    With ``tls`` it is reached as https://localhost. Named as a proxy, it answers for every server, and to CONNECT with
    ``tunnel``.

    The question of sight is no call: ``sight`` answers it, and ``looks`` keeps it.
    """

    answer: Callable[[Call], Reply | None] = lambda call: completion()
    listing: Callable[[], Reply] = lambda: models("judge")
    health: Callable[[], Reply] = lambda: failure(404)
    calls: list[Call] = field(default_factory=list)
    tls: ssl.SSLContext | None = None
    tunnel: Reply | None = None
    sight: Callable[[Call], Reply | None] = seeing
    looks: list[Call] = field(default_factory=list)

    def __post_init__(self) -> None:
        outer = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def log_message(self, *args: Any) -> None:
                pass

            def reply(self, reply: Reply | None) -> None:
                if reply is None:
                    self.close_connection = True
                    self.connection.close()
                    return
                status, headers, body = reply
                self.send_response(status)
                for name, value in headers.items():
                    self.send_header(name, value)
                self.send_header("content-length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def call(self, body: dict[str, Any]) -> Call:
                call = Call(self.command, self.path, {k.lower(): v for k, v in self.headers.items()}, body)
                (outer.looks if asks_for_sight(call) else outer.calls).append(call)
                return call

            def do_GET(self) -> None:
                self.call({})
                if self.path.startswith("/version"):
                    return self.reply((200, {}, b'{"version": "9.9.9"}'))
                if self.path == "/health":
                    return self.reply(outer.health())
                return self.reply(outer.listing() if "/models" in self.path else failure(404))

            def do_CONNECT(self) -> None:
                self.call({})
                self.reply(outer.tunnel)

            def do_POST(self) -> None:
                data = self.rfile.read(int(self.headers["content-length"]))
                call = self.call(json.loads(data))
                self.reply((outer.sight if asks_for_sight(call) else outer.answer)(call))

        class Server(ThreadingHTTPServer):
            daemon_threads = True
            request_queue_size = 128

            def handle_error(self, *args: Any) -> None:
                pass  # the client may hang up

        self.server = Server(("127.0.0.1", 0), Handler)
        if self.tls is not None:
            self.server.socket = self.tls.wrap_socket(self.server.socket, server_side=True)
        self.thread = threading.Thread(target=self.server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
        self.thread.start()

    @property
    def port(self) -> int:
        return int(self.server.server_address[1])

    @property
    def url(self) -> str:
        return f"https://localhost:{self.port}" if self.tls else f"http://127.0.0.1:{self.port}"

    @property
    def asked(self) -> list[Call]:
        return [call for call in self.calls if call.method == "POST"]

    def close(self) -> None:
        self.server.shutdown()
        self.server.server_close()
        self.thread.join()
