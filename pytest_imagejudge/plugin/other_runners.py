"""Plugins that run tests by a protocol of their own: once more, in another process, or in whatever way."""

from __future__ import annotations

import pytest

from .early_readers import names_of

FORKED = "pytest_forked"
# by top-level module: their protocol runs no test, or is known by the reruns that are asked for
_HARMLESS = {"_pytest", "deepeval", "pytest_imagejudge", "pytest_rerunfailures", "teamcity"}


class OtherRunners:
    """Finds the plugin that is to run a test."""

    def __init__(self, config: pytest.Config) -> None:
        self._config = config

    def of_test(self, item: pytest.Item) -> str:
        """The name of another plugin that may run ``item`` itself; empty where none does."""
        for impl in reversed(item.ihook.pytest_runtest_protocol.get_hookimpls()):  # as they are called
            if impl.wrapper or impl.hookwrapper:
                continue
            module = impl.function.__module__.partition(".")[0]
            if module in _HARMLESS:
                continue
            if module == "flaky" and not _is_flaky(item):
                continue
            if module == FORKED and not (item.config.getoption("forked", False) or item.get_closest_marker("forked")):
                continue
            return names_of(impl, self._config)[0]
        return ""


def _is_flaky(item: pytest.Item) -> bool:
    """Tell a test that the plugin flaky may run more than once."""
    if getattr(item.config.option, "force_flaky", False):
        return True
    return any(hasattr(getattr(item, name, None), "_flaky_max_runs") for name in ("obj", "cls", "instance"))
