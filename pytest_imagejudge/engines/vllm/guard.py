"""A guard process that ends the servers of a supervisor that was killed."""

from __future__ import annotations

import os
import signal
from collections.abc import Sequence
from pathlib import Path
from typing import NoReturn

from .processes import ServerProcesses

HEARD = 4096  # bytes; the leaders of hundreds of servers have room


class Guard:
    """A forked process at the other end of a pipe; it ends the servers when this process is gone."""

    def __init__(self, home: Path) -> None:
        self._home = home
        self._pid = 0
        self._pipe = -1
        self._leaders: Sequence[int] = ()

    def watch(self) -> None:
        """Fork a guard where there is none, or where it was killed."""
        if self._pid and os.waitpid(self._pid, os.WNOHANG)[0] == 0:
            return
        if self._pipe >= 0:
            os.close(self._pipe)
        reading, self._pipe = os.pipe()
        self._pid = os.fork()
        if self._pid == 0:
            os.close(self._pipe)
            _guard(reading, self._home)
        os.close(reading)
        self.tell(self._leaders)

    def tell(self, leaders: Sequence[int]) -> None:
        """Tell the guard the sessions to end, in place of those before."""
        self._leaders = leaders
        try:
            os.write(self._pipe, f"{' '.join(map(str, leaders))}\n".encode())
        except OSError:
            pass  # it was killed; the next one is told

    def dismiss(self) -> None:
        """End the guard."""
        if self._pid:
            os.kill(self._pid, signal.SIGKILL)
            os.waitpid(self._pid, 0)
            os.close(self._pipe)
            self._pid = 0


def _guard(pipe: int, home: Path) -> NoReturn:
    """Run as the guard: read the sessions to end, and end them when the pipe closes."""
    try:
        os.setsid()
        for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
            signal.signal(number, signal.SIG_IGN)
        heard = b""
        while chunk := os.read(pipe, 4096):
            heard = (heard + chunk)[-HEARD:]
        if leaders := [int(word) for word in heard.rstrip(b"\n").rpartition(b"\n")[2].split()]:
            ServerProcesses(leaders, home).end()
    finally:
        os._exit(0)
