"""The process that owns a judge's servers: starts them, restarts each once, and ends them after their last user.

Run as ``python -m pytest_imagejudge.engines.vllm.supervisor FOLDER``. The folder holds ``spec.json`` (what to start; a
user may add copies), ``leases/`` (a locked file for each user), ``state.json`` (what users read), ``lock`` (taken to
join, to add a copy or to stop), ``supervisor.lock`` (held as long as this process lives) and a log for each copy. It
runs in a session of its own, each server in another one. A forked guard ends the servers where this process is killed.

Each copy of the model is a server of its own, and not a rank of ``--data-parallel-size``: where one engine of such a
server dies, all of it ends (vLLM 0.26 and 0.32, ``start_engine_core_monitor``; their ``dp_supervisor`` ends all ranks
too), so that no copy could go on or be started again alone. For ranks with an address each, vLLM itself says of a model
that is no mixture of experts: launch independent instances.
"""

from __future__ import annotations

import json
import os
import signal
import sys
import time
from dataclasses import dataclass, field
from pathlib import Path
from types import FrameType

from ...support.locks import Hold, machine
from .guard import Guard
from .processes import ServerProcesses, end_orphans, live_leases
from .server_copy import HOME, ServerCopy, how
from .state import CopyState, State, log_file

POLL_SECONDS = 0.25


class Failure(Exception):  # noqa: N818 - not an error of this program
    """No server is left: none has started, or each died again after its restart."""


@dataclass
class Supervisor:
    """The owner of the copies of one judge, from its first user to its last."""

    folder: Path
    state: State
    copies: list[ServerCopy] = field(default_factory=list)
    downloading: ServerCopy | None = None
    keep_until: float = 0.0
    used: bool = True
    stop: bool = False

    def __post_init__(self) -> None:
        self.guard = Guard(self.folder / HOME)
        self._read: tuple[int, int] | None = None

    def run(self) -> None:
        """Serve until the last user is gone, then end all processes."""
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, self._asked_to_stop)
        signal.signal(signal.SIGHUP, signal.SIG_IGN)
        final, message = "stopped", ""
        try:
            self.guard.watch()
            self._begin()
            while self._wanted():
                self._step()
                time.sleep(POLL_SECONDS)
        except Failure as failure:
            final, message = "failed", str(failure)
        except Exception as error:  # noqa: BLE001 - whatever it is, the users must learn of it
            final, message = "failed", f"{type(error).__name__}: {error}"
        finally:
            for number in (signal.SIGTERM, signal.SIGINT):
                signal.signal(number, signal.SIG_IGN)
            self._end_servers()
            self.guard.dismiss()
            self.state.status, self.state.message = final, message
            for copy in self.state.copies:
                copy.key = ""
            try:
                self.state.write(self.folder)
            except OSError:
                pass  # the folder is gone, and so are its users

    def _asked_to_stop(self, number: int, frame: FrameType | None) -> None:
        self.stop = True

    def _wanted(self) -> bool:
        """Return True where the servers have users or are kept alive; else close them to new users."""
        from filelock import FileLock, Timeout

        if self.stop:
            return False
        leases = live_leases(self.folder / "leases")
        self.used = bool(leases)
        if leases:
            minutes = [lease.get("keep_alive") for lease in leases]
            longest = max((float(m) for m in minutes if isinstance(m, int | float)), default=0.0)
            self.keep_until = max(self.keep_until, time.monotonic() + 60 * longest)
            if longest and not self.state.kept:
                self.state.kept = True
                self.state.write(self.folder)
            return True
        if self.state.restarts:
            for copy in self.state.copies:
                copy.restarts = 0  # the next user has a restart of its own
            self.state.write(self.folder)
        if self.state.status == "ready" and time.monotonic() < self.keep_until and self.folder.exists():
            return True
        try:
            with FileLock(self.folder / "lock", timeout=0):
                if live_leases(self.folder / "leases"):
                    return True
                self.state.status = "stopping"
                self.state.write(self.folder)
                return False
        except Timeout:
            return True  # somebody is joining
        except OSError:
            return False  # the folder is gone

    def _begin(self) -> None:
        """Begin the start of all copies: with the download where there is one, else with the servers."""
        added, download = self._new_copies()
        if download and added:
            self.state.phase, self.downloading = "download", added[0]
            added[0].spawn(download, {})  # as the user's environment says: tokens, proxies, mirrors
            self.state.write(self.folder)
        else:
            self._serve(added)

    def _new_copies(self) -> tuple[list[ServerCopy], list[str]]:
        """Take in the copies that were added to the file; return those to start, and the command of the download."""
        stat = (self.folder / "spec.json").stat()
        if self._read == (stat.st_ino, stat.st_mtime_ns):
            return [], []
        self._read = stat.st_ino, stat.st_mtime_ns
        spec = json.loads((self.folder / "spec.json").read_text("utf-8"))
        added = []
        for number, one in enumerate(spec["copies"], 1):
            if number > len(self.state.copies):
                facts = {name: one[name] for name in ("leaves", "place", "why")}
                self.state.copies.append(CopyState(number=number, started=time.time(), **facts))
            if number > len(self.copies):
                self.copies.append(ServerCopy(self.folder, one, self.state.copies[number - 1], self._tell_guard))
                added += [self.copies[-1]] if self.copies[-1].state.status != "failed" else []
        return added, spec.get("download") or []

    def _step(self) -> None:
        self.guard.watch()
        if self.downloading is not None:
            code = self.downloading.exit_status()
            if code is None:
                return
            if code:
                raise Failure(f"the model could not be downloaded (exit status {how(code)})")
            self.state.phase, self.downloading = "server", None
            self._new_copies()
            self._serve([copy for copy in self.copies if copy.state.status != "failed"])
            return
        if added := self._new_copies()[0]:
            self._serve(added)
        changed = False
        for copy in self.copies:
            generation = self.state.generation + 1
            changed |= copy.step(generation, used=self.used)
            self.state.generation = max(self.state.generation, copy.state.generation)
        if changed:
            self._tell_users()

    def _serve(self, copies: list[ServerCopy]) -> None:
        for copy in copies:
            self.state.generation += 1
            copy.serve(self.state.generation)
        self._tell_users()

    def _tell_users(self) -> None:
        """Write the state.

        Raises:
            Failure: no copy is left.
        """
        if len(self.state.of("failed")) == len(self.state.copies):
            raise Failure(self.state.copies[-1].message if len(self.copies) == 1 else _all_failed(self.state))
        self.state.status = "ready" if self.state.of("ready") else "starting"
        self.state.write(self.folder)

    def _tell_guard(self) -> None:
        self.guard.tell(self._leaders())

    def _leaders(self) -> list[int]:
        return [copy.child.pid for copy in self.copies if copy.child is not None]

    def _end_servers(self) -> None:
        """End the servers side by side."""
        ServerProcesses(self._leaders(), self.folder / HOME).end()
        for copy in self.copies:
            copy.end()


def _all_failed(state: State) -> str:
    return "; ".join(f"copy {copy.number}: {copy.message}" for copy in state.copies)


def main(folder: Path) -> int:
    """Supervise the folder's servers in the background; return 0 when that process has begun.

    Returns 0 too where another supervisor was faster.
    """
    reading, writing = os.pipe()
    if os.fork():
        os.close(writing)
        begun = os.read(reading, 1)
        os.wait() if not begun else None
        return 0 if begun else 1
    os.close(reading)
    os.setsid()
    os.chdir("/")
    (folder / HOME).mkdir(exist_ok=True)
    hold = Hold.take(folder / "supervisor.lock")
    if hold is not None:
        before = State.read(folder)
        state = State(machine=machine(), supervisor=os.getpid())
        spec = json.loads((folder / "spec.json").read_text("utf-8"))
        state.title = str(spec.get("title", ""))
        if before is not None:
            state.generation = before.generation
            if before.status in ("starting", "ready"):  # its supervisor was killed
                state.copies = [_once_more(copy) for copy in before.copies]
            else:
                before = None
        for number in range(1, len(spec["copies"]) + 1):
            log = log_file(folder, number)
            if log.exists():
                log.replace(log.with_name(f"{log.name}.1"))
        state.write(folder)  # after which users read how far its log has come
        os.write(writing, b"1")
        os.close(writing)
        if before is not None:
            end_orphans(folder / HOME)  # two servers at once would need twice the memory
        Supervisor(folder, state).run()
        hold.let_go()
    else:
        os.write(writing, b"1")
    os._exit(0)


def _once_more(copy: CopyState) -> CopyState:
    """Return the state of a copy whose supervisor was killed: that counts as its restart."""
    if copy.restarts or copy.status == "failed":
        copy.status, copy.message = "failed", copy.message or "its supervisor was killed after its restart"
    else:
        copy.status, copy.restarts = "starting", 1
    copy.server, copy.key = 0, ""
    return copy


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1])))
