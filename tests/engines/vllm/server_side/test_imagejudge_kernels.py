"""The variants of a kernel, compiled before they are timed: on a stand-in for Triton, which needs a GPU to tune."""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Iterator
from concurrent.futures import Executor
from types import ModuleType, SimpleNamespace
from typing import Any

import pytest

from pytest_imagejudge.engines.vllm.server_side import imagejudge_kernels


def module(name: str, **members: Any) -> ModuleType:
    made = ModuleType(name)
    vars(made).update(members)
    return made


class Triton:
    """What Triton 3.6 has of it: a tuner, a kernel whose runs are noted, and a mode for threads."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.events: list[str] = []
        triton = self

        class Autotuner:
            kept: Any = None

            def __init__(self) -> None:
                self.fn = SimpleNamespace(run=triton.run)
                self.nargs: dict[str, Any] = {}

            def prune_configs(self, kwargs: Any) -> Any:
                return [SimpleNamespace(all_kwargs=lambda n=n: {"num_warps": n}) for n in (1, 2, 4)]

            def check_disk_cache(self, tuning_key: Any, configs: Any, bench_fn: Any) -> bool:
                if self.kept == tuning_key:
                    return True
                bench_fn()
                self.kept = tuning_key
                return False

            def call(self, **kwargs: Any) -> bool:
                self.nargs = {"x": "an array"}
                configs = self.prune_configs(kwargs)
                return self.check_disk_cache(
                    "key",
                    configs,
                    lambda: triton.events.extend(f"timed {c.all_kwargs()['num_warps']}" for c in configs),
                )

        @contextlib.contextmanager
        def mode(executor: Executor, *, ignore_errors: bool) -> Iterator[None]:
            assert ignore_errors
            yield
            self.events.append("all compiled")

        self.tuner: Any = Autotuner
        for made in (
            module("triton"),
            module("triton.runtime", _async_compile=SimpleNamespace(AsyncCompileMode=mode)),
            module("triton.runtime.autotuner", Autotuner=Autotuner),
        ):
            monkeypatch.setitem(sys.modules, made.__name__, made)

    def run(self, x: str, *, grid: tuple[int], warmup: bool, num_warps: int) -> None:
        assert (x, grid, warmup) == ("an array", (8,), True)
        self.events.append(f"compiled {num_warps}")
        if num_warps == self.broken:
            raise ValueError("it can't be compiled")

    broken = 0


@pytest.fixture
def triton(monkeypatch: pytest.MonkeyPatch) -> Triton:
    return Triton(monkeypatch)


ALL = ["compiled 1", "compiled 2", "compiled 4", "all compiled", "timed 1", "timed 2", "timed 4"]


def test_all_variants_are_compiled_before_the_first_is_timed(triton: Triton) -> None:
    imagejudge_kernels.install()
    tuner = triton.tuner()
    assert tuner.call(grid=(8,), warmup=False) is False
    assert triton.events == ALL
    assert tuner.call(grid=(8,), warmup=False) is True
    assert triton.events == ALL  # it is known which one is best


def test_what_can_not_be_compiled_is_left_to_the_tuner(triton: Triton) -> None:
    triton.broken = 2
    imagejudge_kernels.install()
    triton.tuner().call(grid=(8,), warmup=False)
    assert triton.events[-3:] == ALL[-3:]


def test_a_triton_without_such_a_mode_is_let_alone(triton: Triton, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "triton.runtime", module("triton.runtime"))
    before = dict(vars(triton.tuner))
    imagejudge_kernels.install()
    assert dict(vars(triton.tuner)) == before


def test_without_triton_nothing_is_done(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "triton.runtime", None)
    imagejudge_kernels.install()
    assert 1 <= imagejudge_kernels.cores() <= imagejudge_kernels.MOST
