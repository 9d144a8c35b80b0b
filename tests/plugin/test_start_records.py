"""Records of earlier runs, by their tests."""

from __future__ import annotations

from pathlib import Path

import pytest

from pytest_imagejudge.plugin.start_records import FILE_NAME, MOST, StartRecord, StartRecords


def test_kept_and_read(tmp_path: Path) -> None:
    StartRecords(tmp_path).put({"a": StartRecord(answered=True, at=1), "b": StartRecord(free={"0 Card": 5}, at=2)})
    StartRecords(tmp_path).put({"a": StartRecord(at=3)})
    records = StartRecords(tmp_path)
    assert records.get("a") == StartRecord(at=3)
    assert records.get("b") == StartRecord(free={"0 Card": 5}, at=2)
    found = records.get("c")
    assert (found.answered, found.free) == (False, {})


def test_the_oldest_are_dropped(tmp_path: Path) -> None:
    records = StartRecords(tmp_path)
    records.put({f"{number}": StartRecord(answered=True, at=number) for number in range(MOST)})
    records.put({"new": StartRecord(answered=True, at=MOST)})
    assert [name for name in ("0", "1", "new") if records.get(name).answered] == ["1", "new"]


@pytest.mark.parametrize("folder", [None, "gone"])
def test_without_a_folder_nothing_is_kept(tmp_path: Path, folder: str | None) -> None:
    records = StartRecords(None if folder is None else tmp_path / folder)
    records.put({"a": StartRecord(answered=True)})
    assert not records.get("a").answered
    assert list(tmp_path.iterdir()) == []


def test_a_run_without_judges_leaves_the_file_alone(tmp_path: Path) -> None:
    StartRecords(tmp_path).put({})
    assert not (tmp_path / FILE_NAME).exists()


@pytest.mark.parametrize(
    "content", ["{", "[1]", '{"a": {"answered": true}}', '{"a": {"answered": true, "free": [], "at": "x"}}']
)
def test_what_is_no_record_is_none(tmp_path: Path, content: str) -> None:
    (tmp_path / FILE_NAME).write_text(content)
    assert not StartRecords(tmp_path).get("a").answered
