"""What is going on, on a terminal (one line that changes) and in a CI log (a line now and then)."""

from __future__ import annotations

import contextlib
import queue
import time
from collections.abc import Callable, Iterable
from concurrent.futures import Future, wait
from typing import Any

import pytest

from ..untrusted import escape

EVERY = 30.0  # seconds between lines where the terminal can't be written over
TICK = 0.5


class Progress:
    """Collects lines from the engines' threads and prints them from pytest's own, when it waits."""

    def __init__(self, config: pytest.Config) -> None:
        self._config = config
        self._lines: queue.SimpleQueue[str] = queue.SimpleQueue()
        self._last = ""
        self._drawn = False

    def say(self, line: str) -> None:
        """Print ``line`` when next possible. From any thread."""
        self._lines.put(line)

    def wait(
        self, futures: Iterable[Future[Any]], judges: Iterable[Any], meanwhile: Callable[[], None] = lambda: None
    ) -> None:
        """Wait until all ``futures`` are done, saying how far the judges are; ``meanwhile`` is called now and then.

        What is done is let go of, so that a generator of futures keeps no verdict alive.
        """
        left = {future for future in futures if not future.done()}
        if not left:
            return
        sessions = [judge.session for judge in judges]
        begun, said = time.monotonic(), time.monotonic()
        done_before = sum(session.stats.done for session in sessions)
        try:
            while left:
                left = wait(left, timeout=TICK).not_done
                meanwhile()
                self.flush()
                now = time.monotonic()
                if left and (self._rewrites or now - said >= EVERY):
                    said = now
                    self._draw(_line(sessions, now - begun, done_before))
        finally:
            self._erase()

    def flush(self) -> None:
        """Print what the engines have said."""
        while True:
            try:
                text = self._lines.get_nowait()
            except queue.Empty:
                return
            for line in text.splitlines():
                if line != self._last:
                    self._last = line
                    self._print(f"imagejudge: {escape(line)}")

    @property
    def _reporter(self) -> Any:
        return self._config.pluginmanager.get_plugin("terminalreporter")

    @property
    def _rewrites(self) -> bool:
        reporter = self._reporter
        return bool(reporter and reporter.isatty and reporter.verbosity >= 0)

    def _draw(self, line: str) -> None:
        if self._rewrites:
            with self._uncaptured():
                if not self._drawn:
                    self._reporter.ensure_newline()
                self._reporter.rewrite(line, erase=True)
                self._drawn = True
        else:
            self._print(line)

    def _erase(self) -> None:
        if self._drawn:
            with self._uncaptured():
                self._reporter.rewrite("", erase=True)
                self._reporter.write("\r")
            self._drawn = False

    def _print(self, line: str) -> None:
        reporter = self._reporter
        if reporter is None or reporter.verbosity < -1 or hasattr(self._config, "workerinput"):
            return
        self._erase()
        with self._uncaptured():
            reporter.ensure_newline()
            reporter.write_line(line)

    def _uncaptured(self) -> Any:
        """Out of the capturing of a running test, so that the line is not taken for the test's output."""
        manager = self._config.pluginmanager.get_plugin("capturemanager")
        return manager.global_and_fixture_disabled() if manager else contextlib.nullcontext()


def _line(sessions: Iterable[Any], seconds: float, done_before: int) -> str:
    submitted = sum(session.stats.submitted for session in sessions)
    done = sum(session.stats.done for session in sessions)
    line = f"imagejudge: {done} of {submitted} judged"
    rate = (done - done_before) / seconds if seconds > 0 else 0.0
    if rate > 0:
        left = (submitted - done) / rate
        line += f", {rate * 60:.0f} images a minute, {_duration(left)} left"
    elif any(session.started for session in sessions):
        line += f", waiting for {_duration(seconds)}"
    return line


def _duration(seconds: float) -> str:
    minutes, rest = divmod(round(seconds), 60)
    return f"{minutes} min {rest:02d} s" if minutes else f"{rest} s"
