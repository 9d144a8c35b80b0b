"""Imports what runs of pytest import, once for all of them.

pytester has a run within this process forget what it imported, which takes its time again in the next run. numpy can't
be loaded twice. httpx knows the errors of that httpcore only which it loaded itself, and httpcore those of that anyio.
Forks take over what is loaded.
The models of a report, which are built when they are first used, are built beforehand.

Each run also reads the entry points of all that is installed, several times over: they are kept.
"""

import contextlib
import functools
import importlib.metadata
import sys
import weakref
from pathlib import Path
from types import ModuleType
from typing import Any

import _pytest.stepwise  # noqa: F401
import anyio._backends._asyncio  # noqa: F401
import httpcore._backends.anyio  # noqa: F401
import httpx  # noqa: F401
import numpy  # noqa: F401
import pluggy._manager
import scipy.special  # noqa: F401
from _pytest import fixtures
from _pytest.fixtures import FixtureFunctionDefinition

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
from pytest_imagejudge.images.pillow_guard import warm_up
from pytest_imagejudge.report.model import ReportPart

warm_up()  # Pillow's modules
for _part in ReportPart.__subclasses__():
    _part.model_rebuild()

_read = importlib.metadata.Distribution.entry_points.fget  # type: ignore[attr-defined]
_installed = {Path(path) for path in sys.path if Path(path).name == "site-packages"}  # nothing is installed meanwhile


@functools.cache
def _kept(path: Path, changed: float) -> importlib.metadata.EntryPoints:
    return _read(importlib.metadata.PathDistribution(path))


def _entry_points(found: importlib.metadata.PathDistribution) -> importlib.metadata.EntryPoints:
    path: Path = found._path  # type: ignore[attr-defined]
    changed = 0.0
    if path.parent not in _installed:
        with contextlib.suppress(OSError):
            changed = (path / "entry_points.txt").stat().st_mtime
    return _kept(path, changed)


importlib.metadata.PathDistribution.entry_points = property(_entry_points)  # type: ignore[assignment]


# Each run looks at all attributes of all plugins for hooks and fixtures, which takes a quarter of a small run. What a
# module or a class has is what it had in the run before.

_static: Any = getattr(pluggy._manager, "_static_hook_attr", None)  # of its newer versions
_hooks: weakref.WeakKeyDictionary[ModuleType, dict[str, Any]] = weakref.WeakKeyDictionary()
_hook_names: weakref.WeakKeyDictionary[ModuleType, list[str]] = weakref.WeakKeyDictionary()
_fixture_names: weakref.WeakKeyDictionary[ModuleType | type, list[str]] = weakref.WeakKeyDictionary()


def _static_hook(holder: object, name: str) -> Any:
    if not isinstance(holder, ModuleType):
        return _static(holder, name)
    known = _hooks.setdefault(holder, {})
    if name not in known:
        known[name] = _static(holder, name)
    return known[name]


def _with_hooks(holder: object) -> list[str]:
    """Return, as `dir` does, the names of an object; of a module those of functions, or of pytest."""
    if not isinstance(holder, ModuleType):
        return dir(holder)
    if holder not in _hook_names:
        names = dir(holder)
        _hook_names[holder] = [name for name in names if name.startswith("pytest_") or _static_hook(holder, name)]
    return _hook_names[holder]


def _with_fixtures(holder: object) -> list[str]:
    """Return, as `dir` does, the names of an object; of one whose module or class was seen before those of fixtures."""
    kind = holder if isinstance(holder, ModuleType | type) else type(holder)
    if kind in _fixture_names:
        return _fixture_names[kind]
    names = dir(holder)
    _fixture_names[kind] = [name for name in names if isinstance(getattr(kind, name, None), FixtureFunctionDefinition)]
    return names


if _static is not None:
    pluggy._manager._static_hook_attr = _static_hook
    pluggy._manager.dir = _with_hooks  # type: ignore[attr-defined]
fixtures.dir = _with_fixtures  # type: ignore[attr-defined]
