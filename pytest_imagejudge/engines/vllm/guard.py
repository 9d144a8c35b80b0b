"""A guard process that ends the server of a supervisor that was killed."""

from __future__ import annotations

import os
import signal
from pathlib import Path
from typing import NoReturn

from .processes import ServerProcesses


class Guard:
    """A forked process at the other end of a pipe; it ends the server when this process is gone."""

    def __init__(self, home: Path) -> None:
        self._home = home
        self._pid = 0
        self._pipe = -1
        self._leader: int | None = None

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
        if self._leader is not None:
            self.tell(self._leader)

    def tell(self, leader: int) -> None:
        """Tell the guard the session to end."""
        self._leader = leader
        try:
            os.write(self._pipe, f"{leader}\n".encode())
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
    """Run as the guard: read the session to end, and end it when the pipe closes."""
    try:
        os.setsid()
        for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
            signal.signal(number, signal.SIG_IGN)
        heard = b""
        while chunk := os.read(pipe, 4096):
            heard = (heard + chunk)[-64:]
        if words := heard.split():
            ServerProcesses(int(words[-1]), home).end()
    finally:
        os._exit(0)
