"""Plugins that read the outcome of a test as it ends, before its verdicts are in.

Most are known by what they do: they have a hook around the making of reports. Others are listed, here or in the ini
file.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterable, Iterator
from typing import Any

import pytest

Applies = Callable[[pytest.Config, "pytest.Item | None"], bool]  # to a test; None is every test of the run


def _depends(config: pytest.Config, item: pytest.Item | None) -> bool:
    """pytest-dependency keeps the outcomes of marked tests."""
    if config.getini("automark_dependency"):
        return True
    return item is not None and item.get_closest_marker("dependency") is not None


def _cucumber(config: pytest.Config, _: pytest.Item | None) -> bool:
    """pytest-bdd's report, and its terminal, say which step failed."""
    return bool(
        getattr(config.option, "cucumber_json_path", None) or getattr(config.option, "gherkin_terminal_reporter", False)
    )


def _may_stop(config: pytest.Config, _: pytest.Item | None) -> bool:
    """A report that takes a test for passed once it is set up, which a run that stops may leave so."""
    return bool(config.getoption("maxfail", 0))


def _report_portal(config: pytest.Config, _: pytest.Item | None) -> bool:
    return bool(getattr(config, "_rp_enabled", False))


# by top-level module: plugins that have such a hook always, and when it reads outcomes
_KNOWN: dict[str, Applies] = {
    "pytest_bdd": _cucumber,
    "pytest_dependency": _depends,
    "pytest_jsonreport": _may_stop,
    "pytest_reportportal": _report_portal,
}
_IN_BODY = {"pytest_bdd"}  # they have to know where in the test it failed
# they have such a hook, and do not read what the outcome is; those that run tests again are known otherwise
_HARMLESS = {
    "_hypothesis_pytestplugin",
    "_pytest",
    "anyio",
    "pytest_asyncio",
    "pytest_benchmark",
    "pytest_check",
    "pytest_forked",
    "pytest_html",
    "pytest_imagejudge",
    "pytest_memray",
    "pytest_rerunfailures",
    "pytest_retry",
    "pytest_subtests",
    "pytestqt",
}


class EarlyReaders:
    """Finder of the plugins that read outcomes early.

    Args:
        listed: names of plugins as the ini file lists them: ``NAME`` reads outcomes early, ``no:NAME`` does not.
    """

    def __init__(self, config: pytest.Config, listed: Iterable[str]) -> None:
        self._config = config
        names = [name.strip() for name in listed]
        self._harmless = {name.removeprefix("no:") for name in names if name.startswith("no:")}
        self._listed = [name for name in names if not name.startswith("no:")]

    def unknown(self) -> list[str]:
        """Listed names of which no plugin is active."""
        return [name for name in self._listed if not self._is_active(name)]

    def of_run(self) -> list[str]:
        """The plugins that read the outcome of every test."""
        return list(dict.fromkeys(name for name, _ in self._found(self._config.hook, None)))

    def of_test(self, item: pytest.Item) -> str:
        """A plugin that reads the outcome of ``item``; empty where none does."""
        return next((name for name, _ in self._found(item.ihook, item)), "")

    def in_body(self, item: pytest.Item) -> bool:
        """Tell whether such a plugin has to know where in ``item`` it failed."""
        return any(module in _IN_BODY for _, module in self._found(item.ihook, item))

    def _found(self, hook: Any, item: pytest.Item | None) -> Iterator[tuple[str, str]]:
        """Names of those that read the outcome of ``item``, each with its top-level module."""
        for name in self._listed:
            if self._is_active(name):
                yield name, name
        for impl in hook.pytest_runtest_makereport.get_hookimpls():
            module = impl.function.__module__.partition(".")[0]
            if module in _HARMLESS:
                continue
            name, names = names_of(impl, self._config)
            if names & self._harmless:
                continue
            if (applies := _KNOWN.get(module)) is None or applies(self._config, item):
                yield name, module

    def _is_active(self, name: str) -> bool:
        manager = self._config.pluginmanager
        if manager.has_plugin(name) or manager.has_plugin(name.replace("-", "_")):
            return True
        return any(_module_of(plugin).partition(".")[0] == name for plugin in manager.get_plugins())


def names_of(impl: Any, config: pytest.Config) -> tuple[str, set[str]]:
    """The name of the plugin of a hook's implementation, as it is shown, and all by which it may be listed."""
    module: str = impl.function.__module__
    file = str(getattr(sys.modules.get(module), "__file__", None) or impl.function.__code__.co_filename)
    name = module.partition(".")[0]
    if os.path.basename(file) == "conftest.py":  # noqa: PTH119 - a name that is compared, for each test
        name = os.path.relpath(file, config.rootpath).replace(os.sep, "/")
    return name, {name, module, module.partition(".")[0], str(impl.plugin_name)}


def _module_of(plugin: object) -> str:
    return str(getattr(plugin, "__name__", None) or type(plugin).__module__)
