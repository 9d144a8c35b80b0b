"""Chat completions over HTTP: one server of the OpenAI shape, asked with retries, its answer read with suspicion."""

from __future__ import annotations

import dataclasses
import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import orjson

from ..errors import EngineError
from ..protocols.base import Request
from . import spending
from .address import cause, excerpt, hide_credentials
from .answer_message import IN_REASONING, is_refusal, read_message
from .base import Answer
from .connection import ANSWER_SECONDS, Connection
from .gateway_refusals import unknown_key, unknown_model
from .health import HealthWatch, listening
from .picture_limits import picture_remedy
from .quotas import pause_asked, used_up
from .request_fields import GRAMMAR, Habits, Shaped, as_is, keeps_grammar, shape
from .retries import Retries, UnavailableError

if TYPE_CHECKING:
    import httpx


MAX_ANSWER = 8 * 1024 * 1024  # bytes of one response, unpacked; 4,096 tokens are some 20 KiB


POOLS = 8  # a pool looks at all of its connections at every request; hundreds in one cost more than the requests


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


@dataclass
class _Attempt:
    """The fields that one request found refused, with the reasons, and its last answer if that broke its grammar."""

    refused: dict[str, str] = field(default_factory=dict)
    broken: Answer | None = None


class ChatClient:
    """A client for the chat completions of one server.

    Args:
        connection: the way to the server.
        model: the name of the served model.
        timeout: seconds for one request, in which its answer has to be complete.
        engine, version: recorded in every answer.
        habits: what is known of the server's fields.
        attempts: tries of one request, the first included, where the server is lost or fails; those that were too
            many for it don't count.
        first_wait: seconds before the second try, or more where the server asks for it; doubled each time.
        adapt: send the grammar in the form that the server takes, and leave out the fields that it refuses. Without
            it a request is sent as it is.
        progress: told that the server does not answer, once until it does: the tries take their time.
        most: requests in flight at once; None for any number.
        watch: seconds of silence in a request after which the server's health is asked, and seconds between two
            questions; None for a server that is watched by others.
    """

    def __init__(
        self,
        connection: Connection,
        model: str,
        *,
        timeout: float = ANSWER_SECONDS,
        engine: str = "endpoint",
        version: str = "",
        habits: Habits | None = None,
        attempts: int = 7,
        first_wait: float = 0.5,
        adapt: bool = True,
        progress: Callable[[str], None] = lambda line: None,
        most: int | None = None,
        watch: tuple[float, float] | None = None,
    ) -> None:
        self.connection, self.address, self.model, self.timeout = connection, connection.address, model, timeout
        self.engine, self.version = engine, version
        self.habits = habits or Habits()
        self.adapt = adapt
        self.retries = Retries(attempts, first_wait, progress, most)
        self.watch = HealthWatch(self.address, lambda: connection.client(timeout), *watch) if watch else None
        self._clients: list[httpx.AsyncClient] = []
        self._turn = 0

    async def ask(self, request: Request) -> Answer:
        """Answer one request.

        Raises:
            RefusedError: the server does not take it.
            UnavailableError: the server is lost, or failed as often as it was tried.
            EngineError: the response is no chat completion.
        """
        attempt = _Attempt()
        answer = None
        if not (self.habits.doubtful and GRAMMAR in request.sampling):
            answer = await self._try(request, attempt)
        while answer is None:
            answer = await self._try_on(request, attempt)
        return answer

    async def _try_on(self, request: Request, attempt: _Attempt) -> Answer | None:
        """Try again: one request finds out what the server takes, while the others that need to know it wait.

        Raises:
            As `ask`.
        """
        habits, probes = self.habits, self.habits.probes
        if not habits.know(attempt.refused):
            async with habits.finding_out:
                if habits.doubtful or (probes == habits.probes and not habits.know(attempt.refused)):
                    try:
                        while (answer := await self._try(request, attempt)) is None:
                            pass
                        return answer
                    finally:
                        habits.probes += 1
        return await self._try(request, attempt)

    async def _try(self, request: Request, attempt: _Attempt) -> Answer | None:
        """Ask once, with the fields that are known to be taken; None where another try has to be made.

        Raises:
            As `ask`.
        """
        attempt.refused |= {name: why for name, why in self.habits.refused.items() if name not in attempt.refused}
        shaped = (
            shape(request.sampling, attempt.refused, self.habits.ignored) if self.adapt else as_is(request.sampling)
        )
        kept = None
        if attempt.broken is not None and not shaped.form:  # to ask without a grammar would bring no better answer
            answer = attempt.broken
        else:
            if attempt.broken is not None:
                spending.lose(attempt.broken)
                attempt.broken = None
            body = {"model": self.model, "messages": request.messages, **shaped.fields}
            content = _encoded(body)
            try:
                reply = await self.retries.call(self._complete, content)
            except RefusedError as refusal:
                attempt.refused |= self._blamed(refusal, shaped, request, len(content))
                return None
            answer = self._answer(reply, request)
            kept = keeps_grammar(answer, shaped, request.sampling)
        self.habits.learn(shaped, attempt.refused, kept)
        if kept is False:
            attempt.broken = answer
            return None
        reasons = {name: self.habits.reason(request.sampling, name, attempt.refused) for name in sorted(shaped.lost)}
        if GRAMMAR in reasons:
            self._tell_once(f"asked without a grammar: {reasons[GRAMMAR]}")
        if IN_REASONING in answer.notes:
            self._tell_once("the server's reasoning parser takes answers for thinking; they are read from there")
        return dataclasses.replace(answer, notes=(*shaped.notes, *answer.notes), refused=reasons)

    def _tell_once(self, line: str) -> None:
        """Report what holds for the whole session."""
        if line not in self.habits.told:
            self.habits.told.add(line)
            self.retries.progress(f"{self.address.base}: {line}")

    def _blamed(self, refusal: RefusedError, shaped: Shaped, request: Request, size: int) -> dict[str, str]:
        """Return the fields to leave out after a refusal of ``size`` bytes, with the reason.

        Raises:
            RefusedError: no field is to blame.
        """
        if words := picture_remedy(refusal.status, refusal.body, request, size) or unknown_key(refusal.body):
            raise RefusedError(f"{refusal}{words}", refusal.status, refusal.body, refusal.reason) from None
        adapts = self.adapt and not unknown_model(refusal.body)
        blamed = self.habits.blame(refusal.status, refusal.body, shaped.fields) if adapts else None
        if not blamed:
            raise refusal
        return dict.fromkeys(blamed, refusal.reason)

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
        except UnavailableError:  # its watch has ended it
            spending.lose()
            raise
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
            status = _failed(reply)  # a gateway had promised an answer before the server behind it failed
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
            spending.lose()  # a success, whose answer may have been paid for
            if isinstance(error, ValueError) and body.lstrip().startswith(b"{"):  # it was to be, and was cut off
                raise UnavailableError(message, 200) from None
            raise EngineError(message) from None
        if not isinstance(reply, dict):
            spending.lose()
            raise EngineError(f"{shown}: not a JSON object: {self._excerpt(body)}")
        return reply

    def _answer(self, reply: Mapping[str, Any], request: Request) -> Answer:
        choice = _first_choice(reply)
        message = choice.get("message")
        tokens = _tokens(reply)
        if not isinstance(message, dict):
            spending.lose(Answer("", **tokens) if tokens["prompt_tokens"] else None)
            raise EngineError(
                f"{self.address.to_show('/chat/completions')}: no choices in the response: "
                f"{self._excerpt(json.dumps(reply, ensure_ascii=False))}"
            )
        reason = "refusal" if is_refusal(message) else choice.get("finish_reason")
        text, notes = read_message(message, request, reason)
        return Answer(
            text=text,
            notes=notes,
            finish_reason=reason if isinstance(reason, str) else None,
            engine=self.engine,
            engine_version=self.version,
            served_model=_name(reply.get("model")) if self.adapt else "",
            system_fingerprint=_name(reply.get("system_fingerprint")) if self.adapt else "",
            created=datetime.now(UTC).isoformat(timespec="seconds"),
            **tokens,
        )


def _encoded(body: Mapping[str, Any]) -> bytes:
    """Write a request; json takes some 40 ms for a picture of 2 MB, in which the event loop does nothing else."""
    try:
        return orjson.dumps(body)
    except orjson.JSONEncodeError:  # half a surrogate pair, which a prompt may hold, or a number of many digits
        return json.dumps(body, ensure_ascii=True).encode()


def _failed(reply: Mapping[str, Any]) -> int:
    """Book what a reply with an error in place of an answer has cost; return its HTTP status, 500 without one."""
    if (tokens := _tokens(reply))["prompt_tokens"]:
        spending.lose(Answer("", **tokens))
    code = str(_object(reply["error"]).get("code"))
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
