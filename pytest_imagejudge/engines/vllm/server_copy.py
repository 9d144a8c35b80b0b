"""One copy of a judge's model, as the supervisor sees it: a server to start, watch, start again and end."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from .caches import note_graphs
from .processes import ServerProcesses, die_with_parent
from .server_side.imagejudge_key import VARIABLE as KEY
from .state import CopyState, healthy, log_file, log_tail

SILENT_SECONDS = 1800.0  # a start that writes nothing for this long hangs


WHOLE = 10_000_000  # bytes; more than the log of a start has


HOME = "run"  # holds the working directory of each server, and nothing else


AGAIN = "it is started again"  # ends the line of the log after which a new server writes


PORT, MODEL = "{port}", "{model}"  # stand for themselves in the command until they are known


class ServerCopy:
    """One copy.

    Args:
        folder: of the supervisor.
        spec: "command" and "env" of the server.
        state: of the copy; `CopyState.number` names its log and its working directory.
        spawned: called when a process was started.
    """

    def __init__(self, folder: Path, spec: Mapping[str, Any], state: CopyState, spawned: Callable[[], None]) -> None:
        self.folder, self.spec, self.state = folder, spec, state
        self.home = folder / HOME / str(state.number)
        self.log = log_file(folder, state.number)
        self.child: subprocess.Popen[bytes] | None = None
        self._spawned = spawned
        self._processes: ServerProcesses | None = None
        self._ports_tried = 0

    def serve(self, generation: int) -> None:
        """Start the server, as the one of that number among all."""
        self.state.generation = generation
        self.state.status, self.state.started = "starting", time.time()
        self._ports_tried = 0
        self._serve()

    def _serve(self) -> None:
        import secrets

        self.state.key = secrets.token_urlsafe(32)
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            port = probe.getsockname()[1]
        self.state.url = f"http://127.0.0.1:{port}"
        model = self.folder / "model"
        words = {PORT: str(port), MODEL: model.read_text("utf-8").strip() if model.exists() else ""}
        command = [words.get(part, part) for part in self.spec["command"]]
        self.spawn(command, {**self.spec["env"], KEY: self.state.key})

    def spawn(self, command: list[str], changes: Mapping[str, str | None]) -> None:
        """Start a process of this copy in place of the one before."""
        self.end()
        self.home.mkdir(parents=True, exist_ok=True)
        inherited = {name: value for name, value in os.environ.items() if name not in changes}
        inherited |= {name: value for name, value in changes.items() if value is not None}
        with self.log.open("ab") as log:
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
        self._processes = ServerProcesses([self.child.pid], self.home)
        self.state.server = self.child.pid
        self._spawned()

    def exit_status(self) -> int | None:
        """Return the exit status of the process; None while it runs, and where there is none."""
        return None if self.child is None else self.child.poll()

    def step(self, generation: int, *, used: bool) -> bool:
        """Look at the server, and start it again where that is due; return True where its state has changed.

        Args:
            generation: the number for a server that is started now.
            used: True where the server has users.
        """
        code = self.exit_status()
        if self.state.status == "ready":
            if code is None:
                return False
            self._died(code, generation, used=used)
        elif self.state.status == "failed":
            return False
        elif code is not None and self._port_was_taken():
            self._serve()
        elif code is not None:
            self._fail(f"the server ended while it started (exit status {how(code)})")
        elif healthy(self.state.url):
            self.state.status = "ready"
            note_graphs(log_tail(self.log, WHOLE), self.home)
        elif time.time() - max(self._log_changed(), self.state.started) > SILENT_SECONDS:
            self._fail(f"the server wrote nothing for {SILENT_SECONDS / 60:.0f} minutes while it started")
        else:
            return False
        return True

    def _died(self, code: int, generation: int, *, used: bool) -> None:
        self.end()
        if not used:
            self._fail(f"the server died (exit status {how(code)}) while nobody used it")
        elif self.state.restarts:
            self._fail(f"the server died again (exit status {how(code)}) after its restart")
        else:
            self.state.restarts += 1
            self._note(f"the server died (exit status {how(code)}); {AGAIN}")
            self.serve(generation)

    def _fail(self, message: str) -> None:
        self.end()
        self.state.status, self.state.message, self.state.key = "failed", message, ""

    def end(self) -> None:
        """End all processes of this copy."""
        child, self.child = self.child, None
        processes, self._processes = self._processes, None
        if processes is not None:
            processes.end()
        if child is not None:
            child.wait()

    def _port_was_taken(self) -> bool:
        """Return True where another program took the chosen port before the server did, a limited number of times."""
        self._ports_tried += 1
        return self._ports_tried < 3 and "address already in use" in log_tail(self.log).lower()

    def _log_changed(self) -> float:
        try:
            return self.log.stat().st_mtime
        except OSError:
            return 0.0

    def _note(self, line: str) -> None:
        with self.log.open("a", encoding="utf-8") as log:
            log.write(f"imagejudge: {line}\n")


def how(code: int) -> str:
    """Write an exit status: a number, or the signal's name."""
    if code >= 0:
        return str(code)
    try:
        return signal.Signals(-code).name
    except ValueError:
        return str(code)
