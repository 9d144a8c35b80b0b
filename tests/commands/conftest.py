from __future__ import annotations

import functools
from pathlib import Path

import pytest

from pytest_imagejudge.statistics import agreement


@pytest.fixture
def work(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty working folder."""
    folder = tmp_path / "work"
    folder.mkdir()
    monkeypatch.chdir(folder)
    return folder


@pytest.fixture
def few_fits(monkeypatch: pytest.MonkeyPatch) -> None:
    """Fit a hundredth of the resamples: those of two runs are alike, and `tests.commands.test_agree` has all."""
    monkeypatch.setattr(agreement, "score_agreement", functools.partial(agreement.score_agreement, fits=3))
