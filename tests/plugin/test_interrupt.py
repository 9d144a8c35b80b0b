"""Ctrl-C with verdicts outstanding."""

import os
import signal
import subprocess


def interrupted(project, *options):
    process = subprocess.Popen(
        project.command("--judge-report=report.md", "--junitxml=junit.xml", *options),
        cwd=project.path,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    fifo = project.path / "ready"
    with fifo.open() as handle:  # opened by the test when it is time
        handle.read()
    process.send_signal(signal.SIGINT)
    try:
        output, _ = process.communicate(timeout=600)
    except subprocess.TimeoutExpired:
        process.send_signal(signal.SIGABRT)  # pytest then writes where each thread is
        output, _ = process.communicate()
    return process.returncode, output


TESTS = """
import pytest, time

def test_good(image_judge):
    image_judge.check("good.png", prompt="a red fox")

def test_bad(image_judge):
    image_judge.check("bad.png", prompt="a red fox")

def test_hanging(image_judge):
    image_judge.expect("hanging.png", prompt="a red fox")

def test_interrupted(image_judge):
    image_judge.check("fair.png", prompt="a red fox")
    image_judge.expect("hanging.png", prompt="a blue fox")
    with open("ready", "w"):
        pass
    time.sleep(60)

def test_never():
    pass
"""


def test_reports_are_written(project):
    os.mkfifo(project.path / "ready")
    project.tests(TESTS)
    code, output = interrupted(project, "-o", "judge_price=input=1 output=2")
    assert code == 2, output
    assert "KeyboardInterrupt" in output
    assert "image judge" in output
    assert "not decided, because the run was stopped" in output
    assert "INTERNALERROR" not in output
    by_test = {(entry["test"].partition("::")[2], entry["outcome"]) for entry in project.report["verdicts"]}
    assert by_test == {
        ("test_good", "passed"),
        ("test_bad", "failed"),
        ("test_hanging", "error"),
        ("test_interrupted", "error"),
        ("test_interrupted", "passed"),
    }
    assert all("interrupted" in entry["error"] for entry in project.report["verdicts"] if entry["outcome"] == "error")
    assert (project.path / "report.md").stat().st_size
    assert project.report["run"]["cost"]["uncounted"] > 0  # requests in flight were broken off, and may be charged
    assert project.log()["close image"] >= 1


def test_with_workers_nothing_fails_for_having_been_interrupted(project):
    os.mkfifo(project.path / "ready")
    project.tests(TESTS)
    code, output = interrupted(project, "-n1")
    assert code == 2, output
    assert "INTERNALERROR" not in output
    assert "not decided, because the run was stopped: 1 test\n" in output
    assert "1 failed, 1 passed in" in output
    by_test = {(entry["test"].partition("::")[2], entry["outcome"]) for entry in project.report["verdicts"]}
    assert by_test == {("test_good", "passed"), ("test_bad", "failed"), ("test_hanging", "error")}


def test_while_the_run_waits_for_verdicts(project):
    os.mkfifo(project.path / "ready")
    project.tests(
        """
        def test_hanging(image_judge):
            image_judge.expect("hanging.png", prompt="a red fox")

        def test_good(image_judge):
            image_judge.check("good.png", prompt="a red fox")
        """
    )
    with (project.path / "conftest.py").open("a") as handle:
        handle.write(
            """

import pytest

@pytest.hookimpl(trylast=True)
def pytest_runtest_logfinish(nodeid):
    if "test_good" in nodeid:
        with open("ready", "w"):
            pass
"""
        )
    code, output = interrupted(project)
    assert code == 2, output
    assert "INTERNALERROR" not in output
    assert project.outcomes() == {"good": "passed", "hanging": "error"}, output
