"""Data sets of ModelScope, by its own client from a site of our own. Those of the Hub: tests/commands."""

from __future__ import annotations

import contextlib
import json
import os
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.stand_in.forks import ForkServer
from tests.stand_in.hubs import ModelScope
from tests.stand_in.pictures import marked

Command = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture
def site(tmp_path: Path) -> Iterator[ModelScope]:
    row = json.dumps({"ID": 1, "prompt": "a fox", "image_path": "images/0[1].png"})
    bench = json.dumps({"ID": 1, "dims_en": "Quality / Detail / Noise", "quality_response_A": "no answer"})
    marked((200, 90, 10)).resize((64, 64)).save(tmp_path / "picture.png")
    files = {
        "data/rows.jsonl": row.encode(),
        "data/images/0[1].png": (tmp_path / "picture.png").read_bytes(),
        "data/images/01.png": b"another",
        "qwen_image_bench_hf_v0518.jsonl": bench.encode(),
    }
    served = ModelScope(files)
    yield served
    served.close()


@pytest.fixture
def command(tmp_path: Path, site: ModelScope, forks: ForkServer) -> Command:
    environment = {**os.environ, **site.environment(tmp_path), "HF_HUB_OFFLINE": "1"}

    def run(*args: str) -> subprocess.CompletedProcess[str]:
        with contextlib.chdir(tmp_path):
            return forks.run("-m", "pytest_imagejudge", *args, env=environment)

    return run


def test_a_manifest_is_fetched_with_its_images(command: Command, site: ModelScope) -> None:
    done = command("score", "modelscope://datasets/org/judge/data/rows.jsonl", "--judge-model", "signals", "--json")
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["judged"] == 1
    assert not any(path.endswith("01.png") for path in site.paths)  # a name with brackets is no pattern


def test_the_benchmarks_file_is_the_default(command: Command) -> None:
    done = command("leaderboard", "modelscope://datasets/org/judge", "--json")
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["prompts"] == 1


@pytest.mark.parametrize(
    ("source", "words"),
    [
        ("modelscope://datasets/org/nothing/rows.jsonl", "can't be downloaded"),
        ("modelscope://datasets/org/judge@v9/rows.jsonl", "can't be downloaded"),
        ("modelscope://datasets/org/judge/gone.jsonl", "can't be downloaded"),
        ("modelscope://datasets/org/judge", "name a file of the data set: modelscope://datasets/ORG/NAME/FILE"),
        ("modelscope://datasets/org/judge/../rows.jsonl", "without '.', '..' and empty parts"),
        ("modelscope://models/org/judge", "modelscope://datasets/ORG/NAME[@REVISION]/FILE is expected"),
    ],
)
def test_what_is_not_to_be_had(command: Command, source: str, words: str) -> None:
    done = command("score", source, "--judge-model", "signals")
    assert done.returncode == 2
    assert words in done.stderr
    assert "Traceback" not in done.stderr


def test_images_that_lead_out_of_the_data_set_are_not_fetched(command: Command, site: ModelScope) -> None:
    outside = ["../images/0[1].png", "../../up.png", "a/../../../up.png"]
    rows = [{"ID": place, "prompt": "a fox", "image_path": path} for place, path in enumerate(outside)]
    site.files["data/rows.jsonl"] = "\n".join(map(json.dumps, rows)).encode()
    for path in outside:
        site.files[f"data/{path}"] = site.files["data/images/0[1].png"]
    done = command("score", "modelscope://datasets/org/judge/data/rows.jsonl", "--judge-model", "signals", "--json")
    assert json.loads(done.stdout)["judged"] == 0
    assert "Traceback" not in done.stderr
    assert not any(path.endswith(".png") for path in site.paths)
