"""One task, from its pictures to its verdict: look up stored answers, request the others, read, ask again."""

from __future__ import annotations

import asyncio
import contextlib
import dataclasses
from collections.abc import Awaitable, Callable, Iterable, Sequence
from functools import cached_property
from typing import Any, Literal

from ..engines.base import Answer, Engine, EngineIdentity, Progress
from ..errors import EngineError, ImageError
from ..protocols.answer_parts import cut_off
from ..protocols.base import Protocol, Reading, Request
from ..report.fingerprints import TOLD
from ..scoring.findings import Finding
from ..scoring.verdict import EditVerdict, Problem, Verdict, verdict_of
from ..store.answer_store import Store
from ..support.digests import digest_of
from ..support.prices import Price
from ..taxonomy import EDIT
from . import answer_place
from .budget import Budget
from .dimension_reader import Asked, DimensionReader, better
from .lookup import Known, Lookup
from .metering import Meter, Together
from .pictures import TaskPictures, file_hashes, looks_of_all
from .refused_fields import as_sent
from .task import Stats, Task


class TaskRunner:
    """Runner of one judge's tasks in one event loop; slow work runs in threads."""

    def __init__(
        self,
        protocol: Protocol,
        engine: Engine,
        store: Store,
        *,
        progress: Progress,
        max_pixels: int,
        price: Price | None = None,
        budget: Budget | None = None,
    ) -> None:
        self.protocol, self.engine, self.store = protocol, engine, store
        self.stats = Stats()
        self._meter = Meter(engine, self.stats, price, budget)
        self._progress = progress
        self._max_pixels = max_pixels
        self._reader = DimensionReader(protocol)
        self.lookup = Lookup(self._reader, store, lambda: self.identity)
        self._fingerprints: dict[str | None, dict[str, Any]] = {}
        self._asking: dict[str, asyncio.Future[tuple[Answer, bool]]] = {}
        self.start: asyncio.Task[None] | None = None

    @cached_property
    def identity(self) -> EngineIdentity:
        """Model and revision, resolved once."""
        return self.engine.identity()

    def fingerprint(self, dimension: str | None = None) -> dict[str, Any]:
        """Fields that decide this judge's answers, to one dimension or to all."""
        if dimension not in self._fingerprints:
            sampling: dict[str, Any] = {}
            for name in self.protocol.dimensions if dimension is None else (dimension,):
                for field, value in self.protocol.sampling(name).items():
                    sampling.setdefault(field, []).append(value)
            sampling = {field: _one_or_all(values) for field, values in sampling.items()}
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
        """Look several tasks up in the store at once; None for a task that needs a request or decoding.

        Call this outside the loop's thread: it waits for the disk.
        """
        if not self.store.knows_pixels():
            return [None] * len(tasks)
        contents = [self._readable(task) for task in tasks]
        index = self.store.pixels_of(content for some in contents for content in some)
        looks = [looks_of_all(some, index) for some in contents]
        keys = [self.lookup.keys_of(task, found) if found else {} for task, found in zip(tasks, looks, strict=True)]
        answers = self.store.entries_of(key for some in keys for key in some.values())
        result: list[Known | None] = []
        for task, found, some in zip(tasks, looks, keys, strict=True):
            mine = {key: answers[key] for key in some.values() if key in answers}
            known = self.lookup.read(task, found, some, mine) if found and len(mine) == len(some) else None
            result.append(known if known and len(known.asked) == len(task.dimensions) else None)
        return result

    def verdict_of(self, task: Task, known: Known) -> Verdict | EditVerdict:
        """The verdict on a task with all its answers in the store."""
        self._count(len(known.stored), stored=True)
        return self._verdict(task, {name: known.asked[name] for name in task.dimensions}, known)

    async def judge(self, task: Task) -> Verdict | EditVerdict:
        """Judge ``task``; the verdict's ``error`` is the reason where it could not be judged."""
        pictures = TaskPictures(task.images, self._max_pixels, self.store, task.region)
        try:
            known = await asyncio.to_thread(self._find, task, pictures)
        except ImageError as error:
            return self.unjudged(task, str(error))
        self._count(len(known.stored), stored=True)
        left = [name for name in task.dimensions if name not in known.asked]
        image = _Asking(pictures, known, _Once(self._meter.prime) if self.engine.primes else None)
        asked = await asyncio.gather(*(self._ask(task, image, name) for name in left))
        found = {**known.asked, **dict(zip(left, asked, strict=True))}
        results = {name: found[name] for name in task.dimensions}
        failure = next((one.error for one in results.values() if one.error), "")
        self.stats.images += not failure and any(not one.stored for one in asked)
        return self._verdict(task, results, known, error=failure)

    def unjudged(self, task: Task, error: str) -> Verdict | EditVerdict:
        """Verdict on a task that was not judged, with the reason as its error."""
        return self._verdict(task, {}, error=error)

    def _readable(self, task: Task) -> list[str]:
        if task.region is not None:
            return []  # checked against the source's pixels when it is judged
        try:
            return file_hashes(task.images, self._max_pixels)
        except ImageError:
            return []  # said when it is judged

    def _find(self, task: Task, pictures: TaskPictures) -> Known:
        looks = pictures.looks()
        return self.lookup.of(task, looks, pictures.region_key)

    async def _ask(self, task: Task, image: _Asking, dimension: str) -> Asked:
        """Send the protocol's request, and its second request where the answer can't be read."""
        best: Asked | None = None
        for again in self._reader.tries(dimension):
            try:
                answer, stored = await self._answer(task, image, dimension, again)
            except (EngineError, ImageError) as error:
                if best is not None:  # the first answer, unreadable as it is, says more than the failure of the second
                    return dataclasses.replace(best, error=str(error))
                problems = self.protocol.text_problems(task.text, dimension)
                return Asked(None, Reading(unreadable=((dimension,),)), problems, error=str(error))
            best = better(best, self._reader.read(task.text, dimension, answer, again=again, stored=stored))
            if not best.reading.unreadable:
                break
        assert best is not None
        return best

    async def _answer(self, task: Task, image: _Asking, dimension: str, again: bool) -> tuple[Answer, bool]:
        known = image.known
        key = known.keys.get((dimension, again))
        key = key or self.lookup.key(task, known.pixels, dimension, again=again, region=known.region)
        if key in known.stored:
            return known.stored[key], True
        if key in self._asking:  # the same question is under way for another image object
            with contextlib.suppress(ImageError):  # of the other's file
                answer, _ = await asyncio.shield(self._asking[key])
                self._count(1, stored=True)
                return answer, True
            return await self._answer(task, image, dimension, again)
        promise: asyncio.Future[tuple[Answer, bool]] = asyncio.get_running_loop().create_future()
        self._asking[key] = promise
        try:
            sampling = self.protocol.sampling(dimension, again=again)
            self._meter.check(dimension, sampling, image.together, again=again)
            await self._ensure_started()
            images = await image.pictures.images()
            request = await asyncio.to_thread(self._render, task, images, dimension, again, key)
            if isinstance(request, Request) and self.protocol.uses_region:
                request = dataclasses.replace(request, region=image.pictures.mask)
            if isinstance(request, Answer):
                self._count(1, stored=True)
                promise.set_result((request, True))
                return request, True
            if image.primed is not None:
                await image.primed(request)
            answer = await self._meter.ask(request, image.together, again=again)
            about = self.about(task, known.pixels, dimension, answer, region=known.region)
            written = self.store.hand_over(key, answer, about)
            if not written.done():  # not in the loop's pool of threads, where pictures may be waiting before it
                await asyncio.wrap_future(written)
            written.result()
            self._count(1, stored=False)
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
        """Return the request to send, or the answer where another process has stored it meanwhile."""
        if served := self.lookup.served(task, dimension, key, again=again):
            return served
        request = self.protocol.render(task.text, images, dimension, again=again)
        # engines need to know text and pictures, whatever a protocol of another package says of them
        return request if request.images else dataclasses.replace(request, text=task.text, images=images)

    async def _ensure_started(self) -> None:
        if self.start is None:
            self.start = asyncio.get_running_loop().create_task(self._begin())
        await asyncio.shield(self.start)

    async def _begin(self) -> None:
        # Made in the task itself: of one that is cancelled before it begins, Python would warn as never awaited.
        await self._meter.start(self._progress)

    def _count(self, answers: int, *, stored: bool) -> None:
        self.stats.requests += answers
        self.stats.from_store += answers if stored else 0

    def about(
        self, task: Task, pixels: tuple[str, ...], dimension: str, answer: Answer, *, region: str = ""
    ) -> dict[str, Any]:
        """Return the record of an answer; ``question`` is the same for the second try as for the first."""
        return {
            **as_sent(self.fingerprint(dimension), [answer]),
            "dimension": dimension,
            "text": task.text,
            "pixels": list(pixels),
            "question": self.lookup.key(task, pixels, dimension, again=False, region=region),
            **({"region": region} if region and self.protocol.uses_region else {}),
        }

    def _unused(self, task: Task) -> tuple[Problem, ...]:
        """The problem of a region that the judge was not told of."""
        if task.region is None or self.protocol.uses_region:
            return ()
        what = "mask" if task.region.mask else "box"
        words = f"this judge looks at the whole picture; the {what} is only shown in reports"
        return (Problem((EDIT,), "region-unused", words),)

    def _verdict(
        self, task: Task, results: dict[str, Asked], known: Known | None = None, *, error: str = ""
    ) -> Verdict | EditVerdict:
        answers: dict[str, Answer] = {name: one.answer for name, one in results.items() if one.answer is not None}
        fingerprint = as_sent(self.fingerprint(), answers.values())
        for given in answers.values():
            fingerprint.update(engine=given.engine, engine_version=given.engine_version)
        for name in TOLD:
            if found := {getattr(given, name) for given in answers.values()} - {""}:
                fingerprint[name] = ", ".join(sorted(found))
        if notes := {note for given in answers.values() for note in given.notes} - answer_place.NOTES:
            fingerprint["notes"] = sorted(notes)
        fields: dict[str, Any] = {
            "problems": (*(problem for one in results.values() for problem in one.problems), *self._unused(task)),
            "answers": {name: answer.text for name, answer in answers.items()},
            "fingerprint": fingerprint,
            # without pixels there is no content to name
            "key": digest_of("verdict", [known.keys[name, False] for name in task.dimensions]) if known else "",
            "pixels": known.pixels[-1] if known else "",
            "findings": _findings(task, known),
            "source": "store" if results and all(one.stored for one in results.values()) else "engine",
            "judged_at": max((answer.created for answer in answers.values()), default=""),
            "error": error,
        }
        if results:
            fields["unreadable"] = tuple(path for one in results.values() for path in one.reading.unreadable)
        kind: Literal["image", "edit"] = "image"
        if self.protocol.kind == "edit":
            readings = {name: one.reading for name, one in results.items()}
            kind, reading = "edit", self.protocol.combine(readings) if readings else Reading()
            fields |= {"score": reading.score, "aspects": dict(reading.aspects), "evidence": dict(reading.evidence)}
            fields |= {"scale": self.protocol.scale, "finish_reason": _end_of(answers.values())}
            if task.region is not None:
                fields |= {
                    "mask": "" if task.region.mask is None else str(task.region.mask.path),
                    "box": task.region.box,
                }
        else:
            fields["level3"] = {path: facet for one in results.values() for path, facet in one.reading.level3.items()}
            fields["has_total"] = self.protocol.has_total
        images = [str(file.path) for file in task.images]
        return verdict_of(kind, task.text, asked=task.dimensions, images=images, **fields)


def _one_or_all(values: list[Any]) -> Any:
    """Return the one value of a field, or the list of those that requests differ in, as the seeds of passes."""
    different = [value for index, value in enumerate(values) if value not in values[:index]]
    return different[0] if len(different) == 1 else different


def _end_of(answers: Iterable[Answer]) -> str | None:
    """Return why answers ended: what cut one of them off, if anything did."""
    reasons = [answer.finish_reason for answer in answers]
    return next(filter(cut_off, reasons), reasons[0] if reasons else None)


def _findings(task: Task, known: Known | None) -> tuple[Finding, ...]:
    """Findings on the picture that is judged, of an edit the edited one: its pipeline's, and those of its content."""
    flagged = task.images[-1].flagged
    said = (Finding("nsfw", flagged),) if flagged else ()
    seen = known.looks[-1].finding if known else None
    return said if seen is None else (*said, seen)


@dataclasses.dataclass
class _Asking:
    """What the requests on one image share."""

    pictures: TaskPictures
    known: Known
    primed: _Once | None
    together: Together = dataclasses.field(default_factory=Together)


class _Once:
    """Function that is awaited once for all requests, and whose failure fails none of them."""

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
