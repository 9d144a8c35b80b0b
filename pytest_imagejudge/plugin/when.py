"""When judging begins: while tests generate, or after the last one has freed the GPU."""

from __future__ import annotations

import gc
import sys
import time
from typing import TYPE_CHECKING, Any

from ..errors import ConfigError

if TYPE_CHECKING:
    from .gate import Gate

GIVEN_BACK = 60.0  # seconds to wait for memory that processes are just giving back
LOOK = 0.5  # seconds between two looks at it

ONLY_AFTER = (
    "score and check wait for the judge, which starts when the last test is over: {why}. Use expect, give the judge "
    "GPUs of its own (--judge-gpus), a smaller judge, or --judge-url"
)
WAITS_AFTER = (
    "this test has to know its verdicts before it ends (reruns, --stepwise, --setup-show), but the judge starts when "
    "the last test is over: {why}. Run without, give the judge GPUs of its own (--judge-gpus), or use --judge-url"
)


class When:
    """Decides for each judge, once, at the first image that it is given.

    Not earlier: what the tests' own models take is only known when they are loaded.
    """

    def __init__(self, gate: Gate) -> None:
        self._gate = gate
        self.after: dict[str, str] = {}  # kind of judge that waits for the end: why
        self._decided: set[str] = set()

    def holds(self, engine: Any) -> bool:
        """Whether a judge's session begins held."""
        return self._gate.options.when == "after" or (self._gate.options.when == "auto" and engine.local)

    def words(self) -> str:
        """When the judges begin, for the run's header; empty where no GPU's memory has a say in it."""
        if self._gate.options.when != "auto":
            return f"judges {self._gate.options.when} the tests (--judge-when)"
        if any(judge.engine.on_gpus() for judge in self._gate.judges()):
            return "judges during the tests if the GPU has room at the first image"
        return ""

    def preflight(self, judge: Any) -> None:
        """Refuse ``--judge-when during`` where the judge does not fit beside what is taken now.

        Raises:
            ConfigError: with what is needed, what is free, and who holds the rest.
        """
        if self._gate.options.when == "during" and judge.engine.local:
            fit = judge.engine.fit()
            if not fit.ok:
                raise ConfigError(f"--judge-when during: {_figures(judge, fit)}; use --judge-when after or auto")

    def decide(self, kind: str, judge: Any) -> str:
        """Why ``judge`` waits for the end of the tests, or an empty string: it judges beside them."""
        if kind not in self._decided:
            self._decided.add(kind)
            if why := self._why_after(judge):
                self.after[kind] = why
                self._gate.progress.say(f"judging after the last test: {why}")
            else:
                judge.session.release()
        return self.after.get(kind, "")

    def _why_after(self, judge: Any) -> str:
        if self._gate.options.when == "after":
            return "--judge-when after"
        if self._gate.options.when == "during" or not judge.engine.local:
            return ""
        try:
            fit = judge.engine.fit()
        except ConfigError:
            return ""  # it will not start later either; the stored answers can be given now
        return "" if fit.ok else _figures(judge, fit)

    def begin(self) -> None:
        """The last test is over, its fixtures too: free what this process holds, then let the held judges begin.

        One after the other: a judge that is done gives its memory back where the next one needs it.
        """
        if not self.after:
            return
        _free_memory()
        for kind in list(self.after):
            judge = self._gate.judge(kind)
            self._make_room(judge)
            judge.session.release()
            if len(self.after) > 1:
                self._gate.progress.wait(judge.session.open_futures(), [judge])
        self.after.clear()

    def _make_room(self, judge: Any) -> None:
        if not judge.engine.local:
            return
        end = time.monotonic() + GIVEN_BACK
        try:
            while not judge.engine.fit().ok:
                for other in self._gate.judges():
                    if other is not judge and other.session.started and not other.session.outstanding:
                        other.session.suspend()
                if time.monotonic() >= end:
                    return  # the engine's own start says what is missing, with the figures
                self._gate.progress.say("waiting for GPU memory that is being given back")
                self._gate.progress.flush()
                time.sleep(LOOK)
        except ConfigError:
            return


def _figures(judge: Any, fit: Any) -> str:
    from ..engines.vllm.planning import describe

    return f"{judge.settings.model} does not fit beside what is taken: {describe(fit)}"


def _free_memory() -> None:
    """Drop what this process still holds of a GPU, if it ever used one."""
    gc.collect()
    torch = sys.modules.get("torch")
    if torch is not None and torch.cuda.is_available() and torch.cuda.is_initialized():
        torch.cuda.empty_cache()


def out_of_memory_help(call: Any, judges: list[Any]) -> str:
    """What to say when a test ran out of GPU memory while a judge of ours held some of it; else an empty string."""
    ours = [judge for judge in judges if judge.session.started and judge.engine.local]
    if not ours or call.excinfo is None or "out of memory" not in call.excinfo.exconly().lower():
        return ""
    for judge in ours:
        from ..engines.vllm.gpus import gib, visible_gpus

        gpus = visible_gpus(judge.settings.gpus)
        held = sum(holder.bytes for gpu in gpus for holder in gpu.holders if "vllm" in holder.name.lower())
        return (
            f"The judge {judge.settings.model} runs beside the tests and holds {gib(held)} of GPU memory. "
            "Ways out: --judge-when after (expect and manifests only), --judge-gpus with GPUs of the judge's own, "
            "a smaller judge, --judge-url, or image_judge.release() before generating."
        )
    return ""
