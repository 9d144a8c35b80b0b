"""Runs of pytest as users start them, in the virtual environment that has vLLM, on tiny checkpoints."""

from __future__ import annotations

import hashlib
import json
import os
import random
import subprocess
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import psutil
from PIL import Image, ImageDraw

from pytest_imagejudge.engines.vllm import shared_server
from pytest_imagejudge.engines.vllm.state import State

ROOT = Path(__file__).resolve().parents[2]
PYTHON = Path(os.environ.get("IMAGEJUDGE_ENGINE_VENV", ROOT / ".venv-engine")) / "bin" / "python"
END_SECONDS = 15.0  # what is promised
START_SECONDS = 600.0  # a slow machine


def wait(condition: Callable[[], Any], seconds: float, what: str) -> Any:
    """Look again and again; returns what was found."""
    tick = threading.Event()
    for _ in range(int(seconds * 10)):
        if found := condition():
            return found
        tick.wait(0.1)
    raise AssertionError(f"not within {seconds:.0f} s: {what}")


class Machine:
    """Checkpoints, the cache that all runs share, and what runs."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.cache = folder / "cache"
        self.environment = {
            **{name: value for name, value in os.environ.items() if not name.startswith(("PYTEST_", "IMAGEJUDGE_"))},
            "IMAGEJUDGE_CACHE": str(self.cache),
            "VLLM_CPU_KVCACHE_SPACE": "1",
            "HF_HUB_OFFLINE": "1",
            "NO_COLOR": "1",
        }

    def checkpoint(self, kind: str) -> Path:
        """A checkpoint, made at first use."""
        folder = self.folder / kind
        if not folder.exists():
            script = (
                "import pathlib, sys; from tests.real_servers import checkpoints; "
                "checkpoints.build(pathlib.Path(sys.argv[1]), sys.argv[2])"
            )
            command = [str(PYTHON), "-c", script, str(folder), kind]
            subprocess.run(command, cwd=ROOT, env=self.environment, check=True, capture_output=True)
        return folder

    def adapter(self, kind: str) -> Path:
        """A LoRA adapter of a checkpoint, made at first use."""
        base, folder = self.checkpoint(kind), self.folder / f"{kind}-adapter"
        if not folder.exists():
            script = (
                "import pathlib, sys; from tests.real_servers import checkpoints; "
                "checkpoints.adapt(pathlib.Path(sys.argv[1]), pathlib.Path(sys.argv[2]))"
            )
            command = [str(PYTHON), "-c", script, str(base), str(folder)]
            subprocess.run(command, cwd=ROOT, env=self.environment, check=True, capture_output=True)
        return folder

    def words(self, variable: str, source: str) -> None:
        """Name words of our own in place of the published ones."""
        file = self.folder / f"{variable.lower()}.py"
        file.write_bytes(source.encode())
        self.environment[variable] = f"{file}#{hashlib.sha256(source.encode()).hexdigest()}"

    def processes(self) -> list[psutil.Process]:
        """All that belong to a server of this cache: supervisors, guards, and whatever the servers started."""
        found = []
        home = str(self.cache.resolve())
        for process in psutil.process_iter():
            try:
                supervises = "pytest_imagejudge.engines.vllm.supervisor" in process.cmdline()
                if process.cwd().startswith(home) or (supervises and home in " ".join(process.cmdline())):
                    found.append(process)
            except psutil.Error:
                continue
        return found

    def has_engine(self) -> bool:
        """Whether a server has come as far as its engine's process."""
        for process in self.processes():
            try:
                if "EngineCore" in " ".join(process.cmdline()):
                    return True
            except psutil.Error:
                continue
        return False

    def gone(self) -> bool:
        """Whether nothing is left within the time that is promised."""
        psutil.wait_procs(self.processes(), timeout=END_SECONDS)
        return not self.processes()

    def servers(self) -> list[State]:
        return [state for _, state, _ in shared_server.running(self.cache)]

    def imagejudge(self, *args: str) -> subprocess.CompletedProcess[str]:
        command = [str(PYTHON), "-m", "pytest_imagejudge", *args]
        return subprocess.run(command, env=self.environment, capture_output=True, text=True, timeout=900, check=False)


class Project:
    """A user's project: tests, pictures, and runs of pytest in it."""

    def __init__(self, machine: Machine, folder: Path) -> None:
        self.machine = machine
        self.folder = folder
        self.runs: list[subprocess.Popen[str]] = []
        (folder / "pytest.ini").write_text("[pytest]\njudge_decoding = constrained\njudge_thinking_budget = 16\n")
        (folder / "bounds.toml").write_text("[level1]\nQuality = 1\n")

    def picture(self, name: str, seed: int) -> None:
        """A picture with some forms; each seed has other ones."""
        numbers = random.Random(seed)
        image = Image.new("RGB", (256, 192), (numbers.randrange(256), 90, 140))
        draw = ImageDraw.Draw(image)
        for _ in range(5):
            x, y = numbers.randrange(200), numbers.randrange(140)
            draw.ellipse((x, y, x + 50, y + 40), fill=(numbers.randrange(256), numbers.randrange(256), 50))
        image.save(self.folder / name)

    def tests(self, source: str) -> None:
        (self.folder / "test_pictures.py").write_text(source)

    def start(self, *args: str) -> subprocess.Popen[str]:
        """Start pytest; its output goes to a file."""
        with (self.folder / "output").open("w") as output:
            run = subprocess.Popen(
                [str(PYTHON), "-m", "pytest", "-p", "no:cacheprovider", "--judge-thresholds", "bounds.toml", *args],
                cwd=self.folder,
                env=self.machine.environment,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                text=True,
                start_new_session=True,
            )
        self.runs.append(run)
        return run

    @property
    def output(self) -> str:
        return (self.folder / "output").read_text()

    def run(self, *args: str) -> dict[str, Any]:
        """Run pytest to its end; returns the report."""
        report = self.folder / f"report{len(self.runs)}.json"
        code = self.start("--judge-report", str(report), *args).wait(timeout=900)
        assert code in (0, 1), self.output
        return dict(json.loads(report.read_text()))

    def until_ready(self, run: subprocess.Popen[str]) -> State:
        """Wait until the run's server answers."""

        def look() -> State | None:
            assert run.poll() is None, self.output
            return next((state for state in self.machine.servers() if state.status == "ready"), None)

        state = wait(look, START_SECONDS, "a server that is ready")
        assert isinstance(state, State)
        return state
