"""Beside other plugins."""

import re

import pytest


def test_html(project):
    project.tests(
        """
        import pytest

        @pytest.mark.parametrize("picture", ["good", "bad", "unreadable"])
        def test_fox(image_judge, picture):
            image_judge.expect(f"{picture}.png", prompt="a red fox")
        """
    )
    project.as_installed()
    result = project.run("--html=all.html", "--self-contained-html")
    result.assert_outcomes(passed=1, failed=2)
    page = (project.path / "all.html").read_text(encoding="utf-8")
    assert len(re.findall(r"test_it\.py::test_fox\[bad\]", page)) >= 1
    assert "2 Failed" in page
    assert "1 Passed" in page
    assert "test_it.py:5" in page


RERUN = """
import pytest
from pathlib import Path

def picture(name):
    marks = Path(f"{name}.count")
    count = int(marks.read_text()) if marks.exists() else 0
    marks.write_text(str(count + 1))
    return "good.png" if count == 2 else "bad.png"

%s
def test_third_time(image_judge):
    image_judge.expect(picture("third"), prompt="a red fox")

def test_good(image_judge):
    image_judge.expect("good.png", prompt="a red fox")
"""


def test_a_rerun_generates_again(project):
    project.plugins.append("rerunfailures")
    project.tests(RERUN % "")
    (project.path / "suite.toml").write_text("[suite]\ntotal = 90\n[level1]\nQuality = 60\n")
    baseline = ["--judge-baseline=baseline.json", "--judge-update-baseline"]
    result = project.run("--reruns=3", "--judge-thresholds=suite.toml", *baseline)
    # two images do not decide the bound on the mean, which is an item too
    assert result.parseoutcomes() == {"passed": 2, "rerun": 2, "undecided": 1}
    assert result.ret == 0
    assert (project.path / "third.count").read_text() == "3"
    assert [entry["outcome"] for entry in project.report["verdicts"]] == ["passed", "passed"]
    result.stdout.fnmatch_lines(["*2 images*2 passed*", "not counted, because the test was run again: 2 images"])
    result.stdout.fnmatch_lines(["baseline: 2 images written to *"])


@pytest.mark.parametrize(("ini", "options"), [("reruns = 3", []), ("reruns = 0", ["--force-reruns=3"])])
def test_a_rerun_that_the_ini_asks_for(project, ini, options):
    project.plugins.append("rerunfailures")
    project.ini(ini)
    project.tests(RERUN % "")
    result = project.run(*options)
    assert result.parseoutcomes() == {"passed": 2, "rerun": 2}


def test_a_rerun_of_one_test(project):
    project.plugins.append("rerunfailures")
    project.tests(RERUN % "@pytest.mark.flaky(reruns=1)")
    result = project.run()
    assert result.parseoutcomes() == {"passed": 1, "failed": 1, "rerun": 1}
    assert (project.path / "third.count").read_text() == "2"


def test_rerun_with_workers(project):
    project.plugins.append("rerunfailures")
    project.tests(RERUN % "")
    result = project.run("--reruns=3", "-n1")
    assert result.parseoutcomes() == {"passed": 2, "rerun": 2}
    assert len(project.report["verdicts"]) == 2


def test_timeout_of_a_test_that_waits(project):
    project.tests(
        """
        import pytest

        @pytest.mark.timeout(1)
        def test_waits(image_judge):
            image_judge.check("hanging.png", prompt="a red fox")

        def test_good(image_judge):
            image_judge.expect("good.png", prompt="a red fox")
        """
    )
    result = project.run("-ptimeout")
    result.assert_outcomes(passed=1, failed=1)
    result.stdout.fnmatch_lines(["*Timeout*"])
    assert project.outcomes() == {"good": "passed", "hanging": "error"}


def test_randomised_parametrised_and_classes(project):
    project.tests(
        """
        import pytest

        @pytest.fixture(scope="class", params=["good", "bad"])
        def picture(request, image_judge):
            image_judge.expect(f"{request.param}.png", prompt="from the fixture")
            return request.param

        class TestFox:
            def test_one(self, picture, image_judge):
                image_judge.expect(f"{picture}.png", prompt="one")

            def test_two(self, picture):
                pass
        """
    )
    result = project.run("-v")
    result.assert_outcomes(passed=3, failed=1)
    assert len(project.report["verdicts"]) == 4
