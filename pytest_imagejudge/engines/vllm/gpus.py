"""GPUs and their memory by NVML or `nvidia-smi`, without a CUDA context and without torch."""

from __future__ import annotations

import contextlib
import csv
import os
import shutil
import signal
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from ...errors import ConfigError
from ...taxonomy import nearest

MIB = 1024 * 1024


GIB = 1024 * MIB


PATIENCE = 30.0  # seconds for one question to nvidia-smi


_hanging: dict[str, str] = {}  # programs that did not answer, with the words about it; they are asked once only


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
        index: the index of NVML and nvidia-smi, or the UUID of a MIG instance. CUDA_VISIBLE_DEVICES takes either.
        uuid, name: of the card, or of the instance.
        total, free: bytes of memory; None where unknown: of MIG instances, and of unified memory.
        holders: the processes that hold some of the memory.
    """

    index: int | str
    uuid: str
    name: str
    total: int | None
    free: int | None
    holders: tuple[Holder, ...] = ()

    @property
    def label(self) -> str:
        """Index and name, which are the same on the next machine of a kind."""
        return f"{self.index} {self.name}"


def visible_gpus(chosen: str | None = None) -> list[Gpu]:
    """Return the GPUs that the judge may use: those in ``chosen``, else those of CUDA_VISIBLE_DEVICES.

    Args:
        chosen: comma-separated indices, as nvidia-smi counts them, or UUIDs (their start is enough), or UUIDs of MIG
            instances, which are taken as they are.

    Raises:
        ConfigError: ``chosen`` names one that is not there.
    """
    gpus, problem = _query()
    if chosen is not None:
        found = [_find(word.strip(), gpus) for word in chosen.split(",") if word.strip()]
        missing = [word for word, gpu in found if gpu is None]
        if missing or not found:
            there = ", ".join(f"{gpu.index} ({gpu.name})" for gpu in gpus) or "none"
            there += f" ({problem})" if problem else ""
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
    """Return ``gpus`` without repetitions."""
    return list({gpu.uuid: gpu for gpu in gpus}.values())


def _find(word: str, gpus: Sequence[Gpu]) -> tuple[str, Gpu | None]:
    if word.startswith("MIG-"):
        return word, Gpu(word, word, "MIG instance", None, None)
    for gpu in gpus:
        if word == str(gpu.index) or (word.upper().startswith("GPU-") and gpu.uuid.startswith(word)):
            return word, gpu
    return word, None


def gpu_problem() -> str:
    """Return the reason why no GPU can be seen; empty where nothing is wrong, with or without GPUs."""
    return _query()[1]


def _query() -> tuple[list[Gpu], str]:
    """Return all GPUs, and the reason why some or all can't be seen.

    NVML is asked where its Python package and the driver's library exist, else nvidia-smi; without either there are
    no GPUs.
    """
    try:
        import pynvml
    except ImportError:
        return _by_nvidia_smi()
    try:
        pynvml.nvmlInit()
    except pynvml.NVMLError_LibraryNotFound:
        return _by_nvidia_smi()
    except pynvml.NVMLError as error:
        return [], f"NVML can't be used: {error}"
    try:
        return _by_nvml(pynvml)
    finally:
        with contextlib.suppress(pynvml.NVMLError):
            pynvml.nvmlShutdown()


def _by_nvml(nvml: Any) -> tuple[list[Gpu], str]:
    gpus, problem = [], ""
    try:
        for index in range(nvml.nvmlDeviceGetCount()):
            try:
                handle = nvml.nvmlDeviceGetHandleByIndex(index)
                uuid, name = nvml.nvmlDeviceGetUUID(handle), nvml.nvmlDeviceGetName(handle)
            except nvml.NVMLError as error:  # the others may still work
                problem = problem or f"NVML can't read GPU {index}: {error}"
                continue
            memory = None
            with contextlib.suppress(nvml.NVMLError):  # unified with the main memory, or not for everybody's eyes
                memory = nvml.nvmlDeviceGetMemoryInfo(handle)
            total, free = (None, None) if memory is None else (int(memory.total), int(memory.free))
            gpus.append(Gpu(index, uuid, name, total, free, _holders(nvml, handle)))
    except nvml.NVMLError as error:
        problem = f"NVML can't count the GPUs: {error}"
    return gpus, problem


def _holders(nvml: Any, handle: Any) -> tuple[Holder, ...]:
    found = []
    with contextlib.suppress(nvml.NVMLError):
        for process in nvml.nvmlDeviceGetComputeRunningProcesses(handle):
            name = "[Not Found]"  # as nvidia-smi says of processes of another container
            with contextlib.suppress(nvml.NVMLError):
                name = nvml.nvmlSystemGetProcessName(process.pid).rsplit("/", 1)[-1]
            found.append(Holder(process.pid, name, process.usedGpuMemory or 0))
    return tuple(found)


def _by_nvidia_smi() -> tuple[list[Gpu], str]:
    rows, problem = _nvidia_smi("--query-gpu=index,uuid,name,memory.total,memory.free")
    if other := next((row for row in rows if len(row) != 5), None):  # an error, with exit status 0
        problem = f"nvidia-smi ended with exit status 0 and said: {', '.join(other)}"
    rows = [row for row in rows if len(row) == 5]
    if not rows:
        return [], problem
    held: dict[str, list[Holder]] = {}
    for row in _nvidia_smi("--query-compute-apps=gpu_uuid,pid,process_name,used_memory")[0]:
        if len(row) == 4:
            held.setdefault(row[0], []).append(
                Holder(_number(row[1]) or 0, row[2].rsplit("/", 1)[-1], _size(row[3]) or 0)
            )
    gpus = [
        Gpu(_number(row[0]) or 0, row[1], row[2], _size(row[3]), _size(row[4]), tuple(held.get(row[1], ())))
        for row in rows
    ]
    return gpus, problem


def _nvidia_smi(query: str) -> tuple[list[list[str]], str]:
    """Return the cells that nvidia-smi prints and its error; both empty where nvidia-smi is not installed."""
    program = shutil.which("nvidia-smi")
    if program is None:
        return [], ""
    if program in _hanging:
        return [], _hanging[program]
    try:
        status, output, errors = _run([program, query, "--format=csv,noheader,nounits"])
    except subprocess.TimeoutExpired as error:
        _hanging[program] = f"nvidia-smi did not answer within {error.timeout:g} s"
        return [], _hanging[program]
    except OSError as error:
        return [], f"nvidia-smi can't be used: {error}"
    said = next((line.strip() for line in f"{output}\n{errors}".splitlines() if line.strip()), "nothing")
    if status < 0:
        return [], f"nvidia-smi was ended by {_signal(-status)} and said: {said}"
    if status:
        return [], f"nvidia-smi ended with exit status {status} and said: {said}"
    return [[cell.strip() for cell in row] for row in csv.reader(output.splitlines()) if row], ""


def _run(command: Sequence[str]) -> tuple[int, str, str]:
    """Run a program that may hang in the driver, where not even SIGKILL ends it, so nobody waits for its end.

    Raises:
        subprocess.TimeoutExpired: it did not end in time.
    """
    process = subprocess.Popen(
        command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, errors="replace"
    )
    try:
        output, errors = process.communicate(timeout=PATIENCE)
    except subprocess.TimeoutExpired:
        process.kill()
        for pipe in (process.stdout, process.stderr):
            if pipe is not None:
                pipe.close()
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(timeout=1)
        raise
    return process.returncode, output, errors


def _signal(number: int) -> str:
    try:
        return signal.Signals(number).name
    except ValueError:
        return f"signal {number}"


def _number(text: str) -> int | None:
    return int(text) if text.isdecimal() and text.isascii() else None  # "[N/A]", "[Insufficient Permissions]"


def _size(text: str) -> int | None:
    """Convert a number of MiB into bytes."""
    number = _number(text)
    return None if number is None else number * MIB


def gib(count: float | None) -> str:
    """Write bytes for people, such as "51.1 GiB"."""
    if count is None:
        return "an unknown amount"
    return f"{count / GIB:.1f} GiB" if count >= GIB / 10 else f"{count / MIB:.1f} MiB"
