"""A machine of its own, with a stand-in for an installed vLLM, for runs of pytest."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.stand_in.forks import ForkServer


@pytest.fixture
def vllm_folder(
    tmp_path_factory: pytest.TempPathFactory,
    pytester: pytest.Pytester,
    monkeypatch: pytest.MonkeyPatch,
    forks: ForkServer,
) -> Path:
    """A folder apart from that of the tests, with the judge's cache and where the stand-in speaks; runs are forks."""
    monkeypatch.setattr(pytester, "popen", forks.popen)
    folder = tmp_path_factory.mktemp("machine")
    (folder / "standin").mkdir()
    monkeypatch.setenv("PYTEST_DISABLE_PLUGIN_AUTOLOAD", "1")
    monkeypatch.delenv("PYTEST_XDIST_WORKER", raising=False)  # of the worker that this test runs in
    monkeypatch.setenv("IMAGEJUDGE_CACHE", str(folder / "cache"))
    monkeypatch.setenv("STANDIN", str(folder / "standin"))
    return folder


@pytest.fixture
def engine_forks() -> None:
    """Have the stand-in begin the processes from which vLLM forks its engine: for tests of how a server ends."""
