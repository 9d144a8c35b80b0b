"""File locks that die with their holder."""

from __future__ import annotations

import fcntl
import socket
from pathlib import Path
from typing import IO


def machine() -> str:
    """Where process ids and locks mean the same: the host's name and, on Linux, the container's PID namespace.

    A folder may be shared by several.
    """
    try:
        return f"{socket.gethostname()}/{Path('/proc/self/ns/pid').stat().st_ino}"
    except OSError:
        return socket.gethostname()


class Hold:
    """A lock on a file that the kernel lets go of when its process ends, however that ends.

    POSIX record locks: not inherited by forked children, so a forked data loader does not keep them. They are lost
    when the process closes *any* descriptor of the file, so nobody else in the process may open it.
    """

    def __init__(self, file: IO[str], path: Path) -> None:
        self._file, self.path = file, path

    @classmethod
    def take(cls, path: Path) -> Hold | None:
        """Lock ``path``, made where it is missing; None where another process holds it."""
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
    """Whether another process holds ``path``."""
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
