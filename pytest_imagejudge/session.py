"""JudgeSession: submits, deduplicates, looks into the store, asks, stores, and hands out verdicts.

One background thread runs an event loop; a bounded number of images is decoded and in flight there, the rest
waits as paths. An image's requests go out together, so that the server's caches for it are hot.
"""

from __future__ import annotations

import asyncio
import dataclasses
import itertools
import threading
from collections.abc import Awaitable, Callable, Sequence
from concurrent.futures import Future
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Generic, TypeVar

from .engines.base import Answer, Engine, EngineIdentity, Progress
from .errors import EngineError, ImageError, ImageJudgeError
from .images import ImageFile, load_hashed, pixel_hash
from .protocols.base import EDIT, Protocol, Reading, Request, digest_of
from .settings import DEFAULT_MAX_PIXELS
from .store import Store, key_of
from .verdict import EditVerdict, Problem, Verdict

V = TypeVar("V", Verdict, EditVerdict)


@dataclass(frozen=True, slots=True)
class Task:
    """What is to be judged: text and pictures.

    Attributes:
        text: the prompt, or the instruction of an edit.
        images: one picture, or source and edited.
        dimensions: L1 to ask about, or (`EDIT`,).
        repeat: 0 for the first judgement; the same task with another number is judged afresh.
    """

    text: str
    images: tuple[ImageFile, ...]
    dimensions: tuple[str, ...]
    repeat: int = 0


@dataclass
class Stats:
    """Counts of a session. Requests are questions to the judge (one an L1), not images."""

    submitted: int = 0
    done: int = 0
    requests: int = 0
    from_store: int = 0
    prompt_tokens: int = 0
    cached_prompt_tokens: int = 0
    output_tokens: int = 0


@dataclass(frozen=True)
class _Asked:
    """What came of one dimension."""

    answer: Answer | None
    reading: Reading
    problems: tuple[Problem, ...] = ()
    stored: bool = False
    error: str = ""


@dataclass
class _Pictures:
    """One task's pictures: hashed without decoding where the store knows the file, decoded once where needed."""

    files: Sequence[ImageFile]
    max_pixels: int
    store: Store
    found: tuple[str, ...] = ()
    decoded: tuple[Any, ...] | None = None
    lock: asyncio.Lock = field(default_factory=asyncio.Lock)

    def hashes(self) -> tuple[str, ...]:
        """SHA-256 of each picture's pixels."""
        known: list[str | None] = [None]
        if self.max_pixels >= DEFAULT_MAX_PIXELS:  # the index does not say how large a picture is
            known = [self.store.pixels(file.path) for file in self.files]
        self.found = tuple(one for one in known if one) if all(known) else self._decode()
        return self.found

    def _decode(self) -> tuple[str, ...]:
        images, hashes = [], []
        for file in self.files:
            image, content = load_hashed(file, max_pixels=self.max_pixels)
            images.append(image)
            hashes.append(pixel_hash(image))
            self.store.remember_pixels(content, hashes[-1])
        self.decoded = tuple(images)
        return tuple(hashes)

    async def images(self) -> tuple[Any, ...]:
        """The pictures, which are still those that were hashed."""
        async with self.lock:
            if self.decoded is None and await asyncio.to_thread(self._decode) != self.found:
                self.decoded = None
                names = ", ".join(str(file.path) for file in self.files)
                raise ImageError(f"{names}: changed while it was waiting to be judged")
            assert self.decoded is not None
            return self.decoded


class JudgeSession(Generic[V]):
    """One judge for the length of a session.

    Args:
        protocol: how it is asked and read.
        engine: where it runs; started at the first request that the store cannot answer.
        store: raw answers, kept.
        progress: takes lines of what the engine is doing.
        max_pixels: an image with more is an `ImageError` of that image.
        hold: submit nothing until `release`.
        sleep_after: seconds without work after which the engine is put to sleep; None or 0 never does.
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
    ) -> None:
        self.protocol, self.engine, self.store = protocol, engine, store
        self.stats = Stats()
        self._progress = progress or (lambda line: None)
        self._max_pixels = max_pixels
        self._held = hold
        self._sleep_after = sleep_after
        self._sleeping: asyncio.Task[None] | None = None
        self._order = itertools.count()
        self._identity: EngineIdentity | None = None
        self._digests: dict[tuple[str, bool], str] = {}
        self._loop: asyncio.AbstractEventLoop | None = None
        self._thread: threading.Thread | None = None
        self._workers: list[asyncio.Task[None]] = []
        self._queue: asyncio.PriorityQueue[tuple[int, int, Task, Future[V]]] | None = None
        self._open: set[Future[V]] = set()
        self._asking: dict[str, asyncio.Future[tuple[Answer, bool]]] = {}
        self._start: asyncio.Task[None] | None = None
        self._closed = False

    # -- from any thread ------------------------------------------------------------------------------------

    @property
    def identity(self) -> EngineIdentity:
        """Model and revision, resolved once."""
        if self._identity is None:
            self._identity = self.engine.identity()
        return self._identity

    @property
    def started(self) -> bool:
        """Whether the engine has been asked for."""
        return self._start is not None

    @property
    def outstanding(self) -> int:
        """How many verdicts are not in yet."""
        return len(self._open)

    def submit(self, task: Task, *, urgent: bool = False) -> Future[V]:
        """Judge ``task`` in the background; ``urgent`` goes before what is not (somebody waits for it).

        The future ends in a verdict even where judging failed: its ``error`` says why. It raises only where
        the session was closed (`concurrent.futures.CancelledError`), or where not even the judge's model can
        be found out (`EngineError`).
        """
        if self._closed:
            raise RuntimeError("the judge's session is closed")
        future: Future[V] = Future()
        self._open.add(future)
        self.stats.submitted += 1
        loop = self._running()
        item = (0 if urgent else 1, next(self._order), task, future)
        loop.call_soon_threadsafe(self._put, item)
        return future

    def judge(self, task: Task) -> V:
        """Judge ``task`` and wait."""
        return self.submit(task, urgent=True).result()

    def open_futures(self) -> list[Future[V]]:
        """The futures of the verdicts that are not in yet."""
        return list(self._open)

    def suspend(self) -> None:
        """Give the engine back for now; the next request starts it again. Only when nothing is outstanding."""
        if self._loop is not None:
            asyncio.run_coroutine_threadsafe(self.engine.close(), self._loop).result()
            self._start = None

    def sleep(self) -> None:
        """Let the engine sleep, if it can, until the next request."""
        if self._loop is not None and self.started:
            asyncio.run_coroutine_threadsafe(self.engine.sleep(), self._loop).result()

    def release(self) -> None:
        """Begin with what was submitted while the session was held."""
        self._held = False
        if self._loop is not None:
            self._loop.call_soon_threadsafe(self._hire)

    def close(self) -> None:
        """End: what is outstanding is cancelled, the engine is given back. Safe to call twice."""
        if self._closed:
            return
        self._closed = True
        if self._loop is not None and self._thread is not None:
            asyncio.run_coroutine_threadsafe(self._shut(), self._loop).result()
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

    def fingerprint(self, dimension: str | None = None) -> dict[str, Any]:
        """What decides this judge's answers."""
        sampling = dict(self.protocol.sampling(dimension or self.protocol.dimensions[0]))
        grammar = sampling.pop("structured_outputs", None)
        if grammar is not None:
            sampling["grammar"] = "json"
        return {
            "model": self.identity.model,
            "revision": self.identity.revision,
            "protocol": self.protocol.name,
            "protocol_digest": self.protocol.digest,
            "treatment": self.protocol.treatment,
            "sampling": sampling,
            **self.identity.extra,
        }

    # -- in the loop's thread -------------------------------------------------------------------------------

    def _running(self) -> asyncio.AbstractEventLoop:
        if self._loop is None:
            self._loop = asyncio.new_event_loop()
            self._queue = asyncio.PriorityQueue()
            self._thread = threading.Thread(target=self._loop.run_forever, name="imagejudge", daemon=True)
            self._thread.start()
        return self._loop

    def _put(self, item: tuple[int, int, Task, Future[V]]) -> None:
        assert self._queue is not None
        self._queue.put_nowait(item)
        self._hire()

    def _hire(self) -> None:
        """As many workers as images may be in flight, never more than there is work."""
        assert self._queue is not None
        assert self._loop is not None
        if self._held or self._closed:
            return
        wanted = min(max(1, self.engine.concurrency), len(self._open))
        while len(self._workers) < wanted:
            self._workers.append(self._loop.create_task(self._work()))

    async def _work(self) -> None:
        assert self._queue is not None
        while True:
            _, _, task, future = await self._queue.get()
            if future.set_running_or_notify_cancel():
                try:
                    future.set_result(await self._judge(task))
                except asyncio.CancelledError:
                    future.set_exception(EngineError("the session ended before this was judged"))
                    raise
                except Exception as error:  # noqa: BLE001 - a fault in one image must not end the worker
                    self._break(task, future, error)
            self.stats.done += 1
            self._open.discard(future)
            if not self._open and self._sleep_after and self._loop is not None:
                self._loop.call_later(self._sleep_after, self._sleep_if_idle, self.stats.done)

    def _break(self, task: Task, future: Future[V], error: Exception) -> None:
        words = str(error) if isinstance(error, ImageJudgeError) else f"{type(error).__name__}: {error}"
        try:
            future.set_result(self._verdict(task, {}, error=words))
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

    async def _judge(self, task: Task) -> V:
        pictures = _Pictures(task.images, self._max_pixels, self.store)
        try:
            pixels = await asyncio.to_thread(pictures.hashes)
        except ImageError as error:
            return self._verdict(task, {}, error=str(error))
        keys = {
            (dimension, again): self._key(task, pixels, dimension, again=again)
            for dimension in task.dimensions
            for again in (False, True)
        }
        stored = await asyncio.to_thread(self.store.get_many, list(keys.values()))
        primed = _Once(self._prime) if self.engine.primes else None
        asked = await asyncio.gather(
            *(self._ask_until_read(task, pictures, pixels, name, keys, stored, primed) for name in task.dimensions)
        )
        results = dict(zip(task.dimensions, asked, strict=True))
        failure = next((one.error for one in asked if one.error), "")
        return self._verdict(task, results, pixels=pixels, error=failure)

    async def _ask_until_read(
        self,
        task: Task,
        pictures: _Pictures,
        pixels: tuple[str, ...],
        dimension: str,
        keys: dict[tuple[str, bool], str],
        stored: dict[str, Answer],
        primed: _Once | None,
    ) -> _Asked:
        """Ask as the protocol says; once more, differently, where the answer can't be read."""
        problems: tuple[Problem, ...] = self.protocol.text_problems(task.text, dimension)
        best: _Asked | None = None
        for again in (False, True):
            if again and not self.protocol.can_ask_again(dimension):
                break
            key = keys[dimension, again]
            try:
                answer, from_store = await self._answer(task, pictures, pixels, dimension, again, key, stored, primed)
            except (EngineError, ImageError) as error:
                if best is not None:  # the first answer, unreadable as it is, says more than the failure of the second
                    return dataclasses.replace(best, error=str(error))
                return _Asked(None, Reading(unreadable=((dimension,),)), problems, error=str(error))
            reading: Reading = await asyncio.to_thread(self.protocol.read, dimension, answer.text, answer.finish_reason)
            found: tuple[Problem, ...] = (*problems, *reading.problems)
            if "unconstrained" in answer.notes:
                found += (Problem((dimension,), "unconstrained", "the endpoint refused fields of the request"),)
            if again:
                found += (Problem((dimension,), "asked-again", "the first answer could not be read"),)
            this = _Asked(answer, reading, found, from_store)
            if best is None or len(reading.level3) > len(best.reading.level3) or not reading.unreadable:
                best = this
            if not reading.unreadable:
                break
        assert best is not None
        return best

    async def _answer(
        self,
        task: Task,
        pictures: _Pictures,
        pixels: tuple[str, ...],
        dimension: str,
        again: bool,
        key: str,
        stored: dict[str, Answer],
        primed: _Once | None,
    ) -> tuple[Answer, bool]:
        if key in stored:
            self._count(stored[key], stored=True)
            return stored[key], True
        if key in self._asking:  # the same question is under way for another image object
            answer, _ = await asyncio.shield(self._asking[key])
            self._count(answer, stored=True)
            return answer, True
        promise: asyncio.Future[tuple[Answer, bool]] = asyncio.get_running_loop().create_future()
        self._asking[key] = promise
        try:
            again_stored = await asyncio.to_thread(self.store.get, key)  # another process may have been quicker
            if again_stored is not None:
                self._count(again_stored, stored=True)
                promise.set_result((again_stored, True))
                return again_stored, True
            await self._ensure_started()
            images = await pictures.images()
            request = await asyncio.to_thread(self.protocol.render, task.text, images, dimension, again=again)
            if primed is not None:
                await primed(request)
            answer = await self.engine.ask(request)
            about = {**self.fingerprint(dimension), "dimension": dimension, "text": task.text, "pixels": list(pixels)}
            await asyncio.to_thread(self.store.put, key, answer, about)
            self._count(answer, stored=False)
            promise.set_result((answer, False))
        except BaseException as error:
            if not promise.done():
                promise.set_exception(
                    error if isinstance(error, Exception) else EngineError("the session ended before this was judged")
                )
                promise.exception()  # looked at, so that asyncio does not complain where nobody else waits
            raise
        finally:
            del self._asking[key]
        return answer, False

    async def _prime(self, request: Request) -> None:
        await self.engine.prime(request)

    async def _ensure_started(self) -> None:
        if self._start is None:
            self._start = asyncio.get_running_loop().create_task(self.engine.start(self._progress))
        await asyncio.shield(self._start)

    def _count(self, answer: Answer, *, stored: bool) -> None:
        self.stats.requests += 1
        if stored:
            self.stats.from_store += 1
            return
        self.stats.prompt_tokens += answer.prompt_tokens
        self.stats.cached_prompt_tokens += answer.cached_prompt_tokens
        self.stats.output_tokens += answer.output_tokens

    def _key(self, task: Task, pixels: tuple[str, ...], dimension: str, *, again: bool) -> str:
        return key_of(
            pixels=list(pixels),
            text=task.text,
            dimension=dimension,
            judge=self._deciding(dimension, again=again),
            again=again,
            repeat=task.repeat,
        )

    def _deciding(self, dimension: str, *, again: bool) -> str:
        """Digest of all that decides an answer but the image and the text; the same for every image."""
        if (dimension, again) not in self._digests:
            self._digests[dimension, again] = key_of(
                model=self.identity.model,
                revision=self.identity.revision,
                protocol=self.protocol.digest,
                treatment=self.protocol.treatment,
                sampling=self.protocol.sampling(dimension, again=again),
                extra=self.identity.extra,
            )
        return self._digests[dimension, again]

    def _verdict(self, task: Task, results: dict[str, _Asked], *, pixels: tuple[str, ...] = (), error: str = "") -> V:
        answers: dict[str, Answer] = {name: one.answer for name, one in results.items() if one.answer is not None}
        fingerprint: dict[str, Any] = self.fingerprint(task.dimensions[0])
        for given in answers.values():
            fingerprint.update(engine=given.engine, engine_version=given.engine_version)
        if notes := {note for given in answers.values() for note in given.notes}:
            fingerprint["notes"] = sorted(notes)
        common: dict[str, Any] = {
            "problems": tuple(problem for one in results.values() for problem in one.problems),
            "unreadable": tuple(path for one in results.values() for path in one.reading.unreadable)
            if results
            else tuple((name,) for name in task.dimensions),
            "answers": {name: answer.text for name, answer in answers.items()},
            "fingerprint": fingerprint,
            "key": digest_of("verdict", [self._key(task, pixels, name, again=False) for name in task.dimensions]),
            "pixels": pixels[-1] if pixels else "",
            "source": "store" if results and all(one.stored for one in results.values()) else "engine",
            "judged_at": max((answer.created for answer in answers.values()), default=""),
            "error": error,
        }
        verdict: Verdict | EditVerdict
        if task.dimensions == (EDIT,):
            reading = results[EDIT].reading if EDIT in results else Reading()
            verdict = EditVerdict(
                instruction=task.text,
                score=reading.score,
                aspects=dict(reading.aspects),
                evidence=dict(reading.evidence),
                source_image=str(task.images[0].path),
                edited_image=str(task.images[1].path),
                **common,
            )
        else:
            verdict = Verdict(
                prompt=task.text,
                level3={path: facet for one in results.values() for path, facet in one.reading.level3.items()},
                asked=task.dimensions,
                image=str(task.images[0].path),
                has_total=self.protocol.has_total,
                **common,
            )
        return verdict  # type: ignore[return-value]

    async def _shut(self) -> None:
        for worker in self._workers:
            worker.cancel()
        if self._start is not None and not self._start.done():
            self._start.cancel()
        await asyncio.gather(*self._workers, *([self._start] if self._start else []), return_exceptions=True)
        await self.engine.close()


class _Once:
    """Awaits its function once, however many wait for it; a failure of the primer is not one of the request."""

    def __init__(self, function: Callable[[Request], Awaitable[None]]) -> None:
        self._function = function
        self._task: asyncio.Task[None] | None = None

    async def __call__(self, request: Request) -> None:
        if self._task is None:
            self._task = asyncio.ensure_future(self._run(request))
        await asyncio.shield(self._task)

    async def _run(self, request: Request) -> None:
        try:
            await self._function(request)
        except EngineError:
            pass  # the cache stays cold; the request itself will say what is wrong
