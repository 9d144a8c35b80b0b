"""``--judge-baseline`` and ``--judge-update-baseline``."""

from __future__ import annotations

import json
import xml.etree.ElementTree as ElementTree

import pytest


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


def test_noise_does_not(project, gate):
    gate(["good", "fair"] * 6, "--judge-update-baseline")
    assert gate(["fair", "good"] * 6).ret == 0
    assert {row["outcome"] for row in project.report["baseline"]["rows"] if row["allowed"]} == {"undecided"}


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
    assert "sampling.temperature: 0.7 there" in result.stdout.str()
    assert "--judge-update-baseline" in result.stdout.str()


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
