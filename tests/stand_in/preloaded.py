"""Imports what runs of pytest import, once for all of them.

pytester has a run within this process forget what it imported, which takes its time again in the next run. numpy can't
be loaded twice. httpx knows the errors of that httpcore only which it loaded itself, and httpcore those of that anyio.
Forks take over what is loaded.
The models of a report, which are built when they are first used, are built beforehand.

Each run also reads the entry points of all that is installed, several times over: they are kept.
"""

import functools
import importlib.metadata
import os
import weakref
from pathlib import Path
from types import ModuleType
from typing import Any

import anyio._backends._asyncio  # noqa: F401
import httpcore._backends.anyio  # noqa: F401
import httpx  # noqa: F401
import numpy  # noqa: F401
import scipy.special  # noqa: F401
from _pytest.fixtures import FixtureManager
from _pytest.nodes import Node

import pytest_imagejudge.engines.vllm.engine
import pytest_imagejudge.plugin.gate
import pytest_imagejudge.plugin.manifest_items
import pytest_imagejudge.plugin.marker
import pytest_imagejudge.protocols.house
import pytest_imagejudge.renderers.html_page
import pytest_imagejudge.renderers.junit
import pytest_imagejudge.renderers.markdown
import pytest_imagejudge.renderers.notebook
import pytest_imagejudge.renderers.terminal_failure
import pytest_imagejudge.renderers.terminal_summary
import pytest_imagejudge.report.json_file
import pytest_imagejudge.statistics.baseline
import pytest_imagejudge.statistics.earlier_run
import pytest_imagejudge.statistics.flips
import pytest_imagejudge.statistics.history
import pytest_imagejudge.statistics.suite  # noqa: F401
import tests.stand_in.judge  # noqa: F401
from pytest_imagejudge.report.model import ReportPart

for _part in ReportPart.__subclasses__():
    _part.model_rebuild()

_read = importlib.metadata.Distribution.entry_points.fget  # type: ignore[attr-defined]


@functools.cache
def _kept(path: str, changed: float) -> importlib.metadata.EntryPoints:
    return _read(importlib.metadata.PathDistribution(Path(path)))


def _entry_points(found: importlib.metadata.PathDistribution) -> importlib.metadata.EntryPoints:
    path = str(found._path)  # type: ignore[attr-defined]
    try:
        changed = os.stat(f"{path}/entry_points.txt").st_mtime  # noqa: PTH116 (a Path takes as long as all the rest)
    except OSError:
        changed = 0.0
    return _kept(path, changed)


importlib.metadata.PathDistribution.entry_points = property(_entry_points)  # type: ignore[assignment]


# Each run looks at all attributes of all plugins for fixtures, which takes a tenth of a small run. What had none has
# none in the next run.

_without_fixtures: weakref.WeakSet[Any] = weakref.WeakSet()
_register = FixtureManager._register_fixture
_parse: Any = FixtureManager.parsefactories
_registered = 0


def _counted(*args: Any, **kwargs: Any) -> None:
    global _registered
    _registered += 1
    _register(*args, **kwargs)


def _parsed(manager: FixtureManager, *args: Any, **kwargs: Any) -> None:
    holder = kwargs["holder"] if "holder" in kwargs else args[0]
    kind = holder if isinstance(holder, ModuleType) else type(holder)
    if kind in _without_fixtures:
        return
    before = _registered
    _parse(manager, *args, **kwargs)
    if _registered == before and not isinstance(holder, Node):
        _without_fixtures.add(kind)


FixtureManager._register_fixture = _counted  # type: ignore[method-assign]
FixtureManager.parsefactories = _parsed  # type: ignore[method-assign]
