"""The progress of judging: on a terminal (one line that changes) and in a CI log (a line now and then)."""

from __future__ import annotations

import contextlib
import queue
import time
from collections import deque
from collections.abc import Callable, Iterable
from concurrent.futures import Future
from pathlib import Path
from typing import Any

import pytest

from ..support.escaping import escape
from ..support.rates import duration, pace
from .worker_progress import Sender
from .xdist_types import worker_input

EVERY = 30.0  # seconds between lines where the terminal can't be written over
TICK = 0.5
AT_ONCE = 256  # futures that are looked at together
SHORTEST, LONGEST = 0.0005, 0.02  # seconds between two looks


class Progress:
    """Progress on the terminal: lines from the engines' threads, printed by pytest's own thread while it waits."""

    def __init__(self, config: pytest.Config) -> None:
        self._config = config
        self._lines: queue.SimpleQueue[str] = queue.SimpleQueue()
        given = worker_input(config)
        folder = given.get("imagejudge_progress")
        self._sender = Sender(Path(folder), given["workerid"]) if folder else None
        self._last = ""
        self._spoke = 0.0  # when an engine's line was last printed
        self._drawn_at: int | None = None  # the column that the cursor was in

    def say(self, line: str) -> None:
        """Queue ``line`` to be printed when next possible, from any thread."""
        self._lines.put(line)

    def wait(
        self, futures: Iterable[Future[Any]], judges: Iterable[Any], meanwhile: Callable[[], None] = lambda: None
    ) -> None:
        """Wait until all ``futures`` are done, and print the progress; ``meanwhile`` is called now and then.

        Futures that are done are dropped, so that a generator of futures keeps no verdict alive.
        """
        left = deque(future for future in futures if not future.done())
        if not left:
            return
        sessions = [judge.session for judge in judges]
        begun = said = working = time.monotonic()
        done_before = sum(session.stats.done for session in sessions)
        try:
            while left:
                undone = _wait([left.popleft() for _ in range(min(AT_ONCE, len(left)))])
                left.extendleft(reversed(undone))
                del undone
                if not self._sender:  # not before: a judge may be importing what it needs
                    from ..renderers import terminal_summary  # noqa: F401 - needed in the end, and now there is time
                meanwhile()
                self.flush()
                now = time.monotonic()
                if sum(session.stats.done for session in sessions) == done_before:
                    working = max(working, self._spoke)  # the start of a server says nothing of how fast it is
                if left and now - said < (TICK if self._sender or self._rewrites else EVERY):
                    continue
                said = now
                done, submitted = _counts(sessions)
                if self._sender:
                    self._sender.count(done, submitted)
                elif left:
                    started = any(session.started for session in sessions)
                    self._draw(_line(done, submitted, now - begun, now - working, done_before, started=started))
        finally:
            self.erase()

    def say_how_far(self, done: int, submitted: int, seconds: float) -> None:
        """Queue a line on how many of the ``submitted`` images are judged after ``seconds``."""
        self.say(_line(done, submitted, seconds, seconds, 0).removeprefix("imagejudge: "))

    def flush(self) -> None:
        """Print the queued lines."""
        while True:
            try:
                text = self._lines.get_nowait()
            except queue.Empty:
                return
            self._spoke = time.monotonic()
            for line in text.splitlines():
                if line != self._last:
                    self._last = line
                    if self._sender:
                        self._sender.say(line)
                    else:
                        self._print(f"imagejudge: {escape(line)}")

    @property
    def _reporter(self) -> Any:
        return self._config.pluginmanager.get_plugin("terminalreporter")

    @property
    def _rewrites(self) -> bool:
        reporter = self._reporter
        return bool(reporter and reporter.isatty and reporter.verbosity >= 0)

    def erase(self) -> None:
        """Erase the changing line and put the cursor back, so that a test's letter goes to its place."""
        if self._drawn_at is not None:
            back = f"\x1b[A\x1b[{self._drawn_at}C" if self._drawn_at else ""
            with self._uncaptured():
                self._writer.write_raw(f"\r{' ' * (self._writer.fullwidth - 1)}\r{back}", flush=True)
            self._drawn_at = None

    def begin_line(self, nodeid: str) -> None:
        """Have pytest begin the line of a test's file, so that a late outcome stands beside the name of its own file.

        Reporters of other plugins, which draw in ways of their own, are left alone.
        """
        self.erase()
        reporter = self._reporter
        if type(reporter).__name__ == "TerminalReporter" and reporter.showfspath and reporter.verbosity == 0:
            reporter.write_fspath_result(nodeid, "")

    def _draw(self, line: str) -> None:
        """Show ``line`` below pytest's own output, or in place of the changing line before."""
        if not self._rewrites:
            self._print(line)
            return
        writer = self._writer
        with self._uncaptured():
            if self._drawn_at is None:
                if self._config.getoption("capture") == "no":
                    self._new_line()  # where the cursor is, only the tests know
                self._drawn_at = max(0, writer.width_of_current_line)
                writer.write_raw("\n" if self._drawn_at else "")
            width = writer.fullwidth - 1
            writer.write_raw(f"\r{line[:width].ljust(width)}", flush=True)

    def _print(self, line: str) -> None:
        reporter = self._reporter
        if reporter is None or reporter.verbosity < -1:
            return
        self.erase()
        with self._uncaptured():
            self._new_line()
            reporter.write_line(line)

    def _new_line(self) -> None:
        self._reporter.ensure_newline()
        if self._writer.width_of_current_line:
            self._writer.line()

    @property
    def _writer(self) -> Any:
        return self._config.get_terminal_writer()

    def _uncaptured(self) -> Any:
        """Suspend the capturing of a running test, so that the line is not taken for the test's output."""
        manager = self._config.pluginmanager.get_plugin("capturemanager")
        return manager.global_and_fixture_disabled() if manager else contextlib.nullcontext()


def _counts(sessions: Iterable[Any]) -> tuple[int, int]:
    done = sum(session.stats.done for session in sessions)
    return done, sum(session.stats.submitted for session in sessions)


def _line(done: int, submitted: int, seconds: float, working: float, done_before: int, *, started: bool = True) -> str:
    """Line of progress, ``seconds`` after the wait began; the judges worked for ``working`` of these."""
    line = f"imagejudge: {done} of {submitted} judged"
    how_fast = pace(done - done_before, submitted - done, working, "images")
    if not how_fast and started:
        return f"{line}, waiting for {duration(seconds)}"
    return line + how_fast


def _wait(futures: list[Future[Any]]) -> list[Future[Any]]:
    """Return the futures that are not done after a tick, or none as soon as all are done.

    The futures are polled: Ctrl-C while ``concurrent.futures.wait`` takes the locks of many futures can leave some
    locked, and the judge's thread then waits for them forever.
    """
    end, pause, first = time.monotonic() + TICK, SHORTEST, 0
    while True:
        seen = first
        while first < len(futures) and futures[first].done():  # they come about in their order
            first += 1
        if first == len(futures) or time.monotonic() >= end:
            return [future for future in futures[first:] if not future.done()]
        # each look takes Python's lock from the threads that judge
        pause = max(pause / 2, SHORTEST) if first > seen else min(2 * pause, LONGEST)
        time.sleep(pause)
