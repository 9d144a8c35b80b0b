"""The plan of a start of vLLM: what is served, where, and with which command line."""

from __future__ import annotations

from dataclasses import dataclass

from .gpus import Gpu, gib
from .install import Install
from .model_files import Model
from .placement import Fit, Placement


@dataclass(frozen=True)
class Plan:
    """What would be started, known without starting it.

    Attributes:
        install, model, placement: with what, which, and where.
        options: of the server, but for its share of the memory.
        deciding: the user's own tokens that decide answers, as `arguments.deciding` has them.
    """

    install: Install
    model: Model
    placement: Placement
    options: tuple[str, ...]
    deciding: str


def describe(fit_: Fit) -> str:
    """A sentence with the figures: needed, free, and who holds the rest."""
    where = ", ".join(f"GPU {gpu.index}" for gpu in fit_.gpus)
    held = ", ".join(f"{h.name} (process {h.pid or 'unknown'}) {gib(h.bytes or None)}" for h in fit_.holders)
    total = sum(gpu.total or 0 for gpu in fit_.gpus)
    return f"{gib(fit_.needed_bytes)} are needed on {where}, {gib(fit_.free_bytes)} of {gib(total)} are free" + (
        f"; held by {held}" if held else ""
    )


def left_over(gpu: Gpu, part: float | None) -> int:
    """Bytes of ``gpu`` that are left for others; 0 where nobody can tell."""
    if gpu.free is None or gpu.total is None or part is None:
        return 0
    return max(0, gpu.free - int(part * gpu.total))
