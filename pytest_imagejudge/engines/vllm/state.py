"""The state of a judge's servers, as their supervisor writes it and their users read it."""

from __future__ import annotations

import http.client
import json
import os
from dataclasses import asdict, dataclass, field
from pathlib import Path
from urllib.parse import urlsplit

from ...support.files import whole_file


@dataclass
class CopyState:
    """The state of one copy of the model, which has a server of its own.

    Attributes:
        number: of the copy, from 1.
        status: "starting", "ready" or "failed".
        message: the cause of a failure.
        url, key: address and bearer token of the server.
        generation: number of this server among all that the supervisor has started.
        restarts: number of times that it was started again while in use.
        started: begin of this server's start, seconds since the epoch.
        server: its process id.
        leaves: bytes of each of its GPUs, by UUID, that the running server leaves for others.
        place: its GPUs, for people; empty without any.
        why: the reason for this copy, for people; empty for the first.
    """

    number: int = 1
    status: str = "starting"
    message: str = ""
    url: str = ""
    key: str = ""
    generation: int = 0
    restarts: int = 0
    started: float = 0.0
    server: int = 0
    leaves: dict[str, int] = field(default_factory=dict)
    place: str = ""
    why: str = ""


@dataclass
class State:
    """The state of all copies of one judge's model.

    Attributes:
        status: "starting", "ready" (at least one copy is), "stopping", "stopped" or "failed".
        phase: of a start: "download" or "server".
        message: the cause of a failure.
        generation: number of servers so far, of all copies.
        machine: name of the machine, from `machine`.
        supervisor: process id on that machine.
        kept: True where a user asked to leave the servers up.
        title: name of the served model, for people.
        copies: in the order of their numbers.
    """

    status: str = "starting"
    phase: str = "server"
    message: str = ""
    generation: int = 0
    machine: str = ""
    supervisor: int = 0
    kept: bool = False
    title: str = ""
    copies: list[CopyState] = field(default_factory=list)

    @classmethod
    def read(cls, folder: Path) -> State | None:
        """Read the state in ``folder``, or None where there is none."""
        try:
            fields = json.loads((folder / "state.json").read_text("utf-8"))
            copies = [CopyState(**copy) for copy in fields.pop("copies")]
            return cls(**fields, copies=copies)
        except (OSError, ValueError, TypeError, KeyError):
            return None

    def write(self, folder: Path) -> None:
        """Replace the state in ``folder``, readable by its owner only, because it holds the keys."""
        with whole_file(folder / "state.json", private=True) as file:
            json.dump(asdict(self), file)

    def of(self, status: str) -> list[CopyState]:
        """Return the copies of that status."""
        return [copy for copy in self.copies if copy.status == status]

    @property
    def first(self) -> CopyState:
        """The first copy that is ready, else the first of all."""
        return next(iter((*self.of("ready"), *self.copies)), CopyState())

    @property
    def restarts(self) -> int:
        """The number of times that servers were started again while in use."""
        return sum(copy.restarts for copy in self.copies)


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


def log_file(folder: Path, number: int) -> Path:
    """Return the log of the copy of that number: server.log, server-2.log, ..."""
    return folder / ("server.log" if number == 1 else f"server-{number}.log")


def log_tail(file: Path, size: int = 16_384) -> str:
    """Return the end of a log, unescaped."""
    try:
        with file.open("rb") as log:
            log.seek(max(0, log.seek(0, os.SEEK_END) - size))
            return log.read().decode("utf-8", "replace")
    except OSError:
        return ""
