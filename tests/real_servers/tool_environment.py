"""Environments of servers that tests run and that this package does not depend on, such as a gateway or a proxy."""

from __future__ import annotations

import subprocess
import venv
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]


def tool_environment(name: str, *requirements: str) -> Path:
    """Return the folder of commands of `.venv-NAME`, made with pinned ``requirements`` where it is not there yet."""
    folder = ROOT / f".venv-{name}"
    stamp, state = folder / "imagejudge-state", "\n".join(requirements)
    commands = folder / "bin"
    if not (stamp.is_file() and stamp.read_text() == state):
        venv.create(folder, clear=True, with_pip=True)
        pip = [str(commands / "python"), "-m", "pip", "--disable-pip-version-check", "install", "--quiet"]
        subprocess.run([*pip, *requirements], check=True)
        stamp.write_text(state)
    return commands
