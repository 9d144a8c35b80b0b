"""Hooks for other plugins and conftest files. Each is called with plain objects of this package."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from pathlib import Path

    from ..engines.base import Engine
    from ..protocols.base import Protocol
    from ..report.model import EditEntry, Report, VerdictEntry
    from ..settings import JudgeSettings


@pytest.hookspec(firstresult=True)
def pytest_imagejudge_protocol(config: pytest.Config, settings: JudgeSettings) -> Protocol | None:
    """Give the protocol for a judge; the first that is not None is used."""


@pytest.hookspec(firstresult=True)
def pytest_imagejudge_engine(config: pytest.Config, settings: JudgeSettings, protocol: Protocol) -> Engine | None:
    """Give the engine for a judge; the first that is not None is used."""


def pytest_imagejudge_verdict(config: pytest.Config, entry: VerdictEntry | EditEntry) -> None:
    """Take one image or edit that was judged and decided. Called once for each, on the controller under xdist.

    ``entry.test_failed`` is not set yet: the test of an image that was only scored may fail later.
    """


@pytest.hookspec(firstresult=True)
def pytest_imagejudge_report(config: pytest.Config, report: Report, path: Path) -> Any:
    """Write ``report`` to ``path`` in a format of your own; return True where the plugin wrote the file."""
