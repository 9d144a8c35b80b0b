"""Chat completions over HTTP: one server of the OpenAI shape, asked with retries, its answer read with suspicion."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit, urlunsplit

from ..errors import ConfigError, EngineError
from ..protocols.base import Request
from ..settings import API_KEY_VARIABLE
from ..untrusted import escape
from .base import Answer

if TYPE_CHECKING:
    import httpx
    from tenacity import RetryCallState

MAX_ANSWER = 8 * 1024 * 1024  # bytes of one response, unpacked; 4,096 tokens are some 20 KiB
CONNECT_SECONDS, ANSWER_SECONDS = 10.0, 1800.0
POOLS = 8  # a pool looks at all of its connections at every request; hundreds in one cost more than the requests
RATE_LIMIT_SECONDS = 600.0  # how long a request waits out "too many requests"
LONGEST_WAIT = 60.0

# Fields that every server of this shape knows; all others are vLLM's own, or not to be counted on.
COMMON_FIELDS = frozenset(
    ("temperature", "top_p", "max_tokens", "seed", "stop", "presence_penalty", "frequency_penalty")
)
CONSTRAINTS = frozenset(("structured_outputs", "response_format", "thinking_token_budget"))


def warm_up() -> None:
    """Import what the first request would import."""
    import httpx  # noqa: F401
    import tenacity  # noqa: F401


class RefusedError(EngineError):
    """The server answered with a status that another try does not change."""

    def __init__(self, message: str, status: int, body: str) -> None:
        super().__init__(message)
        self.status, self.body = status, body


class UnavailableError(EngineError):
    """The connection was lost, or the server said that it can't answer now; retries did not help.

    Attributes:
        status: the HTTP status, or None where there was no response.
        after: seconds that the server asked to wait for, or None.
    """

    def __init__(self, message: str, status: int | None = None, after: float | None = None) -> None:
        super().__init__(message)
        self.status, self.after = status, after


@dataclass(frozen=True)
class Address:
    """Where a server is: ``base`` ends before ``/chat/completions`` and is free of credentials."""

    base: str
    query: str = ""
    auth: tuple[str, str] | None = None

    @classmethod
    def parse(cls, url: str) -> Address:
        """Take ``http://host:port``, with or without ``/v1``, or the whole path to the chat completions.

        Raises:
            ConfigError: not an http(s) URL.
        """
        from urllib.parse import unquote

        text = url.strip()
        try:
            parts = urlsplit(text)
            host, port = parts.hostname, parts.port
        except ValueError as error:
            why = str(error) if "@" not in text else "a password's / # ? @ : are written %2F %23 %3F %40 %3A"
            raise ConfigError(f"--judge-url: {hide_credentials(text)!r} is not a URL: {why}") from None
        if parts.scheme not in ("http", "https") or not host or re.search(r"\s", text):
            hint = f"; did you mean 'http://{text}'?" if re.fullmatch(r"[\w.-]+(:\d+)?(/\S*)?", text) else ""
            raise ConfigError(f"--judge-url: {hide_credentials(text)!r} is not an http:// or https:// URL{hint}")
        path = re.sub(r"/chat/completions$", "", parts.path.rstrip("/")).rstrip("/")
        if not re.search(r"/v\d+\w*(/|$)", path):
            path += "/v1"
        netloc = f"[{host}]" if ":" in host else host
        netloc += f":{port}" if port is not None else ""
        base = urlunsplit((parts.scheme, netloc, path, "", ""))
        auth = (unquote(parts.username or ""), unquote(parts.password or "")) if parts.username is not None else None
        return cls(base, parts.query, auth)

    def to(self, path: str) -> str:
        """The URL of ``path`` below the base."""
        return f"{self.base}{path}" + (f"?{self.query}" if self.query else "")

    def to_show(self, path: str) -> str:
        """The same, for messages: the query may hold a key."""
        return f"{self.base}{path}"

    @property
    def encrypted(self) -> bool:
        """Whether it is reached by TLS."""
        return self.base.startswith("https:")

    @property
    def root(self) -> str:
        """The base without its version, where vLLM has ``/health`` and ``/version``."""
        return re.sub(r"/v\d+\w*$", "", self.base)


def hide_credentials(url: str) -> str:
    """``url`` as it may be shown: without user, password and query."""
    plain = re.sub(r"//[^/?#@]*@", "//", url, count=1)
    if "@" in plain:  # a password with what ends it in a URL, or a query: where the one ends nobody can tell
        return plain.partition("//")[0] + "//…"
    return re.split(r"[?#]", plain)[0]


def excerpt(body: bytes | str, secret: str | None = None, length: int = 400) -> str:
    """The start of a response on one line, control characters escaped."""
    text = body if isinstance(body, str) else body[: 4 * length].decode("utf-8", "replace")
    if secret:
        text = text.replace(secret, "***")
    text = escape(" ".join(text[: 2 * length].split()))
    return text[:length] + ("..." if len(text) > length else "")


def key_hint(status: int, key: str | None) -> str:
    """What to say of the key where a server refuses it or misses one; empty where the status is another."""
    if status not in (401, 403):
        return ""
    return f" (the key in the environment variable {API_KEY_VARIABLE} {'was not accepted' if key else 'is not set'})"


def api_key() -> str | None:
    """The key of the endpoint, from the environment.

    Raises:
        ConfigError: it can't be sent in a header.
    """
    key = os.environ.get(API_KEY_VARIABLE, "").strip()
    if not (key.isascii() and key.isprintable()):
        raise ConfigError(f"{API_KEY_VARIABLE} has characters that can't be sent in a header")
    return key or None


@dataclass(frozen=True)
class Manner:
    """How a server has to be asked, learnt from what it refused.

    Attributes:
        plain: only the fields that every server knows.
        completion_tokens: the limit is called ``max_completion_tokens``.
    """

    plain: bool = False
    completion_tokens: bool = False

    def shape(self, sampling: Mapping[str, Any]) -> dict[str, Any]:
        """``sampling`` as this server takes it."""
        fields = {name: value for name, value in sampling.items() if not self.plain or name in COMMON_FIELDS}
        if self.completion_tokens and "max_tokens" in fields:
            fields["max_completion_tokens"] = fields.pop("max_tokens")
        return fields

    def notes(self, sampling: Mapping[str, Any]) -> tuple[str, ...]:
        """What of ``sampling`` was left out, for `Answer.notes`."""
        lost = sorted(name for name in sampling if self.plain and name not in COMMON_FIELDS)
        constrained = any(name in CONSTRAINTS for name in lost)
        return ("unconstrained",) * constrained + tuple(f"without {name}" for name in lost)

    def after(self, refusal: RefusedError, sampling: Mapping[str, Any]) -> Manner | None:
        """The next way to ask after a refusal, or None where there is none."""
        if refusal.status not in (400, 422):
            return None
        rename = "max_tokens" in sampling and "max_completion_tokens" in refusal.body
        if rename and not self.completion_tokens:
            return replace(self, completion_tokens=True)
        if not self.plain and any(name not in COMMON_FIELDS for name in sampling):
            return replace(self, plain=True)
        return None


class Habits:
    """The manner that a session has learnt; shared by its clients, so that all images are asked alike."""

    def __init__(self) -> None:
        self.manner = Manner()


class ChatClient:
    """One server, asked for chat completions.

    Args:
        address: where it is.
        model: the name it serves the model under.
        key: bearer token, or None.
        engine, version: recorded in every answer.
        habits: shared by the clients of one session.
        attempts: tries of one request, the first included, where the server is lost or fails.
        direct: keep clear of the proxies that the environment names.
        first_wait: seconds before the second try; doubled each time.
        adapt: whether what the server refuses may be left out.
    """

    def __init__(
        self,
        address: Address,
        model: str,
        *,
        key: str | None = None,
        engine: str = "endpoint",
        version: str = "",
        habits: Habits | None = None,
        attempts: int = 7,
        direct: bool = False,
        first_wait: float = 0.5,
        adapt: bool = True,
    ) -> None:
        self.address, self.model, self.key = address, model, key
        self.engine, self.version = engine, version
        self.habits = habits or Habits()
        self.attempts, self.direct, self.first_wait, self.adapt = attempts, direct, first_wait, adapt
        self.down = False  # the last request ran out of tries: the next one does not wait as long again
        self._clients: list[httpx.AsyncClient] = []
        self._turn = 0

    async def ask(self, request: Request) -> Answer:
        """Answer one request.

        Raises:
            RefusedError: the server does not take it.
            UnavailableError: the server is lost, or failed as often as it was tried.
            EngineError: what came back is no chat completion.
        """
        manner = self.habits.manner
        while True:
            fields = {"model": self.model, "messages": request.messages, **manner.shape(request.sampling)}
            try:
                reply = await self.post("/chat/completions", fields)
                break
            except RefusedError as refusal:
                following = manner.after(refusal, request.sampling) if self.adapt else None
                if following is None:
                    raise
                manner = following
        learnt = self.habits.manner
        self.habits.manner = Manner(learnt.plain or manner.plain, learnt.completion_tokens or manner.completion_tokens)
        return self._answer(reply, request, manner.notes(request.sampling))

    async def post(self, path: str, fields: Mapping[str, Any]) -> dict[str, Any]:
        """Send ``fields`` as JSON, again where that may help, and return the JSON object that came back."""
        from tenacity import AsyncRetrying, retry_if_exception_type

        content = json.dumps(fields, ensure_ascii=True).encode()
        retrying = AsyncRetrying(
            retry=retry_if_exception_type(UnavailableError), wait=self._wait, stop=self._stop, reraise=True
        )
        try:
            body: bytes = await retrying(self._send, path, content)
        except UnavailableError:
            self.down = True
            raise
        self.down = False
        try:
            reply = json.loads(body)
        except (ValueError, RecursionError):
            raise EngineError(f"{self.address.to_show(path)}: not JSON: {self._excerpt(body)}") from None
        if not isinstance(reply, dict):
            raise EngineError(f"{self.address.to_show(path)}: not a JSON object: {self._excerpt(body)}")
        return reply

    async def close(self) -> None:
        """Close the connections."""
        clients, self._clients = self._clients, []
        for client in clients:
            await client.aclose()

    def _wait(self, state: RetryCallState) -> float:
        import random

        error = state.outcome.exception() if state.outcome else None
        if isinstance(error, UnavailableError) and error.after is not None:
            return min(error.after, LONGEST_WAIT)
        spread = random.uniform(0.75, 1.25)  # noqa: S311 - so that a batch does not come back all at once
        return float(min(self.first_wait * 2 ** (state.attempt_number - 1), LONGEST_WAIT / 2) * spread)

    def _stop(self, state: RetryCallState) -> bool:
        error = state.outcome.exception() if state.outcome else None
        if isinstance(error, UnavailableError) and error.status == 429:
            return (state.seconds_since_start or 0.0) > RATE_LIMIT_SECONDS
        return state.attempt_number >= (1 if self.down else self.attempts)

    def _excerpt(self, body: bytes | str) -> str:
        return excerpt(body, self.key) or "(empty)"

    def _http(self) -> httpx.AsyncClient:
        """One of the pools of connections, each in its turn."""
        if not self._clients:
            self._clients = self._pools()
        self._turn = (self._turn + 1) % len(self._clients)
        return self._clients[self._turn]

    def _pools(self) -> list[httpx.AsyncClient]:
        import httpx

        headers = {"content-type": "application/json", "accept": "application/json"}
        if self.key:
            headers["authorization"] = f"Bearer {self.key}"
        trust_env = not self.direct
        # Reading the certificates takes time. Redirects are not followed.
        verify = httpx.create_ssl_context(trust_env=trust_env) if self.address.encrypted else False
        return [
            httpx.AsyncClient(
                headers=headers,
                auth=None if self.key else self.address.auth,
                timeout=httpx.Timeout(ANSWER_SECONDS, connect=CONNECT_SECONDS, pool=None),
                limits=httpx.Limits(max_connections=None, max_keepalive_connections=16),
                trust_env=trust_env,
                verify=verify,
            )
            for _ in range(POOLS)
        ]

    async def _send(self, path: str, content: bytes) -> bytes:
        import httpx

        shown = self.address.to_show(path)
        try:
            async with self._http().stream("POST", self.address.to(path), content=content) as response:
                body = bytearray()
                async for chunk in response.aiter_bytes():
                    body += chunk
                    if len(body) > MAX_ANSWER:
                        raise EngineError(f"{shown}: an answer of more than {MAX_ANSWER >> 20} MiB")
        except httpx.ReadTimeout:
            raise EngineError(f"{shown}: no answer within {ANSWER_SECONDS:.0f} s") from None
        except (httpx.UnsupportedProtocol, httpx.LocalProtocolError, httpx.DecodingError, httpx.InvalidURL) as error:
            raise EngineError(f"{shown}: {self._excerpt(str(error))}") from None
        except httpx.TransportError as error:
            raise UnavailableError(f"{shown}: {type(error).__name__}: {self._excerpt(str(error))}") from None
        if response.status_code == 200:
            return bytes(body)
        message = f"{shown}: HTTP {response.status_code} {response.reason_phrase}: {self._excerpt(bytes(body))}"
        if response.status_code == 429 or response.status_code >= 500:
            raise UnavailableError(message, response.status_code, retry_after(response.headers.get("retry-after")))
        message += key_hint(response.status_code, self.key)
        if 300 <= response.status_code < 400:
            message += f" (it points to {excerpt(hide_credentials(response.headers.get('location', '')))!r})"
        raise RefusedError(message, response.status_code, bytes(body).decode("utf-8", "replace"))

    def _answer(self, reply: Mapping[str, Any], request: Request, notes: tuple[str, ...]) -> Answer:
        choices = reply.get("choices")
        choice = choices[0] if isinstance(choices, list) and choices else None
        message = choice.get("message") if isinstance(choice, dict) else None
        if not isinstance(choice, dict) or not isinstance(message, dict):
            raise EngineError(
                f"{self.address.to_show('/chat/completions')}: no choice in the answer: "
                f"{self._excerpt(json.dumps(reply, ensure_ascii=False))}"
            )
        reason = choice.get("finish_reason")
        usage = _object(reply.get("usage"))
        return Answer(
            text=answer_text(message, request, reason),
            finish_reason=reason if isinstance(reason, str) else None,
            prompt_tokens=_count(usage.get("prompt_tokens")),
            cached_prompt_tokens=_count(_object(usage.get("prompt_tokens_details")).get("cached_tokens")),
            output_tokens=_count(usage.get("completion_tokens")),
            engine=self.engine,
            engine_version=self.version,
            notes=notes,
            created=datetime.now(UTC).isoformat(timespec="seconds"),
        )


def answer_text(message: Mapping[str, Any], request: Request, finish_reason: object) -> str:
    """Put thinking and content of one message together again, the thinking in ``<think>`` tags.

    What ended inside its thinking stays open (``<think>`` without its end), whichever way the server says so.
    """
    content = _text(message.get("content"))
    thinking = _text(message.get("reasoning_content")) or _text(message.get("reasoning"))
    if thinking:
        # only the end that is put here ends the thinking
        thinking = thinking.replace("</think>", "</ think>").removeprefix("<think>")
        if content is None or (not content.strip() and finish_reason == "length"):
            return f"<think>{thinking}"
        return f"<think>{thinking}</think>{content}"
    if content is None:
        return _text(message.get("refusal")) or ""
    if content.lstrip().startswith("<think>"):
        return content
    closed = content.find("</think>")
    if _begins_with_thinking(request) or (closed >= 0 and "<think>" not in content[:closed]):
        return f"<think>{content}"  # the request itself, or the template, had already opened it
    return content


def _begins_with_thinking(request: Request) -> bool:
    last = request.messages[-1] if request.messages else {}
    start = _text(last.get("content")) if last.get("role") == "assistant" else None
    return start is not None and start.rstrip().endswith("<think>")


def _text(value: object) -> str | None:
    """A message's text, be it a string or a list of parts; None where there is none."""
    if isinstance(value, str):
        return value
    if isinstance(value, list):
        parts = [part.get("text") if isinstance(part, dict) else part for part in value]
        return "".join(part for part in parts if isinstance(part, str))
    return None


def _object(value: object) -> Mapping[str, Any]:
    return value if isinstance(value, dict) else {}


def _count(value: object) -> int:
    return value if isinstance(value, int) and not isinstance(value, bool) and value >= 0 else 0


def retry_after(value: str | None) -> float | None:
    """Seconds in a Retry-After header (a number or a date), or None."""
    if not value:
        return None
    if re.fullmatch(r"\d{1,9}(\.\d{1,9})?", value.strip(), re.ASCII):
        return float(value)
    try:
        moment = parsedate_to_datetime(value)
    except (ValueError, TypeError, OverflowError):
        return None
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=UTC)
    return max(0.0, (moment - datetime.now(UTC)).total_seconds())
