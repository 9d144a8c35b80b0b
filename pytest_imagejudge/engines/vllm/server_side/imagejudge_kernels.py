"""The variants of a kernel that is tuned at its first use, compiled side by side.

Triton compiles them one after another, and times each. A model with linear attention has some 90. Here all are compiled
first, in Triton's own mode for threads, in which the compiler releases the interpreter's lock; then they are timed as
ever. Six kernels with 88 variants took 13 s to compile and 12 s to time (vLLM 0.26 on one H200, 16 cores).
"""

from __future__ import annotations

import contextlib
import os
from concurrent.futures import ThreadPoolExecutor
from typing import Any

MOST = 16


def cores() -> int:
    """Return the number of cores that this process may use, at most `MOST`."""
    return min(MOST, len(os.sched_getaffinity(0)))


def install() -> None:
    """Have Triton's autotuner compile side by side, where it is of a version that can."""
    with contextlib.suppress(ImportError, AttributeError):
        _compile_variants_first()


def _compile_variants_first() -> None:
    from triton.runtime import _async_compile
    from triton.runtime.autotuner import Autotuner

    prune, look_up = Autotuner.prune_configs, Autotuner.check_disk_cache

    def prune_configs(self: Any, kwargs: Any) -> Any:
        self._imagejudge_kwargs = kwargs  # of the call for which `check_disk_cache` follows
        return prune(self, kwargs)

    def check_disk_cache(self: Any, tuning_key: Any, configs: Any, bench_fn: Any) -> Any:
        def bench() -> Any:
            with (
                contextlib.suppress(Exception),  # what can't be compiled is told when it is timed
                ThreadPoolExecutor(cores()) as pool,
                _async_compile.AsyncCompileMode(pool, ignore_errors=True),
            ):
                for config in configs:
                    self.fn.run(
                        *self.nargs.values(), **{**self._imagejudge_kwargs, **config.all_kwargs(), "warmup": True}
                    )
            return bench_fn()

        return look_up(self, tuning_key, configs, bench)

    Autotuner.prune_configs = prune_configs
    Autotuner.check_disk_cache = check_disk_cache
