"""vLLM itself, on the CPU, through pytest and the command, as users start them."""

from __future__ import annotations

import json
import re
import signal
from pathlib import Path
from typing import Any

import httpx
import psutil
import pytest

from pytest_imagejudge.protocols.ie_critic import IECritic
from pytest_imagejudge.protocols.reasons import SCHEMA as REASON
from tests.real_servers.checkpoints import QWEN3VL, QWEN25VL, QWEN35
from tests.real_servers.real_runs import Machine, Project, wait
from tests.stand_in import published_words

pytestmark = pytest.mark.engine

EAGER = "--judge-arg=--enforce-eager"
TESTS = """
import pytest

@pytest.mark.parametrize("name", {names})
def test_picture(image_judge, name):
    image_judge.expect(name, prompt="a red fox in the snow")
"""


@pytest.fixture(scope="module", autouse=True)
def words(machine: Machine) -> None:
    machine.words("IMAGEJUDGE_Q_JUDGER_WORDS", published_words.q_judger())
    machine.words("IMAGEJUDGE_IE_CRITIC_WORDS", published_words.IE_CRITIC)


def pictures(project: Project, count: int, seed: int = 0) -> None:
    names = [f"picture{number}.png" for number in range(count)]
    for number, name in enumerate(names):
        project.picture(name, seed + number)
    project.tests(TESTS.format(names=names))


def judged(report: dict[str, Any]) -> list[dict[str, Any]]:
    """The verdicts, all of which were read in full."""
    for verdict in report["verdicts"]:
        assert verdict["error"] == ""
        assert verdict["unreadable"] == []
        assert set(verdict["level1"]) == {
            "Quality",
            "Aesthetics",
            "Alignment",
            "Real-world Fidelity",
            "Creative Generation",
        }
    return list(report["verdicts"])


@pytest.fixture
def q_judger(machine: Machine) -> list[str]:
    return ["--judge-model", str(machine.checkpoint(QWEN35)), "--judge-protocol=q-judger", EAGER]


def test_two_workers_then_a_run_that_finds_the_server_again(
    machine: Machine, project: Project, q_judger: list[str]
) -> None:
    pictures(project, 4)
    report = project.run("-n2", "--judge-keep-alive=15", *q_judger)
    assert len(judged(report)) == 4
    assert project.output.count(": ready after ") == 1  # both workers wait for one server; the controller says so
    assert report["run"]["requests"] == 20
    assert report["run"]["cached_prompt_tokens"] > 0.3 * report["run"]["prompt_tokens"]
    assert report["run"]["restarts"] == 0
    (before,) = machine.servers()
    assert before.status == "ready"

    pictures(project, 2, seed=100)
    assert len(judged(project.run(*q_judger))) == 2
    (after,) = machine.servers()
    assert (after.first.server, after.generation) == (before.first.server, 1)

    doctor = machine.imagejudge("doctor", "--json", *q_judger)
    assert doctor.returncode == 0, doctor.stderr
    found = json.loads(doctor.stdout)
    assert found["judges"][0]["running"], found
    assert found["servers"][0]["users"] == 0

    assert machine.imagejudge("serve", "--stop", *q_judger).returncode == 0
    assert machine.gone()


def test_the_server_is_killed_in_the_middle(machine: Machine, project: Project, q_judger: list[str]) -> None:
    pictures(project, 6, seed=200)
    report = project.folder / "report.json"
    run = project.start("--judge-report", str(report), *q_judger)
    state = project.until_ready(run)
    psutil.Process(state.first.server).kill()  # the API server; its engine's processes go on by themselves
    assert run.wait(timeout=900) in (0, 1), project.output
    found = json.loads(report.read_text())
    assert len(judged(found)) == 6
    assert found["run"]["restarts"] == 1
    assert machine.gone()


def test_pytest_is_killed(machine: Machine, project: Project, q_judger: list[str]) -> None:
    pictures(project, 6, seed=300)
    run = project.start("-n2", *q_judger)
    project.until_ready(run)
    assert len(machine.processes()) >= 4  # supervisor, guard, API server, engine
    run.kill()
    assert machine.gone()


SLOW = """
import json, os, time
from pathlib import Path

import pytest

@pytest.fixture(scope="session")
def generator():  # loads until the server is ready, which nobody has asked anything
    servers = Path(os.environ["IMAGEJUDGE_CACHE"]) / "servers"
    for _ in range(6000):
        if any(json.loads(file.read_text())["status"] == "ready" for file in servers.glob("*/state.json")):
            return lambda name: name
        time.sleep(0.1)
    raise AssertionError("no server was ready")

@pytest.mark.parametrize("name", {names})
def test_picture(image_judge, generator, name):
    image_judge.expect(generator(name), prompt="a red fox in the snow")
"""


def slow_pictures(project: Project, count: int, seed: int) -> None:
    """As `pictures`, of a generator that is slower than any judge."""
    pictures(project, count, seed)
    project.tests(SLOW.format(names=[f"picture{number}.png" for number in range(count)]))


@pytest.mark.parametrize("workers", [(), ("-n2",)])
def test_the_server_is_ready_before_the_first_image(
    machine: Machine, project: Project, q_judger: list[str], workers: tuple[str, ...]
) -> None:
    slow_pictures(project, 2, seed=700 + len(workers))
    report = project.run(*workers, *q_judger)
    assert len(judged(report)) == 2
    assert f"{q_judger[1]} starts while the tests run: it is served on the CPU" in project.output
    assert machine.gone()


@pytest.mark.parametrize("asked", [True, False])
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGKILL])
def test_a_start_is_interrupted(
    machine: Machine, project: Project, q_judger: list[str], number: signal.Signals, asked: bool
) -> None:
    (pictures if asked else slow_pictures)(project, 1, seed=400)
    run = project.start(*q_judger)
    wait(machine.has_engine, 300, "an engine that starts")
    run.send_signal(number)
    run.wait(timeout=60)
    assert machine.gone()


def test_a_start_that_fails_says_why(machine: Machine, project: Project, q_judger: list[str]) -> None:
    pictures(project, 1, seed=500)
    report = project.run(*q_judger, "--judge-arg=--no-such-option")
    (verdict,) = report["verdicts"]
    assert verdict["outcome"] == "error"
    assert "no-such-option" in project.output
    assert machine.gone()


def test_another_architecture_and_protocol(machine: Machine, project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    """And where Kubernetes has a Service named vllm, whose address vLLM would take for a port of its own."""
    monkeypatch.setitem(machine.environment, "VLLM_PORT", "tcp://10.0.0.1:80")
    (project.folder / "pytest.ini").write_text("[pytest]\n")  # as it asks by itself
    pictures(project, 2, seed=600)
    report = project.run("--judge-model", str(machine.checkpoint(QWEN3VL)), "--judge-protocol=house", EAGER)
    assert len(judged(report)) == 2
    assert "the server does not get VLLM_PORT: " in project.output
    for verdict in report["verdicts"]:
        assert verdict["problems"] == []
        reasons = [
            facet["evidence"]
            for twos in verdict["level3"].values()
            for threes in twos.values()
            for facet in threes.values()
        ]
        assert len(reasons) == 56
        assert any(reasons)  # of noise, as the weights are
        assert all(re.fullmatch(REASON["pattern"], reason) for reason in reasons)
    assert machine.gone()


def test_edits_in_our_own_words(machine: Machine, project: Project) -> None:
    (project.folder / "pytest.ini").write_text("[pytest]\n")
    names = [f"after{number}.png" for number in range(4)]
    for number, name in enumerate(["before.png", *names]):
        project.picture(name, number)
    project.tests(
        f"""
import pytest

@pytest.mark.parametrize("name", {names})
def test_edit(edit_judge, name):
    edit_judge.expect("before.png", name, instruction="make it blue")
"""
    )
    (project.folder / "bounds.toml").write_text("[edit]\nscore = 1\n")
    report = project.run("--edit-judge-model", str(machine.checkpoint(QWEN3VL)), "--edit-judge-protocol=house", EAGER)
    assert len(report["edits"]) == 4
    for edit in report["edits"]:
        assert (edit["error"], edit["unreadable"], edit["problems"]) == ("", [], [])
        assert all(re.fullmatch(REASON["pattern"], reason) for reason in edit["evidence"].values())
    assert any(edit["evidence"] for edit in report["edits"])
    assert machine.gone()


def test_edits(machine: Machine, project: Project) -> None:
    project.picture("before.png", 1)
    project.picture("after.png", 2)
    project.tests(
        """
def test_edit(edit_judge):
    edit_judge.expect("before.png", "after.png", instruction="make it blue")
"""
    )
    (project.folder / "bounds.toml").write_text("[edit]\nscore = 1\n")
    model = str(machine.checkpoint(QWEN25VL))
    report = project.run("--edit-judge-model", model, "--edit-judge-protocol=ie-critic", EAGER)
    (edit,) = report["edits"]
    assert edit["error"] == ""
    assert 1 <= edit["score"] <= 5
    assert machine.gone()


def test_both_judges_in_one_session(machine: Machine, project: Project, q_judger: list[str]) -> None:
    project.picture("before.png", 3)
    project.picture("after.png", 4)
    project.tests(
        """
def test_image(image_judge):
    image_judge.expect("before.png", prompt="a red fox in the snow")

def test_edit(edit_judge):
    assert 1 <= edit_judge.score("before.png", "after.png", instruction="make it blue").score <= 5
    edit_judge.expect("after.png", "before.png", instruction="make it red")
"""
    )
    (project.folder / "bounds.toml").write_text("[level1]\nQuality = 0\n[edit]\nscore = 1\n")
    edits = ["--edit-judge-model", str(machine.checkpoint(QWEN25VL)), "--edit-judge-protocol=ie-critic"]
    report = project.run("-n2", *q_judger, *edits)
    assert len(judged(report)) == 1
    assert [edit["error"] for edit in report["edits"]] == ["", ""]
    assert {judge["model"] for judge in report["run"]["judges"]} == {Path(q_judger[1]).name, Path(edits[1]).name}
    assert report["run"]["requests"] == 7
    assert machine.gone()


def test_the_token_sequence_of_an_edit(machine: Machine, project: Project) -> None:
    """As the server's own template and tokenizer make it: both pictures in order, one turn of the assistant, begun."""
    project.picture("before.png", 5)
    project.picture("after.png", 6)
    options = ["--edit-judge-model", str(machine.checkpoint(QWEN25VL)), EAGER]
    pictures = ["--source", str(project.folder / "before.png"), "--edited", str(project.folder / "after.png")]
    shown = machine.imagejudge("protocol", "show", "--protocol=ie-critic", "--instruction", "make it blue", *pictures)
    assert shown.returncode == 0, shown.stderr
    ((_, messages),) = (request.values() for request in json.loads(shown.stdout))
    served = machine.imagejudge("serve", "--json", "--edit-judge-protocol=ie-critic", *options)
    assert served.returncode == 0, served.stderr
    facts = json.loads(served.stdout)

    def post(path: str, **fields: Any) -> Any:
        headers = {"authorization": f"Bearer {facts['key']}"}
        body = {"model": options[1], **fields}
        reply = httpx.post(facts["url"].removesuffix("/v1") + path, json=body, headers=headers, timeout=120)
        assert reply.status_code == 200, reply.text
        return reply.json()

    sampling = IECritic().sampling()
    turns = {name: sampling[name] for name in ("add_generation_prompt", "continue_final_message")}
    tokens = post("/tokenize", messages=messages, **turns)["tokens"]
    (question,) = [part["text"] for part in messages[0]["content"] if part["type"] == "text"]
    before, after, rest = post("/detokenize", tokens=tokens)["prompt"].split("<|vision_end|>")
    assert rest == f"{question}<|im_end|>\n<|im_start|>assistant\n<think>"
    patches = before.count("<|image_pad|>")
    assert patches > 0.95 * 262_144 / 28**2  # the smallest picture that the judge was trained on
    assert before == "<|im_start|>user\n<|vision_start|>" + "<|image_pad|>" * patches
    assert after == "<|vision_start|>" + "<|image_pad|>" * patches
    assert "make it blue" in question
    machine.imagejudge("serve", "--stop")
    assert machine.gone()


def test_serve(machine: Machine) -> None:
    options = ["--judge-model", str(machine.checkpoint(QWEN3VL)), EAGER]
    done = machine.imagejudge("serve", "--json", "--judge-keep-alive=10", *options)
    assert done.returncode == 0, done.stderr
    facts = json.loads(done.stdout)
    assert "ready after" in done.stderr
    machine.environment["IMAGEJUDGE_API_KEY"] = facts["key"]
    try:
        doctor = machine.imagejudge("doctor", "--json", "--judge-url", facts["url"])
    finally:
        del machine.environment["IMAGEJUDGE_API_KEY"]
    assert json.loads(doctor.stdout)["judges"][0]["model"] == options[1]
    stop = machine.imagejudge("serve", "--stop")
    assert "ended the server" in stop.stderr
    assert machine.gone()
