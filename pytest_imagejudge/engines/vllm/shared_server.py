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
from collections.abc import Collection, Iterable, Iterator
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from ...errors import EngineError
from ...settings import CACHE_HINT
from ...support.environment import environment
from ...support.escaping import escape
from ...support.files import whole_file
from ...support.locks import is_held, machine
from ..base import Progress
from .processes import Lease, end_orphans, live_leases
from .server_copy import HOME
from .start_progress import ANSI, StartWatcher
from .state import CopyState, State, log_file, log_tail

POLL_SECONDS = 0.25


NOTICE_SECONDS = 10.0  # how long a supervisor may take to notice that its server is dead


TAIL_LINES = 30


OLD_SECONDS = 7 * 24 * 3600.0  # how long the folder of a server that is gone is left, for its logs


# Of the tests and of CI, with no business in a server that runs a model's code: starts of variables' names. The Hub's
# token is not among them: a download needs it.
SECRETS = ("IMAGEJUDGE_STORE_KEY", "IMAGEJUDGE_API_KEY", "GITHUB_TOKEN", "GH_TOKEN", "ACTIONS_")


_CAUSE = re.compile(r"\b(\w+(?:Error|Exception|Interrupt): .*|Killed|.*CUDA out of memory.*)")


_NOISE = re.compile(r"\] Route: /|UserWarning: resource_tracker: |warnings\.warn\('resource_tracker: ")  # tells nothing


@dataclass(frozen=True)
class CopySpec:
    """The specification of one copy of the model, which has a server of its own.

    Attributes:
        command: of the server; "{port}" and "{model}" as whole words are filled in when known.
        env: variables to set, or with None to remove.
        leaves: bytes of each of its GPUs, by UUID, that the running server leaves for others.
        place: its GPUs, for people; empty without any.
        why: the reason for this copy, for people; empty for the first.
    """

    command: tuple[str, ...]
    env: dict[str, str | None]
    leaves: dict[str, int] = field(default_factory=dict)
    place: str = ""
    why: str = ""


@dataclass(frozen=True)
class ServerSpec:
    """The specification of a judge's servers; users with the same ``digest`` share them.

    Attributes:
        title: name for people.
        copy: the first copy; others are added where they are worth it.
        download: a command to run before, which writes the model's folder into the file ``model``.
        identity: the facts that make two judges' servers different; the other fields may differ.
    """

    title: str
    copy: CopySpec
    download: tuple[str, ...] | None
    identity: tuple[str, ...]

    @property
    def digest(self) -> str:
        """SHA-256 (hex, shortened) over the identity and this machine."""
        return hashlib.sha256(json.dumps([machine(), *self.identity]).encode()).hexdigest()[:24]


class Server:
    """One user of the shared servers of one judge."""

    def __init__(self, spec: ServerSpec, state_dir: Path) -> None:
        self.spec = spec
        self.folder = servers_folder(state_dir).resolve() / spec.digest
        self._lease: Lease | None = None

    @property
    def asleep(self) -> frozenset[int]:
        """The generations that a user put to sleep."""
        try:
            return frozenset(map(int, (self.folder / "asleep").read_text("utf-8").split()))
        except (OSError, ValueError):
            return frozenset()

    @asleep.setter
    def asleep(self, generations: Iterable[int]) -> None:
        with whole_file(self.folder / "asleep") as file:
            file.write(" ".join(map(str, generations)))

    def tell(self, images: int) -> None:
        """Tell the other users how many images this one waits for."""
        if self._lease is not None:
            with contextlib.suppress(OSError):  # then there may be fewer copies
                (self.folder / "images").mkdir(exist_ok=True)
                (self.folder / "images" / self._lease.path.name).write_text(str(images), "utf-8")

    def images(self) -> int:
        """Return the number of images that all users wait for."""
        found = 0
        for lease in live_leases(self.folder / "leases"):
            with contextlib.suppress(OSError, ValueError):  # it has told nothing, or is just telling
                found += int((self.folder / "images" / lease["name"]).read_text("utf-8"))
        return found

    def add(self, copy: CopySpec) -> None:
        """Have the supervisor start one more copy."""
        from filelock import FileLock

        with FileLock(self.folder / "lock"):
            spec = json.loads((self.folder / "spec.json").read_text("utf-8"))
            spec["copies"].append(asdict(copy))
            with whole_file(self.folder / "spec.json") as file:
                json.dump(spec, file)

    def places(self) -> list[dict[str, Any]]:
        """Return the specifications of all copies, as they are in the file: `CopySpec` by field."""
        return _copies_in(self.folder)

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
                    goes_on = state is not None and (again or live_leases(leases, apart_from=self._lease.path))
                    if state is not None and goes_on:
                        self._check_that_it_may_start(state, leave=not again)
                    elif state is not None:
                        (self.folder / "state.json").unlink(missing_ok=True)
                    self._supervise(same=bool(goes_on))
                    return
                if state is not None and state.status not in ("stopping", "stopped", "failed"):
                    return
            time.sleep(POLL_SECONDS)  # it is just ending

    def _check_that_it_may_start(self, state: State, *, leave: bool) -> None:
        if state.status in ("starting", "ready") and state.copies and all(copy.restarts for copy in state.copies):
            state.status, state.message = "failed", "its supervisor was killed again after its restart"
            state.write(self.folder)
        if state.status == "failed":
            if leave:
                self.leave()
            raise self.failure(state)

    def _supervise(self, *, same: bool) -> None:
        """Start the supervisor, with the ``same`` copies as before or with the first one only."""
        (self.folder / "asleep").unlink(missing_ok=True)
        if not (same and self.places()):
            spec = {"title": self.spec.title, "download": self.spec.download, "copies": [asdict(self.spec.copy)]}
            with whole_file(self.folder / "spec.json") as file:
                json.dump(spec, file)
        with (self.folder / "supervisor.log").open("w+", encoding="utf-8") as output:
            done = subprocess.run(
                [sys.executable, "-P", "-m", "pytest_imagejudge.engines.vllm.supervisor", str(self.folder)],
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                cwd="/",
                env={name: value for name, value in environment().items() if not name.startswith(SECRETS)},
                check=False,
            )
            output.seek(0)
            if done.returncode:
                self.leave()
                raise EngineError(f"the judge's supervisor did not start: {escape(output.read()[-2000:])}")

    async def settled(self) -> None:
        """Wait until no copy is starting."""
        while self.supervised:
            state = self.state()
            if state is None or not state.of("starting"):
                return
            await asyncio.sleep(POLL_SECONDS)

    async def ready(self, progress: Progress, *, lost: Collection[int] = ()) -> State:
        """Wait until a server takes requests, apart from the generations that are known to be ``lost``.

        Raises:
            EngineError: the servers failed; with a log's tail.
        """
        watcher = StartWatcher(self.folder, progress)
        while True:
            state = self.state()
            if state is not None and state.status == "failed":
                raise self.failure(state)
            if state is not None and any(copy.generation not in lost for copy in state.of("ready")) and self.supervised:
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
            ready = state is not None and any(copy.generation == generation for copy in state.of("ready"))
            if not (ready and self.supervised):
                return True
            await asyncio.sleep(POLL_SECONDS)
        return False

    def leave(self) -> None:
        """Stop being a user; the last one to leave ends the server, unless kept alive. Safe to call twice."""
        lease, self._lease = self._lease, None
        if lease is not None:
            (self.folder / "images" / lease.path.name).unlink(missing_ok=True)
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
        """Make the error of failed servers: the cause, the most telling line of a log, and that log's tail."""
        log = log_file(self.folder, next(iter((*state.of("failed"), state.first))).number)
        lines = [line for line in ANSI.sub("", log_tail(log, 65_536)).splitlines() if line.strip()]
        lines = [line for line in lines if not _NOISE.search(line)]
        causes = [m[1] for line in lines if (m := _CAUSE.search(line)) and "See root cause above" not in line]
        message = f"the judge's server failed: {state.message}"
        if causes:
            message += f"\n  cause: {escape(causes[-1])[:1000]}"
        shown = "\n".join(f"  | {escape(line)[:500]}" for line in lines[-TAIL_LINES:])
        return EngineError(f"{message}\n  log: {log}" + (f", its end:\n{shown}" if shown else ", which is empty"))


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
    """Yield folder, state and number of users of each server of this machine that is up.

    Copies that its supervisor has not taken in yet are among those that start, so that nobody else takes their GPUs.
    """
    for place, state in _of_this_machine(state_dir):
        if is_held(place / "supervisor.lock"):
            for number, copy in enumerate(_copies_in(place)[len(state.copies) :], len(state.copies) + 1):
                state.copies.append(CopyState(number, leaves=copy["leaves"], place=copy["place"], why=copy["why"]))
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


def _copies_in(folder: Path) -> list[dict[str, Any]]:
    try:
        return list(json.loads((folder / "spec.json").read_text("utf-8"))["copies"])
    except (OSError, ValueError, KeyError):
        return []


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
