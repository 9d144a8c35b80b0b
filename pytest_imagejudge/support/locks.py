"""File locks that end with their holder's process."""

from __future__ import annotations

import fcntl
import socket
from pathlib import Path
from typing import IO


def machine() -> str:
    """Name the machine on which process ids and locks are valid: the host and, on Linux, the PID namespace.

    Several machines may share a folder.
    """
    try:
        return f"{socket.gethostname()}/{Path('/proc/self/ns/pid').stat().st_ino}"
    except OSError:
        return socket.gethostname()


class Hold:
    """A lock on a file, which the kernel releases at any end of the process.

    POSIX record locks: not inherited by forked children, so a forked data loader does not keep them. They are lost
    when the process closes *any* descriptor of the file, so nobody else in the process may open it.
    """

    def __init__(self, file: IO[str], path: Path) -> None:
        self._file, self.path = file, path

    @classmethod
    def take(cls, path: Path) -> Hold | None:
        """Lock ``path``, creating the file; return None where another process holds the lock."""
        file = path.open("a+", encoding="utf-8")
        try:
            fcntl.lockf(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            file.close()
            return None
        return cls(file, path)

    def let_go(self) -> None:
        """Unlock; safe to call twice."""
        self._file.close()


def is_held(path: Path) -> bool:
    """Return True where another process holds the lock on ``path``."""
    try:
        file = path.open("r+", encoding="utf-8")
    except OSError:
        return False
    with file:
        try:
            fcntl.lockf(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            return True
        return False
