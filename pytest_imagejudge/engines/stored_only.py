"""A judge of whom nothing is asked: its stored answers count, and everything else is not judged."""

from __future__ import annotations

from ..errors import EngineError
from ..protocols.base import Request
from .base import Answer, Engine, EngineIdentity, Progress

NOT_ASKED = "not asked: the store has no answer, and --judge-stored-only asks no judge"


UNNAMED = "unnamed"


class StoredOnly(Engine):
    """The engine of ``--judge-stored-only``, which sends nothing and starts nothing.

    Args:
        engine: the engine that gave the stored answers, whose identity finds them; None where it has to be asked for
            the model that it serves.
        option: the option that names the model.
    """

    name = "stored-only"

    def __init__(self, engine: Engine | None, option: str) -> None:
        self.concurrency = engine.concurrency if engine else 1
        self._engine = engine
        self._option = option

    def identity(self) -> EngineIdentity:
        """Return the facts that decided the stored answers; of a model that is not named there are none."""
        return self._engine.identity() if self._engine else EngineIdentity(UNNAMED)

    def preflight(self) -> None:
        """Check that the judge can be looked up.

        Raises:
            ConfigError: as `identity`.
        """
        self.identity()

    async def start(self, progress: Progress) -> None:
        """Start nothing; say why nothing is found."""
        if self._engine is None:
            progress(f"--judge-stored-only finds no answer without {self._option}: the endpoint is not asked for it")

    async def ask(self, request: Request) -> Answer:
        """Refuse every request.

        Raises:
            EngineError: always, with `NOT_ASKED`.
        """
        raise EngineError(NOT_ASKED)
