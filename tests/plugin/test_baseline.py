"""``--judge-baseline`` and ``--judge-update-baseline``."""

from __future__ import annotations

import json
import shlex
import xml.etree.ElementTree as ElementTree
from pathlib import Path
from types import SimpleNamespace

import pytest

from pytest_imagejudge.cli import main
from pytest_imagejudge.plugin.run_options import renewing_command
from tests.stand_in.project import Project


def write(project, kinds, **fields):
    project.manifest(
        "rows.imagejudge.jsonl",
        [
            {
                "ID": str(i),
                "prompt": f"prompt {i}",
                "image_path": str(project.picture(kind, f"images/{kind}{i}.png", i)),
                **fields,
            }
            for i, kind in enumerate(kinds)
        ],
    )


@pytest.fixture
def gate(project):
    (project.path / "gate.toml").write_text("[baseline]\ntotal = 5\n[baseline.level1]\nQuality = 5\n")

    def run(kinds, *arguments, **fields):
        write(project, kinds, **fields)
        return project.run("--judge-thresholds=gate.toml", "--judge-baseline=base.json", *arguments)

    return run


def test_a_run_against_itself_passes(project, gate):
    kinds = ["good", "fair"] * 6
    assert gate(kinds, "--judge-update-baseline").ret == 0
    assert len(json.loads((project.path / "base.json").read_text())["images"]) == 12
    assert gate(kinds).ret == 0
    found = project.report["baseline"]
    assert (found["gate"], found["pairs"], found["changed"]) == ("passed", 12, [])
    assert [row["outcome"] for row in found["rows"] if row["allowed"] is not None] == ["passed", "passed"]


def test_a_drop_fails_the_run_as_an_item_of_its_own(project, gate):
    gate(["good"] * 12, "--judge-update-baseline")
    result = gate(["good", "fair", "fair"] * 4, "--junit-xml=junit.xml")
    assert result.ret == 1
    result.stdout.fnmatch_lines(["FAILED imagejudge::baseline?Total?*"])
    cases = ElementTree.parse(project.path / "junit.xml").getroot().iter("testcase")
    assert {case.get("name") for case in cases if case.find("failure") is not None} == {
        "baseline[Total]",
        "baseline[Quality]",
    }
    found = project.report["baseline"]
    assert len(found["changed"]) == 8


def test_a_mean_that_did_not_drop_passes_whatever_its_images_did(project, gate):
    gate(["good", "fair"] * 6, "--judge-update-baseline")
    assert gate(["fair", "good"] * 6).ret == 0
    assert {row["outcome"] for row in project.report["baseline"]["rows"] if row["allowed"]} == {"passed"}


FOUR_WORSE = ["bad"] * 4 + ["good"] * 8  # four of four that changed dropped: 1 in 16 by chance


def junit(project):
    cases = ElementTree.parse(project.path / "junit.xml").getroot().iter("testcase")
    return {case.get("name"): case for case in cases if case.get("classname") == "imagejudge"}


def test_a_drop_that_may_be_chance_is_undecided_everywhere_and_never_passed(project, gate, monkeypatch):
    gate(["good"] * 12, "--judge-update-baseline")
    monkeypatch.setenv("GITHUB_ACTIONS", "true")
    summary = project.path / "summary.md"
    monkeypatch.setenv("GITHUB_STEP_SUMMARY", str(summary))
    result = gate(FOUR_WORSE, "--junit-xml=junit.xml", "-v", "--judge-report=report.html", "--judge-report=report.md")
    assert result.ret == 0
    result.stdout.fnmatch_lines(["imagejudge::baseline?Quality? UNDECIDED*"])
    result.stdout.fnmatch_lines(["*12 images*12 scored*undecided: Total against the baseline, Quality against*"])
    words = " ".join(result.stdout.str().split())  # long lines are wrapped
    assert "undecided (the mean drop of 33.33 is beyond the margin of 5, but it may be chance (p = 0.062); " in words
    assert "on_undecided = pass: the gate does not fail for that; about 15 pairs would decide it" in words
    result.stdout.fnmatch_lines(["::warning title=Image judge::undecided*Quality against the baseline*"])
    assert result.parseoutcomes() == {"passed": 12, "undecided": 2}
    found = project.report["baseline"]
    rows = [row for row in found["rows"] if row["allowed"] is not None]
    assert (found["gate"], found["on_undecided"]) == ("undecided", "pass")
    assert [(row["outcome"], row["gate"], row["p"], row["needed"]) for row in rows] == [
        ("undecided", "passed", 1 / 16, 15)
    ] * 2
    cases = junit(project)
    assert set(cases) == {"baseline[Total]", "baseline[Quality]"}
    for case in cases.values():
        assert "undecided" in case.find("skipped").get("message")
        properties = {one.get("name"): one.get("value") for one in case.iter("property")}
        assert properties["imagejudge.baseline.outcome"] == "undecided"
    for text in (summary.read_text(), (project.path / "report.md").read_text()):
        assert "❔ 12 images scored, no bounds applied; undecided: Total against the baseline" in text
        assert "- ❔ Quality: " in text
    page = (project.path / "report.html").read_text()
    assert "Undecided, since it may be chance: Total against the baseline, Quality against the baseline." in page
    assert '<span class="badge undecided">undecided</span> Quality' in page


def test_under_workers_it_is_undecided_too(project, gate):
    gate(["good"] * 12, "--judge-update-baseline")
    result = gate(FOUR_WORSE, "-n2")
    assert (result.ret, result.parseoutcomes()["undecided"]) == (0, 2)


@pytest.mark.parametrize(("policy", "words"), [("mean", "the mean decides"), ("fail", "on_undecided = fail")])
def test_what_comes_of_an_undecided_drop_may_be_chosen(project, gate, policy, words):
    gate(["good"] * 12, "--judge-update-baseline")
    (project.path / "gate.toml").write_text(f'[baseline]\non_undecided = "{policy}"\ntotal = 5\n')
    result = gate(FOUR_WORSE)
    assert result.ret == 1
    result.stdout.fnmatch_lines(["FAILED imagejudge::baseline?Total?*"])
    assert words in result.stdout.str()
    assert "the run failed: Total (undecided) against the baseline" in result.stdout.str()
    assert project.report["baseline"]["gate"] == "failed"


def test_new_failures_are_told_and_may_be_bounded(project, gate):
    (project.path / "gate.toml").write_text("total = 50\n[baseline]\ntotal = 90\n")
    gate(["good"] * 12, "--judge-update-baseline")
    result = gate(["bad"] * 2 + ["good"] * 10)
    words = " ".join(result.stdout.str().split())  # long lines are wrapped
    assert "By their bounds: 2 images newly fail, 0 newly pass (exact sign test of more failures: p = 0.250)" in words
    assert "FAILED imagejudge::baseline" not in result.stdout.str()
    assert project.report["baseline"]["outcomes"]["newly_failing"] == ["0", "1"]
    (project.path / "gate.toml").write_text("total = 50\n[baseline]\nnewly_failing = 1\n")
    result = gate(["bad"] * 2 + ["good"] * 10)
    result.stdout.fnmatch_lines(["FAILED imagejudge::baseline?newly failing?*2 images newly fail*"])
    assert "the run failed: 2 new failures against the baseline" in " ".join(result.stdout.str().split())
    (project.path / "gate.toml").write_text("total = 50\n[baseline]\nnewly_failing = 2\n")
    assert "FAILED imagejudge::baseline" not in gate(["bad"] * 2 + ["good"] * 10).stdout.str()
    assert project.report["baseline"]["gate"] == "passed"


def test_a_bound_on_a_mean_that_is_undecided_did_not_pass_either(project):
    (project.path / "gate.toml").write_text("[suite]\ntotal = 10\n")
    write(project, ["good"] * 3)
    result = project.run("--judge-thresholds=gate.toml")
    assert (result.ret, result.parseoutcomes()) == (0, {"passed": 3, "undecided": 1})


def test_what_was_not_judged_fails_it(project, gate):
    gate(["good"] * 12, "--judge-update-baseline")
    result = gate([*["good"] * 11, "refused"])
    assert result.ret == 1
    result.stdout.fnmatch_lines(["FAILED imagejudge::baseline?Total?*"])
    assert project.report["baseline"]["not_judged"] == ["11"]


def test_new_and_missing_images_are_listed(project, gate):
    gate(["good"] * 12, "--judge-update-baseline")
    assert gate(["good"] * 10).ret == 0
    assert project.report["baseline"]["missing"] == ["10", "11"]
    assert gate(["good"] * 13).ret == 0
    assert project.report["baseline"]["new"] == ["12"]


def test_another_judge_is_refused(project, gate):
    gate(["good"] * 12, "--judge-update-baseline")
    data = json.loads((project.path / "base.json").read_text())
    (fingerprint,) = data["judges"].values()
    fingerprint["sampling"] = {"temperature": 0.7}
    (project.path / "base.json").write_text(json.dumps(data))
    result = gate(["good"] * 12)
    assert result.ret != 0
    assert "sampling.temperature: 0.7 before" in result.stdout.str()
    (command,) = [line for line in result.stdout.str().splitlines() if "--judge-update-baseline" in line]
    assert "asks in other words" not in result.stdout.str()
    words = shlex.split(command.strip().removeprefix("E").strip())
    assert words[0] == "pytest"
    assert project.pytester.runpytest_inprocess(*words[1:]).ret == 0  # the very command that the message gives
    assert gate(["good"] * 12).ret == 0


def test_a_baseline_of_other_words_is_refused(project, gate):
    gate(["good"] * 12, "--judge-update-baseline")
    data = json.loads((project.path / "base.json").read_text())
    (fingerprint,) = data["judges"].values()
    fingerprint["protocol_digest"] = "0" * 64
    (project.path / "base.json").write_text(json.dumps(data))
    result = gate(["good"] * 12)
    assert result.ret != 0
    assert f"protocol {fingerprint['protocol']} has other words now" in result.stdout.str()
    assert "--judge-update-baseline" in result.stdout.str()


def test_the_command_that_renews_a_baseline_holds_no_secret():
    config = SimpleNamespace(
        invocation_params=SimpleNamespace(
            args=["a b.py", "--judge-url=http://me:secret@host/v1?key=hidden", Path("x"), "test_a.py::test[a?b#c]"]
        )
    )
    assert renewing_command(config) == (
        "pytest 'a b.py' '--judge-url=http://host/v1…' x 'test_a.py::test[a?b#c]' --judge-update-baseline"
    )


@pytest.mark.parametrize("text", [None, "{}", "nonsense"])
def test_a_baseline_that_cannot_be_read_ends_the_run_at_once(project, gate, text):
    if text is not None:
        (project.path / "base.json").write_text(text)
    result = gate(["good"] * 6)
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    assert "base.json" in result.stderr.str()
    assert project.asked() == 0


def test_under_workers_it_is_the_same(project, gate):
    gate(["good"] * 12, "--judge-update-baseline", "-n2")
    assert gate(["good"] * 12, "-n2").ret == 0
    result = gate(["bad"] * 12, "-n2")
    assert result.ret == 1
    result.stdout.fnmatch_lines(["FAILED imagejudge::baseline?Total?*"])


@pytest.mark.parametrize("asked_for", [["--judge-report=report.md", "--judge-report=report.html"], []])
def test_entries_that_lie_in_a_file_give_the_same_reports(project, monkeypatch, asked_for):
    """A run of more images than are held in memory, with everything that looks at each image once more."""
    (project.path / "gate.toml").write_text(
        'total = 40\n[suite]\ntotal = 50\non_undecided = "fail"\n[suite.level1]\nQuality = 50\n'
        "[baseline]\ntotal = 5\n[baseline.level1]\nQuality = 5\n"
    )
    kinds = ["good", "fair", "bad", "refused", "good", "good", "fair", "good"]
    write(project, ["good"] * len(kinds))
    arguments = ["--judge-thresholds=gate.toml", "--judge-baseline=base.json", "--judge-repeat=2", *asked_for]
    project.run(*arguments, "--judge-update-baseline")
    write(project, kinds)
    found, written = [], []
    for most in (1000, 1):
        monkeypatch.setattr("pytest_imagejudge.report.spool.MOST", most)
        result = project.run(*arguments, "--judge-no-store", "--junit-xml=junit.xml")
        assert result.ret == 1
        report = project.report
        report["run"]["started"] = report["run"]["seconds"] = None
        for entry in report["verdicts"]:
            entry["judged_at"] = None
        report["verdicts"].sort(key=lambda entry: (entry["id"], entry.get("repeat", 0)))  # they come as they are judged
        for name in ("changed", "not_judged"):
            report["baseline"][name].sort()
        found.append(report)
        written.append((project.path / "report.md").read_text() if asked_for else "")
        assert any("suite" in line for line in result.outlines)
    assert len(found[0]["verdicts"]) == 16
    assert found[0] == found[1]
    assert any(entry["before"] for entry in found[0]["verdicts"])
    assert sorted(written[0].split("\n")[6:]) == sorted(written[1].split("\n")[6:])


def test_a_report_that_each_run_writes_anew_keeps_the_history(project: Project) -> None:
    project.tests("def test_a(image_judge):\n    image_judge.check('fair.png', prompt='a fox')\n")
    options = ("--judge-report=kept.json", "--judge-history=kept.json", "--judge-history=lost.json")
    first = project.run(*options)
    first.stdout.fnmatch_lines(["history: there is no *kept.json yet", "history: there is no *lost.json yet"])
    for number in range(2):
        path = project.path / "kept.json"
        kept = json.loads(path.read_text(encoding="utf-8"))
        kept["run"]["started"] = f"2026-01-0{number + 1}"  # runs of one second are one
        path.write_text(json.dumps(kept), encoding="utf-8")
        project.run(*options).assert_outcomes(passed=1)
    kept = json.loads((project.path / "kept.json").read_text(encoding="utf-8"))
    found = [(past["started"], past["total"], past["outcome"]) for past in kept["verdicts"][0]["history"]]
    assert found == [("2026-01-01", 60.0, "passed"), ("2026-01-02", 60.0, "passed")]


def test_a_baseline_keeps_small_pictures_and_pages_show_them(project: Project) -> None:
    project.tests(
        """
        import pytest
        from PIL import Image

        @pytest.mark.parametrize("n", [0, 1])
        def test_fox(image_judge, n):
            image_judge.expect(Image.open(f"now{n}.png"), prompt=f"a fox {n}")

        def test_edit(edit_judge):
            edit_judge.expect("fair.png", "now0.png", instruction="brighter")
        """
    )
    options = ("--judge-baseline=base.json", "--judge-baseline-pictures=pictures", "--edit-judge-model=stand-in")
    for n in (0, 1):
        project.picture("fair", f"now{n}.png", n)
    old = project.path / "pictures" / f"{'0a' * 32}.jpg"
    old.parent.mkdir()
    old.touch()
    (old.parent / "README").touch()
    result = project.run("--judge-update-baseline", *options)
    result.stdout.fnmatch_lines(["baseline: 3 images written to *", "baseline: 2 pictures in *"])
    copies = {path.stem for path in old.parent.glob("*.jpg")}
    assert copies == {entry["pixels"] for entry in (*project.report["verdicts"], *project.report["edits"])}
    assert (old.parent / "README").exists()
    project.picture("good", "now0.png", 7)
    project.run(*options, "--judge-report=report.html").assert_outcomes(passed=3)
    before = [entry["before"] for entry in (*project.report["verdicts"], *project.report["edits"])]
    assert {Path(each["image"]).parent.name for each in before} == {"pictures"}
    assert [Path(each["image"]).stem == each["pixels"] for each in before] == [True] * 3
    assert (
        main(["report", "report.json", "--baseline", "base.json", "--baseline-pictures", "pictures", "-o", "r.json"])
        == 0
    )
    again = json.loads((project.path / "r.json").read_text(encoding="utf-8"))
    assert [entry["before"]["image"] for entry in again["verdicts"]] == [each["image"] for each in before[:2]]


NOT_APPLIED = "bounds under [baseline], but no --judge-baseline was given: they are not applied"


def test_margins_without_a_baseline_are_told_everywhere_and_fail_nothing(project, capsys, monkeypatch):
    (project.path / "gate.toml").write_text('extends = "default"\n[baseline.level1]\nQuality = 5\n')
    write(project, ["good"] * 2)
    project.environ("GITHUB_ACTIONS", "true")
    reports = ("--judge-report=report.html", "--judge-report=report.md")
    result = project.run("--judge-thresholds=gate.toml", *reports)
    result.assert_outcomes(passed=2)
    assert result.ret == 0
    assert f"warning: The profile has {NOT_APPLIED}" in result.stdout.lines
    said = result.stdout.str() + result.stderr.str()
    assert f"::warning title=Image judge::The profile has {NOT_APPLIED}" in said
    for name in ("report.html", "report.md"):
        text = (project.path / name).read_text(encoding="utf-8").replace("\\", "")
        assert NOT_APPLIED in text
    assert project.report["left_out"] == ["no_baseline"]

    monkeypatch.chdir(project.path)
    assert main(["report", "report.json", "--gate"]) == 0
    assert NOT_APPLIED in capsys.readouterr().err


@pytest.mark.parametrize("kind", ["compared", "written", "no margin"])
def test_margins_with_a_baseline_are_no_warning(project, gate, kind):
    result = gate(["good"] * 2, "--judge-update-baseline")
    if kind == "compared":
        result = gate(["good"] * 2)
    elif kind == "no margin":
        result = project.run()
    assert "under [baseline]" not in result.stdout.str()
    assert project.report["left_out"] == []


def test_a_merged_report_that_is_compared_tells_no_more_of_a_missing_baseline(project, gate, monkeypatch):
    gate(["good"] * 2, "--judge-update-baseline")
    project.run("--judge-thresholds=gate.toml")
    assert project.report["left_out"] == ["no_baseline"]
    monkeypatch.chdir(project.path)
    assert main(["report", "report.json", "--baseline", "base.json", "--thresholds", "gate.toml", "-o", "n.json"]) == 0
    assert json.loads((project.path / "n.json").read_text())["left_out"] == []
