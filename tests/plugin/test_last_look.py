"""A last look: whatever ran the tests, no image that failed leaves a run green."""

import xml.etree.ElementTree as ElementTree

import pytest

POOL = """
from concurrent.futures import ThreadPoolExecutor

def test_pool(image_judge):
    with ThreadPoolExecutor(1) as pool:
        pool.submit(image_judge.{call}, "{picture}.png", "a fox")

def test_good(image_judge):
    image_judge.expect("good.png", prompt="a fox")
"""


@pytest.mark.parametrize("options", [(), ("--stepwise",), ("--reruns=1",), ("--setup-show",), ("-n2",)], ids=str)
@pytest.mark.parametrize("call", ["check", "expect"])
def test_a_failure_in_a_thread_that_nobody_asks_fails_the_test(project, call, options):
    project.plugins.append("rerunfailures")
    project.tests(POOL.format(call=call, picture="bad"))
    result = project.run(*options)
    stopped, rerun = "--stepwise" in options, "--reruns=1" in options
    expected = {"failed": 1} | ({} if stopped else {"passed": 1}) | ({"rerun": 1} if rerun else {})
    assert result.parseoutcomes() == expected
    assert result.ret == (2 if stopped else 1)
    result.stdout.fnmatch_lines(["FAILED test_it.py::test_pool*"])
    assert [entry["outcome"] for entry in project.report["verdicts"] if entry["test"].endswith("pool")] == ["failed"]


def test_what_a_test_only_scores_fails_nothing(project):
    project.tests(POOL.format(call="score", picture="unreadable"))
    result = project.run()
    result.assert_outcomes(passed=2)
    assert result.ret == 0


def test_a_failure_that_the_test_catches_fails_it(project):
    project.tests(
        """
        import pytest

        def test_caught(image_judge):
            with pytest.raises(pytest.fail.Exception):
                image_judge.check("bad.png", prompt="a fox")

        @pytest.mark.xfail
        def test_expected(image_judge):
            with pytest.raises(pytest.fail.Exception):
                image_judge.check("bad.png", prompt="a blue fox")
        """
    )
    for options in (), ("-n1",), ("--setup-show",):
        result = project.run(*options)
        result.assert_outcomes(failed=1, xfailed=1)
        assert project.report["run"]["excused"] == ["test_it.py::test_expected"]


@pytest.mark.parametrize("options", [(), ("-n1",)], ids=str)
def test_a_subtest_that_is_skipped_excuses_nothing(project, options):
    pytest.importorskip("_pytest.subtests")
    project.tests(
        """
        import pytest

        def test_sub(image_judge, subtests):
            with subtests.test("one"):
                pytest.skip("not here")
            image_judge.expect("bad.png", prompt="a fox")
        """
    )
    result = project.run(*options)
    assert result.parseoutcomes()["failed"] == 1
    assert project.report["run"]["excused"] == []
    result.stdout.fnmatch_lines(["1 image * 1 failed*"])


def test_a_check_while_no_test_runs_fails_the_run(project):
    project.tests('def test_a(image_judge): image_judge.expect("good.png", prompt="a red fox")')
    (project.path / "conftest.py").write_text(
        """
def pytest_collection_finish(session):
    from pytest_imagejudge.plugin.stash import IMAGE_JUDGE

    try:
        session.config.stash[IMAGE_JUDGE].check("bad.png", prompt="a fox")
    except BaseException:
        pass
"""
    )
    result = project.run()
    result.assert_outcomes(passed=1, failed=1)
    result.stdout.fnmatch_lines(["conftest.py:* no test was running*0.0 < 45.0*"])


PROTOCOL = """
import pytest
from _pytest.runner import runtestprotocol

class Runs:
    @pytest.hookimpl(tryfirst=True)
    def pytest_runtest_protocol(self, item, nextitem):
        item.ihook.pytest_runtest_logstart(nodeid=item.nodeid, location=item.location)
        for report in runtestprotocol(item, nextitem=nextitem, log=False):
            {what}
        item.ihook.pytest_runtest_logfinish(nodeid=item.nodeid, location=item.location)
        return True
"""
TOLD = "item.ihook.pytest_runtest_logreport(report=report)"
GREEN = f"report.outcome = 'passed'; {TOLD}"
SILENT = f"report.when == 'call' or {TOLD}"
IN_A_FOLDER = "\npytest_runtest_protocol = Runs().pytest_runtest_protocol\n"
AT_THE_START = "\ndef pytest_sessionstart(session):\n    session.config.pluginmanager.register(Runs())\n"
OWN_PROTOCOL = """
import pytest

@pytest.mark.parametrize("call", ["check", "expect"])
def test_fox(image_judge, call):
    getattr(image_judge, call)("bad.png", prompt="a fox")

def test_good(image_judge):
    image_judge.expect("good.png", prompt="a fox")

def test_plain(request):
    request.getfixturevalue("image_judge").expect("bad.png", prompt="a blue fox")
"""


@pytest.mark.parametrize("options", [(), ("-n2",)], ids=str)
@pytest.mark.parametrize("place", [IN_A_FOLDER, AT_THE_START], ids=["folder", "start"])
@pytest.mark.parametrize("what", [TOLD, GREEN, SILENT], ids=["told", "green", "silent"])
def test_a_protocol_of_others_loses_no_failure(project, what, place, options):
    project.tests(OWN_PROTOCOL, "sub/test_it")
    project.manifest(
        "sub/rows.imagejudge.jsonl",
        [{"ID": name, "prompt": "a fox", "image_path": f"../{name}.png"} for name in ("good", "bad")],
    )
    folder = project.path if place == AT_THE_START else project.path / "sub"
    (folder / "conftest.py").write_text(PROTOCOL.format(what=what) + place)
    result = project.run("--junitxml=junit.xml", *options)
    assert result.ret == 1
    told = what == TOLD
    silent = what == SILENT
    assert result.parseoutcomes() == {"failed": 4, **({} if silent else {"passed": 2 if told else 6})}
    tests = ["sub/test_it.py::test_fox[check]", "sub/test_it.py::test_fox[expect]", "sub/test_it.py::test_plain"]
    tests.append("sub/rows.imagejudge.jsonl::bad")
    names = sorted(tests if told else [f"imagejudge::images[{test}]" for test in tests])
    failed = sorted(line.split(" ")[1] for line in result.outlines if line.startswith("FAILED "))
    assert failed == names
    outcomes = [entry["outcome"] for entry in project.report["verdicts"]]
    assert sorted(outcomes) == ["failed"] * 4 + ["passed"] * 2
    junit = ElementTree.parse(project.path / "junit.xml")
    assert len(list(junit.iter("failure"))) == 4
    run = project.report["run"]
    if told:
        assert run["failed_tests"] == []
    else:
        assert sorted(test["test"] for test in run["failed_tests"]) == sorted(tests)
        result.stdout.fnmatch_lines(
            ["sub/test_it.py::test_plain was not reported as failed, but 1 image*", "*0.0 < 45.0*"]
        )


AGAIN = """
import pytest
from _pytest.runner import runtestprotocol

@pytest.hookimpl(tryfirst=True)
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


@pytest.mark.parametrize("options", [(), ("-n1",)], ids=str)
@pytest.mark.parametrize("call", ["check", "expect"])
def test_an_attempt_that_was_run_again_and_passed_is_excused(project, call, options):
    (project.path / "sub").mkdir()
    (project.path / "sub" / "conftest.py").write_text(AGAIN)
    project.tests(
        f"""
        pictures = iter(["bad.png", "good.png"])

        def test_again(image_judge):
            image_judge.{call}(next(pictures), prompt="a fox")

        def test_never(image_judge):
            image_judge.{call}("bad.png", prompt="a fox")
        """,
        "sub/test_it",
    )
    result = project.run(*options)
    result.assert_outcomes(passed=1, failed=1)
    assert project.outcomes() == {"good": "passed", "bad": "failed"}
    result.stdout.fnmatch_lines(["not counted, because the test was run again: 3 images"])


def test_a_run_that_a_test_ends_well_does_not_end_well_with_an_image_that_failed(project):
    project.environ("STAND_IN_DELAY", "0.1")
    project.tests(
        """
        import pytest

        def test_bad(image_judge):
            image_judge.expect("bad.png", prompt="a fox")

        def test_ends():
            pytest.exit("bye", returncode=0)
        """
    )
    result = project.run()
    assert result.ret == 1
    result.stdout.fnmatch_lines(["*test_it.py::test_bad was not reported as failed, but 1 image*"])
