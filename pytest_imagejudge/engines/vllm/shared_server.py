"""The user's side of a shared server: start or join, wait, find again, and leave."""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from ...errors import EngineError
from ...settings import CACHE_HINT
from ...support.escaping import escape
from ...support.files import whole_file
from ...support.locks import is_held, machine
from ..base import Progress
from .processes import Lease, end_orphans, live_leases
from .supervisor import AGAIN, HOME, State, log_tail

POLL_SECONDS = 0.25


REPORT_SECONDS = 20.0  # between two lines about the same phase of a start


NOTICE_SECONDS = 10.0  # how long a supervisor may take to notice that its server is dead


TAIL_LINES = 30


OLD_SECONDS = 7 * 24 * 3600.0  # how long the folder of a server that is gone is left, for its logs


# Of the tests and of CI, with no business in a server that runs a model's code: starts of variables' names. The Hub's
# token is not among them: a download needs it.
SECRETS = ("IMAGEJUDGE_STORE_KEY", "IMAGEJUDGE_API_KEY", "GITHUB_TOKEN", "GH_TOKEN", "ACTIONS_")


# What a line of vLLM's log says about how far a start has come; the last that matches counts.
PHASES: tuple[tuple[re.Pattern[str], str], ...] = tuple(
    (re.compile(pattern), phase)
    for pattern, phase in (
        (r"imagejudge: (downloading .*)", r"\1"),
        (r"non-default args", "reading the model's configuration"),
        (r"Resolved architecture|Using max model len", "starting the engine's processes"),
        (r"Initializing a V1 LLM engine|Starting to load model", "loading the model"),
        (r"Loading safetensors checkpoint shards: +(\d+%)", r"loading weights, \1"),
        (r"Loading weights took|Model loading took", "weights are loaded"),
        (r"[Tt]orch\.compile |Dynamo bytecode|Compiling a graph|Cache the graph", "compiling"),
        (r"Encoder cache will be initialized|[Mm]emory profiling|profile run", "measuring memory"),
        (r"[GC]PU KV cache size|Available KV cache memory", "setting up the caches"),
        (r"Capturing CUDA graphs?", "capturing CUDA graphs"),
        (r"init engine .* took|Starting vLLM server|Started server process", "starting the HTTP server"),
    )
)


_CAUSE = re.compile(r"\b(\w+(?:Error|Exception|Interrupt): .*|Killed|.*CUDA out of memory.*)")


_NOISE = re.compile(r"\] Route: /|UserWarning: resource_tracker: |warnings\.warn\('resource_tracker: ")  # tells nothing


_ANSI = re.compile(r"\x1b\[[0-9;?]*[ -/]*[@-~]")


@dataclass(frozen=True)
class ServerSpec:
    """The specification of a server; users with the same ``digest`` share one server.

    Attributes:
        title: name for people.
        command: of the server; "{port}" and "{model}" as whole words are filled in when known.
        env: variables to set, or with None to remove.
        download: a command to run before, which writes the model's folder into the file ``model``.
        identity: the facts that make two servers different; the other fields may differ.
        leaves: bytes of each GPU, by UUID, that the running server leaves for others.
    """

    title: str
    command: tuple[str, ...]
    env: dict[str, str | None]
    download: tuple[str, ...] | None
    identity: tuple[str, ...]
    leaves: dict[str, int] = field(default_factory=dict)

    @property
    def digest(self) -> str:
        """SHA-256 (hex, shortened) over the identity and this machine."""
        return hashlib.sha256(json.dumps([machine(), *self.identity]).encode()).hexdigest()[:24]


class Server:
    """One user of one shared server."""

    def __init__(self, spec: ServerSpec, state_dir: Path) -> None:
        self.spec = spec
        self.folder = servers_folder(state_dir).resolve() / spec.digest
        self._lease: Lease | None = None

    @property
    def log(self) -> Path:
        """The server's output."""
        return self.folder / "server.log"

    @property
    def asleep(self) -> int:
        """The generation that a user put to sleep, or 0."""
        try:
            return int((self.folder / "asleep").read_text("utf-8"))
        except (OSError, ValueError):
            return 0

    @asleep.setter
    def asleep(self, generation: int) -> None:
        with whole_file(self.folder / "asleep") as file:
            file.write(str(generation))

    def shared(self) -> bool:
        """Return True where the server has other users."""
        assert self._lease is not None
        return bool(live_leases(self.folder / "leases", apart_from=self._lease.path))

    @property
    def in_use(self) -> bool:
        """True where the server is up or starting and has a user, so that joining starts nothing."""
        state = self.state()
        return state is not None and state.status in ("starting", "ready") and bool(live_leases(self.folder / "leases"))

    def state(self) -> State | None:
        """Read the state that the supervisor wrote, or None."""
        return State.read(self.folder)

    @property
    def supervised(self) -> bool:
        """True where the supervisor lives."""
        return is_held(self.folder / "supervisor.lock")

    def join(self, *, keep_alive: float | None = None, again: bool = False) -> None:
        """Become a user, and have the server started where it is not up; does not wait until it is ready.

        Args:
            keep_alive: minutes to leave the server up after the last user.
            again: the supervisor was lost while this user was using it.

        Raises:
            EngineError: the start has just failed for other users, or the supervisor can't be started.
        """
        from filelock import FileLock

        leases = self.folder / "leases"
        with usable_folder():
            leases.mkdir(parents=True, exist_ok=True, mode=0o700)
            self.folder.chmod(0o700)
        if self._lease is None:
            self._lease = Lease(leases, keep_alive=keep_alive)
        while True:
            with FileLock(self.folder / "lock"):
                state = self.state()
                if not self.supervised:
                    if state is not None and (again or live_leases(leases, apart_from=self._lease.path)):
                        self._check_that_it_may_start(state, leave=not again)
                    elif state is not None:
                        (self.folder / "state.json").unlink(missing_ok=True)
                    self._supervise()
                    return
                if state is not None and state.status not in ("stopping", "stopped", "failed"):
                    return
            time.sleep(POLL_SECONDS)  # it is just ending

    def _check_that_it_may_start(self, state: State, *, leave: bool) -> None:
        if state.status in ("starting", "ready") and state.restarts:
            state.status, state.message = "failed", "its supervisor was killed again after its restart"
            state.write(self.folder)
        if state.status == "failed":
            if leave:
                self.leave()
            raise self.failure(state)

    def _supervise(self) -> None:
        spec = {
            "title": self.spec.title,
            "command": self.spec.command,
            "env": self.spec.env,
            "download": self.spec.download,
            "leaves": self.spec.leaves,
        }
        (self.folder / "asleep").unlink(missing_ok=True)
        with whole_file(self.folder / "spec.json") as file:
            json.dump(spec, file)
        with (self.folder / "supervisor.log").open("w+", encoding="utf-8") as output:
            done = subprocess.run(
                [sys.executable, "-P", "-m", "pytest_imagejudge.engines.vllm.supervisor", str(self.folder)],
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                cwd="/",
                env={name: value for name, value in os.environ.items() if not name.startswith(SECRETS)},
                check=False,
            )
            output.seek(0)
            if done.returncode:
                self.leave()
                raise EngineError(f"the judge's supervisor did not start: {escape(output.read()[-2000:])}")

    async def ready(self, progress: Progress, *, after: int = 0) -> State:
        """Wait until a server later than generation ``after`` takes requests.

        Raises:
            EngineError: the server failed; with its log's tail.
        """
        watcher = _Watcher(self.log, progress)
        while True:
            state = self.state()
            if state is not None and state.status == "failed":
                raise self.failure(state)
            if state is not None and state.status == "ready" and state.generation > after and self.supervised:
                watcher.done(state)
                return state
            if not self.supervised:
                state = self.state()
                if state is not None and state.status == "failed":
                    raise self.failure(state)
                if state is not None and state.status in ("stopping", "stopped"):
                    raise EngineError("the judge's server was stopped while it was in use")
                progress("the judge's supervisor was lost; it is started again")
                await asyncio.to_thread(self.join, again=True)
            if state is not None and state.status == "starting":
                watcher.look(state)
            await asyncio.sleep(POLL_SECONDS)

    async def noticed(self, generation: int) -> bool:
        """Wait a moment; return True where the supervisor found the server of ``generation`` dead."""
        deadline = time.monotonic() + NOTICE_SECONDS
        while time.monotonic() < deadline:
            state = self.state()
            if state is None or state.status != "ready" or state.generation != generation or not self.supervised:
                return True
            await asyncio.sleep(POLL_SECONDS)
        return False

    def leave(self) -> None:
        """Stop being a user; the last one to leave ends the server, unless kept alive. Safe to call twice."""
        lease, self._lease = self._lease, None
        if lease is not None:
            lease.end()

    async def ended(self, seconds: float) -> None:
        """Wait for the end of the server that was left, unless it has other users or is kept alive."""
        deadline = time.monotonic() + seconds
        while self.supervised and time.monotonic() < deadline and not live_leases(self.folder / "leases"):
            state = self.state()
            if state is not None and state.kept and state.status == "ready":
                return
            await asyncio.sleep(POLL_SECONDS)
        state = self.state()
        if not self.supervised and state is not None and state.status in ("starting", "ready"):
            await asyncio.to_thread(end_orphans, self.folder / HOME)  # the supervisor was killed

    def failure(self, state: State) -> EngineError:
        """Make the error of a failed server: the cause, the most telling line of the log, and the log's tail."""
        lines = [line for line in _ANSI.sub("", log_tail(self.log, 65_536)).splitlines() if line.strip()]
        lines = [line for line in lines if not _NOISE.search(line)]
        causes = [m[1] for line in lines if (m := _CAUSE.search(line)) and "See root cause above" not in line]
        message = f"the judge's server failed: {state.message}"
        if causes:
            message += f"\n  cause: {escape(causes[-1])[:1000]}"
        shown = "\n".join(f"  | {escape(line)[:500]}" for line in lines[-TAIL_LINES:])
        return EngineError(f"{message}\n  log: {self.log}" + (f", its end:\n{shown}" if shown else ", which is empty"))


class _Watcher:
    """Reports a server's log as a line of progress now and then."""

    def __init__(self, log: Path, progress: Progress) -> None:
        self._log, self._progress = log, progress
        self._phase, self._said, self._generation = "", 0.0, 0

    def look(self, state: State) -> None:
        phase = "downloading" if state.phase == "download" else "importing vLLM"
        log = log_tail(self._log).rpartition(AGAIN)[2]  # not what the server before has come to
        for line in _ANSI.sub("", log).replace("\r", "\n").splitlines():
            for pattern, words in PHASES:
                if match := pattern.search(line):
                    phase = match.expand(words) if "\\" in words else words
        kind = re.sub(r"[\d.,%]+", "", phase)
        now = time.monotonic()
        if kind != self._phase or now - self._said > REPORT_SECONDS:
            self._phase, self._said = kind, now
            self._progress(f"{escape(state.title)}: {escape(phase)} ({time.time() - state.started:.0f} s so far)")

    def done(self, state: State) -> None:
        if self._phase:
            self._progress(f"{escape(state.title)}: ready after {time.time() - state.started:.0f} s")


def servers_folder(state_dir: Path) -> Path:
    """Return the folder that holds the folders of the servers."""
    return state_dir / "servers"


@contextlib.contextmanager
def usable_folder() -> Iterator[None]:
    """Turn an OSError about a server's folder into an `EngineError`."""
    try:
        yield
    except OSError as error:
        raise EngineError(f"the folder for the judge's server can't be used: {error}; {CACHE_HINT}") from None


def running(state_dir: Path) -> Iterator[tuple[Path, State, int]]:
    """Yield folder, state and number of users of each server of this machine that is up."""
    for place, state in _of_this_machine(state_dir):
        if is_held(place / "supervisor.lock"):
            yield place, state, len(live_leases(place / "leases"))


def _of_this_machine(state_dir: Path) -> Iterator[tuple[Path, State]]:
    """Yield folder and state of the servers of this machine; other machines may share the folder."""
    places: list[Path] = []
    with contextlib.suppress(OSError):  # none yet; or closed to this user, which a start will tell
        places = sorted(servers_folder(state_dir).iterdir())
    for place in places:
        state = State.read(place)
        if state is not None and state.machine == machine():
            yield place, state


def remove_old(state_dir: Path) -> None:
    """Remove the folders of servers of this machine that ended long ago and that nobody is joining."""
    for place, _ in _of_this_machine(state_dir):
        if is_held(place / "supervisor.lock") or live_leases(place / "leases"):
            continue
        with contextlib.suppress(OSError):
            if time.time() - max(file.stat().st_mtime for file in place.iterdir() if file.is_file()) > OLD_SECONDS:
                shutil.rmtree(place)


def stop(folder: Path, seconds: float = 60.0) -> bool:
    """End the server of a folder; return True when it has ended, False for one of another machine."""
    state = State.read(folder)
    if state is not None and state.machine != machine():
        return False
    if state is None or not is_held(folder / "supervisor.lock"):
        return True
    try:
        os.kill(state.supervisor, signal.SIGTERM)
    except ProcessLookupError:
        return True
    deadline = time.monotonic() + seconds
    while is_held(folder / "supervisor.lock"):
        if time.monotonic() > deadline:
            return False
        time.sleep(POLL_SECONDS)
    return True
