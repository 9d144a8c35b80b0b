"""Where a judge runs: the interface of an engine."""

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
        cached_prompt_tokens: how many of the prompt's came from the engine's cache; None where it does not say.
        engine, engine_version: what gave it.
        notes: what the engine had to change, such as "unconstrained".
        created: when, ISO 8601 in UTC.
        refused: fields of `Request.sampling` that the answer was given without, each with the engine's reason.
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


@dataclass
class EngineIdentity:
    """What decides a judge's answers, known before the engine starts."""

    model: str
    revision: str | None = None
    extra: dict[str, str] = field(default_factory=dict)  # further deciding facts, such as quantization


class Engine(ABC):
    """Where a judge runs. One instance a session; used from one event loop.

    Attributes:
        concurrency: how many images may usefully be in flight at once.
        primes: whether `prime` does anything for this engine.
        restarts: how often the engine had to be started again.
        local: whether it serves its model on this machine, where it has to fit beside what the tests hold. Only such
            an engine has ``fit``, and says anything else but the defaults of `beside`, `on_gpus` and `in_use`.
    """

    name: str
    concurrency: int = 1
    primes: bool = False
    restarts: int = 0
    local: bool = False

    @abstractmethod
    def identity(self) -> EngineIdentity:
        """What decides the answers; resolved without starting anything.

        Raises:
            ConfigError: the model or revision does not exist, or can't be looked up.
        """

    @abstractmethod
    def preflight(self) -> None:
        """Check, before any test runs, that the engine could start. Cheap; starts nothing.

        Raises:
            ConfigError: with the figure and the remedy.
        """

    def warm_up(self) -> None:  # noqa: B027
        """Import what requests will need, at a moment when nothing else is to be done."""

    @abstractmethod
    async def start(self, progress: Progress) -> None:
        """Make the engine ready; called before the first request, and again after `close` where one follows.

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
        """A sentence on how it shares the GPUs with the session's other judge; empty where there is nothing to say.

        Raises:
            ConfigError: as `preflight`.
        """
        return ""

    def on_gpus(self) -> bool:
        """Whether it needs memory of GPUs that can be asked how much is free; False too where it can't start."""
        return False

    def in_use(self) -> bool:
        """Whether its server is up or starting, and somebody uses it: who joins now starts nothing."""
        return False

    async def prime(self, request: Request) -> None:  # noqa: B027
        """Put the prefix that an image's requests share into the server's cache."""

    async def sleep(self) -> None:  # noqa: B027
        """Give up what can be given up between two uses; the next request takes it again."""

    async def close(self) -> None:  # noqa: B027
        """Give everything back. Safe to call twice."""
