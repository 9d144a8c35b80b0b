"""Runs of pytest whose judge is served; with a stand-in for vLLM's server."""

from __future__ import annotations

from pathlib import Path

import pytest
from standin_vllm import checkpoint, install


@pytest.fixture
def model(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A model that a CPU build of vLLM serves here, apart from the folder of the tests."""
    folder = tmp_path_factory.mktemp("machine")
    (folder / "standin").mkdir()
    monkeypatch.setenv("IMAGEJUDGE_VLLM_PYTHON", str(install(folder / "site")))
    monkeypatch.setenv("IMAGEJUDGE_CACHE", str(folder / "cache"))
    monkeypatch.setenv("STANDIN", str(folder / "standin"))
    monkeypatch.setenv("VLLM_CPU_KVCACHE_SPACE", "1")
    return checkpoint(folder / "model")


def run(pytester: pytest.Pytester, model: Path, *args: str) -> pytest.RunResult:
    return pytester.runpytest_subprocess(f"--judge-model={model}", "--judge-protocol=house", "-pno:benchmark", *args)


def test_without_a_gpu_nothing_is_said_of_its_memory(pytester: pytest.Pytester, model: Path) -> None:
    pytester.makepyfile("def test_nothing(image_judge): pass")
    result = run(pytester, model)
    result.assert_outcomes(passed=1)
    result.stdout.fnmatch_lines([f"imagejudge: {model}, protocol house", "imagejudge: thresholds default, *"])
    assert "GPU" not in result.stdout.str()
    result = run(pytester, model, "--judge-when=after")
    result.stdout.fnmatch_lines(["imagejudge: judges after the tests (--judge-when)"])
