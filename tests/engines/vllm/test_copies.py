"""Several copies of a judge, each on a GPU of its own, with stand-ins for vLLM's server and for nvidia-smi."""

from __future__ import annotations

import asyncio
import json
import sys
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import psutil
import pytest

from pytest_imagejudge.engines.vllm import install as installs
from pytest_imagejudge.engines.vllm import shared_server
from pytest_imagejudge.engines.vllm.engine import VllmEngine
from pytest_imagejudge.engines.vllm.state import State
from pytest_imagejudge.errors import EngineError
from pytest_imagejudge.protocols.base import Request
from tests.engines.vllm.test_shared_server import END_SECONDS, ENGINE_FORKS, Place, until_up
from tests.stand_in.forks import ForkServer
from tests.stand_in.vllm import gpus, install

IMAGES = 60  # more than one copy answers at once


class Machine(Place):
    """A machine with two GPUs of 80 GiB, nothing on them."""

    def __init__(self, tmp_path: Path, forks: ForkServer, *, engine_forks: bool) -> None:
        super().__init__(tmp_path, forks)
        self.python = install(tmp_path / "cuda", version="9.9.9", forks=engine_forks)
        self.said: list[str] = []

    def state(self) -> State:
        ((_, state, _),) = shared_server.running(self.state_dir)
        return state

    def asked(self) -> list[dict[str, Any]]:
        file = self.standin / "asked"
        return [json.loads(line) for line in file.read_text().splitlines()] if file.exists() else []

    def kill(self, number: int) -> None:
        psutil.Process(self.state().copies[number - 1].server).kill()

    async def dies(self, number: int) -> None:
        """Kill a copy's server once it is ready, and wait until its supervisor has seen that."""
        await self.until(lambda: self.state().copies[number - 1].status == "ready")
        server = self.state().copies[number - 1].server
        psutil.Process(server).kill()
        await self.until(lambda: (self.state().copies[number - 1]).status != "ready")

    async def until(self, condition: Callable[[], object]) -> None:
        """Look again and again, as long as is promised at most."""
        for _ in range(END_SECONDS * 20):
            if condition():
                return
            await asyncio.sleep(0.05)
        raise AssertionError("it did not come about")

    async def started(self, images: int = IMAGES, **settings: object) -> VllmEngine:
        """An engine for so many images, with all the copies that these are worth."""
        engine = self.engine(**settings)
        engine.awaits(images)
        await engine.start(self.said.append)
        await self.until(lambda: self.state().of("ready") == self.state().copies and len(self.state().copies) > 1)
        await self.until(lambda: engine.concurrency == 96)
        return engine


@pytest.fixture
def machine(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, forks: ForkServer, request: pytest.FixtureRequest
) -> Iterator[Machine]:
    machine = Machine(tmp_path, forks, engine_forks="engine_forks" in request.fixturenames)
    monkeypatch.setenv(installs.PYTHON_VARIABLE, str(machine.python))
    monkeypatch.setenv("STANDIN", str(machine.standin))
    monkeypatch.setenv("PATH", f"{gpus(tmp_path / 'bin', 2)}:/usr/bin:/bin")
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)
    monkeypatch.setitem(sys.modules, "pynvml", None)  # it would tell of this machine's own GPUs
    installs.find_vllm.cache_clear()
    yield machine
    machine.close()
    installs.find_vllm.cache_clear()
    assert machine.gone()


def question(image: int, text: str = "") -> Request:
    """One of the questions on an image."""
    picture = {"type": "image_url", "image_url": {"url": f"data:image/png;base64,{image}"}}
    content = [picture, {"type": "text", "text": "?"}]
    messages = [{"role": "user", "content": content}]
    if text:
        messages.append({"role": "user", "content": text})
    return Request("Quality", messages, {"max_tokens": 1}, f"prompt {image}")


async def judge(engine: VllmEngine, image: int) -> list[str]:
    """The questions on one image, the primer first."""
    await engine.ask(question(image))
    return [answer.text for answer in await asyncio.gather(*(engine.ask(question(image)) for _ in range(3)))]


def copies_of_images(machine: Machine) -> dict[str, set[str]]:
    found = defaultdict(set)
    for body in machine.asked():
        found[body["messages"][0]["content"][0]["image_url"]["url"]].add(body["gpu"])
    return found


def test_images_go_to_both_copies_each_to_one(machine: Machine) -> None:
    async def run() -> None:
        engine = await machine.started()
        answers = await asyncio.gather(*(judge(engine, image) for image in range(IMAGES)))
        assert answers == [["to a picture"] * 3] * IMAGES
        await engine.close()
        assert engine.copies() == ("model: 2 copies, on GPU 0, GPU 1: 60 images wait, and one copy answers 48 at once")

    asyncio.run(run())
    where = copies_of_images(machine)
    assert all(len(copies) == 1 for copies in where.values())
    load = Counter(copy for copies in where.values() for copy in copies)
    assert abs(load["0"] - load["1"]) <= 6
    told = [start[start.index("--max-num-seqs") + 1 :] for start in machine.starts()]
    assert told[0] == told[1]  # the same command, but for the port
    assert any("copy 2 on GPU 1: it is started: 60 images wait" in line for line in machine.said)
    assert any("copy 2 on GPU 1: " in line and "ready after" in line for line in machine.said)  # one line, or two
    assert machine.gone()


def test_few_images_have_one_copy(machine: Machine) -> None:
    async def run() -> None:
        engine = machine.engine()
        engine.awaits(48)
        await engine.start(machine.said.append)
        assert (await engine.ask(question(1))).text == "to a picture"
        ((folder, _, _),) = shared_server.running(machine.state_dir)
        await machine.until(lambda: any(file.read_text() == "48" for file in folder.glob("images/*")))
        assert len(machine.state().copies) == 1
        engine.awaits(49)  # the tests are ahead of the judge
        await machine.until(lambda: len(machine.state().of("ready")) == 2)
        await engine.close()

    asyncio.run(run())
    assert machine.gone()


def test_images_of_all_users_count(machine: Machine) -> None:
    async def run() -> None:
        one, other = machine.engine(), machine.engine()
        one.awaits(30)
        other.awaits(30)
        await asyncio.gather(one.start(machine.said.append), other.start(machine.said.append))
        await machine.until(lambda: one.concurrency == other.concurrency == 96)
        assert len(machine.starts()) == 2
        await one.close()
        await judge(other, 1)
        await other.close()

    asyncio.run(run())
    assert machine.gone()


@ENGINE_FORKS
@pytest.mark.parametrize("number", [1, 2])
def test_a_copy_that_dies_is_started_again_and_the_other_takes_its_images_over(machine: Machine, number: int) -> None:
    async def run() -> set[str]:
        engine = await machine.started()
        (machine.standin / "hold-answers").touch()
        judging = asyncio.gather(*(engine.ask(question(image)) for image in range(IMAGES)))
        await machine.until(lambda: len(machine.asked()) >= IMAGES)
        asked = {image for image, copies in copies_of_images(machine).items() if copies == {str(number - 1)}}
        before = [copy.server for copy in machine.state().copies]
        (machine.standin / "hold-start").touch()  # the copy is not back before the other has answered
        machine.kill(number)
        (machine.standin / "hold-answers").unlink()
        assert {answer.text for answer in await judging} == {"to a picture"}
        (machine.standin / "hold-start").unlink()
        await machine.until(lambda: len(machine.state().of("ready")) == 2)
        after = [copy.server for copy in machine.state().copies]
        assert [old == new for old, new in zip(before, after, strict=True)] == [number != 1, number != 2]
        await machine.until(lambda: engine.concurrency == 96)
        assert engine.restarts == 1
        await judge(engine, 99)
        await engine.close()
        return asked

    lost = asyncio.run(run())
    assert IMAGES - 48 <= len(lost) <= 48  # a copy answers no more at once
    assert {image for image, copies in copies_of_images(machine).items() if len(copies) == 2} == lost
    said = [line for line in machine.said if f"copy {number}" in line and "started again" in line]
    assert said == [
        f"model, copy {number} on GPU {number - 1}: it died, and is started again; "
        "the others take its images over meanwhile"
    ]
    assert machine.gone()


@ENGINE_FORKS
def test_a_copy_that_dies_twice_stays_away_and_the_other_goes_on(machine: Machine) -> None:
    async def run() -> None:
        engine = await machine.started()
        for _ in range(2):
            await machine.dies(2)
        await machine.until(lambda: machine.state().copies[1].status == "failed")
        for image in range(IMAGES):
            assert (await engine.ask(question(image))).text == "to a picture"
        assert engine.restarts == 1
        engine.awaits(90)
        await asyncio.sleep(1)  # it is not tried on that GPU again
        assert len(machine.state().copies) == 2
        await machine.until(lambda: any("died again" in line and "the others take" in line for line in machine.said))
        await engine.close()

    asyncio.run(run())
    assert len(machine.starts()) == 3
    assert machine.gone()


def test_when_all_copies_are_dead_it_fails(machine: Machine) -> None:
    async def run() -> None:
        engine = await machine.started()
        await machine.dies(1)
        await machine.dies(2)
        await machine.dies(1)
        await machine.until(lambda: machine.state().copies[0].status == "failed")
        await machine.until(lambda: machine.state().copies[1].status == "ready")
        machine.kill(2)
        with pytest.raises(EngineError, match=r"copy 1: the server died again .*SIGKILL.*; copy 2: the server died"):
            while True:
                await engine.ask(question(1))
        with pytest.raises(EngineError, match="died again"):
            await engine.ask(question(2))
        await engine.close()

    asyncio.run(run())
    assert len(machine.starts()) == 4
    assert machine.gone()


def test_an_image_that_kills_every_server_ends_with_an_error(machine: Machine) -> None:
    async def run() -> None:
        engine = await machine.started()
        with pytest.raises(EngineError, match="lost again and again"):
            await engine.ask(question(1, "crash"))
        assert (await engine.ask(question(2))).text == "to a picture"
        await engine.close()

    asyncio.run(run())
    assert machine.gone()


def test_a_copy_that_does_not_start_leaves_the_work_to_the_other(machine: Machine) -> None:
    (machine.standin / "fail-start-1").touch()

    async def run() -> None:
        engine = machine.engine()
        engine.awaits(IMAGES)
        await engine.start(machine.said.append)
        await machine.until(lambda: any("copy 2 on GPU 1: the server ended" in line for line in machine.said))
        assert [copy.status for copy in machine.state().copies] == ["ready", "failed"]
        await judge(engine, 1)
        assert engine.restarts == 0
        await engine.close()

    asyncio.run(run())
    assert machine.gone()


@ENGINE_FORKS
def test_the_supervisor_is_killed_and_both_copies_come_back(machine: Machine) -> None:
    async def run() -> None:
        engine = await machine.started()
        machine.supervisor().kill()
        while engine.restarts < 2:  # the servers may still answer for a moment
            await judge(engine, 1)
        await machine.until(lambda: len(machine.state().of("ready")) == 2)
        machine.supervisor().kill()
        with pytest.raises(EngineError, match="killed again"):
            while True:
                await engine.ask(question(1))
        await engine.close()

    asyncio.run(run())
    assert len(machine.starts()) == 4
    assert machine.gone()


@ENGINE_FORKS
def test_a_user_that_is_killed_leaves_nothing_of_two_copies(machine: Machine) -> None:
    user = machine.user()
    until_up(user)

    async def run() -> None:
        engine = await machine.started()
        assert len(machine.processes()) == 2 + 2 * 5  # supervisor and guard; server, its two, and two to fork from
        await engine.close()

    asyncio.run(run())
    user.kill()
    assert machine.gone()


def test_both_copies_are_found_again(machine: Machine) -> None:
    async def first() -> None:
        await (await machine.started(keep_alive=5.0)).close()

    async def second() -> None:
        engine = machine.engine()
        await engine.start(machine.said.append)
        await machine.until(lambda: engine.concurrency == 96)
        await engine.close()

    asyncio.run(first())
    asyncio.run(second())
    assert len(machine.starts()) == 2
    ((folder, _, _),) = shared_server.running(machine.state_dir)
    assert shared_server.stop(folder)
    assert machine.gone()


def test_with_a_request_in_flight_no_copy_sleeps(machine: Machine) -> None:
    async def run() -> None:
        engine = await machine.started(sleep=0.0)
        (machine.standin / "hold-answers").touch()
        asking = asyncio.create_task(engine.ask(question(1)))
        await machine.until(machine.asked)
        await engine.sleep()
        assert not engine.asleep
        (machine.standin / "hold-answers").unlink()
        await asking
        await engine.close()

    asyncio.run(run())
    assert not (machine.standin / "naps").exists()
    assert machine.gone()


def test_both_copies_sleep_and_wake(machine: Machine) -> None:
    async def run() -> None:
        engine = await machine.started(sleep=0.0)
        await engine.sleep()
        assert engine.asleep
        await asyncio.gather(judge(engine, 1), judge(engine, 2))
        assert not engine.asleep
        await engine.close()

    asyncio.run(run())
    naps = (machine.standin / "naps").read_text().splitlines()
    assert [nap.split()[0] for nap in naps] == ["/sleep?level=1"] * 2 + ["/wake_up"] * 2
    assert sorted(nap[-1] for nap in naps) == ["0", "0", "1", "1"]
    assert machine.gone()
