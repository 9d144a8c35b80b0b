"""The judges of a run: one a kind, made at its first use and closed with the run."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from pathlib import Path

from ..engines import make_engine
from ..engines.base import Engine
from ..errors import EngineError
from ..judge import EditJudge, Judge
from ..support.caches import engine_folder
from .run_budget import RunBudget
from .state import Kind, RunState

AnyJudge = Judge | EditJudge


class Judges:
    """Judges of a run.

    Args:
        state: of the run.
        spool: the folder for images that are handed over in memory.
        say: takes a line of an engine, from any thread.
        starts_later: tells of an engine whether its judge waits for `JudgeSession.release`.
        budget: that all judges share, with those of the run's other processes.
    """

    def __init__(
        self,
        state: RunState,
        *,
        spool: Path,
        say: Callable[[str], None],
        starts_later: Callable[[Engine], bool],
        budget: RunBudget,
    ) -> None:
        self._state, self._spool, self._say, self._starts_later = state, spool, say, starts_later
        self._budget = budget
        self._judges: dict[Kind, AnyJudge] = {}
        self._making = threading.RLock()
        self._over = False

    def get(self, kind: Kind) -> AnyJudge:
        """The judge of ``kind``, made at its first use, from any thread."""
        if kind in self._judges:
            return self._judges[kind]
        with self._making:
            if self._over:
                raise EngineError("the run is over: its judges are closed")
            return self._judges.get(kind) or self._make(kind)

    def _make(self, kind: Kind) -> AnyJudge:
        state = self._state
        settings, protocol = state.settings[kind], state.protocols[kind]
        engine: Engine | None = state.config.hook.pytest_imagejudge_engine(
            config=state.config, settings=settings, protocol=protocol
        )
        if engine is None:
            engine = make_engine(settings, protocol, state_dir=engine_folder(settings))
        cls = EditJudge if kind == "edit" else Judge
        self._judges[kind] = cls.from_settings(
            settings,
            protocol=protocol,
            engine=engine,
            store=state.options.store,
            spool=self._spool,
            progress=self._say,
            max_pixels=state.options.max_pixels,
            hold=self._starts_later(engine),
            budget=self._budget.shared,
        )
        return self._judges[kind]

    def used(self) -> list[AnyJudge]:
        """The judges that were used so far."""
        return list(self._judges.values())

    def by_kind(self) -> Mapping[Kind, AnyJudge]:
        """The judges that were used so far, by kind."""
        return self._judges

    def sleep(self, kind: Kind) -> None:
        """Put the judge's server to sleep until its next request."""
        self.get(kind).session.sleep()

    def close(self) -> None:
        """Close every judge and its engine. Safe to call twice."""
        self._over = True
        while self._judges:
            _, judge = self._judges.popitem()
            judge.close()
        self._budget.close()
