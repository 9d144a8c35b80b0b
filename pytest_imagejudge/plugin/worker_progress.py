"""Judging progress of xdist's workers, printed by the controller, because workers have no terminal.

A worker may send nothing but reports, and those come once its tests are judged. So the lines go through files.
"""

from __future__ import annotations

import contextlib
import json
import re
import threading
import time
from collections.abc import Callable
from pathlib import Path

from ..support.files import whole_file
from ..support.temporary_folders import temporary_folder

LOOK = 0.5  # seconds between two looks
_FIGURES = re.compile(r"[\d.,%]+")


class Sender:
    """Worker's end. Lines that can't be written, such as from another machine, are dropped."""

    def __init__(self, folder: Path, worker: str) -> None:
        self._lines = folder / f"{worker}.lines"
        self._counts = folder / f"{worker}.counts"

    def say(self, line: str) -> None:
        """Send one line."""
        with contextlib.suppress(OSError), self._lines.open("a", encoding="ascii") as file:
            file.write(json.dumps(line) + "\n")

    def count(self, done: int, submitted: int) -> None:
        """Send the numbers of images judged and submitted."""
        with contextlib.suppress(OSError), whole_file(self._counts) as file:
            json.dump([done, submitted], file)


class Receiver:
    """Controller's end: a thread that prints while pytest's own thread waits for the workers.

    Args:
        say: takes one line.
        say_how_far: takes the images judged, the images submitted, and the seconds since the start.
        flush: prints the queued lines.
        every: seconds between two calls of ``say_how_far``.
    """

    def __init__(
        self,
        say: Callable[[str], None],
        say_how_far: Callable[[int, int, float], None],
        flush: Callable[[], None],
        every: float,
    ) -> None:
        self._exit = contextlib.ExitStack()
        self.folder = self._exit.enter_context(temporary_folder())
        self._say, self._say_how_far, self._flush, self._every = say, say_how_far, flush, every
        self._read: dict[Path, int] = {}
        self._said: dict[str, Path] = {}  # what was said, figures aside, and by whom first
        self._begun = self._counted = time.monotonic()
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._listen, name="imagejudge-workers", daemon=True)
        self._thread.start()

    def close(self) -> None:
        """Print the remaining lines, and remove the files."""
        self._ended.set()
        self._thread.join()
        self._exit.close()

    def _listen(self) -> None:
        while not self._ended.wait(LOOK):
            self._look()
        self._look()

    def _look(self) -> None:
        for file in sorted(self.folder.glob("*.lines")):
            for line in self._new(file):
                # Each worker tells of the one server that all share: the first to say a thing goes on saying it.
                if self._said.setdefault(_FIGURES.sub("", line), file) == file:
                    self._say(line)
        now = time.monotonic()
        if now - self._counted >= self._every and not self._ended.is_set():
            self._counted = now
            totals = self._totals()
            done, submitted = (sum(each[index] for each in totals) for index in (0, 1))
            if done < submitted:
                self._say_how_far(done, submitted, now - self._begun)
        self._flush()

    def _new(self, file: Path) -> list[str]:
        with contextlib.suppress(OSError), file.open("rb") as handle:
            handle.seek(self._read.get(file, 0))
            whole = handle.read().rpartition(b"\n")[0]
            if whole:
                self._read[file] = self._read.get(file, 0) + len(whole) + 1
                return [json.loads(line) for line in whole.splitlines()]
        return []

    def _totals(self) -> list[list[int]]:
        found = []
        for file in self.folder.glob("*.counts"):
            with contextlib.suppress(OSError, ValueError):
                found.append(json.loads(file.read_text("ascii")))
        return found
