"""Names that stay the same where a cache is restored in another home."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from pytest_imagejudge.engines.vllm.server_side.imagejudge_serve import CACHES, link, link_caches


@pytest.fixture(autouse=True)
def working_directory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    (tmp_path / "run").mkdir()
    monkeypatch.chdir(tmp_path / "run")
    return tmp_path / "run"


def test_a_folder_is_named_by_a_link_and_the_next_one_by_the_same(tmp_path: Path) -> None:
    for name in ("one", "two"):
        (tmp_path / name).mkdir()
        assert link("model", str(tmp_path / name)) == "model"
        assert Path("model").resolve() == (tmp_path / name).resolve()


def test_where_something_is_in_the_way_the_folder_keeps_its_name(tmp_path: Path) -> None:
    Path("model").mkdir()
    assert link("model", str(tmp_path)) == str(tmp_path)
    assert not Path("model").is_symlink()


def test_folders_of_compiled_code_are_made_and_named_by_links(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for variable in CACHES:
        monkeypatch.setenv(variable, str(tmp_path / "cache" / variable))
    link_caches()
    for variable in CACHES:
        place = Path(os.environ[variable])
        assert not place.is_absolute()
        (place / "below" / "that").mkdir(parents=True)
        assert (tmp_path / "cache" / variable / "below" / "that").is_dir()


def test_a_folder_that_is_not_named_is_not_made(monkeypatch: pytest.MonkeyPatch, working_directory: Path) -> None:
    for variable in CACHES:
        monkeypatch.delenv(variable, raising=False)
    link_caches()
    assert not list(working_directory.iterdir())
