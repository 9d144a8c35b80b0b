"""The library: a judge of images and a judge of edits, without pytest."""

from __future__ import annotations

import asyncio
import contextlib
import dataclasses
import functools
import threading
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import Future
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

from .engines import make_engine
from .engines.base import Engine, Progress
from .engines.stored_only import sending_nothing
from .errors import ConfigError, ImageJudgeError
from .images.image_file import ImageFile
from .images.intake import keep, take, take_pair
from .images.region import Region, mask_picture, region_of
from .protocols import ASKED_BY_MODEL, default_name, load_protocol
from .protocols.base import Protocol
from .scoring.verdict import Display, EditVerdict, Verdict, draw_with
from .session.budget import Budget, budget_of
from .session.judge_session import JudgeSession
from .session.task import Task
from .settings import DEFAULT_MAX_PIXELS, SIGNALS, JudgeSettings
from .store.answer_store import Store
from .support.caches import engine_folder
from .support.judge_options import option_name
from .support.prices import read_price
from .support.temporary_folders import temporary_folder
from .support.threads import in_order
from .taxonomy import check_dimensions

if TYPE_CHECKING:
    from .report.uses import JudgeUse


def protocol_for(settings: JudgeSettings) -> Protocol:
    """Load the protocol of ``settings``; without a named protocol and model, that of the served model.

    Raises:
        ConfigError: no such protocol, or a protocol of the other kind.
    """
    if settings.model == SIGNALS and settings.urls:
        option = "--edit-judge" if settings.kind == "edit" else "--judge"
        raise ConfigError(
            f"{option}-model {SIGNALS} with {option}-url: this judge measures in the same process and asks no URL; "
            f"leave out {option}-url, or let {option}-model be the model that is served there"
        )
    name = settings.protocol
    if name is None and settings.adapter and not settings.urls:  # it may be known by its adapter as by its model
        name = default_name(f"{settings.adapter}/{settings.model}", settings.kind)
    load = functools.partial(
        load_protocol,
        name,
        kind=settings.kind,
        decoding=settings.decoding,
        aspect=settings.aspect,
        thinking_budget=settings.thinking_budget,
        image_format=settings.image_format,
        image_bytes=settings.image_bytes,
        signals_style=settings.signals_style,
    )
    passes = settings.passes or 1
    asks_for_model = settings.urls and settings.model is None and settings.protocol in (None, *ASKED_BY_MODEL)
    protocol = load(model=settings.model, passes=1 if asks_for_model else passes)
    if settings.model == SIGNALS and settings.protocol not in (None, SIGNALS):
        raise ConfigError(
            f"the judge {SIGNALS!r} takes no protocol, as it measures images; leave out {settings.protocol!r}"
        )
    if asks_for_model:
        model = None
        with contextlib.suppress(ImageJudgeError):  # an endpoint that can't say is an error only when it is needed
            model = make_engine(settings, protocol, state_dir=engine_folder(settings)).identity().model
        protocol = load(model=model, passes=passes)
    if protocol.kind != settings.kind:
        raise ConfigError(f"protocol {protocol.name} judges {protocol.kind}s, not {settings.kind}s")
    return protocol


class _Drawn(Display):
    """A display of verdicts that imports the drawing of reports when used."""

    def tree(self, verdict: Verdict) -> Any:
        from .renderers.notebook import verdict_tree

        return verdict_tree(verdict)

    def html(self, verdict: Verdict) -> str:
        from .renderers.notebook import verdict_html

        return verdict_html(verdict)


draw_with(_Drawn())


_COUNTED = ("images", "began", "ended", "prompt_tokens", "cached_prompt_tokens", "output_tokens", "uncounted")


class _Base:
    """The common part of both judges: settings, protocol, store, session."""

    def __init__(
        self,
        settings: JudgeSettings,
        *,
        store: Path | str | None = None,
        spool: Path | None = None,
        progress: Progress | None = None,
        max_pixels: int = DEFAULT_MAX_PIXELS,
        hold: bool = False,
        protocol: Protocol | None = None,
        engine: Engine | None = None,
        budget: Budget | None = None,
    ) -> None:
        if not settings.configured:
            raise ConfigError("no judge: give a model (a Hub id, a folder, or 'signals') or a URL")
        self.settings = settings
        self.protocol = protocol or protocol_for(settings)
        if engine is not None:
            engine = sending_nothing(engine, settings)
        self.engine = engine or make_engine(settings, self.protocol, state_dir=engine_folder(settings))
        self._exit = contextlib.ExitStack()
        option = option_name("edit_judge_price" if settings.kind == "edit" else "judge_price")
        self.price = read_price(settings.price, option) if settings.price else None
        if budget is None and (budget := budget_of([settings])) is not None:
            self._exit.callback(budget.close)
        self.budget = budget
        lasting = store is not None
        if store is None:  # kept for the session only, so that one image is judged once
            store = self._exit.enter_context(temporary_folder())
        self._spool = spool
        self._making = threading.Lock()
        self._max_pixels = max_pixels
        self.session: JudgeSession[Any] = JudgeSession(
            self.protocol,
            self.engine,
            Store(Path(store), lasting=lasting),
            progress=progress,
            max_pixels=max_pixels,
            hold=hold,
            sleep_after=settings.sleep,
            price=self.price,
            budget=budget,
        )

    @property
    def spool(self) -> Path:
        """The folder for pictures from memory, named by content."""
        with self._making:
            if self._spool is None:
                self._spool = self._exit.enter_context(temporary_folder())
        return self._spool

    def preflight(self) -> None:
        """Check that the judge could start.

        Raises:
            ConfigError: with the figure and the remedy.
            EngineError: an endpoint can't be reached or fails.
        """
        self.engine.preflight()

    def warm_up(self) -> None:
        """Import the modules that judging needs, at an idle moment."""
        from .images.pillow_guard import warm_up

        warm_up()
        self.engine.warm_up()

    def has_stored(self) -> bool:
        """Return True where the store holds any answer of this judge's protocol."""
        name = self.protocol.name
        return any(entry.about.get("protocol") == name for entry in self.session.store.entries())

    def take(self, image: object) -> ImageFile:
        """Return ``image`` as a file; pictures in memory are written to the spool."""
        return take(image, self.spool, max_pixels=self._max_pixels)

    def keep(self, file: ImageFile) -> ImageFile:
        """Copy ``file`` into the spool, because it may be overwritten before it is judged."""
        return keep(file, self.spool)

    def region(self, mask: object, box: object) -> Region | None:
        """Return where an edit was asked to be, of the arguments ``mask`` and ``box`` of a call.

        Args:
            mask: a picture, as `take` takes it, or a 2-D array (H, W), of the source's size; white may change.
            box: left, top, right and bottom in pixels of the source.

        Raises:
            TypeError: neither a picture nor four whole numbers, or both.
        """
        return region_of(None if mask is None else self.take(mask_picture(mask)), box)

    def submit_task(
        self,
        text: str,
        images: tuple[ImageFile, ...],
        dimensions: tuple[str, ...],
        *,
        repeat: int = 0,
        urgent: bool = False,
        region: Region | None = None,
    ) -> Future[Any]:
        """Judge in the background; the future ends in a verdict."""
        return self.session.submit(Task(text, images, dimensions, repeat, region=region), urgent=urgent)

    def use(self) -> JudgeUse:
        """Return what was asked of this judge so far: images, time and tokens."""
        from .report.uses import JudgeUse

        stats = self.session.stats
        return JudgeUse(
            kind=self.settings.kind,
            model=self.session.identity.model if stats.images else self.settings.model or "",
            protocol=self.protocol.name,
            price=self.settings.price,
            requests=stats.requests - stats.from_store,
            **{name: getattr(stats, name) for name in _COUNTED},
        )

    def close(self) -> None:
        """Release the engine. Safe to call twice."""
        with self._exit, contextlib.closing(self.session.store):
            self.session.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc: object) -> None:
        self.close()


class Judge(_Base):
    """A judge of images.

    >>> with Judge("signals") as judge:                                   # doctest: +SKIP
    ...     judge.score("fox.png", prompt="a red fox in the snow")["Quality"]

    Args:
        model: Hub id, folder, or "signals".
        url: one OpenAI-compatible endpoint, or several.
        store: folder of the store; None keeps answers for the life of this object only.
        dimensions: L1 to ask about; None is all five.
        progress: takes lines of text on the engine's progress.
        options: further fields of `JudgeSettings`, such as ``price`` and ``budget``.

    Raises:
        ConfigError: no such judge, or settings that do not go together.
        KeyError: a dimension that the tree does not have; it names the nearest.
    """

    def __init__(
        self,
        model: str | None = None,
        *,
        url: str | Sequence[str] = (),
        store: Path | str | None = None,
        dimensions: Iterable[str] | None = None,
        progress: Progress | None = None,
        **options: Any,
    ) -> None:
        urls = (url,) if isinstance(url, str) else tuple(url)
        super().__init__(JudgeSettings(model=model, urls=urls, **options), store=store, progress=progress)
        self.dimensions = None if dimensions is None else check_dimensions(dimensions)

    @classmethod
    def from_settings(cls, settings: JudgeSettings, **options: Any) -> Judge:
        """Make a judge of images from `JudgeSettings`; ``options`` go to the base class."""
        judge = cls.__new__(cls)
        _Base.__init__(judge, settings, **options)
        judge.dimensions = None
        return judge

    def submit(
        self,
        image: object,
        prompt: str,
        *,
        dimensions: Iterable[str] | None = None,
        repeat: int = 0,
        urgent: bool = False,
    ) -> Future[Verdict]:
        """Judge in the background; the future ends in a `Verdict`.

        Raises:
            TypeError: `pytest_imagejudge.images.intake.take` does not accept ``image``.
        """
        if not isinstance(prompt, str):
            raise TypeError(f"prompt: a string is expected, not {type(prompt).__name__}")
        names = self.dimensions if dimensions is None else check_dimensions(dimensions)
        images = (self.take(image),)
        return self.submit_task(prompt, images, names or self.protocol.dimensions, repeat=repeat, urgent=urgent)

    def score(self, image: object, prompt: str, *, dimensions: Iterable[str] | None = None) -> Verdict:
        """Judge one image and wait."""
        return self.submit(image, prompt, dimensions=dimensions, urgent=True).result()

    def score_many(
        self, pairs: Iterable[tuple[object, str]], *, dimensions: Iterable[str] | None = None
    ) -> Iterator[Verdict]:
        """Judge ``(image, prompt)`` pairs as one batch; return the verdicts in the order of the pairs."""
        taken = in_order(lambda pair: (self.take(pair[0]), pair[1]), pairs)
        futures = [self.submit(image, prompt, dimensions=dimensions) for image, prompt in taken]
        for future in futures:
            yield future.result()

    async def ascore(self, image: object, prompt: str, *, dimensions: Iterable[str] | None = None) -> Verdict:
        """Judge as `score`, in asynchronous code."""
        future = await asyncio.to_thread(self.submit, image, prompt, dimensions=dimensions, urgent=True)
        return await asyncio.wrap_future(future)


class EditJudge(_Base):
    """A judge of edits; arguments as of `Judge`."""

    def __init__(
        self,
        model: str | None = None,
        *,
        url: str | Sequence[str] = (),
        store: Path | str | None = None,
        progress: Progress | None = None,
        **options: Any,
    ) -> None:
        urls = (url,) if isinstance(url, str) else tuple(url)
        super().__init__(JudgeSettings(model=model, urls=urls, kind="edit", **options), store=store, progress=progress)

    @classmethod
    def from_settings(cls, settings: JudgeSettings, **options: Any) -> EditJudge:
        """Make a judge of edits from `JudgeSettings`."""
        judge = cls.__new__(cls)
        _Base.__init__(judge, dataclasses.replace(settings, kind="edit"), **options)
        return judge

    def submit(
        self,
        source: object,
        edited: object,
        instruction: str,
        *,
        mask: object = None,
        box: object = None,
        edit_type: str | None = None,
        repeat: int = 0,
        urgent: bool = False,
    ) -> Future[EditVerdict]:
        """Judge in the background; the future ends in an `EditVerdict`.

        ``mask`` and ``box`` are as in `region`; ``edit_type`` is for a judge that asks by it.

        Raises:
            ConfigError: a type that the judge does not know, or none where it needs one.
        """
        if not isinstance(instruction, str):
            raise TypeError(f"instruction: a string is expected, not {type(instruction).__name__}")
        images, region = take_pair(self.take, source, edited), self.region(mask, box)
        requests = self.protocol.requests_on(edit_type)
        return self.submit_task(instruction, images, requests, repeat=repeat, urgent=urgent, region=region)

    def score(
        self,
        source: object,
        edited: object,
        instruction: str,
        *,
        mask: object = None,
        box: object = None,
        edit_type: str | None = None,
    ) -> EditVerdict:
        """Judge one edit and wait."""
        about: dict[str, Any] = {"mask": mask, "box": box, "edit_type": edit_type}
        return self.submit(source, edited, instruction, **about, urgent=True).result()

    def score_many(self, edits: Iterable[tuple[object, object, str]]) -> Iterator[EditVerdict]:
        """Judge ``(source, edited, instruction)`` as one batch; return the verdicts in the order of the edits."""
        taken = in_order(lambda edit: (self.take(edit[0]), self.take(edit[1]), edit[2]), edits)
        for future in [self.submit(*edit) for edit in taken]:
            yield future.result()

    async def ascore(
        self,
        source: object,
        edited: object,
        instruction: str,
        *,
        mask: object = None,
        box: object = None,
        edit_type: str | None = None,
    ) -> EditVerdict:
        """Judge as `score`, in asynchronous code."""
        about: dict[str, Any] = {"mask": mask, "box": box, "edit_type": edit_type}
        future = await asyncio.to_thread(self.submit, source, edited, instruction, **about, urgent=True)
        return await asyncio.wrap_future(future)
