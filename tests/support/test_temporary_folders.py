"""Temporary folders: none outlives its process for long."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

from pytest_imagejudge.support.temporary_folders import temporary_folder

HOLD = """
from pytest_imagejudge.support.temporary_folders import temporary_folder

with temporary_folder() as folder:
    print(folder, flush=True)
    input()
"""


def test_what_a_killed_process_left_is_removed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    env = {**os.environ, "TMPDIR": str(tmp_path), "PYTHONPATH": str(Path(__file__).parents[2])}
    running, killed = (
        subprocess.Popen(
            [sys.executable, "-c", HOLD], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=env
        )
        for _ in range(2)
    )
    folders = []
    for process in (running, killed):
        assert process.stdout is not None
        folders.append(Path(process.stdout.readline().strip()))
    killed.send_signal(signal.SIGKILL)
    killed.communicate()
    (tmp_path / "imagejudge-of-others").mkdir()
    for folder in tmp_path.iterdir():
        (folder / "kept").write_bytes(b"")
        os.utime(folder, (0, 0))
    with temporary_folder() as mine:
        assert set(tmp_path.iterdir()) == {mine, folders[0], tmp_path / "imagejudge-of-others"}
    running.communicate("\n")
    assert [path.name for path in tmp_path.iterdir()] == ["imagejudge-of-others"]


def test_a_folder_that_is_new_is_let_alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    new = tmp_path / "imagejudge-of-run-1"
    new.mkdir()
    with temporary_folder() as mine:
        assert set(tmp_path.iterdir()) == {mine, new}
    assert not mine.exists()
