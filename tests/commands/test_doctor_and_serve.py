"""The two commands around a judge's server, with stand-ins; what they do with models is in test_hub.py."""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.stand_in.endpoint import StandIn, completion
from tests.stand_in.forks import ForkServer
from tests.stand_in.judge import levels
from tests.stand_in.vllm import checkpoint, gpus, install

Command = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture
def command(tmp_path: Path, forks: ForkServer) -> Command:
    (tmp_path / "standin").mkdir()
    environment = {
        **{name: value for name, value in os.environ.items() if not name.startswith(("HF_", "PYTEST_", "IMAGEJUDGE_"))},
        "IMAGEJUDGE_CACHE": str(tmp_path / "cache"),
        "IMAGEJUDGE_VLLM_PYTHON": str(install(tmp_path / "site")),
        "STANDIN": str(tmp_path / "standin"),
        "NO_PROXY": "127.0.0.1",
    }

    def run(*args: str, **more: str) -> subprocess.CompletedProcess[str]:
        return forks.run("-m", "pytest_imagejudge", *args, env={**environment, **more})

    return run


def judges(done: subprocess.CompletedProcess[str]) -> list[dict[str, Any]]:
    found = json.loads(done.stdout)
    assert found["ok"] is all(judge["ok"] for judge in found["judges"])
    assert done.returncode == (0 if found["ok"] else 2)
    return list(found["judges"])


def test_without_a_judge_it_tells_what_is_here(command: Command) -> None:
    done = command("doctor", "--json")
    assert judges(done) == []
    found = json.loads(done.stdout)
    assert found["vllm"]["version"] == "9.9.9+cpu"
    assert found["servers"] == []
    assert found["memory_bytes"] > 0
    said = command("doctor").stdout
    assert "vLLM 9.9.9+cpu (cpu build" in said
    assert "name a judge" in said
    assert "pytest's ini file is not read here" in said


def without_nvml(folder: Path) -> dict[str, str]:
    """Environment of a command that has no NVML, which would tell of this machine's own GPUs."""
    (folder / "pynvml.py").write_text("raise ImportError\n")
    return {"PYTHONPATH": os.pathsep.join(filter(None, [str(folder), os.environ.get("PYTHONPATH")]))}


def test_an_nvidia_smi_that_fails_is_told(command: Command, tmp_path: Path) -> None:
    bin_ = tmp_path / "bin"
    bin_.mkdir()
    (bin_ / "nvidia-smi").write_text("#!/bin/sh\necho Failed to initialize NVML: Unknown Error; exit 255\n")
    (bin_ / "nvidia-smi").chmod(0o755)
    more = {
        **without_nvml(bin_),
        "PATH": f"{bin_}:{os.environ['PATH']}",
        "IMAGEJUDGE_VLLM_PYTHON": str(install(tmp_path / "cuda", version="9.9.9")),
    }
    said = "nvidia-smi ended with exit status 255 and said: Failed to initialize NVML: Unknown Error"
    assert f"\nGPUs: {said}\n" in command("doctor", **more).stdout
    done = command("doctor", "--json", **more)
    assert json.loads(done.stdout)["gpu_problem"] == said
    options = ["--judge-model", str(checkpoint(tmp_path / "model", size=10**10)), "--judge-protocol=house"]
    assert f"there is no GPU that it can use ({said})" in command("doctor", *options, **more).stdout


def test_a_cache_that_cannot_be_written_is_told(command: Command, tmp_path: Path) -> None:
    cache = tmp_path / "file"
    cache.touch()
    said = f"{cache} can't be written; set IMAGEJUDGE_CACHE to a folder that can be written\n"
    options = ["--judge-model", str(checkpoint(tmp_path / "model")), "--judge-protocol=house"]
    done = command("doctor", *options, IMAGEJUDGE_CACHE=str(cache))
    assert done.returncode == 2
    assert f"\ncache: {said}" in done.stdout
    assert f"\n  can't run: {said}" in done.stdout
    done = command("doctor", "--judge-model=signals", "--json", IMAGEJUDGE_CACHE=str(cache))
    assert judges(done)[0]["ok"]
    assert json.loads(done.stdout)["cache_error"] == said.strip()
    assert json.loads(command("doctor", "--json").stdout)["cache_error"] == ""


def test_addresses_of_other_programs_are_named(command: Command) -> None:
    link = {"VLLM_PORT": "tcp://10.0.0.1:80", "VLLM_SERVICE_HOST": "10.0.0.1", "VLLM_LOGGING_LEVEL": "INFO"}
    assert "the server does not get VLLM_PORT, VLLM_SERVICE_HOST: addresses" in command("doctor", **link).stdout
    assert json.loads(command("doctor", "--json", **link).stdout)["left_out"] == ["VLLM_PORT", "VLLM_SERVICE_HOST"]
    assert "does not get" not in command("doctor").stdout


def test_memory_that_is_not_told_is_unknown(command: Command, tmp_path: Path) -> None:
    bin_ = tmp_path / "bin"
    bin_.mkdir()
    (bin_ / "nvidia-smi").write_text(
        '#!/bin/sh\ncase "$1" in --query-gpu=*) echo "0, GPU-1, NVIDIA GB10, [N/A], [N/A]";;'
        ' *) echo "GPU-1, 4711, python, [N/A]";; esac\n'
    )
    (bin_ / "nvidia-smi").chmod(0o755)
    options = ["--judge-model", str(checkpoint(tmp_path / "model", size=10**10)), "--judge-protocol=house"]
    more = {
        **without_nvml(bin_),
        "PATH": f"{bin_}:{os.environ['PATH']}",
        "IMAGEJUDGE_VLLM_PYTHON": str(install(tmp_path / "cuda", version="9.9.9")),
    }
    done = command("doctor", *options, **more)
    assert done.returncode == 0, done.stdout
    assert "GPU 0: NVIDIA GB10, its memory is unknown; python (process 4711) holds an unknown amount" in done.stdout
    assert "on GPU 0, an unknown amount free" in done.stdout
    (judge,) = judges(command("doctor", "--json", *options, **more))
    assert (judge["free_bytes"], judge["fits"], judge["running"]) == (None, True, False)
    (judge,) = judges(command("doctor", "--json", *options, "--judge-arg=-qfp8", **more))
    assert judge["needed_at_most"]
    assert "needs at most 11.7 GiB" in command("doctor", *options, "--judge-arg=-qfp8", **more).stdout


def test_how_many_copies_there_may_be(command: Command, tmp_path: Path) -> None:
    options = ["--judge-model", str(checkpoint(tmp_path / "model", size=10**10)), "--judge-protocol=house"]
    bin_ = gpus(tmp_path / "bin", 2)
    more = {
        **without_nvml(bin_),
        "PATH": f"{bin_}:{os.environ['PATH']}",
        "IMAGEJUDGE_VLLM_PYTHON": str(install(tmp_path / "cuda", version="9.9.9")),
    }
    words = "up to 2 copies on GPUs that nothing else uses, one for every 48 images that wait"
    assert words in command("doctor", *options, **more).stdout
    (judge,) = judges(command("doctor", "--json", *options, "--judge-gpus=1", **more))
    assert judge["most_copies"] == 1
    assert "for every 48 images" not in command("doctor", *options, "--judge-gpus=1", **more).stdout


def test_an_endpoint(command: Command) -> None:
    server = StandIn(lambda call: completion(levels("Quality", 2)))
    try:
        (judge,) = judges(command("doctor", "--json", "--judge-url", server.url))
        assert (judge["model"], judge["engine"], judge["ok"]) == ("judge", "endpoint", True)
        said = command("doctor", "--judge-url", server.url, IMAGEJUDGE_VLLM_PYTHON="/nowhere").stdout
        assert "vLLM: none, and a judge at a URL needs none\n" in said
        server.looks.clear()
        server.calls.clear()
        (judge,) = judges(command("doctor", "--json", "--judge-url", server.url, "--judge-model", "jugde"))
        assert 'did you mean "judge"' in judge["problems"][0]
        assert not server.looks + server.asked  # what is wrong already needs no question
    finally:
        server.close()
    (judge,) = judges(command("doctor", "--json", "--judge-url", server.url, "--judge-model", "judge"))
    assert "ConnectError" in judge["problems"][0]


def test_two_judges_and_all_that_is_wrong(command: Command, tmp_path: Path) -> None:
    model = str(checkpoint(tmp_path / "model"))
    options = ["--judge-model", model, "--judge-protocol=hause", "--edit-judge-model", str(tmp_path / "nothing")]
    image, edit = judges(command("doctor", "--json", *options))
    assert (image["kind"], edit["kind"]) == ("image", "edit")
    assert "hause" in image["problems"][0]
    assert "no such folder" in edit["problems"][0]
    assert "--edit-judge-model" in edit["problems"][0]
    printed = command("doctor", *options)
    assert printed.returncode == 2
    assert "can't run: " in printed.stdout


@pytest.mark.parametrize(
    ("args", "words"),
    [
        ([], "name one judge"),
        (["--judge-model", "signals"], "only a model that vLLM serves"),
        (["--judge-url", "http://h"], "only a model that vLLM serves"),
        (["--judge-model", "./nothing"], "no such folder"),
        (["--judge-model", "MODEL", "--judge-keep-alive=0"], "minutes, more than 0"),
        (["--judge-model", "MODEL", "--judge-keep-alive=nan"], "a number of at least 0 is expected"),
        (["--judge-model", "MODEL", "--judge-keep-alive=5", "--foreground"], "give one of them"),
        (["--judge-model", "MODEL", "--judge-arg=--port=1"], "--port is set by this plugin"),
    ],
)
def test_what_serve_refuses(command: Command, tmp_path: Path, args: list[str], words: str) -> None:
    model = str(checkpoint(tmp_path / "model"))
    done = command("serve", *(model if arg == "MODEL" else arg for arg in args))
    assert done.returncode == 2
    assert words in done.stderr
    assert done.stdout == ""


def test_a_server_for_others(command: Command, tmp_path: Path) -> None:
    options = ["--judge-model", str(checkpoint(tmp_path / "model")), "--judge-protocol=house"]
    served = command("serve", *options)
    assert served.returncode == 0, served.stderr
    try:
        key, _, option, url = served.stdout.split()
        assert (key.split("=")[0], option) == ("IMAGEJUDGE_API_KEY", "--judge-url")
        assert url.endswith("/v1")
        again = json.loads(command("serve", "--json", *options).stdout)
        assert again["url"] == url  # it is the same one
        (judge,) = judges(command("doctor", "--json", *options))
        assert judge["running"]
        assert judge["needed_bytes"] > 0
        assert "its server runs already" in command("doctor", *options).stdout
        assert command("serve", "--stop", *options, "--judge-arg=--other").stderr.endswith("no such server is up\n")
    finally:
        stopped = command("serve", "--stop", "--json", *options)
    assert stopped.returncode == 0
    assert "ended the server" in stopped.stderr
    (ended,) = json.loads(stopped.stdout)["stopped"]
    assert ended["url"].startswith("http://127.0.0.1:")
    nothing = command("serve", "--stop", "--json")
    assert "no such server is up" in nothing.stderr
    assert json.loads(nothing.stdout) == {"stopped": []}


def test_a_server_that_fails_is_exit_3(command: Command, tmp_path: Path) -> None:
    (tmp_path / "standin" / "fail-start").touch()
    done = command("serve", "--judge-model", str(checkpoint(tmp_path / "model")), "--judge-protocol=house")
    assert done.returncode == 3
    assert "the weights are wrong" in done.stderr
