"""Chat completions over HTTP: one server of the OpenAI shape, asked with retries, its answer read with suspicion."""

from __future__ import annotations

import dataclasses
import json
import re
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from ..errors import EngineError
from ..protocols.base import Request
from . import spending
from .address import Address, cause, excerpt, hide_credentials
from .answer_message import answer_text, is_refusal
from .base import Answer
from .connection import ANSWER_SECONDS, Connection
from .health import HealthWatch, listening
from .picture_limits import picture_remedy
from .quotas import pause_asked, used_up
from .retries import Retries, UnavailableError

if TYPE_CHECKING:
    import httpx


MAX_ANSWER = 8 * 1024 * 1024  # bytes of one response, unpacked; 4,096 tokens are some 20 KiB


POOLS = 8  # a pool looks at all of its connections at every request; hundreds in one cost more than the requests


# Fields that every server of this shape knows; all others are vLLM's own, or not to be counted on. What a server
# refuses of the first by name can be done without, these earlier than those. The limit can't: what is said to be
# wrong with it is most often that the request is too long.
DISPENSABLE = ("seed", "top_p", "presence_penalty", "frequency_penalty", "stop", "temperature")


COMMON_FIELDS = frozenset((*DISPENSABLE, "max_tokens", "max_completion_tokens"))


CONSTRAINTS = frozenset(("structured_outputs", "response_format", "thinking_token_budget"))


# What servers call an end that was put to an answer from outside, such as by a pause or a shutdown of theirs.
BROKEN_OFF = frozenset(("abort", "aborted"))


# Statuses of a gateway that waited no longer for the server, which may go on and be paid for it.
GIVEN_UP = frozenset((504, 524))


PASSING = frozenset((408, 409, 425, 429))  # statuses below 500 that another try may change


def warm_up() -> None:
    """Import what the first request would import."""
    import httpx  # noqa: F401
    import tenacity  # noqa: F401


class RefusedError(EngineError):
    """The server answered with a status that another try does not change.

    Attributes:
        status: the HTTP status.
        body: all that the server said.
        reason: its status and the start of the body, as they may be shown.
    """

    def __init__(self, message: str, status: int, body: str, reason: str) -> None:
        super().__init__(message)
        self.status, self.body, self.reason = status, body, reason


class Habits:
    """The request fields that a session knows to be refused or accepted.

    The clients of a session share one object, so that all images are asked alike.

    Attributes:
        refused: fields that are left out, or sent in another way where there is one, each with the server's reason.
        accepted: fields that requests which were answered have carried.
    """

    def __init__(self) -> None:
        self.refused: dict[str, str] = {}
        self.accepted: frozenset[str] = frozenset()

    def blame(self, refusal: RefusedError, fields: Collection[str]) -> frozenset[str]:
        """Return the ``fields`` to leave out after a refusal; none where the request itself is wrong."""
        if refusal.status not in (400, 422):
            return frozenset()
        if "max_tokens" in fields and "max_completion_tokens" in refusal.body:
            return frozenset(("max_tokens",))
        named = {name for name in fields if re.search(rf"(?<!\w){re.escape(name)}(?!\w)", refusal.body)}
        uncommon = frozenset(fields) - COMMON_FIELDS
        # of these one at a time: "temperature and top_p can't both be given" is content with one
        dispensable = frozenset([name for name in DISPENSABLE if name in named][:1])
        return (uncommon & named) or dispensable or (uncommon - self.accepted) or uncommon


@dataclass(frozen=True)
class Shaped:
    """Fields of a request as a server takes them, `Answer.notes`, and the names of those that are left out."""

    fields: dict[str, Any]
    notes: tuple[str, ...]
    lost: frozenset[str]


def shape(sampling: Mapping[str, Any], refused: Collection[str]) -> Shaped:
    """Return ``sampling`` without the ``refused`` fields or with their substitutes."""
    fields = {name: value for name, value in sampling.items() if name not in refused}
    lost = sampling.keys() - fields.keys()
    notes: list[str] = []
    if "max_tokens" in lost:
        fields.setdefault("max_completion_tokens", sampling["max_tokens"])
        lost.remove("max_tokens")
    grammar = sampling["structured_outputs"] if "structured_outputs" in lost else {}
    if "json" in grammar and "response_format" not in {*sampling, *refused}:
        schema = {"name": "answer", "schema": grammar["json"], "strict": True}
        fields["response_format"] = {"type": "json_schema", "json_schema": schema}
        lost.remove("structured_outputs")
        notes.append("response_format")
    if lost & CONSTRAINTS:
        notes.append("unconstrained")
    return Shaped(fields, (*notes, *(f"without {name}" for name in sorted(lost))), frozenset(lost))


class ChatClient:
    """A client for the chat completions of one server.

    Args:
        address: of the server.
        model: the name of the served model.
        key: bearer token, or None.
        headers: further headers by name in lower case, see `Connection`.
        timeout: seconds for one request, in which its answer has to be complete.
        engine, version: recorded in every answer.
        habits: shared by the clients of one session.
        attempts: tries of one request, the first included, where the server is lost or fails; those that were too
            many for it don't count.
        direct: keep clear of the proxies that the environment names.
        first_wait: seconds before the second try, or more where the server asks for it; doubled each time.
        adapt: leave out the fields that the server refuses.
        progress: told that the server does not answer, once until it does: the tries take their time.
        most: requests in flight at once; None for any number.
        watch: seconds of silence in a request after which the server's health is asked, and seconds between two
            questions; None for a server that is watched by others.
    """

    def __init__(
        self,
        address: Address,
        model: str,
        *,
        key: str | None = None,
        headers: Mapping[str, str] | None = None,
        timeout: float = ANSWER_SECONDS,
        engine: str = "endpoint",
        version: str = "",
        habits: Habits | None = None,
        attempts: int = 7,
        direct: bool = False,
        first_wait: float = 0.5,
        adapt: bool = True,
        progress: Callable[[str], None] = lambda line: None,
        most: int | None = None,
        watch: tuple[float, float] | None = None,
    ) -> None:
        self.address, self.model, self.key, self.timeout = address, model, key, timeout
        self.connection = Connection(address, key=key, headers=headers, direct=direct)
        self.engine, self.version = engine, version
        self.habits = habits or Habits()
        self.adapt = adapt
        self.retries = Retries(attempts, first_wait, progress, most)
        self.watch = HealthWatch(address, lambda: self.connection.client(timeout), *watch) if watch else None
        self._clients: list[httpx.AsyncClient] = []
        self._turn = 0

    async def ask(self, request: Request) -> Answer:
        """Answer one request.

        Raises:
            RefusedError: the server does not take it.
            UnavailableError: the server is lost, or failed as often as it was tried.
            EngineError: the response is no chat completion.
        """
        refused: dict[str, str] = {}
        while True:
            refused = self.habits.refused | refused  # others may have learnt more in the meantime
            shaped = shape(request.sampling, refused)
            body = {"model": self.model, "messages": request.messages, **shaped.fields}
            try:
                content = json.dumps(body, ensure_ascii=True).encode()
                reply = await self.retries.call(self._complete, content)
                break
            except RefusedError as refusal:
                # no field of the request is to blame
                if words := picture_remedy(refusal.status, refusal.body, request, len(content)):
                    raise RefusedError(f"{refusal}{words}", refusal.status, refusal.body, refusal.reason) from None
                blamed = self.habits.blame(refusal, shaped.fields) if self.adapt else None
                if not blamed:
                    raise
                refused |= dict.fromkeys(blamed, refusal.reason)
        self.habits.refused |= refused
        self.habits.accepted |= shaped.fields.keys()
        answer = self._answer(reply, request)
        reasons = {name: refused.get(name, "") for name in sorted(shaped.lost)}
        return dataclasses.replace(answer, notes=shaped.notes, refused=reasons)

    async def close(self) -> None:
        """Close the connections."""
        if self.watch is not None:
            await self.watch.close()
        clients, self._clients = self._clients, []
        for client in clients:
            await client.aclose()

    def _excerpt(self, body: bytes | str) -> str:
        return excerpt(body, self.connection.secrets) or "(empty)"

    def _http(self) -> httpx.AsyncClient:
        """One of the pools of connections, each in its turn."""
        if not self._clients:
            self._clients = [self.connection.client(self.timeout) for _ in range(POOLS)]
        self._turn = (self._turn + 1) % len(self._clients)
        return self._clients[self._turn]

    async def _complete(self, content: bytes) -> dict[str, Any]:
        """One try at a chat completion: the reply; one that the server broke off itself is a lost request."""
        path = "/chat/completions"
        reply = await self._send(path, content)
        reason = _first_choice(reply).get("finish_reason")
        if isinstance(reason, str) and reason.casefold() in BROKEN_OFF:
            shown = self.address.to_show(path)
            spending.lose(Answer("", **_tokens(reply)))
            # a server that pauses or goes down says so with a whole reply, whose status is that of success
            raise UnavailableError(f"{shown}: the server broke the answer off (finish_reason {reason!r})", 503)
        return reply

    async def _send(self, path: str, content: bytes) -> dict[str, Any]:
        """Send once; return the JSON object of the response, or raise an error of the class that says if to retry."""
        import asyncio

        import httpx

        shown = self.connection.shown(path)
        body = bytearray()
        try:
            async with (
                asyncio.timeout(self.timeout),
                listening(self.watch) as hear,
                self._http().stream("POST", self.address.to(path), content=content) as response,
            ):
                hear()
                async for chunk in response.aiter_bytes():
                    hear()
                    body += chunk
                    if len(body) > MAX_ANSWER:
                        spending.lose()
                        raise EngineError(f"{shown}: an answer of more than {MAX_ANSWER >> 20} MiB")
        except (httpx.ReadTimeout, TimeoutError):
            spending.lose()
            raise UnavailableError(
                f"{shown}: no answer within {self.timeout:g} s (judge_timeout)", final=True
            ) from None
        except (httpx.UnsupportedProtocol, httpx.LocalProtocolError, httpx.DecodingError, httpx.InvalidURL) as error:
            raise EngineError(f"{shown}: {self._excerpt(str(error))}") from None
        except httpx.TransportError as error:
            if not isinstance(error, httpx.ConnectError | httpx.ConnectTimeout | httpx.ProxyError):
                spending.lose()  # the request was sent, and may have been answered
            raise self.connection.failure(path, error) from None
        except (ValueError, ImportError, OSError) as error:  # a host name that can't be used
            raise EngineError(f"{shown}: {cause(error, self.connection.secrets)}") from None
        status = response.status_code
        if status == 200:
            if self.watch is not None:
                self.watch.answered(response.headers)
            reply = self._parse(shown, bytes(body))
            fault = reply.get("error")
            if not fault or reply.get("choices"):
                return reply
            status = _status_of(fault)  # a gateway had promised an answer before the server behind it failed
        said = excerpt(response.reason_phrase, self.connection.secrets)
        found = f"HTTP {response.status_code} {said}: {self._excerpt(bytes(body))}"
        message = f"{shown}: {found}"
        text = body.decode("utf-8", "replace")
        spent = status == 429 and used_up(text)
        if status in GIVEN_UP:
            spending.lose()
        if (status in PASSING or status >= 500) and not spent:
            raise UnavailableError(message, status, pause_asked(status, response.headers))
        message += " (a quota is used up: waiting a minute does not help)" if spent else self.connection.hint(status)
        if 300 <= status < 400:
            place = excerpt(hide_credentials(response.headers.get("location", "")), self.connection.secrets)
            message += f" (it points to {place!r})"
        raise RefusedError(message, status, text, found)

    def _parse(self, shown: str, body: bytes) -> dict[str, Any]:
        try:
            reply = json.loads(body)
        except (ValueError, RecursionError) as error:
            message = f"{shown}: not JSON: {self._excerpt(body)}"
            if isinstance(error, ValueError) and body.lstrip().startswith(b"{"):  # it was to be, and was cut off
                spending.lose()
                raise UnavailableError(message, 200) from None
            raise EngineError(message) from None
        if not isinstance(reply, dict):
            raise EngineError(f"{shown}: not a JSON object: {self._excerpt(body)}")
        return reply

    def _answer(self, reply: Mapping[str, Any], request: Request) -> Answer:
        choice = _first_choice(reply)
        message = choice.get("message")
        tokens = _tokens(reply)
        if not isinstance(message, dict):
            if tokens["prompt_tokens"]:
                spending.lose(Answer("", **tokens))
            raise EngineError(
                f"{self.address.to_show('/chat/completions')}: no choices in the response: "
                f"{self._excerpt(json.dumps(reply, ensure_ascii=False))}"
            )
        reason = "refusal" if is_refusal(message) else choice.get("finish_reason")
        return Answer(
            text=answer_text(message, request, reason),
            finish_reason=reason if isinstance(reason, str) else None,
            engine=self.engine,
            engine_version=self.version,
            served_model=_name(reply.get("model")) if self.adapt else "",
            system_fingerprint=_name(reply.get("system_fingerprint")) if self.adapt else "",
            created=datetime.now(UTC).isoformat(timespec="seconds"),
            **tokens,
        )


def _status_of(error: object) -> int:
    """Return the HTTP status in an error object, 500 where there is none."""
    code = str(error.get("code")) if isinstance(error, dict) else ""
    return int(code) if re.fullmatch(r"[45]\d\d", code, re.ASCII) else 500


def _object(value: object) -> Mapping[str, Any]:
    return value if isinstance(value, dict) else {}


def _first_choice(reply: Mapping[str, Any]) -> Mapping[str, Any]:
    """The only choice of a reply, or an empty one where it has none."""
    choices = reply.get("choices")
    return _object(choices[0]) if isinstance(choices, list) and choices else {}


def _name(value: object) -> str:
    """A name that a server gives, or an empty string where it is none."""
    return value[:200] if isinstance(value, str) and value.isprintable() else ""


def _tokens(reply: Mapping[str, Any]) -> dict[str, Any]:
    """Return the fields of an `Answer` that count tokens."""
    usage = _object(reply.get("usage"))
    return {
        "prompt_tokens": _count(usage.get("prompt_tokens")) or 0,
        "cached_prompt_tokens": _count(_object(usage.get("prompt_tokens_details")).get("cached_tokens")),
        "output_tokens": _count(usage.get("completion_tokens")) or 0,
    }


def _count(value: object) -> int | None:
    """A count of tokens, or None where it is none."""
    return value if isinstance(value, int) and not isinstance(value, bool) and value >= 0 else None
