"""``imagejudge report --gate-stored``: what no judge was asked about is not decided, and every other failure counts."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest

from pytest_imagejudge.cli import main
from pytest_imagejudge.commands.stored_gate import decide
from pytest_imagejudge.engines.stored_only import NOT_ASKED
from pytest_imagejudge.errors import ConfigError
from pytest_imagejudge.judge import Judge
from pytest_imagejudge.report.json_file import read
from pytest_imagejudge.report.model import Breach, FindingEntry, Report, Run, SuiteRow, VerdictEntry
from pytest_imagejudge.settings import JudgeSettings
from tests.stand_in.forks import ForkServer
from tests.stand_in.judge import Sound
from tests.stand_in.pictures import marked

CASE = '<testcase classname="test_it" name="{name}">{said}{found}</testcase>'
FAILED = '<failure message="it failed"/>'
SAID = '<properties><property name="imagejudge.outcome" value="{}"/>{}</properties>'
UNASKED = SAID.format("error", f'<property name="imagejudge.error" value="{NOT_ASKED}"/>')


def junit(folder: Path, *cases: str) -> Path:
    path = folder / "junit.xml"
    path.write_text(f"<testsuites><testsuite>{''.join(cases)}</testsuite></testsuites>")
    return path


def case(name: str = "test_one", said: str = "", found: str = "") -> str:
    return CASE.format(name=name, said=said, found=found)


def entry(**fields: Any) -> VerdictEntry:
    return VerdictEntry(**{"image": "a.png", "prompt": "a fox", "test": "test_it.py::test_one", **fields})


UNJUDGED = {"outcome": "error", "error": NOT_ASKED}
BREACH = Breach(path=["Quality"], score=10, bound=50)


def test_what_was_not_asked_is_no_failure(tmp_path: Path) -> None:
    report = Report(verdicts=[entry(**UNJUDGED), entry(outcome="passed")])
    gate = decide(report, junit(tmp_path, case(said=UNASKED, found=FAILED), case("test_two")))
    assert gate.failures == ()
    assert gate.words() == "NOT JUDGED: 1 image without a stored answer; no judge was asked"
    assert decide(Report(), junit(tmp_path, case())).words() == ""


@pytest.mark.parametrize(
    "fields",
    [
        {"outcome": "failed", "breaches": [BREACH]},
        {"outcome": "error", "error": "no such file"},
        {"outcome": "error", "unreadable": [["Quality"]]},
        {**UNJUDGED, "breaches": [BREACH]},  # by the answers of another dimension, which are stored
        {**UNJUDGED, "findings": [FindingEntry(kind="blank", failed=True)]},
    ],
)
def test_every_other_image_that_failed_is_a_failure(tmp_path: Path, fields: dict[str, Any]) -> None:
    report = Report(verdicts=[entry(**UNJUDGED), entry(test="test_it.py::test_two", **fields)])
    file = junit(tmp_path, case(said=UNASKED, found=FAILED))
    (line,) = decide(report, file).failures
    assert line.startswith("test_it.py::test_two: ")
    report.run = Run(excused=["test_it.py::test_two"])  # expected to fail
    assert decide(report, file).failures == ()


@pytest.mark.parametrize(
    ("said", "found"),
    [
        ("", FAILED),
        ("", '<error message="no NVIDIA driver"/>'),
        (SAID.format("passed", ""), FAILED),
        (UNASKED.replace("</properties>", '<property name="imagejudge.outcome" value="failed"/></properties>'), FAILED),
        (UNASKED.replace(NOT_ASKED, "no such file"), FAILED),
    ],
)
def test_a_test_that_failed_of_itself_is_a_failure(tmp_path: Path, said: str, found: str) -> None:
    file = junit(tmp_path, case("test_two", said=UNASKED, found=FAILED), case(said=said, found=found))
    (line,) = decide(Report(verdicts=[entry(**UNJUDGED)]), file).failures
    assert line.startswith("test_it::test_one: ")


def suite_row(**fields: Any) -> SuiteRow:
    return SuiteRow(
        path=["Quality"], mean=40, low=30, high=45, bound=50, n=9, outcome="failed", gate="failed", **fields
    )


@pytest.mark.parametrize("missing", [0, 1])
def test_bounds_on_the_run_are_open_where_images_are_missing(tmp_path: Path, missing: int) -> None:
    report = Report(verdicts=[entry(**UNJUDGED)], suite=[suite_row(not_judged=missing)])
    file = junit(tmp_path, case("suite[Quality]", found=FAILED).replace("test_it", "imagejudge"))
    gate = decide(report, file)
    assert gate.undecided == (("suite[Quality]",) if missing else ())
    assert bool(gate.failures) == (not missing)


@pytest.mark.parametrize(("newly", "missing", "open_"), [(0, 1, True), (1, 1, False), (0, 0, False)])
def test_margins_are_open_where_images_are_missing(tmp_path: Path, newly: int, missing: int, open_: bool) -> None:
    row = {"path": ["Quality"], "allowed": 2, "gate": "failed", "not_judged": missing}
    outcomes = {"newly_failing": ["a"] * newly, "allowed": 0, "not_judged": missing, "gate": "failed"}
    report = Report(verdicts=[entry(**UNJUDGED)], baseline={"gate": "failed", "rows": [row], "outcomes": outcomes})
    cases = [case(name, found=FAILED) for name in ("baseline[Quality]", "baseline[newly failing]")]
    gate = decide(report, junit(tmp_path, *cases).rename(tmp_path / "j.xml"))
    assert len(gate.failures) == 2  # of a class that only looks like it
    gate = decide(report, junit(tmp_path, *(text.replace("test_it", "imagejudge") for text in cases)))
    assert ("baseline[newly failing]" in gate.undecided) == open_
    assert ("baseline[Quality]" in gate.undecided) == bool(missing)


@pytest.mark.parametrize("text", ["", "no XML", "<testsuites/>"])
def test_a_file_that_names_no_test_decides_nothing(tmp_path: Path, text: str) -> None:
    (tmp_path / "junit.xml").write_text(text)
    for path in (tmp_path / "junit.xml", tmp_path / "none.xml"):
        with pytest.raises(ConfigError, match=r"--gate-stored .*\.xml: "):
            decide(Report(), path)


TESTS = """
import pytest


def test_stored(image_judge):
    image_judge.check("seen.png", prompt="a fox")


def test_not_stored(image_judge):
    image_judge.expect("seen.png", prompt="a hen")


def test_of_its_own(image_judge):
    assert image_judge.score("seen.png", prompt="a cow").total >= 60


def test_without_a_judge():
    assert {fine}
"""


@pytest.mark.parametrize(("bound", "fine", "code"), [(50, True, 0), (70, True, 1), (50, False, 1)])
def test_a_whole_run(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    forks: ForkServer,
    bound: int,
    fine: bool,
    code: int,
) -> None:
    monkeypatch.setenv("PYTEST_DISABLE_PLUGIN_AUTOLOAD", "1")
    monkeypatch.chdir(tmp_path)
    marked((9, 99, 199)).save("seen.png")
    settings = JudgeSettings(model="judge", urls=("http://127.0.0.1:9",), revision="1")
    with Judge.from_settings(settings, store=Path(".imagejudge/store"), engine=Sound("judge")) as judge:
        assert judge.score("seen.png", "a fox").total == 60
    Path("test_it.py").write_text(TESTS.format(fine=fine))
    Path("bounds.toml").write_text(f'extends = "default"\n[level1]\nQuality = {bound}\n[suite.level1]\nQuality = 50\n')
    Path("pytest.ini").write_text("[pytest]\njudge_stored_only = true\njudge_revision = 1\njudge_github = off\n")
    options = (
        *("-pimagejudge", "-pno:cacheprovider", "--judge-required", "--judge-model=judge"),
        *(f"--judge-url={settings.urls[0]}", "--judge-thresholds=bounds.toml"),
        *("--judge-report=report.json", "--junit-xml=junit.xml"),
    )
    done = forks.run("-m", "pytest", *options, env=os.environ)
    assert done.returncode == 1, done.stdout + done.stderr
    monkeypatch.setenv("GITHUB_STEP_SUMMARY", "summary.md")
    gate = ("--gate-stored", "junit.xml", "--github-summary", "--github-annotations")
    assert main(["report", "report.json", *gate]) == code
    said = capsys.readouterr()
    words = "NOT JUDGED: 2 images without a stored answer; no judge was asked; not decided: suite[Quality]"
    warning, *errors = said.out.splitlines()
    assert warning == f"::warning title=Image judge::{words}"
    assert len(errors) == (bound == 70)
    assert all("file=test_it.py,line=6," in line for line in errors)
    assert words in said.err
    assert ("test_it::test_without_a_judge: " in said.err) == (not fine)
    assert "**NOT JUDGED: 2 images" in Path("summary.md").read_text()
    assert {entry.error for entry in read(Path("report.json")).verdicts} == {"", NOT_ASKED}
    assert main(["report", "report.json", "--gate", *gate]) == 2
