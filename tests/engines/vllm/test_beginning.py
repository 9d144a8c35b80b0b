"""Starts that begin before the first request, with stand-ins for nvidia-smi and for vLLM's server."""

from __future__ import annotations

import asyncio
import json
import sys
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from pytest_imagejudge.engines.vllm import beginning, shared_server
from pytest_imagejudge.engines.vllm import install as installs
from pytest_imagejudge.engines.vllm.engine import VllmEngine
from pytest_imagejudge.engines.vllm.gpus import GIB
from pytest_imagejudge.errors import EngineError
from tests.engines.vllm.test_placement import Computer

CARD = 143_771  # MiB: 140.4 GiB
GPU = "0 Card 0"


@pytest.fixture
def computer(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Computer]:
    """A machine whose servers end with the test."""
    (tmp_path / "standin").mkdir()
    monkeypatch.setenv("STANDIN", str(tmp_path / "standin"))
    yield Computer(tmp_path, monkeypatch)
    for folder, _, _ in list(shared_server.running(tmp_path / "state")):
        shared_server.stop(folder)
    installs.find_vllm.cache_clear()


def say(line: str) -> None:
    """Take a line of progress."""


def starts(computer: Computer) -> list[list[str]]:
    """The arguments of each server so far."""
    file = computer.folder / "standin" / "starts"
    return [json.loads(line) for line in file.read_text().splitlines()] if file.exists() else []


def until_failed(engine: VllmEngine) -> None:
    """Wait until the start has failed."""
    assert engine.starter.server is not None
    for _ in range(1200):
        state = engine.starter.server.state()
        if state is not None and state.status == "failed":
            return
        psutil.wait_procs([psutil.Process()], timeout=0.05)
    raise AssertionError("it did not fail")


def of_its_own(number: int) -> str:
    return f"it has GPUs of its own (GPU {number}, --judge-gpus)"


@pytest.mark.parametrize(
    ("gpus", "visible", "words"),
    [
        ("1", None, of_its_own(1)),
        ("0", None, ""),
        ("0,1", None, ""),
        (None, None, ""),  # which one the tests will take is not known
        ("0", "1", of_its_own(0)),
        ("0", "", of_its_own(0)),
        ("1", "1", ""),
    ],
)
def test_gpus_of_its_own(computer: Computer, gpus: str | None, visible: str | None, words: str) -> None:
    computer.gpus((CARD, CARD), (CARD, CARD))
    if visible is not None:
        computer.patch.setenv("CUDA_VISIBLE_DEVICES", visible)
    assert computer.engine(gpus=gpus).head_start.apart() == words


def test_a_gpu_of_unknown_memory_is_not_its_own(computer: Computer) -> None:
    """A MIG instance may be the one that the tests use, whatever the names say."""
    computer.gpus((CARD, CARD), ("[N/A]", "[N/A]"))
    assert computer.engine(gpus="1").head_start.apart() == ""


def test_a_cpu_build_takes_no_gpu(computer: Computer) -> None:
    computer.vllm("0.32.0+cpu")
    computer.patch.setattr("pytest_imagejudge.engines.vllm.placement.main_memory", lambda: 100 * GIB)
    assert computer.engine().head_start.apart() == "it is served on the CPU"


def test_what_cannot_be_planned_is_apart_from_nothing(computer: Computer) -> None:
    computer.gpus()
    assert computer.engine().head_start.apart() == ""


@pytest.mark.parametrize(
    ("free", "share"),
    [(140, "0.92"), (137, "0.92"), (120, "0.578"), (105, "0.578")],
)
def test_beside_models_it_takes_what_it_took_when_they_were_there(computer: Computer, free: int, share: str) -> None:
    computer.gpus((CARD, CARD))
    engine = computer.engine()
    assert engine.head_start.begin(say, {GPU: free * GIB}) == ""
    asyncio.run(close_when_ready(engine))
    (arguments,) = starts(computer)
    assert arguments[arguments.index("--gpu-memory-utilization") + 1] == share
    computer.gpus((CARD, free * 1024))  # as the run before found it
    plan = computer.engine().planner
    assert f"--gpu-memory-utilization {share}" in " ".join(plan.copy(plan.plan(), plan.fit().gpus).command)


async def close_when_ready(engine: VllmEngine) -> None:
    await engine.start(say)
    await engine.close()


@pytest.mark.parametrize(
    ("free", "words"),
    [
        (80, "these tests took up to 60.4 GiB of GPU 0 last time, and it would leave them 61.4 GiB"),
        (None, "how much memory of GPU 0 these tests take is not known"),  # another machine's record
        (55, "56.1 GiB are needed on GPU 0, 55.0 GiB of 140.4 GiB are free"),
    ],
)
def test_where_models_may_have_grown_too_large_nothing_begins(computer: Computer, free: int | None, words: str) -> None:
    computer.gpus((CARD, CARD))
    engine = computer.engine()
    assert engine.head_start.begin(say, {"0 Other": 100 * GIB} if free is None else {GPU: free * GIB}) == words
    assert engine.starter.server is None
    assert engine.planner.most_free == {}


def test_beside_models_it_joins_a_server_that_is_up(computer: Computer) -> None:
    computer.gpus((CARD, CARD))
    first, second = computer.engine(), computer.engine()
    assert first.head_start.begin(say) == ""
    computer.gpus((CARD, 10 * 1024))
    assert second.head_start.begin(say, {GPU: GIB}) == ""
    asyncio.run(second.close())
    asyncio.run(close_when_ready(first))
    assert len(starts(computer)) == 1


def test_a_start_beside_models_that_fails_is_tried_again_without_them(computer: Computer) -> None:
    computer.gpus((CARD, CARD))
    fails = computer.folder / "standin" / "fail-start"
    fails.touch()
    engine = computer.engine()
    assert engine.head_start.begin(say, {GPU: 120 * GIB}) == ""
    until_failed(engine)
    fails.unlink()
    computer.gpus((CARD, 70 * 1024))
    asyncio.run(close_when_ready(engine))
    assert engine.head_start.in_vain
    assert [line[line.index("--gpu-memory-utilization") + 1] for line in starts(computer)] == ["0.578", "0.491"]


def test_a_start_on_gpus_of_its_own_that_fails_is_told(computer: Computer) -> None:
    computer.gpus((CARD, CARD))
    (computer.folder / "standin" / "fail-start").touch()
    engine = computer.engine()
    assert engine.head_start.begin(say) == ""
    until_failed(engine)
    with pytest.raises(EngineError, match="the server ended while it started"):
        asyncio.run(engine.start(say))
    assert len(starts(computer)) == 1
    asyncio.run(engine.close())


def test_a_start_that_nobody_waits_for_ends_with_its_user(computer: Computer) -> None:
    (computer.folder / "standin" / "hold-start").touch()
    computer.gpus((CARD, CARD))
    engine = computer.engine()
    assert engine.head_start.begin(say) == ""
    asyncio.run(engine.close())
    assert not list(shared_server.running(computer.folder / "state"))


def test_memory_is_watched_by_nvml_only(computer: Computer) -> None:
    """A program that is asked once a second would slow the tests down."""
    computer.gpus((CARD, CARD))
    assert computer.engine().head_start.free_memory() == {}


def test_the_free_memory(computer: Computer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pynvml", object())
    computer.gpus((CARD, 5))
    found = beginning.visible_gpus
    with monkeypatch.context() as patch:
        patch.setitem(sys.modules, "pynvml", None)
        gpus = found()
    monkeypatch.setattr(beginning, "visible_gpus", lambda chosen: gpus)
    assert computer.engine().head_start.free_memory() == {GPU: 5 * 1024**2}
