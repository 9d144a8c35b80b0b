"""``imagejudge doctor --plan``: which judge fits which card, and what to type for it."""

from __future__ import annotations

from dataclasses import asdict

from ..engines.vllm.cards import REQUEST, rows
from ..engines.vllm.gpus import gib, gpu_problem, visible_gpus
from ..support.escaping import escape
from .printing import print_json, print_table, put

HEAD = ("card", "judge", "precision", "at once", "known by", "to type")


NOTES = (
    f"at once: requests of {REQUEST:,} tokens that share no start. Those of one image share its picture, so more are "
    "in work; the server queues the others.",
    "measured: on that much memory of an H200, with random weights of the judge's shape. computed: from these runs. An "
    "older card is slower than an H200; before compute capability 8.0 there is no 16-bit bfloat: add "
    "--judge-arg=--dtype=half.",
    "in pytest --judge-allow-fp8 is a key of the ini file: judge_allow_fp8 = true",
)


def print_plan(*, as_json: bool) -> None:
    """Print a row for each judge and card, marked where this machine's largest GPU is such a card."""
    gpus = visible_gpus()
    found = rows(gpus)
    if as_json:
        print_json({"cards": [asdict(row) for row in found]})
        return
    table = [
        (
            f"{row.gb} GB{' *' if row.here else ''}",
            row.judge,
            row.precision or "does not fit",
            row.requests or "",
            "measured" if row.measured else "computed",
            " ".join(row.options),
        )
        for row in found
    ]
    print_table("", HEAD, table, words=True)
    known = [gpu for gpu in gpus if gpu.total is not None]
    if any(row.here for row in found):
        largest = max(known, key=lambda gpu: gpu.total or 0)
        put(f"* this machine: GPU {largest.index} ({escape(largest.name)}), {gib(largest.total)}")
    elif known:
        put("this machine's GPUs are smaller than all of these cards")
    else:
        why = gpu_problem() or ("their memory is unknown" if gpus else "NVML and nvidia-smi show none")
        put(f"this machine's GPUs: {escape(why)}")
    put("\n".join(NOTES))
