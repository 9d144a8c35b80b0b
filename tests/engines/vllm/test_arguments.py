"""The environment of vLLM's server."""

from __future__ import annotations

from pathlib import Path

import pytest

from pytest_imagejudge.engines.vllm.arguments import PLACES, server_environment
from pytest_imagejudge.engines.vllm.install import Install
from pytest_imagejudge.settings import JudgeSettings


def environment(folder: Path, known: str = "") -> dict[str, str | None]:
    """The changes for a vLLM that reads these variables."""
    package = folder / "vllm"
    package.mkdir(parents=True, exist_ok=True)
    (package / "envs.py").write_text(known)
    return server_environment(
        Install("python", "0.26.0", "2.11.0", "cuda", package), JudgeSettings(model="a/b"), folder / "caches"
    )


def test_a_key_of_the_users_own_does_not_reach_vllm(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("VLLM_API_KEY", "mine")
    assert environment(tmp_path)["VLLM_API_KEY"] is None


def test_folders_that_decide_about_compiled_graphs_are_the_same_in_every_home(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    found = []
    for home in ("one", "two"):
        monkeypatch.setenv("HOME", str(tmp_path / home))
        changes = environment(tmp_path / home, known=" ".join(PLACES))
        found.append({name: value for name, value in changes.items() if "/caches/" not in str(value)})
    assert found[0] == found[1]
    assert {name: found[0][name] for name in PLACES} == PLACES


def test_variables_that_a_vllm_does_not_read_are_not_set(tmp_path: Path) -> None:
    assert not environment(tmp_path).keys() & PLACES.keys()


def test_no_sampler_is_compiled_that_no_judge_needs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert environment(tmp_path)["VLLM_USE_FLASHINFER_SAMPLER"] == "0"
    monkeypatch.setenv("VLLM_USE_FLASHINFER_SAMPLER", "1")
    assert "VLLM_USE_FLASHINFER_SAMPLER" not in environment(tmp_path)
