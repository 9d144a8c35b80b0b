"""What a start of vLLM shares with others: its key stays out of caches, and its answers are those of a plain server."""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import psutil
import pytest

from tests.real_servers.checkpoints import QWEN35
from tests.real_servers.real_runs import PYTHON, ROOT, START_SECONDS, Machine, wait

pytestmark = pytest.mark.engine

FACTORS = """
import os, sys
from pathlib import Path
from pytest_imagejudge.engines.vllm.arguments import server_environment
from pytest_imagejudge.engines.vllm.install import find_vllm
from pytest_imagejudge.settings import JudgeSettings

for name, value in server_environment(find_vllm(), JudgeSettings(model="a/b"), Path(sys.argv[1])).items():
    os.environ.pop(name, None) if value is None else os.environ.update({name: value})
os.environ["IMAGEJUDGE_SERVER_KEY"] = "a key of this start " + sys.argv[1]
import vllm.envs
print(sorted(vllm.envs.compile_factors().items()))
"""


def test_what_decides_about_compiled_graphs_is_the_same_in_another_home_and_with_another_key(machine: Machine) -> None:
    said = []
    for name in ("one", "two"):
        home = machine.folder / "homes" / name
        home.mkdir(parents=True)
        environment = {**machine.environment, "HOME": str(home), "VLLM_API_KEY": f"a key of {name}"}
        command = [str(PYTHON), "-c", FACTORS, str(home / "cache")]
        done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=True)
        said.append(done.stdout.splitlines()[-1])
    assert said[0] == said[1]
    assert "VLLM_USE_FLASHINFER_SAMPLER" in said[0]
    assert "a key of" not in said[0]


def ask(root: str, key: str, model: str) -> list[Any]:
    """The answers to a fixed batch, one request at a time."""
    found = []
    for question in ("Which is sharper?", "Is there a fox, and is it red?", "Count the hands."):
        body = {"model": model, "temperature": 0, "max_tokens": 24, "ignore_eos": True, "logprobs": True}
        body["messages"] = [{"role": "user", "content": question}]
        headers = {"authorization": f"Bearer {key}"}
        reply = httpx.post(f"{root}/v1/chat/completions", json=body, headers=headers, timeout=300, trust_env=False)
        assert reply.status_code == 200, reply.text
        (choice,) = reply.json()["choices"]
        found.append([token["token"] for token in choice["logprobs"]["content"]])
        assert len(found[-1]) == 24
    return found


@contextmanager
def plain_server(spec: dict[str, Any], model: str, folder: Path) -> Iterator[str]:
    """``vllm serve`` with the options of a server of ours; yields its address."""
    _, _, *options = spec["copies"][0]["command"]
    options[options.index("{port}")] = "18917"
    command = [str(PYTHON), "-m", "vllm.entrypoints.cli.main", "serve", model, *options[1:]]
    environment = {**os.environ, **spec["copies"][0]["env"], "VLLM_API_KEY": "plain"}
    environment = {name: value for name, value in environment.items() if value is not None}
    with (folder / "plain.log").open("w") as log:
        server = subprocess.Popen(command, env=environment, stdout=log, stderr=log, cwd=folder, start_new_session=True)
    root = "http://127.0.0.1:18917"

    def up() -> bool:
        assert server.poll() is None, (folder / "plain.log").read_text()[-4000:]
        try:
            return httpx.get(f"{root}/health", trust_env=False, timeout=5).status_code == 200
        except httpx.TransportError:
            return False

    try:
        wait(up, START_SECONDS, "a plain server")
        yield root
    finally:
        left = [server, *psutil.Process(server.pid).children(recursive=True)]
        for process in left:
            process.kill()
        server.wait()
        psutil.wait_procs(left[1:], timeout=15)


def test_answers_are_those_of_a_plain_server_and_the_key_is_nowhere(machine: Machine, tmp_path: Path) -> None:
    model = str(machine.checkpoint(QWEN35))
    options = ["--judge-model", model, "--judge-protocol=q-judger", "--judge-arg=--enforce-eager"]
    done = machine.imagejudge("serve", "--json", *options)
    assert done.returncode == 0, done.stderr
    facts = json.loads(done.stdout)
    root = facts["url"].removesuffix("/v1")
    ours = ask(root, facts["key"], model)
    for path in ("/v1/models", "/metrics", "/version"):
        assert httpx.get(root + path, trust_env=False).status_code == 401, path
    assert "start in a new Python" not in Path(facts["log"]).read_text()
    spec = json.loads((Path(facts["log"]).parent / "spec.json").read_text())
    assert machine.imagejudge("serve", "--stop").returncode == 0
    assert machine.gone()
    files = [file for file in machine.cache.rglob("*") if file.is_file()]
    assert [file for file in files if facts["key"].encode() in file.read_bytes()] == []
    assert any(file.name == "used" for file in files)
    with plain_server(spec, model, tmp_path) as plain:
        assert ask(plain, "plain", model) == ours
