"""The check of the key that each request to the server must bear."""

from __future__ import annotations

import hmac
import os
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any

VARIABLE = "IMAGEJUDGE_SERVER_KEY"

OPEN = "/health"  # tells nothing but that there is a server

Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
App = Callable[[Message, Receive, Send], Awaitable[None]]


def key() -> str:
    """Return the key.

    Raises:
        SystemExit: there is none.
    """
    found = os.environ.get(VARIABLE, "")
    if not found:
        raise SystemExit(f"{VARIABLE} is not set: a server that answers everybody is not started")
    return found


class KeyCheck:
    """An ASGI middleware that answers 401 to what does not bear the key."""

    def __init__(self, app: App) -> None:
        self._app = app
        self._expected = f"Bearer {key()}".encode()

    async def __call__(self, scope: Message, receive: Receive, send: Send) -> None:
        """Hand on what bears the key, what asks for the server's health, and the server's own start and end."""
        if scope["type"] == "lifespan" or scope.get("path") == OPEN or self._bears_key(scope):
            await self._app(scope, receive, send)
        elif scope["type"] == "http":
            body = b'{"error": {"message": "Unauthorized", "type": "Unauthorized", "code": 401}}'
            headers = [(b"content-type", b"application/json"), (b"content-length", str(len(body)).encode())]
            await send({"type": "http.response.start", "status": 401, "headers": headers})
            await send({"type": "http.response.body", "body": body})
        else:
            await send({"type": "websocket.close", "code": 1008})

    def _bears_key(self, scope: Message) -> bool:
        given = [value for name, value in scope.get("headers", ()) if name.lower() == b"authorization"]
        return len(given) == 1 and hmac.compare_digest(given[0], self._expected)
