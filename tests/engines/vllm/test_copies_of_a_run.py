"""Runs of pytest with two copies of the judge, with stand-ins for vLLM's server and for nvidia-smi."""

from __future__ import annotations

import json
import os
import sys
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from tests.stand_in.vllm import checkpoint, gpus, install

IMAGES = 60

# Answers are held until all GPUs have been asked. Then the servers in DEATHS are killed, each as often as it says.
CONFTEST = """
import json, os, signal, threading, time
from pathlib import Path

CACHE, STANDIN = Path(os.environ["IMAGEJUDGE_CACHE"]), Path(os.environ["STANDIN"])
DEATHS = json.loads(os.environ["DEATHS"])


def wait(condition):
    for _ in range(12_000):
        if found := condition():
            return found
        time.sleep(0.05)
    os._exit(70)


def asked():
    file = STANDIN / "asked"
    lines = file.read_text().splitlines(True) if file.exists() else []
    return {json.loads(line)["gpu"] for line in lines if line.endswith("\\n")}  # the last one may be half written


def copy(number):
    (file,) = CACHE.glob("servers/*/state.json")
    return json.loads(file.read_text())["copies"][number - 1]


def die(number):
    server = wait(lambda: copy(number)["status"] == "ready" and copy(number)["server"])
    os.kill(server, signal.SIGKILL)
    wait(lambda: copy(number)["server"] != server or copy(number)["status"] == "failed")


def watch():
    wait(lambda: asked() == set(os.environ.get("GPUS", "01")))
    for number in DEATHS:
        die(number)
    (STANDIN / "hold-answers").unlink()


def pytest_sessionstart(session):
    if "PYTEST_XDIST_WORKER" not in os.environ:
        threading.Thread(target=watch, daemon=True).start()
"""


@pytest.fixture
def model(vllm_folder: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A model that fits each of two GPUs."""
    (vllm_folder / "standin" / "hold-answers").touch()
    monkeypatch.setenv("IMAGEJUDGE_VLLM_PYTHON", str(install(vllm_folder / "site", version="9.9.9")))
    monkeypatch.setenv("PATH", f"{gpus(vllm_folder / 'bin', 2)}:{Path(sys.executable).parent}:/usr/bin:/bin")
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)
    return checkpoint(vllm_folder / "model")


def run(
    pytester: pytest.Pytester, model: Path, *args: str, images: int = IMAGES
) -> tuple[pytest.RunResult, dict[str, Any]]:
    rows = []
    for number in range(images):
        Image.new("RGB", (16, 16), (number, 100, 200)).save(pytester.path / f"{number}.png")
        rows.append({"ID": str(number), "prompt": "a blue field", "image_path": f"{number}.png"})
    (pytester.path / "rows.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    pytester.makeini("[pytest]\njudge_dimensions = Quality\n")
    pytester.makeconftest(CONFTEST)
    judge = (f"--judge-model={model}", "--judge-protocol=house", "--judge-manifest=rows.jsonl", "--judge-no-store")
    result = pytester.runpytest_subprocess("-pxdist", "-pimagejudge", *judge, "--judge-report=report.json", *args)
    return result, json.loads((pytester.path / "report.json").read_text())


def answered(report: dict[str, Any]) -> int:
    """The number of images with an answer; that of a stand-in can't be read."""
    return sum(entry["answers"] == {"Quality": "to a picture"} for entry in report["verdicts"])


@pytest.mark.parametrize(("deaths", "restarts"), [([], 0), ([2], 1), ([1], 1), ([2, 2], 1)])
def test_all_images_are_answered_whichever_copy_dies(
    pytester: pytest.Pytester, model: Path, monkeypatch: pytest.MonkeyPatch, deaths: list[int], restarts: int
) -> None:
    monkeypatch.setenv("DEATHS", json.dumps(deaths))
    result, report = run(pytester, model)
    assert answered(report) == IMAGES
    assert report["run"]["restarts"] == restarts
    (words,) = report["run"]["copies"]
    assert words.startswith("model: 2 copies, on GPU 0, GPU 1: ")
    assert words in " ".join(result.stdout.str().split())
    assert ("the judge's server died and was started again once" in result.stdout.str()) is bool(restarts)
    result.stdout.fnmatch_lines(["*model, copy 2 on GPU 1: it is started: * images wait, and one copy answers 48 at*"])


def test_when_both_copies_are_dead_the_images_are_errors(
    pytester: pytest.Pytester, model: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DEATHS", "[1, 2, 1, 2]")
    _, report = run(pytester, model)
    errors = Counter(entry["error"].partition("\n")[0] for entry in report["verdicts"] if not entry["answers"])
    assert errors
    assert all("copy 1: the server died again" in error for error in errors)


def test_two_workers_share_both_copies(pytester: pytest.Pytester, model: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DEATHS", "[2]")
    images = 4 * IMAGES  # enough that each worker has more than one copy takes at once, however they share
    _, report = run(pytester, model, "-n2", images=images)
    assert answered(report) == images
    (words,) = report["run"]["copies"]
    assert words.startswith("model: 2 copies")
    assert report["run"]["restarts"] == 1
    assert len((model.parent / "standin" / "starts").read_text().splitlines()) == 3


def test_the_judge_of_edits_keeps_a_gpu(
    pytester: pytest.Pytester, model: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DEATHS", "[]")
    monkeypatch.setenv("GPUS", "012")
    monkeypatch.setenv("PATH", f"{gpus(model.parent / 'three', 3)}:{os.environ['PATH']}")
    other = checkpoint(model.parent / "editor", architectures=["Qwen2_5_VLForConditionalGeneration"])
    row = {"ID": "edit", "source_path": "1.png", "edited_path": "2.png", "instruction": "make it blue"}
    (pytester.path / "edits.jsonl").write_text(json.dumps(row))
    edits = (f"--edit-judge-model={other}", "--edit-judge-protocol=house", "--judge-manifest=edits.jsonl")
    _, report = run(pytester, model, *edits)
    assert answered(report) == IMAGES
    assert [edit["answer"] for edit in report["edits"]] == ["to a picture"]
    places = {words.partition(":")[0]: words.split(": ")[1] for words in report["run"]["copies"]}
    assert places["model"].startswith("2 copies, on GPU ")
    assert places["editor"].startswith("1 copy, on GPU ")
    asked = [json.loads(line) for line in (model.parent / "standin" / "asked").read_text().splitlines()]
    by_gpu = {(body["gpu"], Path(body["model"]).name) for body in asked}
    assert sorted(gpu for gpu, _ in by_gpu) == ["0", "1", "2"]
    assert len([gpu for gpu, name in by_gpu if name == "editor"]) == 1
