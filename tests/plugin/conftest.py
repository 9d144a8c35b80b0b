"""A project with a stand-in for a judge, for each test."""

from __future__ import annotations

import gc

import pytest

import tests.stand_in.preloaded  # noqa: F401
from tests.stand_in.forks import ForkServer
from tests.stand_in.project import Project


@pytest.fixture(scope="module", autouse=True)
def frozen() -> None:
    """Spare the garbage collector what earlier files have left: runs within this process have it look at all."""
    gc.collect()
    gc.freeze()


@pytest.fixture
def project(pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch, forks: ForkServer) -> Project:
    return Project(pytester, monkeypatch, forks)
