"""``imagejudge baseline approve``: single images become the baseline, the others stay."""

from __future__ import annotations

from pathlib import Path

import pytest

from pytest_imagejudge.cli import main
from pytest_imagejudge.report import json_file
from pytest_imagejudge.report.model import EditEntry, Report, VerdictEntry
from pytest_imagejudge.statistics.baseline_file import read_baseline, update_baseline


def entry(name: str, total: float, **more: object) -> VerdictEntry:
    levels = dict.fromkeys(("Quality", "Aesthetics", "Alignment", "Creative Generation", "Real-world Fidelity"), total)
    fields = {"id": name, "prompt": f"prompt of {name}", "image": "", "key": f"{name}{total}", "test": name} | more
    return VerdictEntry.model_validate(fields | {"total": total, "level1": levels, "outcome": "passed"})


@pytest.fixture
def files(tmp_path: Path) -> tuple[str, str]:
    update_baseline(tmp_path / "baseline.json", [entry(name, 60.0) for name in ("fox", "owl", "hen")])
    after = [entry("fox", 80.0), entry("owl", 70.0), entry("new", 50.0)]
    edit = EditEntry(
        source_image="", edited_image="", instruction="blue", id="e", key="e", score=4.0, outcome="passed", test="e"
    )
    lost = VerdictEntry(image="", prompt="lost", id="lost", error="no file")
    json_file.write(Report(verdicts=[*after, lost], edits=[edit]), tmp_path / "report.json")
    return str(tmp_path / "baseline.json"), str(tmp_path / "report.json")


def totals(path: str) -> dict[str, float]:
    return {item.label: next(iter(item.figures.values())) for item in read_baseline(path).images}


def test_only_what_is_approved_changes(files: tuple[str, str], capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["baseline", "approve", *files, "fox", "new"]) == 0
    assert totals(files[0]) == {"fox": 80.0, "owl": 60.0, "hen": 60.0, "new": 50.0}
    said = capsys.readouterr()
    assert said.out == "fox: total 60.00 -> total 80.00\nnew: not there -> total 50.00\n"
    assert said.err.endswith("baseline.json: 2 images approved, 4 in all\n")


def test_patterns_prompts_and_edits(files: tuple[str, str]) -> None:
    assert main(["baseline", "approve", *files, "prompt of o*", "e"]) == 0
    assert totals(files[0]) == {"e": 4.0, "fox": 60.0, "owl": 70.0, "hen": 60.0}


def test_a_dry_run_writes_nothing(files: tuple[str, str], capsys: pytest.CaptureFixture[str]) -> None:
    before = Path(files[0]).read_bytes()
    assert main(["baseline", "approve", *files, "*o*", "--dry-run"]) == 2  # one of them was not judged
    assert main(["baseline", "approve", *files, "fox", "--dry-run"]) == 0
    assert Path(files[0]).read_bytes() == before
    assert "fox: total 60.00 -> total 80.00" in capsys.readouterr().out


def test_the_first_baseline(tmp_path: Path, files: tuple[str, str], capsys: pytest.CaptureFixture[str]) -> None:
    new = str(tmp_path / "new.json")
    assert main(["baseline", "approve", new, files[1], "fox"]) == 0
    assert "new.json, a new file: 1 image approved, 1 in all" in capsys.readouterr().err
    assert totals(new) == {"fox": 80.0}


@pytest.mark.parametrize(
    ("name", "words"),
    [("fxo", "no image 'fxo' in the report (did you mean \"fox\"?)"), ("lost", "'lost' was not judged in that run")],
)
def test_what_cannot_be_approved(
    files: tuple[str, str], name: str, words: str, capsys: pytest.CaptureFixture[str]
) -> None:
    before = Path(files[0]).read_bytes()
    assert main(["baseline", "approve", *files, name]) == 2
    assert words in capsys.readouterr().err
    assert Path(files[0]).read_bytes() == before
