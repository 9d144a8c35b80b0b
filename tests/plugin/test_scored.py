"""What was only scored is neither passed nor failed; where its test failed it stands among the failed."""

from __future__ import annotations

import json
import re
from xml.etree import ElementTree

import pytest

from pytest_imagejudge.cli import main
from tests.stand_in.project import Project

MIXED = """
    import pytest

    def test_asserts(image_judge):
        verdict = image_judge.score("fair.png", prompt="a fox that falls short")
        assert verdict.total >= 80, "too low"

    def test_looks(image_judge):
        image_judge.score("bad.png", prompt="a red fox")

    def test_decides(image_judge):
        image_judge.check("good.png", prompt="a red fox")
"""


def by_prompt(project: Project) -> dict[str, tuple[str, bool]]:
    return {entry["prompt"]: (entry["outcome"], entry["test_failed"]) for entry in project.report["verdicts"]}


@pytest.mark.parametrize("workers", [(), ("-n2",)])
def test_a_test_that_fails_by_its_own_assert(project: Project, workers: tuple[str, ...]) -> None:
    project.tests(MIXED)
    project.environ("GITHUB_ACTIONS", "true")
    project.environ("GITHUB_STEP_SUMMARY", str(project.path / "summary.md"))
    result = project.run(
        "--judge-report=report.html", "--judge-report=report.md", "--junitxml=junit.xml", *workers, process=True
    )
    result.assert_outcomes(failed=1, passed=2)
    outcomes = {entry["test"].rpartition("::")[2]: entry for entry in project.report["verdicts"]}
    assert {name: (entry["outcome"], entry["test_failed"]) for name, entry in outcomes.items()} == {
        "test_asserts": ("scored", True),
        "test_looks": ("scored", False),
        "test_decides": ("passed", False),
    }
    output = result.stdout.str()
    assert "3 images · 1 scored in a test that failed · 1 passed · 1 scored" in output
    assert re.search(r'^scored 60\.0: fair\.png "a fox that falls short" \(test_it\.py:4\)$', output, re.MULTILINE)
    (annotation,) = (line for line in output.splitlines() if line.startswith("::error"))
    assert annotation.startswith("::error file=test_it.py,line=4,title=Image judge::")
    assert "fox that falls short" in annotation or "test_asserts" in annotation
    assert "scored 60.0" in annotation
    assert "AssertionError: too low" in annotation
    for name in ("report.md", "summary.md"):
        text = (project.path / name).read_text(encoding="utf-8")
        assert "## What did not pass (1)" in text
        assert "test_asserts (fair.png): scored 60.0; its test failed" in text
        assert "bad.png" not in text.partition("## Dimensions")[0]
    page = (project.path / "report.html").read_text(encoding="utf-8")
    counts = re.findall(r"<span>(\w[\w ,]*) <b>(\d+)</b>", page)
    assert counts == [("All", "3"), ("Failed", "1"), ("Scored, test failed", "1"), ("Not judged", "0"), ("Passed", "1"),
                      ("Scored", "1")]  # fmt: skip
    assert page.index('id="images"') < page.index('id="figures"')  # what failed comes first
    junit = ElementTree.parse(project.path / "junit.xml")
    said = sorted(one.get("value", "") for one in junit.iter("property") if one.get("name") == "imagejudge.outcome")
    assert said == ["passed", "scored", "scored"]


def test_nothing_but_scores(project: Project) -> None:
    project.tests(
        """
        def test_looks(image_judge, edit_judge):
            image_judge.score("bad.png", prompt="a red fox")
            edit_judge.score("bad.png", "good.png", "more light")
        """
    )
    result = project.run(
        "--edit-judge-model=stand-in", "--judge-report=report.md", "--judge-report=report.html", "--judge-report=r.json"
    )
    result.assert_outcomes(passed=1)
    assert project.outcomes() == {"bad": "scored", "good": "scored"}
    result.stdout.fnmatch_lines(["1 image, 1 edit · 2 scored"])
    assert "passed" not in (project.path / "report.md").read_text(encoding="utf-8")
    assert "<h1>2 images and edits scored, no bounds applied</h1>" in (project.path / "report.html").read_text()
    assert main(["report", str(project.path / "r.json"), "--gate"]) == 2  # no bounds were applied


@pytest.mark.parametrize(
    ("where", "marked"),
    [
        ("setup", True),  # scored in a fixture, before the test itself fails
        ("teardown", True),  # passed, and fails while its fixtures go away
        ("xfail", False),  # expected to fail: nothing is red
        ("skip", False),
        ("check", False),  # the check of the same test failed, which is why the test failed
    ],
)
def test_where_the_test_fails(project: Project, where: str, marked: bool) -> None:
    project.tests(
        f"""
        import pytest

        where = {where!r}

        @pytest.fixture
        def seen(image_judge):
            verdict = image_judge.score("fair.png", prompt="scored")
            yield verdict
            assert where != "teardown"

        @pytest.mark.xfail(where == "xfail", reason="known")
        def test_it(seen, image_judge):
            if where == "skip":
                pytest.skip("not today")
            if where == "check":
                image_judge.check("bad.png", prompt="checked")
            assert where in ("check", "teardown"), seen
        """
    )
    project.run()
    assert by_prompt(project)["scored"] == ("scored", marked)


def test_an_attempt_that_is_run_again_marks_nothing(project: Project) -> None:
    project.plugins.append("rerunfailures")
    project.tests(
        """
        attempts = []

        def test_it(image_judge):
            image_judge.score("fair.png", prompt="scored")
            attempts.append(1)
            assert len(attempts) == 2
        """
    )
    project.run("--reruns=1").assert_outcomes(passed=1)
    assert [(entry["outcome"], entry["test_failed"]) for entry in project.report["verdicts"]] == [("scored", False)]


def test_beyond_what_is_held_in_memory(project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("pytest_imagejudge.report.spool.MOST", 1)
    project.tests(
        """
        def test_it(image_judge):
            for number in range(3):
                image_judge.score("fair.png", prompt=f"fox {number}")
            assert False
        """
    )
    project.run()
    assert set(by_prompt(project).values()) == {("scored", True)}
    assert len(project.report["verdicts"]) == 3


def test_pictures_of_a_failed_test_are_kept(project: Project) -> None:
    project.tests(
        """
        import pytest
        from PIL import Image

        @pytest.mark.parametrize("shade", [120, 200])
        def test_it(image_judge, shade):
            image_judge.score(Image.new("RGB", (8, 8), (shade, shade, shade)), prompt=f"fox {shade}")
            assert shade > 150
        """
    )
    project.run()
    kept = {entry["prompt"]: (project.path / entry["image"]).is_file() for entry in project.report["verdicts"]}
    assert kept == {"fox 120": True, "fox 200": False}


def test_the_report_can_be_printed_merged_and_gated(project: Project, capsys: pytest.CaptureFixture[str]) -> None:
    project.tests(MIXED)
    project.run()
    path = str(project.path / "report.json")
    assert main(["report", path, "--gate"]) == 1
    assert "1 scored in a test that failed" in capsys.readouterr().out
    assert main(["report", path, "--github-annotations"]) == 0
    assert "AssertionError: too low" in capsys.readouterr().out
    older = json.loads((project.path / "report.json").read_text(encoding="utf-8"))
    for entry in older["verdicts"]:
        del entry["test_failed"]
        entry["outcome"] = entry["outcome"].replace("scored", "passed")
    (project.path / "older.json").write_text(json.dumps(older), encoding="utf-8")
    assert main(["report", str(project.path / "older.json"), path, "-o", str(project.path / "both.json")]) == 0
    merged = json.loads((project.path / "both.json").read_text(encoding="utf-8"))["verdicts"]
    assert sorted((entry["outcome"], entry["test_failed"]) for entry in merged) == [
        ("passed", False),
        ("passed", False),
        ("scored", True),
    ]
