"""JudgeSession: submits tasks, deduplicates them, uses the store, asks the engine, and returns verdicts.

One background thread runs an event loop. A bounded number of images is decoded and in flight there; the others
wait as paths. An image's requests are sent together, so that the server's caches of that image are warm.
"""

from __future__ import annotations

import asyncio
import heapq
import itertools
import threading
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Future
from functools import partial
from typing import Any, Generic, TypeVar, cast

from ..engines.base import Answer, Engine, EngineIdentity, Progress
from ..errors import EngineError, ImageJudgeError
from ..protocols.base import Protocol
from ..scoring.verdict import EditVerdict, Verdict
from ..settings import DEFAULT_MAX_PIXELS
from ..store.answer_store import Store
from ..support.prices import Price
from .budget import Budget
from .task import Stats, Task
from .task_runner import TaskRunner

T = TypeVar("T")


V = TypeVar("V", Verdict, EditVerdict)


_LOOKED_UP = 16  # tasks that are looked up in the store together


_UNREAD = 256  # stored verdicts that nobody has read yet, from which on looking up gives way


_GIVE_WAY = 0.02  # seconds


_OVER = frozenset(("CANCELLED", "CANCELLED_AND_NOTIFIED", "FINISHED"))  # states of a future


class _Promise(Future[T]):
    """Future that calls back when its verdict is first read, and takes no lock in ``done``.

    Ctrl-C in a thread that is taking the lock can leave it locked, and the thread that sets the result then hangs.
    """

    on_read: Callable[[], None] | None = None

    def done(self) -> bool:
        return self._state in _OVER

    def result(self, timeout: float | None = None) -> T:
        found = super().result(timeout)
        told, self.on_read = self.on_read, None
        if told is not None:
            told()
        return found


class JudgeSession(Generic[V]):
    """One judge for the length of a session.

    Args:
        protocol: makes the judge's requests and reads its answers.
        engine: runs the judge; started at the first request that the store cannot answer.
        store: keeps raw answers.
        progress: takes lines on the engine's progress.
        max_pixels: pixels beyond which an image is an `ImageError`.
        hold: whether to wait for `release` before the first request.
        sleep_after: seconds without work after which the engine is put to sleep; None or 0 for never.
        price: of the judge's tokens, where it is known.
        budget: that requests have to keep to, shared with other sessions.
    """

    def __init__(
        self,
        protocol: Protocol,
        engine: Engine,
        store: Store,
        *,
        progress: Progress | None = None,
        max_pixels: int = DEFAULT_MAX_PIXELS,
        hold: bool = False,
        sleep_after: float | None = None,
        price: Price | None = None,
        budget: Budget | None = None,
    ) -> None:
        self.protocol, self.engine, self.store = protocol, engine, store
        self._progress = progress or (lambda line: None)
        self._asker = TaskRunner(
            protocol, engine, store, progress=self._progress, max_pixels=max_pixels, price=price, budget=budget
        )
        self._held = hold
        self._sleep_after = sleep_after
        self._sleeping: asyncio.Task[None] | None = None
        self._order = itertools.count()
        self._beginning = threading.Lock()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._thread: threading.Thread | None = None
        self._workers: list[asyncio.Task[None]] = []
        self._queue: asyncio.PriorityQueue[tuple[int, int, Task, _Promise[V]]] | None = None  # what has to be asked
        self._handing = threading.Lock()
        self._inbox: list[tuple[int, int, Task, _Promise[V]]] = []
        self._new: list[tuple[int, int, Task, _Promise[V]]] = []  # a heap of what is not looked up yet
        self._sifter: asyncio.Task[None] | None = None
        self._unread = 0
        self._asked = 0  # tasks that were passed to the workers and are not done
        engine.grown = self._hire
        self._open: set[Future[V]] = set()
        self._closed = False
        self._begun = False  # a start, before the first request

    # -- from any thread ------------------------------------------------------------------------------------

    @property
    def stats(self) -> Stats:
        """Counts so far."""
        return self._asker.stats

    @property
    def identity(self) -> EngineIdentity:
        """Model and revision, resolved once."""
        return self._asker.identity

    def fingerprint(self, dimension: str | None = None) -> dict[str, Any]:
        """Fields that decide this judge's answers, to one dimension or to all."""
        return self._asker.fingerprint(dimension)

    def about(self, task: Task, pixels: tuple[str, ...], dimension: str, answer: Answer) -> dict[str, Any]:
        """Return the record that the store keeps beside an answer."""
        return self._asker.about(task, pixels, dimension, answer)

    def unanswered(self, task: Task, pixels: tuple[str, ...], dimension: str, *, again: bool) -> str | None:
        """Return the store's key of a request that has to be sent; None where it need not, or another comes first."""
        return self._asker.lookup.unanswered(task, pixels, dimension, again=again)

    @property
    def needed(self) -> bool:
        """Tell whether the engine was needed, for a request that the store could not answer."""
        return self._asker.start is not None or self.stats.requests > self.stats.from_store

    @property
    def started(self) -> bool:
        """Tell whether the engine was started."""
        return self._asker.start is not None or self._begun

    def begin(self, free: Mapping[str, int] | None = None) -> str:
        """Have the engine's start begin, before the first request; return why none begins, or an empty string.

        What is in the way then is raised by the first request that needs the engine. ``free`` is as of
        `HeadStart.begin`.
        """
        if self.engine.head_start is None:
            return "it starts when it is needed"
        self._begun = True  # before all else, so that `close` ends whatever has begun
        try:
            why = self.engine.head_start.begin(self._progress, free)
        except ImageJudgeError as error:
            why = str(error)
        self._begun = not why
        return why

    def stored(self, tasks: Sequence[Task]) -> bool:
        """Tell whether the store answers all of ``tasks``. Call this before the first one is submitted."""
        return all(known is not None for known in self._asker.stored(tasks))

    @property
    def outstanding(self) -> int:
        """Number of verdicts that have not arrived yet."""
        return len(self._open)

    def submit(self, task: Task, *, urgent: bool = False) -> Future[V]:
        """Judge ``task`` in the background; ``urgent`` tasks, for which a test waits, go first.

        The future ends in a verdict even where judging failed: the verdict's ``error`` says why. The future raises
        only where the session was closed (`concurrent.futures.CancelledError`), or where the judge's model can't be
        determined (`EngineError`).
        """
        if self._closed:
            raise RuntimeError("the judge's session is closed")
        future: _Promise[V] = _Promise()
        self._open.add(future)
        self.stats.submitted += 1
        loop = self._running()
        with self._handing:
            self._inbox.append((0 if urgent else 1, next(self._order), task, future))
            first = len(self._inbox) == 1
        if first:  # else the loop has been told, and has not looked yet: waking it up costs more than all the rest
            loop.call_soon_threadsafe(self._take_in)
        return future

    def judge(self, task: Task) -> V:
        """Judge ``task`` and wait."""
        return self.submit(task, urgent=True).result()

    def open_futures(self) -> list[Future[V]]:
        """The futures of the verdicts that have not arrived yet."""
        return list(self._open)

    def suspend(self) -> None:
        """Close the engine until the next request starts it again. Call this only when nothing is outstanding."""
        if self.started:
            asyncio.run_coroutine_threadsafe(self.engine.close(), self._running()).result()
            self._asker.start, self._begun = None, False

    def sleep(self) -> None:
        """Put the engine to sleep, if it can, until the next request."""
        if self._loop is not None and self.started:
            asyncio.run_coroutine_threadsafe(self.engine.sleep(), self._loop).result()

    def release(self) -> None:
        """Begin with the tasks that were submitted while the session was held."""
        self._held = False
        if self._loop is not None:
            self._loop.call_soon_threadsafe(self._begin_to_sift)

    def close(self) -> None:
        """Cancel outstanding tasks and close the engine. Safe to call twice."""
        if self._closed:
            return
        self._closed = True
        try:
            if self._begun:
                self._running()
            if self._loop is not None:
                asyncio.run_coroutine_threadsafe(self._shut(), self._loop).result()
        finally:
            if self._loop is not None and self._thread is not None:
                self._loop.call_soon_threadsafe(self._loop.stop)
                self._thread.join()
                self._loop.close()
            for future in list(self._open):
                future.cancel()
            self._open.clear()

    def __enter__(self) -> JudgeSession[V]:
        return self

    def __exit__(self, *exc: object) -> None:
        self.close()

    # -- in the loop's thread -------------------------------------------------------------------------------

    def _running(self) -> asyncio.AbstractEventLoop:
        with self._beginning:  # threads that submit at once must not each make a loop of their own
            if self._loop is None:
                loop = asyncio.new_event_loop()
                self._queue = asyncio.PriorityQueue()
                self._thread = threading.Thread(target=loop.run_forever, name="imagejudge", daemon=True)
                self._thread.start()
                self._loop = loop
            return self._loop

    def _take_in(self) -> None:
        with self._handing:
            items, self._inbox = self._inbox, []
        for item in items:
            heapq.heappush(self._new, item)
        self._begin_to_sift()

    def _begin_to_sift(self) -> None:
        idle = self._sifter is None or self._sifter.done()
        if self._new and idle and not (self._held or self._closed):
            assert self._loop is not None
            self._sifter = self._loop.create_task(self._sift())

    async def _sift(self) -> None:
        """Answer tasks from the store where it has all answers, several at a time; pass the others to the workers."""
        assert self._queue is not None
        while self._new:
            if self._unread >= _UNREAD:
                await asyncio.sleep(_GIVE_WAY)  # not for good: who waits may be waiting for the last one
            some = [heapq.heappop(self._new) for _ in range(min(_LOOKED_UP, len(self._new)))]
            try:
                known = await asyncio.to_thread(self._asker.stored, [task for _, _, task, _ in some])
            except Exception:  # noqa: BLE001 - what is wrong is said of each image by itself
                known = [None] * len(some)
            for item, found in zip(some, known, strict=True):
                _, _, task, future = item
                if found is None:
                    self._queue.put_nowait(item)
                    self._asked += 1
                    continue
                if future.set_running_or_notify_cancel():
                    if task.awaited:
                        self._count_unread(1)
                        future.on_read = partial(self._count_unread, -1)
                    future.set_result(cast(V, self._asker.verdict_of(task, found)))
                self._count_done(future)
            self.engine.awaits(self._asked)
            self._hire()

    def _count_unread(self, change: int) -> None:
        with self._handing:
            self._unread += change

    def _hire(self) -> None:
        """Start workers: as many as images may be in flight, but no more than there are tasks."""
        assert self._queue is not None
        assert self._loop is not None
        waiting = self._queue.qsize() and not self._closed
        wanted = min(max(1, self.engine.concurrency), len(self._open)) if waiting else 0
        while len(self._workers) < wanted:
            self._workers.append(self._loop.create_task(self._work()))

    async def _work(self) -> None:
        assert self._queue is not None
        while True:
            _, _, task, future = await self._queue.get()
            if future.set_running_or_notify_cancel():
                try:
                    future.set_result(cast(V, await self._asker.judge(task)))
                except asyncio.CancelledError:
                    future.set_exception(EngineError("the session ended before this was judged"))
                    raise
                except Exception as error:  # noqa: BLE001 - a fault in one image must not end the worker
                    self._break(task, future, error)
            self._asked -= 1
            self.engine.awaits(self._asked)
            self._count_done(future)

    def _count_done(self, future: Future[V]) -> None:
        self.stats.done += 1
        self._open.discard(future)
        if not self._open and self._sleep_after and self._loop is not None:
            self._loop.call_later(self._sleep_after, self._sleep_if_idle, self.stats.done)

    def _break(self, task: Task, future: Future[V], error: Exception) -> None:
        words = str(error) if isinstance(error, ImageJudgeError) else f"{type(error).__name__}: {error}"
        try:
            future.set_result(cast(V, self._asker.unjudged(task, words)))
        except Exception:  # noqa: BLE001 - not even the judge's model can be named, which a verdict does
            future.set_exception(EngineError(words))

    def _sleep_if_idle(self, done: int) -> None:
        if done == self.stats.done and not self._open and not self._closed and self._loop is not None:
            self._sleeping = self._loop.create_task(self._fall_asleep())

    async def _fall_asleep(self) -> None:
        try:
            await self.engine.sleep()
        except EngineError as error:
            self._progress(f"the judge's server could not be put to sleep: {error}")

    async def _shut(self) -> None:
        tasks = [task for task in (*self._workers, self._sifter, self._asker.start) if task is not None]
        for task in tasks:
            task.cancel()  # of one that is done this does nothing
        await asyncio.gather(*tasks, return_exceptions=True)
        await self.engine.close()
