"""A judge of whom nothing is asked: its stored answers count, and everything else is not judged."""

from __future__ import annotations

from ..errors import EngineError
from ..protocols.base import Request
from ..settings import SIGNALS, JudgeSettings
from .base import Answer, Engine, EngineIdentity, Progress

NOT_ASKED = "not asked: the store has no answer, and --judge-stored-only asks no judge"


UNNAMED = "unnamed"


def sending_nothing(engine: Engine, settings: JudgeSettings) -> Engine:
    """Return ``engine``, in a `StoredOnly` where nothing may be asked; the embedded judge measures as ever."""
    if not settings.stored_only or engine.name == SIGNALS:
        return engine
    return StoredOnly(engine, settings)


class StoredOnly(Engine):
    """The engine of ``--judge-stored-only``, which sends nothing and starts nothing.

    Args:
        engine: the engine that gave the stored answers, whose identity finds them; None for that of an endpoint, which
            the settings name.
        settings: of the judge.
    """

    name = "stored-only"

    def __init__(self, engine: Engine | None, settings: JudgeSettings) -> None:
        self.concurrency = engine.concurrency if engine else 1
        self._engine = engine
        self._settings = settings

    def identity(self) -> EngineIdentity:
        """Return the facts that decided the stored answers; of an endpoint's unnamed model there are none."""
        if self._engine is not None:
            return self._engine.identity()
        return EngineIdentity(self._settings.model or UNNAMED, self._settings.revision)

    def preflight(self) -> None:
        """Check that the judge can be looked up.

        Raises:
            ConfigError: as `identity`.
        """
        self.identity()

    async def start(self, progress: Progress) -> None:
        """Start nothing; say why nothing is found."""
        if self._engine is None and not self._settings.model:
            option = "--edit-judge-model" if self._settings.kind == "edit" else "--judge-model"
            progress(f"--judge-stored-only finds no answer without {option}: the endpoint is not asked its name")

    async def ask(self, request: Request) -> Answer:
        """Refuse every request.

        Raises:
            EngineError: always, with `NOT_ASKED`.
        """
        raise EngineError(NOT_ASKED)
