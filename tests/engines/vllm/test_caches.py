"""Folders of compiled code."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from pytest_imagejudge.engines.vllm.caches import AHEAD, GRAPHS, USED, caches_folder, note_graphs, use_caches
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


LOG = """
Using cache directory: vllm_cache_root/torch_compile_cache/437e2556c7/rank_0_0/backbone for vLLM's torch.compile
Directly load AOT compilation from path vllm_cache_root/torch_compile_cache/torch_aot_compile/e01c9d/rank_0_0/model
Using cache directory: vllm_cache_root/torch_compile_cache/99/rank_0_0 that is gone
"""


def test_graphs_that_no_server_has_used_go(tmp_path: Path) -> None:
    root = caches_folder(tmp_path, install()) / "vllm"
    entries = {name: root / GRAPHS / name for name in ("437e2556c7", "00aa", f"{AHEAD}/e01c9d", f"{AHEAD}/00bb")}
    for entry in entries.values():
        (entry / "rank_0_0").mkdir(parents=True)
        os.utime(entry, (0, 0))
    os.utime(root / GRAPHS / AHEAD, (0, 0))
    home = tmp_path / "run"
    home.mkdir()
    (home / "vllm_cache_root").symlink_to(root)
    note_graphs(LOG, home)
    use_caches(tmp_path, install())
    assert [name for name, entry in entries.items() if entry.exists()] == ["437e2556c7", f"{AHEAD}/e01c9d"]


def test_a_folder_that_can_not_be_written_hinders_nothing(tmp_path: Path) -> None:
    (tmp_path / "compiled").touch()
    use_caches(tmp_path, install())
