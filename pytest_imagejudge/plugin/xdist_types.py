"""The parts of pytest-xdist that the plugin touches, typed; xdist itself need not be installed."""

from __future__ import annotations

from typing import Any, Protocol, cast

import pytest


class WorkerNode(Protocol):
    """A worker, as the controller sees it. ``workeroutput`` is there only once the worker has ended."""

    workerinput: dict[str, Any]
    workeroutput: dict[str, Any]


class _WorkerConfig(Protocol):
    """The config of a worker's own process."""

    workeroutput: dict[str, Any]


def is_worker(config: pytest.Config) -> bool:
    """Tell a worker's process from the controller's and from a run without xdist."""
    return hasattr(config, "workerinput")


def worker_input(config: pytest.Config) -> dict[str, Any]:
    """Values that the controller gave to this worker; empty where this process is none."""
    found: dict[str, Any] = getattr(config, "workerinput", {})
    return found


def worker_output(config: pytest.Config) -> dict[str, Any]:
    """Values that this worker gives to the controller at its end."""
    return cast("_WorkerConfig", config).workeroutput
