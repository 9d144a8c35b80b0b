"""Folders of compiled code."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from pytest_imagejudge.engines.vllm.caches import USED, caches_folder, use_caches
from pytest_imagejudge.engines.vllm.install import Install


def install(version: str = "0.26.0", torch: str = "2.11.0+cu130") -> Install:
    return Install("python", version, torch, "cuda", Path("/nowhere/vllm"))


@pytest.mark.parametrize(
    ("version", "torch", "name"),
    [
        ("0.26.0", "2.11.0+cu130", "vllm-0.26.0-torch-2.11.0+cu130"),
        ("0.0.dev/1 x", "", "vllm-0.0.dev_1_x-torch-unknown"),
    ],
)
def test_one_for_each_version(tmp_path: Path, version: str, torch: str, name: str) -> None:
    assert caches_folder(tmp_path, install(version, torch)) == tmp_path / "compiled" / name


def test_what_no_server_of_a_version_in_use_has_goes(tmp_path: Path) -> None:
    compiled = tmp_path / "compiled"
    for name in ("vllm", "triton", "mine", "vllm-0.25.0-torch-2.10.0", "vllm-0.24.0-torch-2.9.0"):
        (compiled / name / "below").mkdir(parents=True)
        (compiled / name / "below" / "cache_key_factors.json").write_text("a key")
    for name in ("vllm-0.25.0-torch-2.10.0", "vllm-0.24.0-torch-2.9.0"):
        (compiled / name / USED).touch()
    os.utime(compiled / "vllm-0.24.0-torch-2.9.0" / USED, (0, 0))
    mine = caches_folder(tmp_path, install())
    mine.mkdir()
    (mine / USED).touch()
    os.utime(mine / USED, (0, 0))
    use_caches(tmp_path, install())
    assert {folder.name for folder in compiled.iterdir()} == {mine.name, "vllm-0.25.0-torch-2.10.0", "mine"}
    assert (mine / USED).stat().st_mtime > 0
    use_caches(tmp_path, install("0.25.0", "2.10.0"))
    assert mine.exists()  # its last use is of today


def test_a_folder_that_can_not_be_written_hinders_nothing(tmp_path: Path) -> None:
    (tmp_path / "compiled").touch()
    use_caches(tmp_path, install())
