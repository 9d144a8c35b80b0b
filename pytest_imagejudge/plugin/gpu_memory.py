"""The GPU memory of the tests' own process, and help where a test runs out of it."""

from __future__ import annotations

import gc
import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from .judges import AnyJudge


def free_memory() -> None:
    """Free the GPU memory that this process still holds, if any."""
    gc.collect()
    torch: Any = sys.modules.get("torch")
    if torch is not None and torch.cuda.is_available() and torch.cuda.is_initialized():
        torch.cuda.empty_cache()


def out_of_memory_help(call: pytest.CallInfo[None], judges: Sequence[AnyJudge]) -> str:
    """Help for a test that ran out of GPU memory while a judge of this run used some; empty for any other failure."""
    ours = [judge for judge in judges if judge.session.started and judge.engine.local]
    if not ours or call.excinfo is None or "out of memory" not in call.excinfo.exconly().lower():
        return ""
    from ..engines.vllm.gpus import gib, visible_gpus

    judge = ours[0]
    gpus = visible_gpus(judge.settings.gpus)
    taken = sum(holder.bytes for gpu in gpus for holder in gpu.holders if "vllm" in holder.name.lower())
    return (
        f"The judge {judge.settings.model} runs beside the tests and holds {gib(taken)} of GPU memory. "
        "Ways out: --judge-when after (expect and manifests only), --judge-gpus with GPUs of the judge's own, "
        "a smaller judge, --judge-url, or image_judge.release() before generating."
    )
