"""Join the running servers of a judge, make room for a first one and have it started, and add copies."""

from __future__ import annotations

import asyncio
import contextlib
import dataclasses
import time

from ...errors import ConfigError, EngineError
from ..base import Progress
from . import shared_server
from .caches import use_caches
from .copy_plan import deserved, why_words
from .placement import fit, pick
from .planning import Plan, Planner, describe

LOOK_SECONDS = 1.0  # between two looks at whether another server has started


LOOK_AGAIN_SECONDS = 10.0  # between two looks for GPUs that nothing uses


class Starter:
    """Joins the server of a plan, or has it started, until the judge is closed.

    Attributes:
        server: the joined server, or None.
        closed: number of times that the judge was closed; each ends a start that is under way.
        lacks_room: True where the images were worth one more copy, and no GPU was unused.
    """

    def __init__(self, planner: Planner) -> None:
        self.planner = planner
        self.server: shared_server.Server | None = None
        self.closed = 0
        self.lacks_room = False
        self._look_again = 0.0

    def begin(self, plan: Plan, progress: Progress) -> str:
        """Join the server or have it started now; return the title of another start that is in the way, or ''.

        Raises:
            EngineError: as `join`.
        """
        return self._try_to_join(plan, self.closed, progress) if self.server is None else ""

    async def join(self, plan: Plan, progress: Progress) -> None:
        """Join the server or have it started, once no other server is starting on its GPUs.

        vLLM measures the free memory while it starts, and fails where another process takes some meanwhile.

        Raises:
            EngineError: not enough memory is free, or the start has failed already.
        """
        told, closed = False, self.closed
        while self.server is None:
            waits_for = await asyncio.to_thread(self._try_to_join, plan, closed, progress)
            if waits_for:
                if not told:
                    progress(f"{plan.model.name}: waits until {waits_for} has started on the same GPU")
                    told = True
                await asyncio.sleep(LOOK_SECONDS)

    def _try_to_join(self, plan: Plan, closed: int, progress: Progress) -> str:
        """Choose GPUs and join or start, one process at a time; return the title of a start in the way, or ''."""
        from filelock import FileLock

        folder = shared_server.servers_folder(self.planner.state_dir)
        with shared_server.usable_folder():
            folder.mkdir(parents=True, exist_ok=True)
            alone = FileLock(folder / "choosing.lock").acquire()
        with alone:
            shared_server.remove_old(self.planner.state_dir)
            use_caches(self.planner.state_dir, plan.install)
            spec = self.make_room(plan, progress)
            for place, state, _ in shared_server.running(self.planner.state_dir):
                starting = {uuid for copy in state.of("starting") for uuid in copy.leaves}
                if place.name != spec.digest and starting & spec.copy.leaves.keys():
                    return state.title
            mine = shared_server.Server(spec, self.planner.state_dir)
            if self.closed == closed:
                mine.join(keep_alive=self.planner.settings.keep_alive)
                self.server = mine
        if self.closed != closed:  # while this thread, which nobody can cancel, was at it
            self.server = None
            mine.leave()
            raise EngineError("the judge was closed while it started")
        return ""

    def count_images(self, plan: Plan, images: int) -> None:
        """Tell the other users how many images this one waits for, and add copies that all those images are worth."""
        mine = self.server
        if mine is None:
            return
        mine.tell(images)
        lacks = deserved(mine.images(), self.planner.most_copies()) > len(mine.places())
        if lacks and time.monotonic() >= self._look_again:
            self._look_again = time.monotonic() + LOOK_AGAIN_SECONDS
            self._add_copies(plan, mine)

    def _add_copies(self, plan: Plan, mine: shared_server.Server) -> None:
        """Have further copies started where GPUs are unused; one process at a time."""
        from filelock import FileLock

        with FileLock(shared_server.servers_folder(self.planner.state_dir) / "choosing.lock"):
            images, copies = mine.images(), mine.places()
            wanted = deserved(images, self.planner.most_copies())
            taken = {uuid for copy in copies for uuid in copy["leaves"]}
            for _ in range(len(copies), wanted):
                room = self.planner.room(self.planner.place(plan.model, plan.install), other_is_up=self._other_is_up())
                gpus = room.further(taken)
                self.lacks_room = not gpus
                if not gpus:
                    return
                mine.add(self.planner.copy(plan, gpus, why_words(images)))
                taken |= {gpu.uuid for gpu in gpus}

    def _other_is_up(self) -> bool:
        """Return True where the session's other judge has its GPU already."""
        if self.planner.settings.beside is None:
            return False
        other = Planner(self.planner.settings.beside, self.planner.state_dir)
        with contextlib.suppress(ConfigError):
            return other.as_planned().supervised
        return False

    def make_room(self, plan: Plan, progress: Progress) -> shared_server.ServerSpec:
        """Choose GPUs by their free memory, and stop idle servers of ours that are in the way.

        Raises:
            EngineError: not enough memory is free; with the holders.
        """
        fits = self.planner.fit()
        spec = self.planner.spec(plan, fits.gpus)
        if not fits.gpus or fits.running:
            return spec
        if not fits.ok and not plan.placement.at_most:
            raise EngineError(f"{plan.model.name}: {describe(fits)}")
        # beside another one there is no room for the share that vLLM takes where nobody tells how much there is
        if fits.free_bytes is None or not fit(self.planner.place(plan.model, plan.install)).ok:
            for folder, _, users in shared_server.running(self.planner.state_dir):
                if users == 0 and folder.name != spec.digest:
                    progress(f"stopping an idle server of this project to make room ({folder.name})")
                    shared_server.stop(folder)
            now = self.planner.place(plan.model, plan.install)
            spec = self.planner.spec(dataclasses.replace(plan, placement=now), pick(now))
        return spec
