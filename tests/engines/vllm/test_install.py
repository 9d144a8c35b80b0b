"""How vLLM is found in another interpreter."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from pytest_imagejudge.engines.vllm import install as installs
from tests.stand_in.vllm import install


@pytest.fixture(autouse=True)
def _forgotten() -> Iterator[None]:
    installs.find_vllm.cache_clear()
    yield
    installs.find_vllm.cache_clear()


@pytest.mark.parametrize(("version", "device"), [("9.9.9+cpu", "cpu"), ("0.33.0+rocm7", "other"), ("0.32.0", "cuda")])
def test_the_interpreter_is_asked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, version: str, device: str) -> None:
    python = install(tmp_path / "site", version=version, answers=False)
    monkeypatch.setenv(installs.PYTHON_VARIABLE, str(python))
    found = installs.find_vllm()
    assert (found.python, found.version, found.package) == (str(python), version, tmp_path / "site" / "vllm")
    if not found.torch:  # of this machine
        assert found.device == device


def test_the_stand_in_tells_what_would_be_found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    found = []
    for answers in (True, False):
        python = install(tmp_path / f"site-{answers}", answers=answers)
        monkeypatch.setenv(installs.PYTHON_VARIABLE, str(python))
        installs.find_vllm.cache_clear()
        one = installs.find_vllm()
        found.append((one.version, one.device, one.package.relative_to(python.parent)))
    assert found[0] == found[1]
