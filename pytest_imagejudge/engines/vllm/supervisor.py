"""The process that owns a judge's server: starts it, restarts it once, and ends it after its last user.

Run as ``python -m pytest_imagejudge.engines.vllm.supervisor FOLDER``. The folder holds ``spec.json`` (what to start),
``leases/`` (a locked file for each user), ``state.json`` (what users read), ``lock`` (taken to join or to stop),
``supervisor.lock`` (held as long as this process lives) and ``server.log``. It runs in a session of its own, the server
in another one. A forked guard ends the server where this process is killed.
"""

from __future__ import annotations

import http.client
import json
import os
import signal
import socket
import subprocess
import sys
import time
from dataclasses import dataclass, field
from pathlib import Path
from types import FrameType
from typing import Any
from urllib.parse import urlsplit

from ...support.files import whole_file
from ...support.locks import Hold, machine
from .caches import note_graphs
from .guard import Guard
from .processes import ServerProcesses, die_with_parent, end_orphans, live_leases
from .server_side.imagejudge_key import VARIABLE as KEY

POLL_SECONDS = 0.25


SILENT_SECONDS = 1800.0  # a start that writes nothing for this long hangs


WHOLE = 10_000_000  # bytes; more than the log of a start has


HOME = "run"  # the working directory of the server, and of nothing else


AGAIN = "it is started again"  # ends the line of the log after which a new server writes


PORT, MODEL = "{port}", "{model}"  # stand for themselves in the command until they are known


@dataclass
class State:
    """The state of a server, as its users read it.

    Attributes:
        status: "starting", "ready", "stopping", "stopped" or "failed".
        phase: of a start: "download" or "server".
        message: the cause of a failure.
        url, key: address and bearer token of the server.
        generation: number of servers so far, this one included.
        restarts: number of times that a ready server was started again while in use.
        started: begin of this generation's start, seconds since the epoch.
        machine: name of the machine, from `machine`.
        supervisor, server: process ids on that machine.
        kept: True where a user asked to leave the server up.
        title: name of the served model, for people.
        leaves: bytes of each GPU, by UUID, that the running server leaves for others.
    """

    status: str = "starting"
    phase: str = "server"
    message: str = ""
    url: str = ""
    key: str = ""
    generation: int = 0
    restarts: int = 0
    started: float = 0.0
    machine: str = ""
    supervisor: int = 0
    server: int = 0
    kept: bool = False
    title: str = ""
    leaves: dict[str, int] = field(default_factory=dict)

    @classmethod
    def read(cls, folder: Path) -> State | None:
        """Read the state in ``folder``, or None where there is none."""
        try:
            fields = json.loads((folder / "state.json").read_text("utf-8"))
            return cls(**fields)
        except (OSError, ValueError, TypeError):
            return None

    def write(self, folder: Path) -> None:
        """Replace the state in ``folder``, readable by its owner only, because it holds the key."""
        with whole_file(folder / "state.json", private=True) as file:
            json.dump(self.__dict__, file)


class Failure(Exception):  # noqa: N818 - not an error of this program
    """A server that did not start, or died again after its restart."""


@dataclass
class Supervisor:
    """The owner of one server, from its first user to its last."""

    folder: Path
    spec: dict[str, Any]
    state: State
    child: subprocess.Popen[bytes] | None = None
    processes: ServerProcesses | None = None
    keep_until: float = 0.0
    ports_tried: int = 0
    used: bool = True
    stop: bool = False

    def __post_init__(self) -> None:
        self.home = self.folder / HOME
        self.guard = Guard(self.home)

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
            self._end_server()
            self.guard.dismiss()
            self.state.status, self.state.message, self.state.key = final, message, ""
            try:
                self.state.write(self.folder)
            except OSError:
                pass  # the folder is gone, and so are its users

    def _asked_to_stop(self, number: int, frame: FrameType | None) -> None:
        self.stop = True

    def _wanted(self) -> bool:
        """Return True where the server has users or is kept alive; else close it to new users."""
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
            self.state.restarts = 0  # the next user has a restart of its own
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

    def _step(self) -> None:
        self.guard.watch()
        assert self.child is not None
        code = self.child.poll()
        if self.state.status == "ready":
            if code is not None:
                self._crashed(code)
        elif self.state.phase == "download":
            if code == 0:
                self._serve()
            elif code is not None:
                raise Failure(f"the model could not be downloaded (exit status {_how(code)})")
        elif code is not None and self._port_was_taken():
            self._serve()
        elif code is not None:
            raise Failure(f"the server ended while it started (exit status {_how(code)})")
        elif healthy(self.state.url):
            self.state.status = "ready"
            self.state.write(self.folder)
            note_graphs(log_tail(self.folder / "server.log", WHOLE), self.home)
        elif time.time() - max(self._log_changed(), self.state.started) > SILENT_SECONDS:
            raise Failure(f"the server wrote nothing for {SILENT_SECONDS / 60:.0f} minutes while it started")

    def _crashed(self, code: int) -> None:
        self._end_server()
        if not self.used:
            raise Failure(f"the server died (exit status {_how(code)}) while nobody used it")
        if self.state.restarts:
            raise Failure(f"the server died again (exit status {_how(code)}) after its restart")
        self.state.restarts += 1
        self._log(f"the server died (exit status {_how(code)}); {AGAIN}")
        self._begin()

    def _begin(self) -> None:
        """Begin a start: with the download where there is one, else with the server."""
        self.state.generation += 1
        self.state.status, self.state.started = "starting", time.time()
        if self.spec.get("download"):
            self.state.phase = "download"
            self._spawn(self.spec["download"], {})  # as the user's environment says: tokens, proxies, mirrors
        else:
            self._serve()

    def _serve(self) -> None:
        import secrets

        self.state.phase = "server"
        self.state.key = secrets.token_urlsafe(32)
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            port = probe.getsockname()[1]
        self.state.url = f"http://127.0.0.1:{port}"
        model = self.folder / "model"
        words = {PORT: str(port), MODEL: model.read_text("utf-8").strip() if self.spec.get("download") else ""}
        command = [words.get(part, part) for part in self.spec["command"]]
        self._spawn(command, {**self.spec["env"], KEY: self.state.key})

    def _spawn(self, command: list[str], changes: dict[str, str | None]) -> None:
        self._end_server()
        inherited = {name: value for name, value in os.environ.items() if name not in changes}
        inherited |= {name: value for name, value in changes.items() if value is not None}
        with (self.folder / "server.log").open("ab") as log:
            self.child = subprocess.Popen(
                command,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                env=inherited,
                cwd=self.home,
                start_new_session=True,
                preexec_fn=die_with_parent(),  # safe: this process has one thread
            )
        self.processes = ServerProcesses(self.child.pid, self.home)
        self.guard.tell(self.child.pid)
        self.state.server = self.child.pid
        self.state.write(self.folder)

    def _end_server(self) -> None:
        child, self.child = self.child, None
        processes, self.processes = self.processes, None
        if processes is not None:
            processes.end()
        if child is not None:
            child.wait()

    def _port_was_taken(self) -> bool:
        """Return True where another program took the chosen port before the server did, a limited number of times."""
        self.ports_tried += 1
        return self.ports_tried < 3 and "address already in use" in log_tail(self.folder / "server.log").lower()

    def _log_changed(self) -> float:
        try:
            return (self.folder / "server.log").stat().st_mtime
        except OSError:
            return 0.0

    def _log(self, line: str) -> None:
        with (self.folder / "server.log").open("a", encoding="utf-8") as log:
            log.write(f"imagejudge: {line}\n")


def healthy(url: str) -> bool:
    """Return True where the server at ``url`` reports that it is healthy."""
    address = urlsplit(url)
    connection = http.client.HTTPConnection(str(address.hostname), address.port, timeout=5.0)
    try:
        connection.request("GET", "/health")
        return connection.getresponse().status == 200
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()


def log_tail(file: Path, size: int = 16_384) -> str:
    """Return the end of a log, unescaped."""
    try:
        with file.open("rb") as log:
            log.seek(max(0, log.seek(0, os.SEEK_END) - size))
            return log.read().decode("utf-8", "replace")
    except OSError:
        return ""


def _how(code: int) -> str:
    """Write an exit status: a number, or the signal's name."""
    if code >= 0:
        return str(code)
    try:
        return signal.Signals(-code).name
    except ValueError:
        return str(code)


def main(folder: Path) -> int:
    """Supervise the folder's server in the background; return 0 when that process has begun.

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
        spec = json.loads((folder / "spec.json").read_text("utf-8"))
        state = State(machine=machine(), supervisor=os.getpid())
        state.title, state.leaves = str(spec.get("title", "")), dict(spec.get("leaves", {}))
        if before is not None:
            state.generation = before.generation
            if before.status in ("starting", "ready"):  # its supervisor was killed
                state.restarts = before.restarts + 1
            else:
                before = None
        log = folder / "server.log"
        if log.exists():
            log.replace(folder / "server.log.1")
        state.started = time.time()
        state.write(folder)  # after which users read how far its log has come
        os.write(writing, b"1")
        os.close(writing)
        if before is not None:
            end_orphans(folder / HOME)  # two servers at once would need twice the memory
        Supervisor(folder, spec, state).run()
        hold.let_go()
    else:
        os.write(writing, b"1")
    os._exit(0)


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1])))
