"""What speaks against forks of the process that imports."""

from __future__ import annotations

import ctypes
import sys
from types import ModuleType, SimpleNamespace
from typing import Any

import pytest

from pytest_imagejudge.engines.vllm.server_side import imagejudge_imports
from pytest_imagejudge.engines.vllm.server_side.imagejudge_imports import cuda_is_initialised, problem


def driver(monkeypatch: pytest.MonkeyPatch, answer: int | None) -> None:
    """A CUDA driver with this answer to everything, or none."""

    def load(name: str) -> Any:
        assert name == "libcuda.so.1"
        if answer is None:
            raise OSError(name)
        return SimpleNamespace(cuDeviceGetCount=lambda count: answer)

    monkeypatch.setattr(ctypes, "CDLL", load)


@pytest.mark.parametrize(("answer", "initialised"), [(None, False), (3, False), (0, True), (100, True)])
def test_cuda(monkeypatch: pytest.MonkeyPatch, answer: int | None, initialised: bool) -> None:
    driver(monkeypatch, answer)
    assert cuda_is_initialised() is initialised


def torch(*initialised: str) -> Any:
    """PyTorch, which has initialised these devices."""
    return SimpleNamespace(
        **{name: SimpleNamespace(is_initialized=lambda n=name: n in initialised) for name in ("cuda", "xpu")}
    )


def test_problems(monkeypatch: pytest.MonkeyPatch) -> None:
    driver(monkeypatch, 3)
    monkeypatch.setitem(sys.modules, "torch", torch())
    monkeypatch.delitem(sys.modules, "vllm.v1.engine.core", raising=False)
    assert problem() == "vLLM could not be imported beforehand"
    monkeypatch.setitem(sys.modules, "vllm.v1.engine.core", ModuleType("vllm.v1.engine.core"))
    assert problem() == ""
    for device in ("cuda", "xpu"):
        monkeypatch.setitem(sys.modules, "torch", torch(device))
        assert problem() == "the imports initialised the GPU"
    monkeypatch.setitem(sys.modules, "torch", torch())
    driver(monkeypatch, 0)
    assert problem() == "the imports initialised the GPU"


def test_what_is_not_there_keeps_nothing_else_from_being_imported(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(imagejudge_imports, "MODULES", ("no_such_module", "this"))
    monkeypatch.delitem(sys.modules, "this", raising=False)
    imagejudge_imports.import_all()
    assert "this" in sys.modules
