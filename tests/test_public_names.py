"""The names of the package: loaded late (see ``test_judge``), and known to type checkers all the same."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

import pytest_imagejudge


def test_the_lists_are_of_the_same_names() -> None:
    assert set(pytest_imagejudge.__all__) == set(pytest_imagejudge._PUBLIC)


def test_type_checkers_see_names_and_typos(tmp_path: Path, pytestconfig: pytest.Config) -> None:
    pytest.importorskip("mypy")
    file = tmp_path / "user.py"
    file.write_text(
        "import pytest_imagejudge as package\nfrom pytest_imagejudge import Verdikt\n"
        + "".join(f"reveal_type(package.{name})\n" for name in pytest_imagejudge.__all__),
        encoding="utf-8",
    )
    options = [
        "--config-file=",
        "--follow-imports=silent",
        f"--cache-dir={pytestconfig.rootpath / '.mypy_cache/names'}",
    ]
    command = [sys.executable, "-m", "mypy", *options, str(file)]
    done = subprocess.run(command, capture_output=True, text=True, cwd=Path(__file__).parents[1], timeout=600)
    assert 'has no attribute "Verdikt"' in done.stdout, done.stdout + done.stderr
    assert "Found 1 error" in done.stdout, done.stdout
    assert 'Revealed type is "Any"' not in done.stdout
