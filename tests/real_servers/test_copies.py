"""Two copies of a judge in vLLM's CPU build, which has no GPUs to count: the room for two is made up, nothing else."""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import httpx
import psutil
import pytest

from pytest_imagejudge.engines.vllm import install as installs
from pytest_imagejudge.engines.vllm import shared_server
from pytest_imagejudge.engines.vllm.engine import VllmEngine
from pytest_imagejudge.engines.vllm.gpus import Gpu
from pytest_imagejudge.engines.vllm.planning import Plan, Planner
from pytest_imagejudge.engines.vllm.starting import Starter
from pytest_imagejudge.engines.vllm.state import CopyState, State
from pytest_imagejudge.protocols import load_protocol
from pytest_imagejudge.protocols.base import Request
from pytest_imagejudge.settings import JudgeSettings
from tests.real_servers.checkpoints import QWEN3VL
from tests.real_servers.real_runs import PYTHON, START_SECONDS, Machine

pytestmark = pytest.mark.engine


class Room:
    """Room for one more copy, on the CPU."""

    def further(self, taken: set[str]) -> tuple[Gpu, ...]:
        return (Gpu("CPU", "CPU", "CPU", None, None),)


class TwoOnTheCpu(Planner):
    """A planner that has room for two copies on the CPU."""

    def most_copies(self) -> int:
        return 2

    def room(self, placement: Any, *, other_is_up: bool = False) -> Any:
        return Room()

    def copy(self, plan: Plan, gpus: Sequence[Gpu], why: str = "") -> shared_server.CopySpec:
        return super().copy(plan, (), why)


def state_of(machine: Machine) -> State:
    (state,) = machine.servers()
    return state


async def until(condition: Any) -> None:
    for _ in range(int(START_SECONDS * 5)):
        if condition():
            return
        await asyncio.sleep(0.2)
    raise AssertionError("it did not come about")


async def started(machine: Machine, monkeypatch: pytest.MonkeyPatch) -> VllmEngine:
    """An engine with two copies up."""
    for name, value in machine.environment.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv(installs.PYTHON_VARIABLE, str(PYTHON))
    installs.find_vllm.cache_clear()
    settings = JudgeSettings(model=str(machine.checkpoint(QWEN3VL)), protocol="house", args=("--enforce-eager",))
    engine = VllmEngine(settings, load_protocol("house"), state_dir=machine.cache)
    engine.planner = TwoOnTheCpu(settings, machine.cache)
    engine.starter = Starter(engine.planner)
    engine.awaits(60)
    await engine.start(print)
    await until(lambda: len(state_of(machine).of("ready")) == 2 and engine.concurrency == 8)
    return engine


def tokens(copy: CopyState, model: str) -> list[list[str]]:
    """The answers of one copy to a fixed batch, one request at a time."""
    found = []
    for question in ("Which is sharper?", "Is there a fox, and is it red?", "Count the hands."):
        body = {"model": model, "temperature": 0, "max_tokens": 24, "ignore_eos": True, "logprobs": True}
        body["messages"] = [{"role": "user", "content": question}]
        headers = {"authorization": f"Bearer {copy.key}"}
        reply = httpx.post(f"{copy.url}/v1/chat/completions", json=body, headers=headers, timeout=300, trust_env=False)
        assert reply.status_code == 200, reply.text
        (choice,) = reply.json()["choices"]
        found.append([token["token"] for token in choice["logprobs"]["content"]])
    return found


def question(number: int) -> Request:
    return Request(
        "Quality",
        [{"role": "user", "content": f"What is {number}?"}],
        {"max_tokens": 150, "temperature": 0, "ignore_eos": True},
        f"prompt {number}",
    )


def test_copies_answer_alike_and_one_that_is_killed_is_replaced(
    machine: Machine, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    async def run() -> None:
        engine = await started(machine, monkeypatch)
        one, two = state_of(machine).copies
        alike = [await asyncio.to_thread(tokens, copy, str(engine.settings.model)) for copy in (one, two)]
        assert alike[0] == alike[1]
        assert all(len(answer) == 24 for answer in alike[0])
        judging = asyncio.gather(*(engine.ask(question(number)) for number in range(8)))
        await asyncio.sleep(0.5)
        psutil.Process(two.server).kill()  # the API server; its engine's processes go on by themselves
        answers = await judging
        assert [answer.output_tokens for answer in answers] == [150] * 8
        await until(lambda: len(state_of(machine).of("ready")) == 2)
        assert [copy.restarts for copy in state_of(machine).copies] == [0, 1]
        await until(lambda: engine.restarts == 1)
        again = await asyncio.to_thread(tokens, state_of(machine).copies[1], str(engine.settings.model))
        assert again == alike[0]
        await engine.close()

    asyncio.run(run())
    assert machine.gone()


def test_the_supervisor_of_two_copies_is_killed(machine: Machine, monkeypatch: pytest.MonkeyPatch) -> None:
    async def run() -> None:
        engine = await started(machine, monkeypatch)
        assert len(machine.processes()) >= 6  # supervisor, guard; twice an API server and an engine
        os.kill(state_of(machine).supervisor, signal.SIGKILL)
        await engine.close()

    asyncio.run(run())
    assert machine.gone()
