"""Seconds to put the judge's server to sleep and to wake it: python benchmarks/gpu/sleep.py CHECKPOINT."""

from __future__ import annotations

import asyncio
import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent / "suite"))

from conftest import PROMPT, picture

from pytest_imagejudge.engines.vllm.engine import VllmEngine
from pytest_imagejudge.engines.vllm.gpus import gib, visible_gpus
from pytest_imagejudge.protocols import load_protocol
from pytest_imagejudge.settings import JudgeSettings, cache_dir

ARGS = ("--load-format", "dummy", "--gdn-prefill-backend", "triton")


async def main(checkpoint: str) -> None:
    protocol = load_protocol("q-judger", decoding="constrained", thinking_budget=64)
    settings = JudgeSettings(model=checkpoint, args=ARGS, decoding="constrained", sleep=0)
    engine = VllmEngine(settings, protocol, state_dir=cache_dir())
    begun = time.monotonic()
    await engine.start(print)
    print(f"start {time.monotonic() - begun:.1f} s")
    request = protocol.render(PROMPT.format(0), [picture(0)], "Quality")
    try:
        for _ in range(2):
            begun = time.monotonic()
            await engine.ask(request)
            print(f"one request {time.monotonic() - begun:.1f} s, GPU free {gib(visible_gpus()[0].free)}")
            begun = time.monotonic()
            await engine.sleep()
            print(f"sleep {time.monotonic() - begun:.1f} s, GPU free {gib(visible_gpus()[0].free)}")
            begun = time.monotonic()
            await engine.wake()
            print(f"wake {time.monotonic() - begun:.1f} s, GPU free {gib(visible_gpus()[0].free)}")
    finally:
        await engine.close()


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1]))
