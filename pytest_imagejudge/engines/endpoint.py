"""A judge behind one or several OpenAI-compatible URLs."""

from __future__ import annotations

import asyncio
import dataclasses
import hashlib
import json
import time
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from ..errors import ConfigError, EngineError, ImageJudgeError
from ..protocols import default_name
from ..protocols.base import Protocol, Request
from ..settings import JudgeSettings
from ..support.files import whole_file
from ..support.headers import read_headers
from ..support.threads import in_own_thread
from ..support.words import plural
from ..taxonomy import nearest
from . import chat_client
from .address import Address, api_key, cause, excerpt
from .base import Answer, Engine, EngineIdentity, Progress
from .chat_client import MAX_ANSWER, ChatClient, RefusedError
from .connection import ANSWER_SECONDS, Connection, ProxyFailedError
from .gateway_refusals import unknown_key, unknown_model
from .health import EVERY_SECONDS, SILENCE_SECONDS
from .request_fields import Habits
from .retries import UnavailableError
from .sight import Sights

# Images in flight for each URL, 5 requests each: the batch that fills a judge of this size on one large GPU.
IMAGES_PER_URL = 48
LISTING_SECONDS = 10.0
WRONG_PATH = " (give the URL up to /v1, or without it)"


class NoListError(ConfigError):
    """The endpoint has no list of models: the URL's path is wrong, or it serves chat completions alone."""


class EndpointEngine(Engine):
    """An engine on OpenAI-compatible servers; one server gets all requests of an image, to use its prefix cache."""

    name = "endpoint"

    def __init__(
        self,
        settings: JudgeSettings,
        protocol: Protocol,
        *,
        state_dir: Path,
        first_wait: float = 0.5,
        watch: tuple[float, float] = (SILENCE_SECONDS, EVERY_SECONDS),
    ) -> None:
        self.settings = settings
        self.protocol = protocol
        self.addresses = list(dict.fromkeys(Address.parse(url) for url in settings.urls))
        # with a limit on requests, each image in flight has one: more would wait with pictures that are decoded
        self.concurrency = min(IMAGES_PER_URL, settings.concurrency or IMAGES_PER_URL) * len(self.addresses)
        self._remembered = state_dir / "endpoints"
        key, headers = api_key(), read_headers(settings.headers)
        self._connections = {address: Connection(address, key=key, headers=headers) for address in self.addresses}
        self._habits = {address: Habits() for address in self.addresses}
        self._first_wait, self._watch = first_wait, watch
        self._identity: EngineIdentity | None = None
        self._clients: list[ChatClient] = []
        self._versions: dict[Address, asyncio.Future[str]] = {}
        self._starting = asyncio.Lock()
        self.sights = Sights()

    def identity(self) -> EngineIdentity:
        """Return the served model: the one named, else the only one that the endpoint lists.

        Raises:
            ConfigError: no model is named, and the endpoints list none, several, or different ones.
            EngineError: no model is named, and an endpoint can't be reached or fails.
        """
        if self._identity is None:
            self._identity = EngineIdentity(self.settings.model or self._only_model(), self.settings.revision)
        return self._identity

    @property
    def _option(self) -> str:
        """The first part of this judge's options: ``--judge`` or ``--edit-judge``."""
        return "--edit-judge" if self.settings.kind == "edit" else "--judge"

    def _hint_on(self, lost: UnavailableError) -> str:
        """The hint where a server does not answer; none where it, or a proxy before it, says itself what is wrong."""
        told = lost.status is not None or lost.final or isinstance(lost, ProxyFailedError)
        return "" if told else f"; is the server running, and is {self._option}-url its address?"

    def _check_protocol(self, model: str) -> None:
        """Refuse a served model that calls for another protocol than the one chosen without knowing the model."""
        kind = self.settings.kind
        meant, assumed = default_name(model, kind), default_name(None, kind)
        if self.settings.model is None and self.settings.protocol is None and self.protocol.name == assumed != meant:
            raise ConfigError(
                f"{self.addresses[0].base} serves {model!r}, whose protocol is {meant}, but did not answer when the "
                f"protocol was chosen; name the judge with {self._option}-model"
            )

    def preflight(self) -> None:
        """Check the settings; contacts the endpoint only where no model is named.

        Raises:
            ConfigError: as `identity`; the served model calls for another protocol, or the environment names a proxy
                or certificates that can't be used.
            EngineError: as `identity`.
        """
        self._check_connections()
        self._check_protocol(self.identity().model)

    def _check_connections(self) -> None:
        for connection in self._connections.values():
            connection.check()

    def unreachable(self) -> list[str]:
        """Ask the endpoints for their models and return a sentence for each that fails."""
        wrong = []
        for address in self.addresses:
            name = self.settings.model
            try:
                models = self._listing(address, remembered=False)
            except ImageJudgeError as error:
                if not (name and isinstance(error, NoListError)):  # else a question tells more
                    wrong.append(str(error))
                continue
            if name and models and name not in models:
                wrong.append(f"{address.base} does not list {name!r}{nearest(name, models)}: {_names(models)}")
        return wrong

    @property
    def clients(self) -> tuple[ChatClient, ...]:
        """The clients of the endpoints, from `start` to `close`."""
        return tuple(self._clients)

    def warm_up(self) -> None:
        """Import the HTTP client."""
        chat_client.warm_up()

    async def start(self, progress: Progress) -> None:
        """Make the clients; the tries of a request bridge some 40 s of a server's start."""
        try:
            self._check_connections()
        except ConfigError as error:
            raise EngineError(str(error)) from None
        model = self.identity().model
        self._check_protocol(model)
        self._clients = [
            ChatClient(
                connection,
                model,
                timeout=self.settings.timeout or ANSWER_SECONDS,
                habits=self._habits[address],
                first_wait=self._first_wait,
                progress=progress,
                most=self.settings.concurrency,
                watch=self._watch,
            )
            for address, connection in self._connections.items()
        ]
        self.sights.progress = progress
        progress(f"asking {model} at {', '.join(address.base for address in self.addresses)}")

    async def ask(self, request: Request) -> Answer:
        """Answer one request, by the next server where the first is lost for good.

        Raises:
            EngineError: refused, unreadable, no picture reaches the judge, or no server is left.
        """
        async with self._starting:
            if not self._clients:
                await self.start(lambda line: None)
        error: EngineError | None = None
        checked = self.settings.sight == "checked" and any(image_urls(request.messages))
        for client in self._order(request):
            try:
                if checked:
                    await self.sights.check(client, request.sampling)
                answer = await client.ask(request)
                return dataclasses.replace(answer, engine_version=await self._version_of(client.address))
            except UnavailableError as lost:
                error = EngineError(f"{lost}{hint}") if (hint := self._hint_on(lost)) else lost
            except RefusedError as refusal:
                if refusal.status != 404 and not unknown_model(refusal.body):
                    raise
                raise EngineError(f"{refusal}{await self._what_is_served(client)}") from None
        assert error is not None
        raise error

    async def close(self) -> None:
        """Close the connections."""
        clients, self._clients = self._clients, []
        for version in self._versions.values():
            version.cancel()  # of one that is known this does nothing
        self._versions.clear()
        self.sights.cancel()
        for client in clients:
            await client.close()

    async def _what_is_served(self, client: ChatClient) -> str:
        """Return the models that the server lists, as the end of a "not found" message."""
        try:
            models = await asyncio.to_thread(self._listing, client.address)
        except NoListError:
            return WRONG_PATH
        except ImageJudgeError:
            return ""
        if client.model in models:
            return (
                f"; it lists {client.model!r}, so the path of the URL may be wrong, or the gateway has no chat "
                "completions for this model"
            )
        return f"; it lists {_names(models) or 'no model'}{nearest(client.model, models)}"

    def _order(self, request: Request) -> Iterator[ChatClient]:
        """Order the clients by rendezvous hashing: an image keeps its server when another one is added or lost."""
        picture = picture_digest(request)

        def weight(client: ChatClient) -> bytes:
            return hashlib.sha256(picture + client.address.base.encode()).digest()

        return iter(sorted(self._clients, key=weight))

    def _only_model(self) -> str:
        option = f"{self._option}-model"
        listed = {address: self._listing(address) for address in self.addresses}
        for address, models in listed.items():
            if len(models) != 1:
                what = f"lists {plural(len(models), 'model')}: {_names(models)}" if models else "lists no model"
                raise ConfigError(f"{address.base} {what}; name the judge with {option}")
        names = sorted({models[0] for models in listed.values()})
        if len(names) > 1:
            raise ConfigError(f"the endpoints serve different models: {_names(names)}; name the judge with {option}")
        return names[0]

    def _listing(self, address: Address, *, remembered: bool = True) -> list[str]:
        """Return the models that an endpoint lists, or its last list where the endpoint does not answer.

        Without an endpoint there are no new answers, and those of the store are the same model's.
        """
        import httpx

        connection = self._connections[address]
        shown, secrets = connection.shown("/models"), connection.secrets
        memory = self._remembered / f"{hashlib.sha256(address.base.encode()).hexdigest()[:32]}.json"
        try:
            status, body = self._get(address.to("/models"), address)
        except httpx.TransportError as error:
            if remembered and (known := _remembered_models(memory)) is not None:
                return known
            lost = connection.failure("/models", error)
            if not isinstance(lost, UnavailableError):
                raise ConfigError(str(lost)) from None
            named = "" if self.settings.model else f" (with {self._option}-model the list of models is not needed)"
            raise UnavailableError(f"{lost}{self._hint_on(lost)}{named}") from None
        except (httpx.HTTPError, httpx.InvalidURL, ValueError, ImportError, OSError) as error:
            raise ConfigError(f"{shown}: {cause(error, secrets)}") from None
        found = excerpt(body, secrets) or "(empty)"
        if status != 200:
            hint = connection.hint(status) or unknown_key(found)
            if status == 404:
                raise NoListError(f"{shown}: HTTP {status}: {found}{WRONG_PATH}")
            raise (UnavailableError if status >= 500 else ConfigError)(f"{shown}: HTTP {status}: {found}{hint}")
        try:
            reply = json.loads(body)
            models = [str(entry["id"]) for entry in reply["data"]]
            bases = {entry.get("parent") for entry in reply["data"]}  # of adapters, in vLLM's list
        except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
            raise ConfigError(f"{shown}: not a list of models: {found}") from None
        if self.settings.model is None:  # an adapter beside its base model is the judge
            models = [name for name in models if name not in bases]
        models = list(dict.fromkeys(models))
        _remember_models(memory, models)
        return models

    async def _version_of(self, address: Address) -> str:
        """Return name and version of the server, asked for once, after its first answer."""
        if address not in self._versions:
            # not in the loop's pool of threads: an answer waits for this, and must not wait for pictures
            self._versions[address] = asyncio.wrap_future(in_own_thread(self._version, address))
        return await asyncio.shield(self._versions[address])

    def _version(self, address: Address) -> str:
        """Ask a server for its name and version, such as "vllm 0.32.0"; empty where unknown."""
        import httpx

        try:
            status, body = self._get(f"{address.root}/version", address)
            version = json.loads(body)["version"] if status == 200 else ""
        except (httpx.HTTPError, httpx.InvalidURL, ValueError, KeyError, TypeError, RecursionError):
            return ""
        return f"vllm {version[:64]}" if isinstance(version, str) and version.isprintable() and version else ""

    def _get(self, url: str, address: Address) -> tuple[int, bytes]:
        """Return status and body of a GET, limited in time by `LISTING_SECONDS` and in size by `MAX_ANSWER`."""
        import httpx

        options = self._connections[address].options | {"timeout": LISTING_SECONDS}
        end = time.monotonic() + LISTING_SECONDS
        body = bytearray()
        with httpx.stream("GET", url, **options) as response:
            for chunk in response.iter_bytes():
                body += chunk
                if len(body) > MAX_ANSWER:
                    raise httpx.DecodingError(f"a reply of more than {MAX_ANSWER >> 20} MiB")
                if time.monotonic() > end:
                    raise httpx.ReadTimeout(f"no whole reply within {LISTING_SECONDS:.0f} s")
        return response.status_code, bytes(body)


def picture_digest(request: Request) -> bytes:
    """Return SHA-256 over the pictures of a request as sent, or over its text where there are none."""
    digest = hashlib.sha256()
    urls = list(image_urls(request.messages))
    for part in urls or [request.text]:
        digest.update(part.encode("utf-8", "surrogatepass") + b"\0")
    return digest.digest()


def image_urls(messages: Sequence[Mapping[str, Any]]) -> Iterator[str]:
    """Yield the pictures of messages, as data URLs."""
    for message in messages:
        content = message.get("content")
        for part in content if isinstance(content, list) else ():
            if isinstance(part, dict) and part.get("type") == "image_url":
                yield str(part["image_url"]["url"])


def _names(models: Sequence[str], most: int = 10) -> str:
    shown = ", ".join(repr(name) for name in models[:most])
    return shown + (f" and {len(models) - most} more" if len(models) > most else "")


def _remembered_models(file: Path) -> list[str] | None:
    try:
        models = json.loads(file.read_text("utf-8"))
    except (OSError, ValueError):
        return None
    return models if isinstance(models, list) and all(isinstance(name, str) for name in models) else None


def _remember_models(file: Path, models: list[str]) -> None:
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        with whole_file(file) as out:
            json.dump(models, out)
    except OSError:
        pass  # a convenience only
