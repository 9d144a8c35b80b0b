from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.report import samples


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A working folder with the pictures that the sample reports name."""
    monkeypatch.chdir(tmp_path)
    samples.pictures(tmp_path / "img", 16)
    return tmp_path


def chromium() -> str | None:
    """A browser on this machine, or None."""
    named = os.environ.get("IMAGEJUDGE_CHROMIUM")
    return named or next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)


@pytest.fixture(scope="module")  # its event loop would stay in the way of later tests
def browser() -> Iterator[Any]:
    executable = chromium()
    if executable is None:
        if os.environ.get("CI"):
            pytest.fail("CI has no Chromium: apt-get install -y chromium")
        pytest.skip("no Chromium on this machine (apt-get install -y chromium)")
    sync_api = pytest.importorskip("playwright.sync_api")
    with sync_api.sync_playwright() as playwright:
        running = playwright.chromium.launch(executable_path=executable, args=["--no-sandbox"])
        yield running
        running.close()
