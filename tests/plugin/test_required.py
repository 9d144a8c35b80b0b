"""``--judge-required``: without a judge the run is an error, not a green run of skips."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml

from pytest_imagejudge.cli import main
from tests.stand_in.project import Project

ROOT = Path(__file__).parents[2]
TESTS = """
    import pytest

    def test_plain():
        pass

    def test_image(image_judge):
        image_judge.check("good.png", "a red fox")
"""
EDIT = """
    def test_edit(edit_judge):
        edit_judge.check("bad.png", "good.png", "more light")
"""


def ask(project: Project, how: str) -> tuple[str, ...]:
    """Ask for it by the option or the ini file; gives the option."""
    if how == "ini":
        project.ini("judge_required = true")
        return ()
    return ("--judge-required",)


@pytest.mark.parametrize("how", ["option", "ini"])
@pytest.mark.parametrize("source", [TESTS, "def test_plain(): pass"])
def test_a_run_without_a_judge_is_refused(project: Project, how: str, source: str) -> None:
    project.tests(source)
    result = project.run(*ask(project, how), judge=False)
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    name = "--judge-required" if how == "option" else "ini judge_required"
    result.stderr.fnmatch_lines([f"*{name}: no judge is configured: give --judge-model or --judge-url*"])
    assert ("-o judge_required=false" in result.stderr.str()) == (how == "ini")


def test_under_xdist_too(project: Project) -> None:
    project.tests(TESTS)
    assert project.run("--judge-required", "-n2", judge=False).ret == pytest.ExitCode.USAGE_ERROR


def test_a_model_without_a_name_is_none(project: Project) -> None:
    """As a variable of CI that is not set leaves it."""
    project.tests(TESTS)
    assert project.run("--judge-required", "--judge-model=", judge=False).ret == pytest.ExitCode.USAGE_ERROR


def test_the_ini_file_can_be_overruled(project: Project) -> None:
    project.tests(TESTS)
    project.ini("judge_required = true")
    project.run("-ojudge_required=false", judge=False).assert_outcomes(passed=1, skipped=1)
    project.ini("judge_required = false")
    project.run(judge=False).assert_outcomes(passed=1, skipped=1)


@pytest.mark.parametrize(
    "option",
    [
        "--collect-only",
        "--help",
        "--version",
        "--markers",
        "--fixtures",
        "--setup-plan",
        "--setup-only",
        "--cache-show",
    ],
)
def test_what_only_shows_something_needs_no_judge(project: Project, option: str) -> None:
    project.tests(TESTS)
    project.ini("judge_required = true")
    assert project.run(option, judge=False).ret == 0


def test_with_a_judge_it_changes_nothing(project: Project) -> None:
    project.tests(TESTS)
    project.run("--judge-required").assert_outcomes(passed=2)


@pytest.mark.parametrize("rows", [False, True])
def test_tests_that_need_the_judge_that_is_missing(project: Project, rows: bool) -> None:
    project.tests(TESTS + ("" if rows else EDIT))
    if rows:
        edit = {"ID": "e", "source_path": "bad.png", "edited_path": "good.png", "instruction": "more light"}
        project.manifest("rows.imagejudge.jsonl", [edit])
    first = "rows.imagejudge.jsonl::e" if rows else "test_it.py::test_edit"
    result = project.run("--judge-required")
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stderr.fnmatch_lines(
        [f"*--judge-required: 1 test needs a judge of edits, first {first}; no judge of edits is configured: give *"]
    )
    assert project.asked() == 0  # before anything is judged
    project.run("--judge-required", "--deselect", first).assert_outcomes(passed=2, deselected=1)
    project.run("--judge-required", "--edit-judge-model=stand-in").assert_outcomes(passed=3)
    result = project.run("--judge-required", "--edit-judge-model=stand-in", judge=False)
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stderr.fnmatch_lines(["*1 test needs a judge of images, first test_it.py::test_image; no judge is config*"])


def test_on_a_worker_the_tests_that_need_it_fail(project: Project) -> None:
    project.tests(TESTS + EDIT)
    result = project.run("--judge-required", "-n1")
    result.assert_outcomes(passed=2, errors=1)
    result.stdout.fnmatch_lines(["*--judge-required: 1 test needs a judge of edits*"])


def test_tests_that_a_mark_skips_need_no_judge(project: Project) -> None:
    project.tests(
        TESTS
        + """
    @pytest.mark.skip(reason="not today")
    def test_skipped(edit_judge): ...

    @pytest.mark.skipif(True, reason="no GPU")
    def test_skipped_too(edit_judge): ...
"""
    )
    project.run("--judge-required").assert_outcomes(passed=2, skipped=2)


def test_a_fixture_that_is_asked_for_while_the_test_runs(project: Project) -> None:
    source = TESTS + "\n    def test_late(request):\n        request.getfixturevalue('edit_judge')\n"
    project.tests(source)
    project.run().assert_outcomes(passed=2, skipped=1)
    result = project.run("--judge-required")
    result.assert_outcomes(passed=2, failed=1)
    result.stdout.fnmatch_lines(["*--judge-required: no judge of edits is configured*"])


def test_the_starter_the_workflow_and_the_action_require_a_judge(tmp_path: Path) -> None:
    """Each call of pytest in them."""
    files = [ROOT / ".github/workflows/judge.yml", ROOT / ".github/actions/imagejudge/action.yml"]
    for number, judge in enumerate((["--judge-model=signals"], ["--judge-model=a/b"], ["--judge-url=http://a/v1"])):
        assert main(["init", str(tmp_path / str(number)), *judge]) == 0
        files.append(tmp_path / str(number) / ".github/workflows/imagejudge.yml")
    calls = []
    for file in files:
        data = yaml.safe_load(file.read_text(encoding="utf-8"))
        steps = [one for job in data.get("jobs", {"": data.get("runs")}).values() for one in job["steps"]]
        found = [one["run"] for one in steps if "--judge-report" in one.get("run", "")]
        assert found, file
        calls += found
    assert len(calls) == 6
    assert all("--judge-required" in call for call in calls)
