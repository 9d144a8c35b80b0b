"""Scores of images in earlier runs, from the reports of these."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from pytest_imagejudge.errors import ConfigError
from pytest_imagejudge.report.json_file import read, write
from pytest_imagejudge.report.model import CiRun, Report, Run
from pytest_imagejudge.report.spool import Spool
from pytest_imagejudge.statistics import history
from pytest_imagejudge.statistics.history import attach_history, attach_what_is_there, report_files
from tests.report import samples


def run_of(day: int, total: float | None = None) -> Report:
    """A run of one day, with an image and an edit."""
    made = Report(verdicts=[samples.entry(1)], edits=[samples.edit(1, 4.0)])
    made.verdicts[0].total = 60.0 + day if total is None else total
    made.run = Run(started=f"2026-01-{day:02}T08:00:00+00:00", ci=CiRun(commit=f"c{day}"))
    return made


def written(folder: Path, report: Report) -> Path:
    path = folder / f"{report.run.started[8:10]}.json"
    write(report, path)
    return path


def totals(report: Report) -> list[tuple[str, float | None]]:
    return [(past.commit, past.total) for past in report.verdicts[0].history]


def test_earlier_runs_are_told_the_oldest_first(tmp_path: Path) -> None:
    files = [written(tmp_path, run_of(day)) for day in (3, 1, 2)]
    now = run_of(4)
    assert attach_history(now, files) == 2
    assert totals(now) == [("c1", 61.0), ("c2", 62.0), ("c3", 63.0)]
    edit = now.edits[0].history[0]
    assert (edit.score, edit.total, edit.outcome) == (4.0, None, "passed")


def test_the_last_report_carries_all_earlier_ones(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(history, "MOST", 3)
    file = written(tmp_path, run_of(1))
    for day in range(2, 6):
        now = run_of(day)
        attach_history(now, [file])
        file = written(tmp_path, now)
    assert totals(read(file)) == [("c2", 62.0), ("c3", 63.0), ("c4", 64.0)]


def test_a_report_of_this_very_run_is_no_earlier_one(tmp_path: Path) -> None:
    now = run_of(2)
    assert attach_history(now, [written(tmp_path, run_of(1)), written(tmp_path, run_of(2))]) == 2
    assert totals(now) == [("c1", 61.0)]


def test_other_images_and_further_judgements_have_none(tmp_path: Path) -> None:
    earlier = run_of(1)
    again = samples.entry(1).model_copy(update={"total": 1.0})
    again.__pydantic_extra__ = {"repeat": 1}
    earlier.verdicts.append(again)
    now = run_of(2)
    now.verdicts.append(samples.entry(7))
    assert attach_history(now, [written(tmp_path, earlier)]) == 2
    assert totals(now) == [("c1", 61.0)]
    assert now.verdicts[1].history == []


def test_entries_in_a_file_stay_there(tmp_path: Path) -> None:
    now = run_of(2)
    now.verdicts = Spool(type(now.verdicts[0]), now.verdicts, most=0)  # type: ignore[assignment]
    attach_history(now, [written(tmp_path, run_of(1))])
    assert isinstance(now.verdicts, Spool)
    assert totals(now) == [("c1", 61.0)]


def test_a_folder_stands_for_its_reports(tmp_path: Path) -> None:
    one, two = (written(tmp_path, run_of(day)) for day in (1, 2))
    (tmp_path / "report.html").touch()
    assert report_files([tmp_path, one]) == [one, two]


def test_a_file_that_is_no_report_is_an_error_or_a_line(tmp_path: Path) -> None:
    good, bad, none = written(tmp_path, run_of(1)), tmp_path / "bad.json", tmp_path / "none.json"
    bad.write_text(json.dumps([1]))
    with pytest.raises(ConfigError, match=r"bad\.json: a report is a JSON object, not an array"):
        attach_history(run_of(2), [good, bad])
    now = run_of(2)
    assert list(attach_what_is_there(now, [bad, good, none])) == [
        f"history: there is no {none} yet",
        f"history: {bad}: a report is a JSON object, not an array",
    ]
    assert totals(now) == [("c1", 61.0)]
