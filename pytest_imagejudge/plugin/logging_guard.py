"""A guard for loggers that may be added by one thread while another looks through them."""

from __future__ import annotations

import logging
from typing import Any


class Loggers(dict[str, Any]):
    """The loggers by name; looking through them takes a copy."""

    def values(self) -> Any:
        """The loggers as they are now."""
        return list(super().values())


def guard_loggers() -> None:
    """Make a look through all loggers safe.

    pytest takes one at each phase of a test, while the judge's thread may be importing a library that adds some:
    "dictionary changed size during iteration" would then fail a test that has nothing to do with it.
    """
    manager = logging.Logger.manager
    if not isinstance(manager.loggerDict, Loggers):
        manager.loggerDict = Loggers(manager.loggerDict)
