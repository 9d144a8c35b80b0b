"""A judge of whom nothing is asked: its stored answers count, and everything else is not judged."""

from __future__ import annotations

from ..errors import EngineError
from ..protocols.base import Request
from .base import Answer, Engine, EngineIdentity, Progress

NOT_ASKED = "not asked: the store has no answer, and --judge-stored-only asks no judge"


class StoredOnly(Engine):
    """The engine of ``--judge-stored-only``, which sends nothing and starts nothing.

    Its identity is that of the engine that gave the stored answers, since they are found by it.
    """

    def __init__(self, engine: Engine) -> None:
        self.name = engine.name
        self.concurrency = engine.concurrency
        self._engine = engine

    def identity(self) -> EngineIdentity:
        """Return the facts that decided the stored answers."""
        return self._engine.identity()

    def preflight(self) -> None:
        """Check that the judge is named.

        Raises:
            ConfigError: as `identity`.
        """
        self.identity()

    async def start(self, progress: Progress) -> None:
        """Start nothing."""

    async def ask(self, request: Request) -> Answer:
        """Refuse every request.

        Raises:
            EngineError: always, with `NOT_ASKED`.
        """
        raise EngineError(NOT_ASKED)
