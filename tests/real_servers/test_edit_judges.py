"""VIEScore and EditScore on vLLM itself, the latter as a LoRA adapter of its base model."""

from __future__ import annotations

import json

import pytest

from tests.real_servers.checkpoints import QWEN3VL, QWEN25VL
from tests.real_servers.real_runs import Machine, Project
from tests.stand_in import published_words

pytestmark = pytest.mark.engine

EAGER = "--judge-arg=--enforce-eager"
TESTS = """
def test_edit(edit_judge):
    edit_judge.expect("before.png", "after.png", instruction="make it blue")
"""


@pytest.fixture(autouse=True)
def words(machine: Machine, project: Project) -> None:
    machine.words("IMAGEJUDGE_VIESCORE_WORDS", published_words.VIESCORE)
    machine.words("IMAGEJUDGE_EDITSCORE_WORDS", published_words.EDITSCORE)
    project.picture("before.png", 1)
    project.picture("after.png", 2)
    project.tests(TESTS)
    (project.folder / "bounds.toml").write_text("[edit]\nscale = [0, 10]\nscore = 0\n")


def test_viescore(machine: Machine, project: Project) -> None:
    model = str(machine.checkpoint(QWEN25VL))
    report = project.run("--edit-judge-model", model, "--edit-judge-protocol=viescore", EAGER)
    (edit,) = report["edits"]
    assert (edit["error"], edit["unreadable"], edit["outcome"]) == ("", [], "passed")
    assert edit["scale"] == [0, 10]
    assert list(edit["answers"]) == ["SC", "PQ"]
    assert report["run"]["requests"] == 2
    for name in ("SC", "PQ"):
        assert edit["aspects"][name] == min(json.loads(edit["answers"][name])["score"])
    assert edit["score"] == pytest.approx((edit["aspects"]["SC"] * edit["aspects"]["PQ"]) ** 0.5)
    assert machine.gone()


def test_editscore_with_an_adapter(machine: Machine, project: Project) -> None:
    model, adapter = str(machine.checkpoint(QWEN3VL)), str(machine.adapter(QWEN3VL))
    with (project.folder / "pytest.ini").open("a") as ini:
        ini.write("judge_passes = 3\n")
    asked = ("--edit-judge-model", model, "--edit-judge-protocol=editscore", EAGER)
    plain = project.run(*asked)["edits"][0]
    report = project.run(*asked, "--edit-judge-adapter", adapter)
    (edit,) = report["edits"]
    assert (edit["error"], edit["unreadable"], edit["outcome"]) == ("", [], "passed")
    assert list(edit["answers"]) == ["SC", "PQ", "SC 2", "PQ 2", "SC 3", "PQ 3"]
    assert len(set(edit["answers"].values())) > 2  # each pass has a seed of its own
    assert edit["answers"] != plain["answers"]  # the adapter is in use
    assert edit["fingerprint"]["sampling"]["seed"] == [42, 43, 44]
    assert edit["fingerprint"]["adapter"].startswith(f"{QWEN3VL}-adapter@")
    assert report["run"]["from_store"] == 0
    assert machine.gone()


def test_an_adapter_of_another_model(machine: Machine, project: Project) -> None:
    model, adapter = str(machine.checkpoint(QWEN25VL)), str(machine.adapter(QWEN3VL))
    run = project.start(
        *("--edit-judge-model", model, "--edit-judge-protocol=editscore", "--edit-judge-adapter", adapter),
    )
    run.wait(timeout=300)
    assert run.returncode == 4, project.output
    assert "does not fit the judge" in project.output
    assert machine.gone()
