"""What keeps processes together and ends them: leases that die with their holder, and whole sessions ended for sure."""

from __future__ import annotations

import json
import os
import signal
import time
from collections.abc import Callable
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
    """One user of a server: a locked file in the server's folder of leases, with what the user asked for."""

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
        """Give the lease back; safe to call twice."""
        self.path.unlink(missing_ok=True)
        self._hold.let_go()


def live_leases(folder: Path, *, apart_from: Path | None = None) -> list[dict[str, Any]]:
    """What the users that are still there asked for; files of dead ones are removed.

    Of this process's own leases only the number is told.
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
            found.append({})  # of this process; opening and closing it here would let go of it
        elif is_held(file):
            try:
                found.append(dict(json.loads(file.read_text("utf-8"))))
            except (OSError, ValueError, TypeError):
                found.append({})
        else:
            file.unlink(missing_ok=True)
    return found


def die_with_parent() -> Callable[[], None]:
    """A ``preexec_fn``: the kernel ends the child when the thread that started it ends. Does nothing but on Linux."""
    import ctypes
    import sys

    if not sys.platform.startswith("linux"):
        return lambda: None
    prctl = ctypes.CDLL(None).prctl  # looked up before the fork
    set_parent_death_signal, end = 1, int(signal.SIGTERM)

    def ask() -> None:
        prctl(set_parent_death_signal, end, 0, 0, 0)

    return ask


class Brood:
    """The processes of one server: those in its session, and those in the working directory that is its alone.

    A process may leave the session, and what vLLM starts overwrites its environment with its title; but it stays
    where it was started.
    """

    def __init__(self, leader: int | None, home: Path) -> None:
        self.leader, self.home = leader, home

    def look(self) -> list[psutil.Process]:
        """All of its processes that live."""
        import psutil

        found = []
        apart = {1, os.getpid(), os.getppid()}
        for process in psutil.process_iter():
            try:
                mine = self._in_session(process.pid) or process.cwd() == str(self.home)
                if mine and process.pid not in apart and process.uids().real == os.getuid() and _alive(process):
                    found.append(process)
            except (psutil.Error, OSError):
                continue
        return found

    def end(self, term_seconds: float = TERM_SECONDS) -> None:
        """End all of it: the leader is asked to end in order, what is left is killed."""
        import psutil

        leaders = [process for process in self.look() if process.pid == self.leader]
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
        if self.leader is None or self.leader <= 1:  # what came from outside a container is in a "session 0"
            return False
        try:
            return os.getsid(pid) == self.leader
        except OSError:
            return False


def sweep(home: Path, patience: float = 10.0) -> None:
    """End what a killed supervisor left of the server in ``home``, after the guard has had its chance.

    Not to be called while it is supervised.
    """
    import psutil

    brood = Brood(None, home)
    if left := brood.look():
        psutil.wait_procs(left, timeout=patience)
    brood.end()


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
