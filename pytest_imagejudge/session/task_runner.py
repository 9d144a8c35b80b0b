"""One task, from its pictures to its verdict: look into the store, ask what is not there, read, ask again."""

from __future__ import annotations

import asyncio
import contextlib
import dataclasses
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Literal, TypeVar

from ..engines.base import Answer, Engine, EngineIdentity, Progress
from ..errors import EngineError, ImageError
from ..protocols.base import Protocol, Reading, Request
from ..scoring.verdict import EditVerdict, Problem, Verdict, verdict_of
from ..store.answer_store import Store, key_of
from ..support.digests import digest_of
from ..taxonomy import EDIT
from .pictures import TaskPictures, file_hashes, pixels_of_all
from .task import Stats, Task

T = TypeVar("T")


@dataclass(frozen=True)
class _Asked:
    """What came of one dimension."""

    answer: Answer | None
    reading: Reading
    problems: tuple[Problem, ...] = ()
    stored: bool = False
    error: str = ""


@dataclass(frozen=True)
class Known:
    """What the store knows of a task: the pictures' pixels, its keys, the answers under them, and what they say.

    ``asked`` holds the dimensions for which nothing has to be asked any more.
    """

    pixels: tuple[str, ...]
    keys: Mapping[tuple[str, bool], str]
    stored: Mapping[str, Answer]
    asked: Mapping[str, _Asked]


async def _from_engine(work: Awaitable[T]) -> T:
    """What an engine gives.

    Raises:
        EngineError: it raised what would end the loop's thread, or pass for the end of the session.
    """
    try:
        return await work
    except Exception:
        raise
    except BaseException as error:
        task = asyncio.current_task()
        if isinstance(error, asyncio.CancelledError) and task is not None and task.cancelling():
            raise
        raise EngineError(f"{type(error).__name__}: {error}") from error


class TaskRunner:
    """Asks one judge. Lives in one event loop; what takes time runs in threads."""

    def __init__(
        self, protocol: Protocol, engine: Engine, store: Store, *, progress: Progress, max_pixels: int
    ) -> None:
        self.protocol, self.engine, self.store = protocol, engine, store
        self.stats = Stats()
        self._progress = progress
        self._max_pixels = max_pixels
        # the same for every image, and not cheap: a grammar is part of it
        self._digests: dict[tuple[str, bool], str] = {}
        self._may_try: dict[str, tuple[bool, ...]] = {}
        self._fingerprints: dict[str | None, dict[str, Any]] = {}
        self._asking: dict[str, asyncio.Future[tuple[Answer, bool]]] = {}
        self.start: asyncio.Task[None] | None = None

    @cached_property
    def identity(self) -> EngineIdentity:
        """Model and revision, resolved once."""
        return self.engine.identity()

    def fingerprint(self, dimension: str | None = None) -> dict[str, Any]:
        """What decides this judge's answers, to one dimension or to all."""
        if dimension not in self._fingerprints:
            sampling: dict[str, Any] = {}
            for name in self.protocol.dimensions if dimension is None else (dimension,):
                sampling.update(self.protocol.sampling(name))
            if sampling.pop("structured_outputs", None) is not None:
                sampling["grammar"] = "json"
            self._fingerprints[dimension] = {
                "model": self.identity.model,
                "revision": self.identity.revision,
                "protocol": self.protocol.name,
                "protocol_digest": self.protocol.digest,
                "treatment": self.protocol.treatment,
                "sampling": sampling,
                **self.identity.extra,
            }
        return dict(self._fingerprints[dimension])

    def stored(self, tasks: Sequence[Task]) -> list[Known | None]:
        """What the store knows of several tasks at once; None where something has to be asked, or decoded first.

        Not in the loop's thread: this waits for the disk.
        """
        contents = [self._readable(task) for task in tasks]
        index = self.store.pixels_of(content for some in contents for content in some)
        pixels = [pixels_of_all(some, index) for some in contents]
        keys = [self._keys(task, found) if found else {} for task, found in zip(tasks, pixels, strict=True)]
        answers = self.store.get_many(key for some in keys for key in some.values())
        result: list[Known | None] = []
        for task, found, some in zip(tasks, pixels, keys, strict=True):
            mine = {key: answers[key] for key in some.values() if key in answers}
            known = self._look_up(task, found, some, mine) if found and len(mine) == len(some) else None
            result.append(known if known and len(known.asked) == len(task.dimensions) else None)
        return result

    def verdict_of(self, task: Task, known: Known) -> Verdict | EditVerdict:
        """The verdict on a task of which the store knew all."""
        for answer in known.stored.values():
            self._count(answer, stored=True)
        return self._verdict(task, {name: known.asked[name] for name in task.dimensions}, known)

    async def judge(self, task: Task) -> Verdict | EditVerdict:
        """The verdict on ``task``; what kept it from being judged is in its ``error``."""
        pictures = TaskPictures(task.images, self._max_pixels, self.store)
        try:
            known = await asyncio.to_thread(self._find, task, pictures)
        except ImageError as error:
            return self.unjudged(task, str(error))
        for answer in known.stored.values():
            self._count(answer, stored=True)
        left = [name for name in task.dimensions if name not in known.asked]
        primed = _Once(self._prime) if self.engine.primes else None
        asked = await asyncio.gather(*(self._ask(task, pictures, name, known, primed) for name in left))
        found = {**known.asked, **dict(zip(left, asked, strict=True))}
        results = {name: found[name] for name in task.dimensions}
        failure = next((one.error for one in results.values() if one.error), "")
        return self._verdict(task, results, known, error=failure)

    def unjudged(self, task: Task, error: str) -> Verdict | EditVerdict:
        """The verdict that says why there is none."""
        return self._verdict(task, {}, error=error)

    def _readable(self, task: Task) -> list[str]:
        try:
            return file_hashes(task.images, self._max_pixels)
        except ImageError:
            return []  # said when it is judged

    def _find(self, task: Task, pictures: TaskPictures) -> Known:
        pixels = pictures.hashes()
        keys = self._keys(task, pixels)
        return self._look_up(task, pixels, keys, self.store.get_many(keys.values()))

    def _keys(self, task: Task, pixels: tuple[str, ...]) -> dict[tuple[str, bool], str]:
        """The keys of a task's first questions."""
        return {(name, False): self.key(task, pixels, name, again=False) for name in task.dimensions}

    def _look_up(
        self, task: Task, pixels: tuple[str, ...], keys: dict[tuple[str, bool], str], stored: dict[str, Answer]
    ) -> Known:
        """Read the answers that are ``stored``; of one that can't be read, look for the second."""
        asked = {}
        for name in task.dimensions:
            best: _Asked | None = None
            for again in self._tries(name):
                if again:  # seldom: only of an answer that can't be read
                    keys[name, again] = self.key(task, pixels, name, again=again)
                    stored |= self.store.get_many([keys[name, again]])
                if (answer := stored.get(keys[name, again])) is None:
                    break
                best = _better(best, self._read(task, name, answer, again=again, stored=True))
                if not best.reading.unreadable or again is self._tries(name)[-1]:
                    asked[name] = best
                    break
        return Known(pixels, keys, stored, asked)

    def _tries(self, dimension: str) -> tuple[bool, ...]:
        if dimension not in self._may_try:
            self._may_try[dimension] = (False, True) if self.protocol.can_ask_again(dimension) else (False,)
        return self._may_try[dimension]

    async def _ask(self, task: Task, pictures: TaskPictures, dimension: str, known: Known, primed: _Once | None) -> _Asked:
        """Ask as the protocol says; once more, differently, where the answer can't be read."""
        best: _Asked | None = None
        for again in self._tries(dimension):
            try:
                answer, stored = await self._answer(task, pictures, dimension, again, known, primed)
            except (EngineError, ImageError) as error:
                if best is not None:  # the first answer, unreadable as it is, says more than the failure of the second
                    return dataclasses.replace(best, error=str(error))
                problems = self.protocol.text_problems(task.text, dimension)
                return _Asked(None, Reading(unreadable=((dimension,),)), problems, error=str(error))
            best = _better(best, self._read(task, dimension, answer, again=again, stored=stored))
            if not best.reading.unreadable:
                break
        assert best is not None
        return best

    def _read(self, task: Task, dimension: str, answer: Answer, *, again: bool, stored: bool) -> _Asked:
        reading = self.protocol.read(dimension, answer.text, answer.finish_reason)
        found = (*self.protocol.text_problems(task.text, dimension), *reading.problems)
        if "unconstrained" in answer.notes:
            found += (Problem((dimension,), "unconstrained", "the endpoint refused fields of the request"),)
        if again:
            found += (Problem((dimension,), "asked-again", "the first answer could not be read"),)
        return _Asked(answer, reading, found, stored)

    async def _answer(
        self,
        task: Task,
        pictures: TaskPictures,
        dimension: str,
        again: bool,
        known: Known,
        primed: _Once | None,
    ) -> tuple[Answer, bool]:
        key = known.keys.get((dimension, again)) or self.key(task, known.pixels, dimension, again=again)
        if key in known.stored:
            return known.stored[key], True
        if key in self._asking:  # the same question is under way for another image object
            with contextlib.suppress(ImageError):  # of the other's file
                answer, _ = await asyncio.shield(self._asking[key])
                self._count(answer, stored=True)
                return answer, True
            return await self._answer(task, pictures, dimension, again, known, primed)
        promise: asyncio.Future[tuple[Answer, bool]] = asyncio.get_running_loop().create_future()
        self._asking[key] = promise
        try:
            await self._ensure_started()
            images = await pictures.images()
            request = await asyncio.to_thread(self._render, task, images, dimension, again, key)
            if isinstance(request, Answer):
                self._count(request, stored=True)
                promise.set_result((request, True))
                return request, True
            if primed is not None:
                await primed(request)
            answer = await _from_engine(self.engine.ask(request))
            about = {
                **self.fingerprint(dimension),
                "dimension": dimension,
                "text": task.text,
                "pixels": list(known.pixels),
            }
            # not in the loop's pool of threads, where pictures may be waiting before it
            await asyncio.wrap_future(self.store.hand_over(key, answer, about))
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

    def _render(self, task: Task, images: tuple[Any, ...], dimension: str, again: bool, key: str) -> Request | Answer:
        """What to ask, or the answer, where another process was quicker."""
        return self.store.get(key) or self.protocol.render(task.text, images, dimension, again=again)

    async def _prime(self, request: Request) -> None:
        await _from_engine(self.engine.prime(request))

    async def _ensure_started(self) -> None:
        if self.start is None:
            self.start = asyncio.get_running_loop().create_task(self._begin())
        await asyncio.shield(self.start)

    async def _begin(self) -> None:
        # Made in the task itself: of one that is cancelled before it begins, Python would warn as never awaited.
        await _from_engine(self.engine.start(self._progress))

    def _count(self, answer: Answer, *, stored: bool) -> None:
        self.stats.requests += 1
        if stored:
            self.stats.from_store += 1
            return
        self.stats.prompt_tokens += answer.prompt_tokens
        self.stats.cached_prompt_tokens += answer.cached_prompt_tokens
        self.stats.output_tokens += answer.output_tokens

    def key(self, task: Task, pixels: tuple[str, ...], dimension: str, *, again: bool) -> str:
        """The store's key of one request."""
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

    def _verdict(
        self, task: Task, results: dict[str, _Asked], known: Known | None = None, *, error: str = ""
    ) -> Verdict | EditVerdict:
        answers: dict[str, Answer] = {name: one.answer for name, one in results.items() if one.answer is not None}
        fingerprint: dict[str, Any] = self.fingerprint()
        for given in answers.values():
            fingerprint.update(engine=given.engine, engine_version=given.engine_version)
        if notes := {note for given in answers.values() for note in given.notes}:
            fingerprint["notes"] = sorted(notes)
        fields: dict[str, Any] = {
            "problems": tuple(problem for one in results.values() for problem in one.problems),
            "answers": {name: answer.text for name, answer in answers.items()},
            "fingerprint": fingerprint,
            # without pixels there is no content to name
            "key": digest_of("verdict", [known.keys[name, False] for name in task.dimensions]) if known else "",
            "pixels": known.pixels[-1] if known else "",
            "source": "store" if results and all(one.stored for one in results.values()) else "engine",
            "judged_at": max((answer.created for answer in answers.values()), default=""),
            "error": error,
        }
        if results:
            fields["unreadable"] = tuple(path for one in results.values() for path in one.reading.unreadable)
        kind: Literal["image", "edit"] = "image"
        if task.dimensions == (EDIT,):
            kind, reading = "edit", results[EDIT].reading if EDIT in results else Reading()
            fields |= {"score": reading.score, "aspects": dict(reading.aspects), "evidence": dict(reading.evidence)}
            fields["finish_reason"] = answers[EDIT].finish_reason if EDIT in answers else None
        else:
            fields["level3"] = {path: facet for one in results.values() for path, facet in one.reading.level3.items()}
            fields["has_total"] = self.protocol.has_total
        images = [str(file.path) for file in task.images]
        return verdict_of(kind, task.text, asked=task.dimensions, images=images, **fields)


def _better(best: _Asked | None, this: _Asked) -> _Asked:
    """The later answer, unless the earlier one says more."""
    if best is None or not this.reading.unreadable or len(this.reading.level3) > len(best.reading.level3):
        return this
    tried = tuple(
        dataclasses.replace(problem, detail="the second answer could not be read either; this is the first")
        for problem in this.problems
        if problem.kind == "asked-again"
    )
    return dataclasses.replace(best, problems=(*best.problems, *tried))


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
