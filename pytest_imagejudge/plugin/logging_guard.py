"""Guard for loggers that one thread may add while another iterates over them."""

from __future__ import annotations

import logging
from typing import Any


class Loggers(dict[str, Any]):
    """Loggers by name, of which iteration takes a copy."""

    def values(self) -> Any:
        """The loggers as they are now."""
        return list(super().values())


def guard_loggers() -> None:
    """Make iteration over all loggers safe.

    pytest iterates at each phase of a test, while the judge's thread may be importing a library that adds loggers:
    "dictionary changed size during iteration" would then fail an unrelated test.
    """
    manager = logging.Logger.manager
    if not isinstance(manager.loggerDict, Loggers):
        manager.loggerDict = Loggers(manager.loggerDict)
