"""Projects with a stand-in for a judge: it looks at the colour of a picture and scores every facet alike."""

from __future__ import annotations

import functools
import io
import json
import os
import subprocess
import sys
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from execnet import gateway_io
from PIL import Image

from .forks import ForkServer
from .pictures import marked

ROOT = Path(__file__).resolve().parents[2]
JUDGE = ("--judge-model=stand-in", "--judge-report=report.json")

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


@functools.lru_cache(maxsize=len(COLOURS) * 4)
def _picture(kind: str, variant: int, suffix: str) -> bytes:
    file = io.BytesIO()
    marked(COLOURS[kind], (variant % 256, variant // 256 % 256, 7)).save(file, Image.registered_extensions()[suffix])
    return file.getvalue()


class Project:
    """A folder with tests, pictures named by what becomes of them, and a judge."""

    def __init__(
        self, pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch, forks: ForkServer | None = None
    ) -> None:
        self.pytester = pytester
        self._forks = forks
        if forks is not None:
            monkeypatch.setattr(gateway_io, "create_io", forks.gateway)
        self.path = pytester.path
        self._monkeypatch = monkeypatch
        self.environ = monkeypatch.setenv
        self.plugins = ["imagejudge"]  # and no others: each takes its time, in every process
        for name in ("GITHUB_ACTIONS", "GITHUB_STEP_SUMMARY", "CI", "PYTEST_ADDOPTS", "COLUMNS"):
            monkeypatch.delenv(name, raising=False)
        self.environ("PYTHONPATH", os.pathsep.join(filter(None, [str(ROOT), os.environ.get("PYTHONPATH")])))
        self.environ("PYTHONDONTWRITEBYTECODE", "1")  # a file may change within the second that bytecode tells apart
        monkeypatch.setattr(sys, "dont_write_bytecode", True)
        self.environ("PYTEST_PLUGINS", "tests.stand_in.judge")
        self.environ("PYTEST_DISABLE_PLUGIN_AUTOLOAD", "1")
        pytester.makeini("[pytest]")
        for name in COLOURS:
            self.picture(name)

    def picture(self, kind: str, name: str | None = None, variant: int = 0) -> Path:
        """A picture of a kind; each variant has other pixels."""
        path = self.path / (name or f"{kind}.png")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(_picture(kind, variant, path.suffix))
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

    def arguments(self, *args: object, judge: bool = True) -> list[str]:
        """What pytest is given."""
        given = [str(arg) for arg in args]
        workers = ["xdist"] if any(arg.startswith("-n") for arg in given) else []
        plugins = [*workers, *self.plugins]  # in this order: others import it
        return ["-Werror", *(f"-p{name}" for name in plugins), *given, *(JUDGE if judge else ())]

    def run(self, *args: object, judge: bool = True, process: bool = False) -> pytest.RunResult:
        """Run pytest with the stand-in as judge and a JSON report."""
        arguments = self.arguments(*args, judge=judge)
        if not process:
            return self.pytester.runpytest_inprocess(*arguments)
        with self._monkeypatch.context() as patch:
            if self._forks is not None:
                patch.setattr(self.pytester, "popen", self._forks.popen)
            return self.pytester.runpytest_subprocess(*arguments)

    def as_installed(self) -> None:
        """Have pytest load whatever plugins are installed, as it does for users."""
        self._monkeypatch.delenv("PYTEST_DISABLE_PLUGIN_AUTOLOAD")
        self.environ("PYTEST_ADDOPTS", "-pno:benchmark -pno:hypothesispytest")

    def command(self, *args: object) -> list[str]:
        """The command of a run that a test starts by itself."""
        return [sys.executable, "-mpytest", *self.arguments(*args)]

    def killed(self, *args: object, **environ: str) -> subprocess.CompletedProcess[str]:
        """Run pytest in a process that may be killed; returns its end, and what it said."""
        assert self._forks is not None
        return self._forks.run("-mpytest", *self.arguments(*args), env={**os.environ, **environ}, cwd=self.path)

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
