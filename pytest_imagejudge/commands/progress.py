"""Progress of a command that judges many rows, and its end by Ctrl-C or SIGTERM."""

from __future__ import annotations

import signal
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from ..batch.fates import RowCounts
from ..batch.row_preview import RowCounter
from ..support.escaping import for_log
from ..support.rates import pace
from ..support.words import plural

_MOST_LINES = 50  # about rows that were not judged or missed bounds; the rest is counted
_EVERY = 30.0  # seconds between lines of progress where the terminal can't be written over


class RowProgress:
    """Lines on standard error: one that changes on a terminal, one now and then elsewhere."""

    def __init__(self, counter: RowCounter) -> None:
        self._counter = counter
        self._begun = self._said = time.monotonic()
        self._rows = 0
        self._last = ""
        self._lock = threading.Lock()
        self._tty = sys.stderr.isatty()

    def say(self, line: str) -> None:
        """Print a line of an engine, from any thread."""
        for text in line.splitlines():
            with self._lock:
                if text != self._last:
                    self._last = text
                    self._print(text)

    def row(self, line: str) -> None:
        """Print a line about a row; after many such lines only their number is printed, at the end."""
        self._rows += 1
        if self._rows <= _MOST_LINES:
            with self._lock:
                self._print(line)

    def tick(self, tally: RowCounts) -> None:
        """Print the progress, if the last such line is old enough."""
        now = time.monotonic()
        if now - self._said < (0.2 if self._tty else _EVERY):
            return
        self._said = now
        line = progress_line(tally, self._counter.total, now - self._begun)
        with self._lock:
            if self._tty:
                print(f"\r\x1b[K{line}", end="", file=sys.stderr, flush=True)
            else:
                self._print(line)

    def close(self) -> None:
        """Print the last line."""
        with self._lock:
            if self._tty:
                print("\r\x1b[K", end="", file=sys.stderr, flush=True)
            if self._rows > _MOST_LINES:
                more = plural(self._rows - _MOST_LINES, "more row")
                self._print(f"and {more} not judged, not read in full, or that missed bounds")

    def _print(self, line: str) -> None:
        start = "\r\x1b[K" if self._tty else ""
        print(f"{start}imagejudge: {for_log(line)}", file=sys.stderr, flush=True)


def progress_line(tally: RowCounts, total: int | None, seconds: float) -> str:
    """Line with rows done, rate, and time left; ``total`` is None until the rows are counted."""
    asked = tally.rows - tally.from_store  # what comes from the store says nothing of the judge's speed
    left = None if total is None else total - tally.rows
    rows = "? rows" if total is None else plural(total, "row", shown=str(total))
    return f"{tally.rows} of {rows}{pace(asked, left, seconds)}"


@contextmanager
def terminated() -> Iterator[Callable[[], bool]]:
    """Give a function that tells whether Ctrl-C or SIGTERM came, so that a cancelled job writes its results.

    The second signal raises KeyboardInterrupt, wherever it comes.
    """
    came: list[int] = []

    def stop(number: int, frame: object) -> None:
        came.append(number)
        if len(came) > 1:
            raise KeyboardInterrupt

    if threading.current_thread() is not threading.main_thread():
        yield lambda: False
        return
    before = {number: signal.signal(number, stop) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield lambda: bool(came)
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
