"""The time of judging: while tests generate, or after the last one has freed the GPU."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from ..engines.base import Engine
from ..errors import ConfigError
from .gpu_memory import free_memory
from .judges import AnyJudge, Judges
from .progress import Progress
from .state import Kind

if TYPE_CHECKING:
    from ..engines.vllm.placement import Fit

GIVEN_BACK = 60.0  # seconds to wait for memory that processes are just giving back
LOOK = 0.5  # seconds between two looks at it

ONLY_AFTER = (
    "score and check wait for the judge, which starts when the last test is over: {why}. Use expect, give the judge "
    "GPUs of its own (--judge-gpus), a smaller judge, or --judge-url"
)
WAITS_AFTER = (
    "this test has to know its verdicts before it ends ({reason}), but the judge starts when the last test is over: "
    "{why}. {ways_out}"
)


def starts_later(mode: str, engine: Engine) -> bool:
    """Tell whether a judge must wait until its time is decided; ``mode`` is that of ``--judge-when``."""
    return mode == "after" or (mode == "auto" and engine.local)


class JudgingTime:
    """Time of judging, decided for each judge once, at its first image.

    An earlier decision would not know the memory of the tests' own models, which are loaded by then.

    Attributes:
        after: the kinds of judges that begin after the last test, each with the reason.
        decided: the kinds of judges whose time is decided.
        on_during: called with the kind of a judge that is about to judge while tests run.
    """

    def __init__(self, mode: str, judges: Judges, progress: Progress) -> None:
        self._mode, self._judges, self._progress = mode, judges, progress
        self.after: dict[Kind, str] = {}
        self.decided: set[Kind] = set()
        self.on_during: Callable[[Kind], None] = lambda kind: None

    def words(self) -> str:
        """A line for the run's header on the time of judging; empty where it does not depend on a GPU's memory."""
        if self._mode != "auto":
            return f"judges {self._mode} the tests (--judge-when)"
        if any(judge.engine.on_gpus() for judge in self._judges.used()):
            return "judges during the tests if the GPU has room at the first image"
        return ""

    def preflight(self, judge: AnyJudge) -> None:
        """Refuse ``--judge-when during`` where the judge does not fit into the GPU memory that is free now.

        Raises:
            ConfigError: with the memory needed, the memory free, and the processes that use the rest.
        """
        if self._mode == "during" and judge.engine.local:
            fit = _fit(judge)
            if not fit.ok:
                raise ConfigError(f"--judge-when during: {_figures(judge, fit)}; use --judge-when after or auto")

    def decide(self, kind: Kind, judge: AnyJudge) -> str:
        """Return the reason why ``judge`` begins after the last test; empty where it judges while tests run."""
        if kind not in self.decided:
            self.decided.add(kind)
            if why := self._why_after(judge):
                self.after[kind] = why
                self._progress.say(f"judging after the last test: {why}")
            else:
                self.on_during(kind)
                judge.session.release()
        return self.after.get(kind, "")

    def _why_after(self, judge: AnyJudge) -> str:
        if self._mode == "after":
            return "--judge-when after"
        if self._mode == "during" or not judge.engine.local:
            return ""
        try:
            fit = _fit(judge)
        except ConfigError:
            return ""  # it will not start later either; the stored answers can be given now
        return "" if fit.ok else _figures(judge, fit)

    def begin(self) -> None:
        """Free this process's GPU memory, and start the judges that were to begin after the last test.

        Judges start one after the other: one that is done frees its memory where the next one needs it.
        """
        if not self.after:
            return
        free_memory()
        for kind in list(self.after):
            judge = self._judges.get(kind)
            self._make_room(judge)
            judge.session.release()
            if len(self.after) > 1:
                self._progress.wait(judge.session.open_futures(), [judge])
        self.after.clear()

    def _make_room(self, judge: AnyJudge) -> None:
        if not judge.engine.local:
            return
        end = time.monotonic() + GIVEN_BACK
        try:
            while not _fit(judge).ok:
                for other in self._judges.used():
                    if other is not judge and other.session.started and not other.session.outstanding:
                        other.session.suspend()
                if time.monotonic() >= end:
                    return  # the engine's own start says what is missing, with the figures
                self._progress.say("waiting for GPU memory that is being freed")
                self._progress.flush()
                time.sleep(LOOK)
        except ConfigError:
            return


def _fit(judge: AnyJudge) -> Fit:
    engine: Any = judge.engine  # a local engine, which alone has it
    found: Fit = engine.fit()
    return found


def _figures(judge: AnyJudge, fit: Fit) -> str:
    from ..engines.vllm.planning import describe

    return f"{judge.settings.model} does not fit into the memory that is free: {describe(fit)}"
