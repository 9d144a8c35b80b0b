"""The same under xdist."""

import threading
import xml.etree.ElementTree as ElementTree

import pytest

from pytest_imagejudge.plugin.worker_progress import Receiver, Sender
from tests.stand_in.project import JUDGE

TESTS = """
import os
import pytest

@pytest.mark.parametrize("picture", ["good", "bad", "fair", "unreadable", "gone"])
def test_expect(image_judge, picture):
    image_judge.expect(f"{picture}.png", prompt="a red fox")

@pytest.mark.parametrize("picture", ["good", "bad"])
def test_check(image_judge, picture):
    image_judge.check(f"{picture}.png", prompt="a blue fox")

@pytest.mark.xfail(raises=ZeroDivisionError)
def test_not_forgiven(image_judge):
    image_judge.expect("bad.png", prompt="a green fox")

@pytest.mark.xfail(strict=True)
def test_forgiven(image_judge):
    image_judge.expect("bad.png", prompt="a green fox")

def test_own_failure(image_judge):
    image_judge.expect("good.png", prompt="a grey fox")
    assert 1 == 2

def test_own_skip(image_judge):
    image_judge.expect("good.png", prompt="a grey fox")
    pytest.skip("enough")
"""
EXPECTED = {"passed": 4, "failed": 7, "xfailed": 1, "skipped": 1}


def rows(project):
    project.manifest(
        "rows.imagejudge.jsonl",
        [
            {"ID": "a", "prompt": "a cat", "image_path": "good.png"},
            {"ID": "b", "prompt": "a cat", "image_path": "bad.png"},
        ],
    )


@pytest.mark.parametrize("extra", ["--dist=loadfile", "--judge-when=after"])
def test_the_same_outcomes_printed_once(project, extra):
    rows(project)
    when_after = extra == "--judge-when=after"
    project.tests(TESTS.replace(".check(", ".expect(") if when_after else TESTS)
    if not when_after:
        project.as_installed()
    result = project.run("-n2", "--junitxml=junit.xml", extra, process=not when_after)
    result.assert_outcomes(**EXPECTED)
    assert result.ret == 1
    output = result.stdout.str()
    assert output.count("= image judge =") == 1
    assert output.count("13 images") == 1
    assert output.count("not decided") == 0
    assert output.count("test_it.py:6") == 3
    report = project.report
    assert len(report["verdicts"]) == 13
    assert len({(entry["test"], entry["prompt"]) for entry in report["verdicts"]}) == 13
    assert report["run"]["requests"] > 0
    assert {entry["outcome"] for entry in report["verdicts"] if entry["image"] in ("gone.png", "unreadable.png")} == {
        "error"
    }
    suite = ElementTree.parse(project.path / "junit.xml").getroot().find("testsuite")
    assert suite is not None
    names = [case.get("name") for case in suite.findall("testcase")]
    assert len(names) == len(set(names)) == 13
    assert suite.get("failures") == "7"


def test_plugins_named_one_by_one(project, forks, monkeypatch):
    monkeypatch.setattr(project.pytester, "popen", forks.popen)
    project.tests(TESTS)
    for named in (("pytest_imagejudge.plugin",), ("pytest_imagejudge.plugin", "xdist.plugin")):
        options = [*(f"-p{name}" for name in named), *(["-n2"] if len(named) > 1 else [])]
        result = project.pytester.runpytest_subprocess("-Werror", *options, *JUDGE)
        result.assert_outcomes(passed=3, failed=6, xfailed=1, skipped=1)
    assert len(project.report["verdicts"]) == 11


def test_a_worker_that_dies(project):
    project.tests(
        """
        import os
        from tests.stand_in.pictures import marked

        def test_kept(image_judge):
            image_judge.expect(marked((40, 40, 40)), prompt="kept")

        def test_file(image_judge):
            image_judge.expect("good.png", prompt="file")

        def test_gone(image_judge):
            image_judge.expect("gone.png", prompt="gone")

        def test_checked(image_judge):
            image_judge.check("good.png", prompt="checked")

        def test_dies(image_judge):
            image_judge.expect("good.png", prompt="dies")
            os._exit(3)

        def test_next():
            pass
        """
    )
    result = project.run("-n1", "-v")
    result.assert_outcomes(passed=3, failed=3)
    assert result.ret == 1
    by_prompt = {entry["prompt"]: entry["outcome"] for entry in project.report["verdicts"]}
    assert by_prompt == {"kept": "failed", "file": "passed", "gone": "error", "checked": "passed"}
    result.stdout.fnmatch_lines(["*crashed*test_dies*"])
    for name in ("kept", "file", "gone", "checked"):
        told = {line for line in result.outlines if f"::test_{name}" in line and "%" in line}
        assert len({line for line in told if "judged later" not in line}) == 1


def test_stop_at_the_first_failure(project):
    project.tests(
        """
        import pytest

        @pytest.mark.parametrize("number", range(40))
        def test_fox(image_judge, number):
            image_judge.expect("good.png", prompt=f"{number}")
            assert number < 4
        """
    )
    result = project.run("-n2", "--maxfail=1")
    assert result.ret in (1, 2)
    outcomes = result.parseoutcomes()
    assert outcomes["failed"] >= 1
    judged = {entry["prompt"]: entry["outcome"] for entry in project.report["verdicts"]}
    assert "4" in judged
    assert set(judged.values()) <= {"passed", "error"}


def test_reports_arrive_as_they_left(project):
    project.tests(
        """
        def test_now(image_judge, record_property):
            record_property("raw", b"1")
            image_judge.check("good.png", prompt="a red fox")

        def test_later(image_judge, record_property):
            record_property("raw", b"1")
            image_judge.expect("good.png", prompt="a red fox")
        """
    )
    with (project.path / "conftest.py").open("a") as handle:
        handle.write(
            """

def pytest_runtest_logreport(report):
    if hasattr(report, "node"):
        assert report.when != "teardown" or report.user_properties == [("raw", b"1")], report.user_properties
        assert isinstance(report.location, tuple)
"""
        )
    result = project.run("-n1")
    result.assert_outcomes(passed=2)
    assert result.ret == 0


def test_text_that_is_no_unicode_ends_no_worker(project):
    project.tests(
        r"""
        def test_now(image_judge):
            image_judge.check("good.png", prompt="\ud800", id="\ud801", seed="\ud802")

        def test_later(image_judge):
            image_judge.expect("\ud800.png", prompt="\ud800", id="\ud801", seed="\ud802")

        def test_good(image_judge):
            image_judge.expect("good.png", prompt="a red fox")
        """
    )
    result = project.run("-n1", "--junitxml=junit.xml", "--judge-report=report.html")
    result.assert_outcomes(passed=1, failed=2)
    assert sorted(entry["outcome"] for entry in project.report["verdicts"]) == ["error", "error", "passed"]


def test_no_judge(project):
    project.tests(TESTS)
    result = project.run("-n2", judge=False)
    result.assert_outcomes(skipped=11)
    result.stdout.fnmatch_lines(["imagejudge: 11 tests need a judge and did not run*--judge-model*"])


def test_an_error_of_configuration_is_said_once_and_stops(project):
    project.tests(TESTS)
    result = project.run("-n2", "--judge-thresholds=nothing")
    assert result.ret == 4
    assert result.stderr.str().count("no profile 'nothing'") == 1


@pytest.mark.parametrize("workers", [(), ("-n2",)], ids=["alone", "workers"])
def test_a_wrong_marker_fails_the_run_with_the_words_alone(project, workers):
    project.tests(
        """
        import pytest

        @pytest.mark.imagejudge(threshold="default")
        def test_fox(image_judge):
            pass
        """
    )
    result = project.run(*workers)
    assert result.ret not in (0, 5)
    said = result.outlines + result.errlines
    words = "test_it.py::test_fox: marker imagejudge: unknown keyword 'threshold' (did you mean \"thresholds\"?)"
    assert [line for line in said if line.removeprefix("ERROR: ").startswith(words)]
    assert not [line for line in said if "UsageError" in line or ".py:" in line.replace("test_it.py::", "")]


def test_what_the_engine_says_on_a_worker_is_said_once(project):
    project.tests(TESTS)
    result = project.run("-n2")
    lines = [line for line in result.outlines if line.startswith("imagejudge: stand-in is ready")]
    assert lines == ["imagejudge: stand-in is ready"]


def test_the_controller_says_what_workers_say():
    told = threading.Event()
    said = []
    how_far = []

    def say_how_far(done, submitted, seconds):
        how_far.append((done, submitted))
        told.set()

    receiver = Receiver(said.append, say_how_far, lambda: None, every=0)
    one, other = (Sender(receiver.folder, name) for name in ("gw0", "gw1"))
    for second in (1, 21):
        one.say(f"model: compiling ({second} s so far)")
        other.say(f"model: compiling ({second} s so far)")
    other.say("a word of its own: \udcff é")
    one.count(3, 10)
    other.count(4, 20)
    assert told.wait(600)
    receiver.close()
    assert said == ["model: compiling (1 s so far)", "model: compiling (21 s so far)", "a word of its own: \udcff é"]
    assert how_far[-1] in ((3, 10), (7, 30))
    assert not receiver.folder.exists()
    one.say("too late")


def test_a_worker_that_is_told_to_end(project):
    project.tests(
        """
        import pytest

        def test_before(image_judge):
            image_judge.expect("good.png", prompt="before")

        def test_ends_the_run(image_judge):
            image_judge.check("fair.png", prompt="checked")
            pytest.exit("enough")
        """
    )
    result = project.run("-n1")
    assert result.ret != 0
    assert "INTERNALERROR" not in result.stdout.str() + result.stderr.str()
    assert {entry["prompt"] for entry in project.report["verdicts"]} == {"before", "checked"}
    assert project.report["run"]["requests"] == 10  # a worker that ends so is told of twice


def test_expected_failures_of_a_worker_that_dies(project):
    project.tests(
        """
        import os
        import time

        import pytest

        @pytest.mark.xfail
        def test_bad(image_judge):
            image_judge.expect("bad.png", prompt="a red fox")

        @pytest.mark.xfail(strict=True)
        def test_good(image_judge):
            image_judge.expect("good.png", prompt="a red fox")

        @pytest.mark.xfail
        def test_better(image_judge):
            image_judge.expect("good.png", prompt="a blue fox")

        def test_dies():
            os._exit(3)
        """
    )
    result = project.run("-n1", "-rA")
    assert result.parseoutcomes() == {"failed": 2, "xfailed": 1, "xpassed": 1}
    result.stdout.fnmatch_lines(["*XPASS(strict)*"])


@pytest.mark.parametrize(
    ("when", "first"), [("during", 'edit_judge.score("fair.png", "good.png", "more")'), ("after", "")]
)
def test_what_a_test_scored_before_it_expects_counts_once(project, when, first):
    project.tests(
        f"""
        def test_both(image_judge, edit_judge):
            {first}
            image_judge.expect("good.png", prompt="a red fox")
            edit_judge.expect("fair.png", "good.png", instruction="less noise")
        """
    )
    (project.path / "bounds.toml").write_text("[level1]\nQuality = 0\n[edit]\nscore = 1\n")
    options = ["--edit-judge-model=stand-in", "--judge-thresholds=bounds.toml", f"--judge-when={when}"]
    project.run("-n2", *options).assert_outcomes(passed=1)
    assert len(project.report["verdicts"]) == 1
    found = sorted(edit["instruction"] for edit in project.report["edits"])
    assert found == ["less noise", *(["more"] if first else [])]
