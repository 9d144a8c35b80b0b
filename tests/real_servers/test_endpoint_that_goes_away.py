"""vLLM behind a URL, ended while it answers: another URL takes its requests over."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from pytest_imagejudge.protocols.house import source_of
from pytest_imagejudge.taxonomy import LEVEL1
from tests.real_servers.checkpoints import QWEN3VL
from tests.real_servers.real_runs import PYTHON, START_SECONDS, Machine, Project, wait
from tests.stand_in.endpoint import Call, Reply, StandIn, completion
from tests.stand_in.judge import levels

pytestmark = pytest.mark.engine

PICTURES = 12  # spread over two servers by content: all on one in 1 of 2,000 runs
TESTS = """
import pytest

@pytest.mark.parametrize("number", range({count}))
def test_picture(image_judge, number):
    image_judge.expect(f"picture{{number}}.png", prompt="a red fox in the snow")
"""


def other(call: Call) -> Reply:
    text = json.dumps(call.body["messages"])
    (dimension,) = (one for one in LEVEL1 if f"in one respect only: {one}" in text)
    return completion(levels(dimension, 2))


class Server:
    """vLLM on the CPU, as users start it."""

    def __init__(self, machine: Machine, folder: Path) -> None:
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.port = free.getsockname()[1]
        self.url = f"http://127.0.0.1:{self.port}"
        self.log = folder / "vllm.log"
        command = [str(PYTHON), "-m", "vllm.entrypoints.cli.main", "serve", str(machine.checkpoint(QWEN3VL))]
        options = ["--served-model-name=judge", "--enforce-eager", "--max-model-len=16384", "--host=127.0.0.1"]
        with self.log.open("w") as log:
            self.process = subprocess.Popen(
                [*command, *options, f"--port={self.port}"],
                cwd=folder,
                env={**machine.environment, "VLLM_NO_USAGE_STATS": "1"},
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )

    def answers(self) -> bool:
        assert self.process.poll() is None, self.log.read_text()
        try:
            return httpx.get(f"{self.url}/health", trust_env=False, timeout=5).status_code == 200
        except httpx.HTTPError:
            return False

    def works(self) -> bool:
        """Whether it is at work on requests."""
        lines = httpx.get(f"{self.url}/metrics", trust_env=False, timeout=30).text.splitlines()
        return any(line.startswith("vllm:num_requests_running") and float(line.split()[-1]) >= 1 for line in lines)


@pytest.fixture
def vllm(machine: Machine, tmp_path: Path) -> Iterator[Server]:
    server = Server(machine, tmp_path)
    yield server
    try:
        os.killpg(server.process.pid, signal.SIGKILL)
    except ProcessLookupError:
        pass
    server.process.wait()


def test_another_url_takes_over(project: Project, vllm: Server) -> None:
    for picture in range(PICTURES):
        project.picture(f"picture{picture}.png", 700 + picture)
    project.tests(TESTS.format(count=PICTURES))
    # an answer of noise ends at its limit, later than vLLM: one that got through could not be read
    words = source_of("house").replace('"house"', '"endless"', 1)
    words = words.replace("max_tokens = 4096", "max_tokens = 8000\nignore_eos = true")
    (project.folder / "endless.toml").write_text(words)
    stand_in = StandIn(answer=other)
    try:
        wait(vllm.answers, START_SECONDS, "a server that is ready")
        report = project.folder / "report.json"
        urls = (f"--judge-url={vllm.url}", f"--judge-url={stand_in.url}")
        judge = ("--judge-model=judge", "--judge-protocol=endless.toml", "-o", "judge_thinking_budget=700")
        judge += ("-o", "judge_sight=assumed")  # its questions would pass for the work that is waited for
        run = project.start("--judge-report", str(report), *judge, *urls)
        wait(vllm.works, 120, "a server that answers")
        vllm.process.terminate()
        assert run.wait(timeout=300) == 0, project.output
    finally:
        stand_in.close()
    # it holds its connections, or drops them where it had nothing left to say
    assert f"{vllm.url}/v1/chat/completions: " in project.output
    found = json.loads(report.read_text())
    assert [verdict["outcome"] for verdict in found["verdicts"]] == ["passed"] * PICTURES
    assert len(stand_in.asked) >= 5 * PICTURES
