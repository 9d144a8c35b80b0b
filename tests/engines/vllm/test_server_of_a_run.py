"""Runs of pytest whose judge is served; with a stand-in for vLLM's server."""

from __future__ import annotations

import contextlib
import json
import os
import signal
from pathlib import Path

import psutil
import pytest

from tests.stand_in.vllm import checkpoint, install


@pytest.fixture
def model(vllm_folder: Path, pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A model that a CPU build of vLLM serves here."""
    monkeypatch.setenv("IMAGEJUDGE_VLLM_PYTHON", str(install(vllm_folder / "site")))
    monkeypatch.setenv("VLLM_CPU_KVCACHE_SPACE", "1")
    pytester.makeconftest('import os; os.environ.setdefault("CONTROLLER", str(os.getpid()))')
    return checkpoint(vllm_folder / "model")


def run(pytester: pytest.Pytester, model: Path, *args: str) -> pytest.RunResult:
    judge = (f"--judge-model={model}", "--judge-protocol=house")
    return pytester.runpytest_subprocess("-pxdist", "-pimagejudge", *judge, *args)


def test_without_a_gpu_nothing_is_said_of_its_memory(pytester: pytest.Pytester, model: Path) -> None:
    pytester.makepyfile("def test_nothing(image_judge): pass")
    result = run(pytester, model)
    result.assert_outcomes(passed=1)
    result.stdout.fnmatch_lines([f"imagejudge: {model}, protocol house", "imagejudge: thresholds default, *"])
    assert "GPU" not in result.stdout.str()
    result = run(pytester, model, "--judge-when=after")
    result.stdout.fnmatch_lines(["imagejudge: judges after the tests (--judge-when)"])


DYING = """
import os, signal, time
from pathlib import Path

import PIL.Image
import pytest

CACHE, STANDIN = Path(os.environ["IMAGEJUDGE_CACHE"]), Path(os.environ["STANDIN"])
PICTURE = PIL.Image.new("RGB", (8, 8))
SCORED = []


def wait(condition):
    for _ in range(12_000):
        if condition():
            return
        time.sleep(0.05)
    raise AssertionError("it did not come about")


CONTROLLER = int(os.environ["CONTROLLER"])


def users():
    return {int(lease.name.partition("-")[0]) for lease in CACHE.glob("servers/*/leases/*")}


def test_left(image_judge):
    image_judge.expect(PICTURE, prompt="left", dimensions=["Quality"])


def test_dies():
    workers = int(os.environ["PYTEST_XDIST_WORKER_COUNT"])
    wait(lambda: len(users() - {CONTROLLER}) == workers and (STANDIN / "starts").exists())
    os.kill(os.getpid(), signal.SIGKILL)


@pytest.mark.parametrize("number", [0, 1])
def test_other(image_judge, number):
    image_judge.score(PICTURE, prompt=f"other {number}", dimensions=["Quality"])
    SCORED.append(number)
    if len(SCORED) == 2:  # the server is left only when the controller uses it too
        wait(lambda: CONTROLLER in users())
"""


@pytest.mark.parametrize(("workers", "starts"), [(2, 1), (1, 2)])  # one that dies alone takes its server along
def test_what_a_dead_worker_left_is_judged_by_the_server_of_the_others(
    pytester: pytest.Pytester, model: Path, workers: int, starts: int
) -> None:
    pytester.makepyfile(DYING)
    result = run(pytester, model, f"-n{workers}", "--judge-no-store", "--judge-report=report.json")
    result.assert_outcomes(passed=2, failed=2)  # the one that died, and the one whose answer can't be read
    verdicts = json.loads((pytester.path / "report.json").read_text())["verdicts"]
    assert {entry["prompt"]: entry["answers"] for entry in verdicts} == {
        prompt: {"Quality": "to a picture"} for prompt in ("left", "other 0", "other 1")
    }
    assert len((model.parent / "standin" / "starts").read_text().splitlines()) <= starts


def standin(model: Path) -> Path:
    """The folder by which the stand-in speaks."""
    return model.parent / "standin"


def left(model: Path) -> list[psutil.Process]:
    """What is left of servers after the time that they may take to end."""

    def found() -> list[psutil.Process]:
        processes = []
        for process in psutil.process_iter():
            with contextlib.suppress(psutil.Error):
                mine = process.environ().get("STANDIN") == str(standin(model))
                if mine and process.pid != os.getpid():
                    processes.append(process)
        return processes

    psutil.wait_procs(found(), timeout=60)
    return found()


OVERLAPS = """
import os, time
from pathlib import Path

import PIL.Image
import pytest

STARTS = Path(os.environ["STANDIN"], "starts")


@pytest.fixture(scope="session")
def generator():  # does not end before the judge's server is on its way, though nothing was asked of it
    for _ in range(2400):
        if STARTS.exists():
            return PIL.Image.new("RGB", (8, 8))
        time.sleep(0.05)
    raise AssertionError("no server has begun")


@pytest.mark.parametrize("number", [0, 1])
def test_it(image_judge, generator, number):
    verdict = image_judge.score(generator, prompt=f"{number}", dimensions=["Quality"])
    assert verdict.answers == {"Quality": "to a picture"}, verdict.error
"""


@pytest.mark.parametrize("workers", [(), ("-n2",)])
def test_the_server_starts_beside_the_tests(pytester: pytest.Pytester, model: Path, workers: tuple[str, ...]) -> None:
    pytester.makepyfile(OVERLAPS)
    result = run(pytester, model, "--judge-no-store", *workers)
    result.assert_outcomes(passed=2)
    result.stdout.fnmatch_lines([f"imagejudge: {model} starts while the tests run: it is served on the CPU"])
    assert len((standin(model) / "starts").read_text().splitlines()) == 1
    assert not left(model)


def test_a_run_that_asks_nothing_leaves_its_start_behind_it(pytester: pytest.Pytester, model: Path) -> None:
    (standin(model) / "hold-start").touch()
    pytester.makepyfile("def test_it(image_judge): pass")
    run(pytester, model).assert_outcomes(passed=1)
    assert not left(model)


@pytest.mark.parametrize("workers", [(), ("-n2",)])
@pytest.mark.parametrize("asks", [True, False])
def test_a_start_beside_the_tests_that_fails(
    pytester: pytest.Pytester, model: Path, asks: bool, workers: tuple[str, ...]
) -> None:
    """It is an error of the images, as ever; a run without any is none the worse."""
    (standin(model) / "fail-start").touch()
    pytester.makepyfile(OVERLAPS if asks else "def test_it(image_judge): pass")
    result = run(pytester, model, *workers)
    assert result.ret == (pytest.ExitCode.TESTS_FAILED if asks else pytest.ExitCode.OK)
    assert ("cause: ValueError: the weights are wrong" in result.stdout.str()) is asks
    assert not left(model)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGKILL])
@pytest.mark.parametrize("workers", [(), ("-n2",)])
def test_a_run_that_ends_while_its_judge_starts(
    pytester: pytest.Pytester, model: Path, number: signal.Signals, workers: tuple[str, ...]
) -> None:
    (standin(model) / "hold-start").touch()
    pytester.makepyfile(
        f"""
        import os, time
        from pathlib import Path

        import psutil

        def test_it(image_judge):
            for _ in range(2400):
                if Path(os.environ["STANDIN"], "held").exists():
                    break
                time.sleep(0.05)
            controller = int(os.environ["CONTROLLER"])
            os.kill(controller, {int(number)})
            while psutil.pid_exists(controller):
                time.sleep(0.05)
        """
    )
    assert run(pytester, model, *workers).ret != 0
    assert not left(model)
