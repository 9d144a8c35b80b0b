"""GPUs and their memory, as `nvidia-smi` tells: no CUDA context is made, torch is not imported."""

from __future__ import annotations

import csv
import os
import shutil
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass

from ...errors import ConfigError
from ...taxonomy import nearest

MIB = 1024 * 1024


GIB = 1024 * MIB


@dataclass(frozen=True)
class Holder:
    """A process that holds memory of a GPU: process id and bytes (0 where they are hidden), and its name."""

    pid: int
    name: str
    bytes: int


@dataclass(frozen=True)
class Gpu:
    """One GPU, or one MIG instance of one.

    Attributes:
        index: as nvidia-smi counts; of a MIG instance its UUID. CUDA_VISIBLE_DEVICES takes either.
        uuid, name: of the card, or of the instance.
        total, free: bytes of its memory; None where nobody tells: of MIG instances, and where memory is unified.
        holders: who holds some of it.
    """

    index: int | str
    uuid: str
    name: str
    total: int | None
    free: int | None
    holders: tuple[Holder, ...] = ()


def visible_gpus(chosen: str | None = None) -> list[Gpu]:
    """The GPUs that the judge may use: those named in ``chosen``, else those that CUDA_VISIBLE_DEVICES leaves.

    Args:
        chosen: comma-separated indices, as nvidia-smi counts them, or UUIDs (their start is enough), or UUIDs of MIG
            instances, which are taken as they are.

    Raises:
        ConfigError: ``chosen`` names one that is not there.
    """
    gpus = _query()
    if chosen is not None:
        found = [_find(word.strip(), gpus) for word in chosen.split(",") if word.strip()]
        missing = [word for word, gpu in found if gpu is None]
        if missing or not found:
            there = ", ".join(f"{gpu.index} ({gpu.name})" for gpu in gpus) or "none"
            what = (
                f"no GPU {missing[0]!r}{nearest(missing[0], [g.uuid for g in gpus])}" if missing else "it names no GPU"
            )
            raise ConfigError(f"--judge-gpus {chosen!r}: {what}; there are: {there}")
        return _distinct([gpu for _, gpu in found if gpu is not None])
    visible = os.environ.get("CUDA_VISIBLE_DEVICES")
    if visible is None:
        return gpus
    kept = []
    for word in visible.split(","):
        gpu = _find(word.strip(), gpus)[1]
        if gpu is None:
            break  # CUDA stops at the first that it does not know
        kept.append(gpu)
    return _distinct(kept)


def _distinct(gpus: Sequence[Gpu]) -> list[Gpu]:
    """``gpus`` without those that are named again."""
    return list({gpu.uuid: gpu for gpu in gpus}.values())


def _find(word: str, gpus: Sequence[Gpu]) -> tuple[str, Gpu | None]:
    if word.startswith("MIG-"):
        return word, Gpu(word, word, "MIG instance", None, None)
    for gpu in gpus:
        if word == str(gpu.index) or (word.upper().startswith("GPU-") and gpu.uuid.startswith(word)):
            return word, gpu
    return word, None


def _query() -> list[Gpu]:
    """All GPUs; none where there is no nvidia-smi or it does not work."""
    rows = _nvidia_smi("--query-gpu=index,uuid,name,memory.total,memory.free")
    if not rows:
        return []
    held: dict[str, list[Holder]] = {}
    for row in _nvidia_smi("--query-compute-apps=gpu_uuid,pid,process_name,used_memory"):
        if len(row) == 4:
            held.setdefault(row[0], []).append(
                Holder(_number(row[1]) or 0, row[2].rsplit("/", 1)[-1], _size(row[3]) or 0)
            )
    return [
        Gpu(_number(row[0]) or 0, row[1], row[2], _size(row[3]), _size(row[4]), tuple(held.get(row[1], ())))
        for row in rows
        if len(row) == 5
    ]


def _nvidia_smi(query: str) -> list[list[str]]:
    program = shutil.which("nvidia-smi")
    if program is None:
        return []
    try:
        done = subprocess.run(
            [program, query, "--format=csv,noheader,nounits"], capture_output=True, text=True, timeout=30, check=False
        )
    except (OSError, subprocess.TimeoutExpired, UnicodeDecodeError):
        return []
    if done.returncode:
        return []
    return [[cell.strip() for cell in row] for row in csv.reader(done.stdout.splitlines()) if row]


def _number(text: str) -> int | None:
    return int(text) if text.isdecimal() and text.isascii() else None  # "[N/A]", "[Insufficient Permissions]"


def _size(text: str) -> int | None:
    """Bytes, of a number of MiB."""
    number = _number(text)
    return None if number is None else number * MIB


def gib(count: float | None) -> str:
    """Bytes for people: "51.1 GiB"."""
    if count is None:
        return "an unknown amount"
    return f"{count / GIB:.1f} GiB" if count >= GIB / 10 else f"{count / MIB:.1f} MiB"
