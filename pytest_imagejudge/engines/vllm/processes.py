"""Leases that end with their holder, and sessions of processes that are ended as a whole."""

from __future__ import annotations

import json
import os
import signal
import time
from collections.abc import Callable, Collection
from pathlib import Path
from typing import TYPE_CHECKING, Any
from uuid import uuid4

from ...support.locks import Hold, is_held

if TYPE_CHECKING:
    import psutil


TERM_SECONDS = 6.0  # for an orderly end of a server's first process; then it is killed


FOLLOW_SECONDS = 0.5  # for the others to follow it


KILL_SECONDS = 30.0  # what is still there then hangs in the kernel


TRACKER_SECONDS = 1.0  # for Python's resource tracker to remove shared memory after its parent's end


class Lease:
    """A lease of one user of a server: a locked file with process id and keep-alive."""

    def __init__(self, folder: Path, *, keep_alive: float | None = None) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        name = f"{os.getpid()}-{uuid4().hex[:12]}"
        draft = folder.parent / f"lease-{name}"  # locked before it can be seen, so that it is never seen unlocked
        draft.write_text(json.dumps({"pid": os.getpid(), "keep_alive": keep_alive}), "utf-8")
        hold = Hold.take(draft)
        assert hold is not None, "a name of our own"
        self._hold = hold
        self.path = folder / name
        draft.rename(self.path)

    def end(self) -> None:
        """End the lease; safe to call twice."""
        self.path.unlink(missing_ok=True)
        self._hold.let_go()


def live_leases(folder: Path, *, apart_from: Path | None = None) -> list[dict[str, Any]]:
    """Return the contents of the living users' leases, with the "name" of each, and remove the files of dead ones.

    A lease of this process has no more than its name, because reading its file would unlock it.
    """
    found: list[dict[str, Any]] = []
    try:
        files = sorted(folder.iterdir())
    except OSError:
        return []
    for file in files:
        if file == apart_from:
            continue
        if file.name.startswith(f"{os.getpid()}-"):
            found.append({"name": file.name})  # of this process; opening and closing it here would let go of it
        elif is_held(file):
            try:
                found.append({**json.loads(file.read_text("utf-8")), "name": file.name})
            except (OSError, ValueError, TypeError):
                found.append({"name": file.name})
        else:
            file.unlink(missing_ok=True)
    return found


def die_with_parent() -> Callable[[], None]:
    """Return a ``preexec_fn`` that ends the child with the thread that started it (Linux only)."""
    import ctypes
    import sys

    if not sys.platform.startswith("linux"):
        return lambda: None
    prctl = ctypes.CDLL(None).prctl  # looked up before the fork
    set_parent_death_signal, end = 1, int(signal.SIGTERM)

    def ask() -> None:
        prctl(set_parent_death_signal, end, 0, 0, 0)

    return ask


class ServerProcesses:
    """The processes of servers: those in the sessions of their leaders, and those in ``home`` or a folder below it.

    A process may leave the session, and vLLM's processes overwrite their environment with a title. All of them stay
    in the working directory.
    """

    def __init__(self, leaders: Collection[int], home: Path) -> None:
        # what came from outside a container is in a "session 0"
        self.leaders, self.home = frozenset(leader for leader in leaders if leader > 1), home

    def look(self) -> list[psutil.Process]:
        """Return all living processes of the servers."""
        import psutil

        found = []
        apart = {1, os.getpid(), os.getppid()}
        for process in psutil.process_iter():
            try:
                mine = self._in_session(process.pid) or f"{process.cwd()}/".startswith(f"{self.home}/")
                if mine and process.pid not in apart and process.uids().real == os.getuid() and _alive(process):
                    found.append(process)
            except (psutil.Error, OSError):
                continue
        return found

    def end(self, term_seconds: float = TERM_SECONDS) -> None:
        """End all processes: ask the leaders to end in order, then kill the rest."""
        import psutil

        leaders = [process for process in self.look() if process.pid in self.leaders]
        for process in leaders:
            _send(process, signal.SIGTERM)
        psutil.wait_procs(leaders, timeout=term_seconds)
        if leaders:
            psutil.wait_procs(self.look(), timeout=FOLLOW_SECONDS)
        killing = time.monotonic()
        trackers_until = killing + TRACKER_SECONDS
        while (left := self.look()) and time.monotonic() < killing + KILL_SECONDS:
            for process in left:
                if time.monotonic() > trackers_until or not _is_tracker(process):
                    _send(process, signal.SIGKILL)
            psutil.wait_procs(left, timeout=0.1)

    def _in_session(self, pid: int) -> bool:
        try:
            return bool(self.leaders) and os.getsid(pid) in self.leaders
        except OSError:
            return False


def end_orphans(home: Path, patience: float = 10.0) -> None:
    """End the processes that a killed supervisor left of the servers in ``home``, after the guard had its chance.

    Not for servers with a living supervisor.
    """
    import psutil

    processes = ServerProcesses((), home)
    if left := processes.look():
        psutil.wait_procs(left, timeout=patience)
    processes.end()


def _send(process: psutil.Process, number: int) -> None:
    import psutil

    try:
        process.send_signal(number)
    except (psutil.Error, OSError):
        pass


def _alive(process: psutil.Process) -> bool:
    import psutil

    try:
        return bool(process.is_running()) and process.status() != psutil.STATUS_ZOMBIE
    except psutil.Error:
        return False


def _is_tracker(process: psutil.Process) -> bool:
    import psutil

    try:
        return any("resource_tracker" in part for part in process.cmdline())
    except psutil.Error:
        return False
