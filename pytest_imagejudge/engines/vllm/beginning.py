"""A start that begins before the first request, beside tests whose own models are not loaded yet."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from ...errors import ConfigError
from ..base import HeadStart, Progress
from .gpus import Gpu, gib, visible_gpus
from .model_download import check_space
from .placement import pick
from .planning import Planner, describe
from .starting import Starter

GROWTH = 0.5  # of what the tests' models took last time: they may take so much more this time


class ServedHeadStart(HeadStart):
    """The head start of a judge in a vLLM server: its first copy is joined or started, and nobody waits for it."""

    def __init__(self, planner: Planner, starter: Starter) -> None:
        self._planner, self._starter = planner, starter
        self._beside = False

    def apart(self) -> str:
        """Return what keeps a start away from the tests' own GPU memory: no GPU, or GPUs of its own; else nothing.

        GPUs are the judge's own where the user names them, and the first one that the tests see is not among them. Of a
        MIG instance nobody knows what else is on it.
        """
        try:
            plan = self._planner.plan()
        except ConfigError:
            return ""  # it will not start, and says so itself
        if plan.install.device == "cpu":
            return "it is served on the CPU"
        gpus = plan.placement.gpus
        if self._planner.settings.gpus is None or not gpus or any(gpu.free is None for gpu in gpus):
            return ""
        seen = visible_gpus()
        if seen and seen[0].uuid in {gpu.uuid for gpu in gpus}:
            return ""
        return f"it has GPUs of its own ({_names(gpus)}, --judge-gpus)"

    def free_memory(self) -> dict[str, int]:
        """Return the bytes that are free now on each GPU that the judge may use, by `Gpu.label`.

        Empty where a GPU does not tell, and without NVML: asking a program again and again would slow the tests down.
        """
        try:
            import pynvml  # noqa: F401
        except ImportError:
            return {}
        free = {gpu.label: gpu.free for gpu in visible_gpus(self._planner.settings.gpus)}
        return {label: count for label, count in free.items() if count is not None} if None not in free.values() else {}

    def begin(self, progress: Progress, free: Mapping[str, int] | None = None) -> str:
        """Join the judge's server or have it started; see `HeadStart.begin`."""
        planner, plan = self._planner, self._planner.plan()
        check_space(plan.model)
        if planner.beside.how == "in turn":
            return "it and the session's other judge take turns"
        planner.most_free = dict(free or {})
        try:
            if free is not None and (why := self._too_close()):
                return why
            if other := self._starter.begin(plan, progress):
                return f"{other} is starting on the same GPU"
        finally:
            planner.most_free = {}
        self._beside = free is not None
        return ""

    def try_again(self) -> bool:
        """Tell, once, whether a start that failed had begun beside models of the tests."""
        beside, self._beside = self._beside, False
        self.in_vain = self.in_vain or beside
        return beside

    def _too_close(self) -> str:
        """Return why the judge does not fit beside models that may have grown; empty where it does, or is up."""
        planner, plan, found = self._planner, self._planner.plan(), self._planner.fit()
        if found.running:
            return ""
        if unknown := [gpu for gpu in plan.placement.gpus if gpu.label not in planner.most_free]:
            return f"how much memory of {_names(unknown)} these tests take is not known"
        if not found.ok:
            return describe(found)
        gpus = pick(planner.place(plan.model, plan.install))
        leaves = planner.copy(plan, gpus, "").leaves
        for gpu in gpus:
            if gpu.free is None or gpu.total is None:
                return f"the memory of GPU {gpu.index} is not known"
            taken = gpu.total - gpu.free
            if leaves[gpu.uuid] < GROWTH * taken:
                room = gib(leaves[gpu.uuid] + taken)
                return (
                    f"these tests took up to {gib(taken)} of GPU {gpu.index} last time, and it would leave them {room}"
                )
        return ""


def _names(gpus: Sequence[Gpu]) -> str:
    return ", ".join(f"GPU {gpu.index}" for gpu in gpus)
