"""Plugins that run tests themselves, or once more."""

import os
import xml.etree.ElementTree as ElementTree

import pytest

ONE_MORE = """
from _pytest.runner import runtestprotocol

def pytest_runtest_protocol(item, nextitem):
    item.ihook.pytest_runtest_logstart(nodeid=item.nodeid, location=item.location)
    for number in range(3):
        reports = runtestprotocol(item, nextitem=nextitem, log=False)
        if not any(report.failed for report in reports):
            break
    for report in reports:
        item.ihook.pytest_runtest_logreport(report=report)
    item.ihook.pytest_runtest_logfinish(nodeid=item.nodeid, location=item.location)
    return True
"""
TESTS = """
numbers = iter(range(9))
pictures = iter(["bad.png", "good.png"])

def test_plain():
    assert next(numbers) == 1

def test_fox(image_judge):
    image_judge.expect(next(pictures), prompt="a fox")

def test_never(image_judge):
    image_judge.check("bad.png", prompt="a fox")
"""


@pytest.mark.parametrize("options", [(), ("-n1",)], ids=str)
def test_a_conftest_may_run_tests_itself(project, options):
    (project.path / "conftest.py").write_text(ONE_MORE)
    project.tests(TESTS)
    project.manifest("rows.imagejudge.jsonl", [{"ID": 1, "prompt": "a fox", "image_path": "bad.png"}])
    result = project.run(*options)
    result.assert_outcomes(passed=2, failed=2)
    assert sorted(entry["outcome"] for entry in project.report["verdicts"]) == ["failed", "failed", "passed"]
    result.stdout.fnmatch_lines(["*a test that uses a judge waits*: conftest.py runs it"])


RETRY = """
import pytest

@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_runtest_makereport(item, call):
    report = yield
    if call.when != "call" or not report.failed:
        return report
    hook = item.ihook
    pytest.CallInfo.from_call(lambda: hook.pytest_runtest_teardown(item=item, nextitem=None), "teardown")
    report.outcome = "retried"
    hook.pytest_runtest_logreport(report=report)
    item._initrequest()
    pytest.CallInfo.from_call(lambda: hook.pytest_runtest_setup(item=item), "setup")
    call = pytest.CallInfo.from_call(lambda: hook.pytest_runtest_call(item=item), "call")
    again = pytest.TestReport.from_item_and_call(item, call)
    report.outcome, report.longrepr = again.outcome, again.longrepr
    return report
"""


@pytest.mark.parametrize("options", [(), ("-n1",)], ids=str)
def test_a_retry_within_the_making_of_a_report(project, options):
    """As pytest-retry does it; it calls the hooks of the phases, and makes the last report itself."""
    (project.path / "conftest.py").write_text(RETRY)
    project.tests(TESTS)
    project.manifest("rows.imagejudge.jsonl", [{"ID": 1, "prompt": "a fox", "image_path": "bad.png"}])
    result = project.run(*options)
    assert result.parseoutcomes() == {"passed": 2, "failed": 2, "retried": 4}
    outcomes = {entry["test"].rpartition("::")[2]: entry["outcome"] for entry in project.report["verdicts"]}
    assert outcomes == {"test_fox": "passed", "test_never": "failed", "1": "failed"}
    assert len(project.report["verdicts"]) == 3
    result.stdout.fnmatch_lines(["not counted, because the test was run again: 3 images"])


FORKED = """
import pytest

def pytest_addoption(parser):
    parser.addoption("--forked", action="store_true")

@pytest.hookimpl(tryfirst=True)
def pytest_runtest_protocol(item, nextitem):
    if item.config.getoption("forked"):
        with open("forked.txt", "a") as file:
            file.write(item.name + "\\n")
"""


def test_tests_with_pictures_are_not_forked(project):
    (project.path / "pytest_forked.py").write_text(FORKED)
    project.environ("PYTHONPATH", os.pathsep.join([str(project.path), os.environ["PYTHONPATH"]]))
    project.plugins.append("pytest_forked")
    project.tests(TESTS.replace("== 1", "== 0"))
    project.manifest("rows.imagejudge.jsonl", [{"ID": 1, "prompt": "a fox", "image_path": "good.png"}])
    result = project.run("--forked", process=True)
    result.assert_outcomes(passed=2, failed=2)
    assert (project.path / "forked.txt").read_text().split() == ["test_plain"]
    result.stdout.fnmatch_lines(["imagejudge: tests with pictures run in this process*"])


NAMES_TESTS = """
import os

import pytest

@pytest.hookimpl(tryfirst=True)
def pytest_runtest_protocol(item, nextitem):
    os.environ["TEST_NAME"] = item.name
"""


@pytest.mark.parametrize("module, words", [("deepeval", ""), ("another", "another runs it")])
def test_protocol_that_runs_no_test(project, module, words):
    """deepeval 4.3.1 is loaded in every run, and its protocol only notes the name of the test."""
    (project.path / f"{module}.py").write_text(NAMES_TESTS)
    project.environ("PYTHONPATH", os.pathsep.join([str(project.path), os.environ["PYTHONPATH"]]))
    project.plugins.append(module)
    project.tests(TESTS.replace("== 1", "== 0"))
    result = project.run(process=True)
    result.assert_outcomes(passed=1, failed=2)
    assert ("runs it" in result.stdout.str()) == bool(words) and words in result.stdout.str()


QUITS = """
class Quits:
    quitting = False

    def __init__(self, **keywords):
        pass

    def reset(self):
        pass

    def interaction(self, frame, traceback):
        self.quitting = True
"""


@pytest.mark.parametrize("call", ["check", "expect"])
def test_a_failure_stays_one_when_the_debugger_is_left(project, call):
    (project.path / "quits.py").write_text(QUITS)
    project.environ("PYTHONPATH", os.pathsep.join([str(project.path), os.environ["PYTHONPATH"]]))
    project.tests(f'def test_bad(image_judge): image_judge.{call}("bad.png", prompt="a fox")')
    result = project.run("--pdb", "--pdbcls=quits:Quits", "--junitxml=j.xml", process=True)
    result.assert_outcomes(failed=1)
    assert result.ret == 2
    assert len(list(ElementTree.parse(project.path / "j.xml").iter("failure"))) == 1
    assert project.outcomes() == {"bad": "failed"}


def test_a_failure_that_unittest_expects(project):
    project.tests(
        """
        import unittest
        import pytest

        class TestFox(unittest.TestCase):
            @pytest.fixture(autouse=True)
            def _judge(self, image_judge):
                self.judge = image_judge

            @unittest.expectedFailure
            def test_bad(self):
                self.judge.expect("bad.png", prompt="a red fox")

            @unittest.expectedFailure
            def test_good(self):
                self.judge.expect("good.png", prompt="a red fox")

        @unittest.expectedFailure
        class TestAll(unittest.TestCase):
            @pytest.fixture(autouse=True)
            def _judge(self, image_judge):
                self.judge = image_judge

            def test_bad(self):
                self.judge.expect("bad.png", prompt="a blue fox")
        """
    )
    result = project.run()
    result.assert_outcomes(failed=1, xfailed=2)
    result.stdout.fnmatch_lines(["FAILED *::test_good*"])
    assert len(project.report["run"]["excused"]) == 2
