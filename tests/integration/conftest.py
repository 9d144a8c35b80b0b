"""Projects with a stand-in for a judge: it looks at the colour of a picture and scores every facet alike."""

from __future__ import annotations

import json
import os
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy  # noqa: F401 - pytester forgets what was imported in a run, and numpy can't be loaded twice
import pytest
import scipy.stats  # noqa: F401
from PIL import Image

import pytest_imagejudge.plugin.gate
import pytest_imagejudge.plugin.manifest_items
import pytest_imagejudge.renderers.html_page
import pytest_imagejudge.renderers.notebook
import pytest_imagejudge.renderers.terminal_failure
import pytest_imagejudge.renderers.terminal_summary
import pytest_imagejudge.statistics.baseline
import pytest_imagejudge.statistics.suite  # noqa: F401

COLOURS: dict[str, tuple[int, int, int]] = {
    "bad": (40, 40, 40),  # 0 everywhere
    "fair": (128, 128, 128),  # 1 everywhere, 60 points
    "good": (220, 220, 220),  # 2 everywhere, 100 points
    "refused": (255, 0, 0),  # the engine refuses
    "unreadable": (0, 255, 0),
    "fault": (0, 0, 255),  # the engine has a fault
    "hanging": (255, 0, 255),  # never answered
    "together": (0, 255, 255),  # answered when STAND_IN_AT_ONCE requests wait
    "absent": (255, 255, 0),  # N/A everywhere
    "fickle": (100, 200, 100),  # 0, then 1, then 2, ...
}


class Project:
    """A folder with tests, pictures named by what becomes of them, and a judge."""

    def __init__(self, pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> None:
        self.pytester = pytester
        self.path = pytester.path
        self.environ = monkeypatch.setenv
        self.count = 0
        for name in ("GITHUB_ACTIONS", "GITHUB_STEP_SUMMARY", "CI", "PYTEST_ADDOPTS", "COLUMNS"):
            monkeypatch.delenv(name, raising=False)
        pytester.makeini("[pytest]")
        pytester.makeconftest((Path(__file__).parent / "stand_in_conftest.txt").read_text(encoding="utf-8"))
        for name in COLOURS:
            self.picture(name)

    def picture(self, kind: str, name: str | None = None, variant: int = 0) -> Path:
        """A picture of a kind; each variant has other pixels."""
        path = self.path / (name or f"{kind}.png")
        path.parent.mkdir(parents=True, exist_ok=True)
        image = Image.new("RGB", (8, 8), COLOURS[kind])
        image.putpixel((7, 7), (variant % 256, variant // 256 % 256, 7))
        image.save(path)
        return path

    def tests(self, source: str, name: str = "test_it") -> None:
        """Write a test file."""
        self.pytester.makepyfile(**{name: source})

    def manifest(self, name: str, rows: list[dict[str, Any]]) -> Path:
        """Write a JSON Lines manifest."""
        path = self.path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
        return path

    def ini(self, *lines: str) -> None:
        """Write the ini file."""
        (self.path / "tox.ini").write_text("\n".join(["[pytest]", *lines]) + "\n", encoding="utf-8")

    def run(self, *args: object, judge: bool = True, process: bool = False) -> pytest.RunResult:
        """Run pytest with the stand-in as judge and a JSON report."""
        given = [str(arg) for arg in args]
        if judge:
            given += ["--judge-model=stand-in", "--judge-report=report.json"]
        run: Callable[..., pytest.RunResult] = (
            self.pytester.runpytest_subprocess if process else self.pytester.runpytest_inprocess
        )
        return run("-Werror", "-pno:benchmark", "-pno:hypothesispytest", *given)

    @property
    def report(self) -> dict[str, Any]:
        """The last run's report."""
        found: dict[str, Any] = json.loads((self.path / "report.json").read_text(encoding="utf-8"))
        return found

    def outcomes(self) -> dict[str, str]:
        """Outcome of each entry by picture, from the report."""
        found = {Path(entry["image"]).stem: entry["outcome"] for entry in self.report["verdicts"]}
        return found | {Path(entry["edited_image"]).stem: entry["outcome"] for entry in self.report["edits"]}

    def log(self) -> Counter[str]:
        """What the engine was asked, by line."""
        path = self.path / "engine.log"
        return Counter(path.read_text(encoding="utf-8").splitlines()) if path.exists() else Counter()

    def asked(self) -> int:
        """How many requests the engine had."""
        return sum(count for line, count in self.log().items() if line.startswith("ask "))

    def starts(self) -> int:
        """How often an engine was started."""
        return sum(count for line, count in self.log().items() if line.startswith("start "))


@pytest.fixture
def project(pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> Project:
    return Project(pytester, monkeypatch)


def once(result: pytest.RunResult, text: str) -> None:
    """Check that the output holds ``text`` once."""
    assert result.stdout.str().count(text) == 1, text


os.environ.setdefault("PYTHONDONTWRITEBYTECODE", "1")
