"""The imports of an engine's process, made where it is forked from: none of these initialises CUDA in vLLM 0.26."""

from __future__ import annotations

import contextlib
import ctypes
import importlib
import sys

MODULES = (
    "vllm.v1.engine.core",
    "vllm.v1.executor.uniproc_executor",
    "vllm.v1.worker.gpu_worker",
    "vllm.v1.worker.gpu_model_runner",
    "vllm.v1.structured_output.backend_xgrammar",
    "vllm.model_executor.models.registry",
    "vllm.model_executor.model_loader",
    "vllm.model_executor.models.qwen3_vl",
    "vllm.model_executor.models.qwen2_5_vl",
)

NOT_INITIALISED = 3  # CUDA_ERROR_NOT_INITIALIZED, the driver's answer before cuInit


def problem() -> str:
    """Return what speaks against a fork of this process; empty where nothing does."""
    if "vllm.v1.engine.core" not in sys.modules:
        return "vLLM could not be imported beforehand"
    torch = sys.modules.get("torch")
    devices = [getattr(torch, name, None) for name in ("cuda", "xpu")]  # ROCm's too is torch.cuda
    if cuda_is_initialised() or any(device is not None and device.is_initialized() for device in devices):
        return "the imports initialised the GPU"
    return ""


def cuda_is_initialised() -> bool:
    """Return True where CUDA is initialised in this process; forks of it could not use the GPU."""
    try:
        return int(ctypes.CDLL("libcuda.so.1").cuDeviceGetCount(ctypes.byref(ctypes.c_int()))) != NOT_INITIALISED
    except OSError:
        return False  # there is no CUDA


def import_all() -> None:
    """Import all that is there."""
    for name in MODULES:
        with contextlib.suppress(Exception):  # of another version; the engine imports what it needs
            importlib.import_module(name)
    with contextlib.suppress(Exception):
        import setproctitle

        setproctitle.getproctitle()  # finds the title's place, which it can't in a fork with another environment
