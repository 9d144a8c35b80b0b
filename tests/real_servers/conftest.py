"""One machine for all tests here, and a project for each."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.real_servers.real_runs import PYTHON, Machine, Project


@pytest.fixture(scope="session")
def machine(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Machine]:
    if not PYTHON.exists():
        pytest.skip(f"{PYTHON} is not there: make test-engine makes it")
    machine = Machine(tmp_path_factory.mktemp("engine"))
    yield machine
    machine.imagejudge("serve", "--stop")
    assert machine.gone()


@pytest.fixture
def project(machine: Machine, tmp_path: Path) -> Iterator[Project]:
    project = Project(machine, tmp_path)
    yield project
    for run in project.runs:
        run.kill()
        run.wait()
