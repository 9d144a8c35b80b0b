"""The interface of an engine, which runs a judge."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from ..protocols.base import Request

Progress = Callable[[str], None]  # takes one line of plain text: what the engine is doing


@dataclass(frozen=True)
class Answer:
    """One raw answer of a judge.

    Attributes:
        text: the answer, with its thinking, if any, in ``<think>`` tags before it.
        finish_reason: "stop", "length", ..., or None where the engine does not say.
        prompt_tokens, output_tokens: counts; 0 where the engine has none.
        cached_prompt_tokens: number of prompt tokens that came from the engine's cache; None where it does not say.
        engine, engine_version: name and version of the engine that answered.
        notes: changes that the engine had to make to the request, such as "unconstrained"; the field that carried the
            grammar, where there was a choice; and where the answer stood, if not in its own field.
        created: time of the answer, ISO 8601 in UTC.
        refused: fields of `Request.sampling` that the engine answered without, each with its reason.
        served_model: the model that answered, as an endpoint names it, such as the one behind an alias; empty where it
            does not say.
        system_fingerprint: the endpoint's own mark of model, software and setup; empty where it has none.
    """

    text: str
    finish_reason: str | None = None
    prompt_tokens: int = 0
    cached_prompt_tokens: int | None = None
    output_tokens: int = 0
    engine: str = ""
    engine_version: str = ""
    notes: tuple[str, ...] = ()
    created: str = ""
    refused: Mapping[str, str] = field(default_factory=dict, hash=False)
    served_model: str = ""
    system_fingerprint: str = ""


@dataclass
class EngineIdentity:
    """The facts that decide a judge's answers, known before the engine starts."""

    model: str
    revision: str | None = None
    extra: dict[str, str] = field(default_factory=dict)  # further deciding facts, such as quantization


class HeadStart(ABC):
    """A start that begins before the first request, beside the tests.

    Attributes:
        in_vain: True where a start that had begun beside models of the tests failed, and the next one did not have to.
    """

    in_vain: bool = False

    @abstractmethod
    def apart(self) -> str:
        """Return what keeps a start away from the GPU memory of the tests' own models; empty where nothing does."""

    @abstractmethod
    def free_memory(self) -> dict[str, int]:
        """Return the bytes that are free now on each GPU of the engine, by name; empty where they are not known."""

    @abstractmethod
    def begin(self, progress: Progress, free: Mapping[str, int] | None = None) -> str:
        """Have a start begin, whose rest `Engine.start` waits for; return why none begins, or an empty string.

        Args:
            progress: takes a line on what is in the way.
            free: the bytes of each GPU, as `free_memory` names it, that the tests' own models will leave free, for a
                judge that is not apart from them.

        Raises:
            ConfigError, EngineError: as `Engine.start`, which will raise the same.
        """


class Engine(ABC):
    """The engine of one judge: one instance a session, used from one event loop.

    Attributes:
        concurrency: number of images to keep in flight.
        grown: set by the session; an engine whose ``concurrency`` has grown calls it, in the event loop.
        primes: True where `prime` does anything.
        restarts: number of times that the engine had to be started again.
        head_start: begins a start before the first request; None where there is nothing that could begin.
        counts_tokens: False where a request uses no tokens, so that there is nothing to pay for.
        local: True where the engine serves its model on this machine, beside the tests' own use of the GPU. Only such
            an engine has ``fit`` and overrides `beside`, `on_gpus` and `in_use`.
    """

    name: str
    concurrency: int = 1
    grown: Callable[[], None] = staticmethod(lambda: None)
    primes: bool = False
    restarts: int = 0
    head_start: HeadStart | None = None
    counts_tokens: bool = True
    local: bool = False

    @abstractmethod
    def identity(self) -> EngineIdentity:
        """Return the facts that decide the answers, without starting anything.

        Raises:
            ConfigError: the model or revision does not exist, or can't be looked up.
        """

    @abstractmethod
    def preflight(self) -> None:
        """Check, before any test runs, that the engine could start, without starting anything.

        Raises:
            ConfigError: with the figure and the remedy.
        """

    def warm_up(self) -> None:  # noqa: B027
        """Import what requests will need, at a moment when nothing else is to be done."""

    @abstractmethod
    async def start(self, progress: Progress) -> None:
        """Make the engine ready, before the first request and before the first one after `close`.

        Raises:
            EngineError: with the tail of the log.
        """

    @abstractmethod
    async def ask(self, request: Request) -> Answer:
        """Answer one request.

        Raises:
            EngineError: the request was refused, or the engine is gone for good.
        """

    def beside(self) -> str:
        """Return a sentence on the GPUs shared with the session's other judge, or an empty string.

        Raises:
            ConfigError: as `preflight`.
        """
        return ""

    def on_gpus(self) -> bool:
        """Return True where the engine takes memory of GPUs that report their free memory.

        False too where the engine can't start.
        """
        return False

    def awaits(self, images: int) -> None:  # noqa: B027
        """Take note of the number of images that have been handed in for requests and have no verdict yet.

        Called in the event loop, before the start too.
        """

    def copies(self) -> str:
        """Return a sentence on the copies of the model that served and why, or an empty string."""
        return ""

    def in_use(self) -> bool:
        """Return True where the engine's server is up or starting and has a user, so that joining starts nothing."""
        return False

    async def prime(self, request: Request) -> None:  # noqa: B027
        """Put the prefix that an image's requests share into the server's cache."""

    async def sleep(self) -> None:  # noqa: B027
        """Release the memory that is not needed between two uses; the next request takes it again."""

    async def close(self) -> None:  # noqa: B027
        """Release all resources. Safe to call twice."""
