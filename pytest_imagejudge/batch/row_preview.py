"""The rows of an input before they are judged: their number, and the first usable one."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator

from ..errors import ConfigError
from ..inputs.manifest import Row, RowError


class RowCounter:
    """Counter of an input's rows, in the background, so that progress can say how much is left."""

    def __init__(self, count: Callable[[], int]) -> None:
        self.total: int | None = None
        self._thread = threading.Thread(target=self._run, args=(count,), name="imagejudge-count", daemon=True)
        self._thread.start()

    def _run(self, count: Callable[[], int]) -> None:
        try:
            self.total = count()
        except (ConfigError, OSError):  # the reader of the rows says what is wrong
            pass


def first_row(rows: Iterator[Row | RowError], most: int = 100) -> Row | None:
    """The first usable row, out of the first few."""
    for _, row in zip(range(most), rows, strict=False):
        if isinstance(row, Row):
            return row
    return None
