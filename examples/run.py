"""Run the examples as their READMEs say: ``python examples/run.py [NAME ...]``.

Each gets an environment of its own, into which its ``pip install`` lines install the wheel of this checkout. It is run
twice: in an empty folder, and inside a copy of the checkout.
"""

from __future__ import annotations

import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from tests.docs.pages import examples, first_missing  # noqa: E402 - of this checkout

LEFT_OUT = (".git", ".venv*", ".cache", "build", "dist", "node_modules", "__pycache__", ".imagejudge", ".*_cache")
LIMIT = 1200  # seconds of one command


def main() -> int:
    """Run those that are named, or all; returns 1 where one did not do what its README says."""
    folders = sorted(path.parent for path in (ROOT / "examples").glob("*/README.md"))
    names = sys.argv[1:] or [folder.name for folder in folders]
    if unknown := set(names) - {folder.name for folder in folders}:
        print(f"no example {', '.join(sorted(unknown))}; there are {', '.join(folder.name for folder in folders)}")
        return 2
    failed = []
    with tempfile.TemporaryDirectory(prefix="imagejudge-examples-") as name:
        work = Path(name)
        uv("build", "--wheel", "--quiet", "--out-dir", str(work / "wheel"), str(ROOT))
        shutil.copytree(ROOT, work / "checkout", ignore=shutil.ignore_patterns(*LEFT_OUT), symlinks=True)
        for name in names:
            environment = fresh_environment(work, name)
            shutil.copytree(ROOT / "examples" / name, work / "empty" / name)
            for folder in (work / "empty" / name, work / "checkout" / "examples" / name):
                began = time.monotonic()
                fault = run(folder, environment)
                took = f"{time.monotonic() - began:.0f} s"
                print(
                    f"{name}, in {folder.relative_to(work).parts[0]}: {fault or 'as its README says'} ({took})",
                    flush=True,
                )
                failed += [name] * bool(fault)
            shutil.rmtree(environment["VIRTUAL_ENV"])
    return 1 if failed else 0


def uv(*args: str, **options: object) -> None:
    """Run uv, of this environment or of the machine."""
    beside = Path(sys.executable).with_name("uv")
    subprocess.run([str(beside) if beside.exists() else "uv", *args], check=True, **options)  # type: ignore[call-overload]


def fresh_environment(work: Path, name: str) -> dict[str, str]:
    """Make an environment with nothing in it, whose ``pip`` finds this checkout's wheel; returns its variables."""
    place = work / "environments" / name
    uv("venv", "--quiet", "--python", sys.executable, str(place))
    found = [str(work / "wheel"), *os.environ.get("PIP_FIND_LINKS", "").split()]
    program = shutil.which("uv", path=os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]]))
    pip = place / "bin" / "pip"
    pip.write_text(f'#!/bin/sh\nexec {program} pip "$@"\n', encoding="utf-8")
    pip.chmod(0o755)
    dropped = ("PYTEST_", "GITHUB_", "IMAGEJUDGE_", "VIRTUAL_ENV", "PYTHONPATH", "CI")
    kept = {name: value for name, value in os.environ.items() if not name.startswith(dropped)}
    return {
        **kept,
        **cpu_torch(work, found[1:]),
        "VIRTUAL_ENV": str(place),
        "PATH": os.pathsep.join([str(place / "bin"), os.environ["PATH"]]),
        "PIP_FIND_LINKS": " ".join(found),  # of a `python -m pip` in an example's script
        "PIP_NO_COMPILE": "1",  # which takes longer than the install
        "UV_FIND_LINKS": ",".join(found),
    }


def cpu_torch(work: Path, folders: list[str]) -> dict[str, str]:
    """Choose the build of torch that needs no 3 GB of CUDA, of a folder of wheels where there is one."""
    for wheel in (wheel for folder in folders for wheel in Path(folder).glob("torch-*+cpu-*.whl")):
        constraints = work / "constraints.txt"
        constraints.write_text(f"torch=={wheel.name.split('-')[1]}\n", encoding="utf-8")
        return {"UV_CONSTRAINT": str(constraints)}
    return {"UV_TORCH_BACKEND": "cpu"}


def run(folder: Path, environment: dict[str, str]) -> str:
    """Run the commands of the folder's README; returns what was not as it says, or an empty text."""
    with background(folder, environment) as start:
        for example in examples(folder / "README.md"):
            commands = example.commands() if example.kind == "console" else []
            for number, (command, shown) in enumerate(commands):
                if command.endswith(" &"):
                    start(command.removesuffix(" &"))
                    continue
                done = subprocess.run(["bash", "-c", command], cwd=folder, env=environment, capture_output=True,
                                      text=True, timeout=LIMIT, check=False)  # fmt: skip
                output = done.stdout + done.stderr
                expected = int(example.says.get("exit", "0")) if number == len(commands) - 1 else 0
                if done.returncode != expected:
                    return f"{command}: exit {done.returncode}, not {expected}\n{output}"
                if line := first_missing(shown, output):
                    return f"{command} does not print: {line}\n{output}"
                if re.search(r"^\s*Traceback ", output, re.MULTILINE):
                    return f"{command} shows a traceback\n{output}"
    return ""


@contextmanager
def background(folder: Path, environment: dict[str, str]) -> Iterator[object]:
    """Give a function that starts a command which runs until the end of the block."""
    started: list[subprocess.Popen[bytes]] = []
    try:
        yield lambda command: started.append(
            subprocess.Popen(["bash", "-c", f"exec {command}"], cwd=folder, env=environment, start_new_session=True)
        )
    finally:
        for process in started:
            os.killpg(process.pid, signal.SIGTERM)
            process.wait(timeout=60)


if __name__ == "__main__":
    sys.exit(main())
