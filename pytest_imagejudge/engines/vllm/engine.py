"""The engine of local vLLM servers, one for each copy of the model, which processes with the same judge share."""

from __future__ import annotations

import asyncio
import contextlib
import dataclasses
from pathlib import Path

from ...errors import ConfigError, EngineError, ImageJudgeError
from ...protocols.base import Protocol, Request
from ...settings import JudgeSettings
from .. import chat_client, spending
from ..address import Address
from ..base import Answer, Engine, EngineIdentity, Progress
from ..chat_client import ChatClient, RefusedError
from ..connection import ANSWER_SECONDS, Connection
from ..retries import UnavailableError
from . import arguments
from .beginning import ServedHeadStart
from .copies import Copies
from .copy_news import copies_words
from .copy_plan import IMAGES_ON_CPU, IMAGES_ON_GPU
from .foreign_variables import describe_left_out, foreign_variables
from .gpus import gib
from .model_download import check_space
from .model_files import Model
from .placement import Fit
from .planning import Plan, Planner
from .served_copies import ServedCopies
from .sleeping import asleep_of, put_to_sleep, wake_up
from .starting import Starter
from .state import CopyState, log_file

END_SECONDS = 20.0  # how long the last user waits to see the server gone


CRASHES = 3  # tries of one request over restarts of servers


COUNT_SECONDS = 0.5  # between two looks at the number of images that wait


class VllmEngine(Engine):
    """An engine on vLLM servers: one is started at the first request, further copies where the images are worth them.

    Each is restarted once after a crash; the others take its images over.
    """

    name = "vllm"
    primes = True
    local = True
    concurrency = IMAGES_ON_GPU

    def __init__(self, settings: JudgeSettings, protocol: Protocol, *, state_dir: Path) -> None:
        self.planner = Planner(settings, state_dir, protocol)
        self.starter = Starter(self.planner)
        self.head_start = self._head_start = ServedHeadStart(self.planner, self.starter)
        self.protocol = protocol
        self.state_dir = state_dir
        self._served: ServedCopies | None = None
        self._starting = asyncio.Lock()
        self._waking = asyncio.Lock()
        self._progress: Progress = lambda line: None
        self._failed: EngineError | None = None
        self._restarts_before = 0
        self._images = 0
        self._tasks: list[asyncio.Task[None]] = []
        self._words = ""

    @property
    def settings(self) -> JudgeSettings:
        """The judge's settings."""
        return self.planner.settings

    def model(self) -> Model:
        """See `Planner.model`."""
        return self.planner.model()

    def plan(self) -> Plan:
        """See `Planner.plan`."""
        plan = self.planner.plan()
        if self._served is None:
            self.concurrency = _images_each(plan)
        return plan

    def fit(self) -> Fit:
        """See `Planner.fit`."""
        return self.planner.fit()

    def identity(self) -> EngineIdentity:
        """Return the model at its commit, and the facts of serving that decide answers.

        Raises:
            ConfigError: the model can't be looked up.
        """
        model, fp8 = self.model(), False
        if self.settings.allow_fp8:
            try:
                fp8 = self.plan().placement.fp8
            except ConfigError:  # it can't be served here, and what is stored was answered elsewhere
                self.planner.settings = dataclasses.replace(self.settings, allow_fp8=False)  # so that this stays true
        facts = arguments.deciding_facts(model, self.settings, fp8, self.planner.adapter())
        return EngineIdentity(model.name, model.revision, facts)

    def preflight(self) -> None:
        """Check that vLLM, model, GPUs, their total memory and the disk allow a start.

        Raises:
            ConfigError: with the figure and the remedy.
        """
        check_space(self.plan().model)

    def beside(self) -> str:
        """See `Engine.beside`."""
        found, name = self.planner.beside, self.plan().model.name
        if found.how == "in turn":
            return f"{name} does not fit beside the session's other judge: one judges after the other"
        if found.most is not None:
            return f"{name} shares its GPU with the session's other judge: it takes up to {gib(found.most)}"
        return ""

    def on_gpus(self) -> bool:
        """See `Engine.on_gpus`."""
        with contextlib.suppress(ConfigError):
            return any(gpu.free is not None for gpu in self.plan().placement.gpus)
        return False

    def server_folder(self) -> Path:
        """Return the folder with state and log of this judge's server, running or not.

        Raises:
            ConfigError: as `plan`.
        """
        return self.planner.as_planned().folder

    def in_use(self) -> bool:
        """See `Engine.in_use`."""
        with contextlib.suppress(ConfigError):
            return self.planner.as_planned().in_use
        return False

    def running(self) -> tuple[CopyState, Path]:
        """Return the state of the first copy that is up, and the log of its server."""
        assert self._served is not None
        state = self._served.copies.up[0].state
        return state, log_file(self._served.server.folder, state.number)

    def warm_up(self) -> None:
        """Import the HTTP client."""
        chat_client.warm_up()

    async def start(self, progress: Progress) -> None:
        """Join the servers, or have one started, and wait until one is ready.

        Raises:
            ConfigError: as `preflight`.
            EngineError: it failed; with its log's tail.
        """
        self._progress = progress
        plan = await asyncio.to_thread(self.plan)
        check_space(plan.model)
        if left_out := describe_left_out(foreign_variables()):
            progress(left_out)
        try:
            await self._until_up(plan)
        except EngineError as error:
            if not self._head_start.try_again():
                self._failed = error
                raise
            progress(f"{plan.model.name}: the start beside the tests failed; it starts once more")
            await self.close()
            await self.start(progress)

    async def _until_up(self, plan: Plan) -> None:
        most = await asyncio.to_thread(self.planner.most_copies)
        await self.starter.join(plan, self._progress)
        assert self.starter.server is not None
        self._restarts_before = self.restarts  # it may have been suspended in between
        copies = Copies(_images_each(plan), self._connect, spread=most > 1)
        self._served = ServedCopies(self.starter.server, copies, self._progress, self._copies_changed)
        if most > 1:
            self._tasks = [asyncio.create_task(self._count_images(plan)), asyncio.create_task(self._served.watch())]
        await self._served.until_up()

    def awaits(self, images: int) -> None:
        """See `Engine.awaits`."""
        self._images = images

    async def _count_images(self, plan: Plan) -> None:
        """Tell the other users how many images wait, and have copies started that these are worth."""
        told = 0
        while True:
            if self._images != told or self.starter.lacks_room:
                told = self._images
                with contextlib.suppress(OSError, ImageJudgeError):  # what runs goes on
                    await asyncio.to_thread(self.starter.count_images, plan, told)
            await asyncio.sleep(COUNT_SECONDS)

    def _copies_changed(self) -> None:
        if self._served is None:  # it is being closed
            return
        copies = self._served.copies
        self.restarts = self._restarts_before + self._served.restarts
        before, self.concurrency = self.concurrency, copies.each * max(1, len(copies.up))
        if self.concurrency > before:
            self.grown()

    async def ask(self, request: Request) -> Answer:
        """Answer one request, again after a crash of the server.

        Raises:
            EngineError: refused, or the servers are gone for good.
        """
        tries = 0
        while tries < CRASHES:
            served = await self._up()
            async with served.copies.one_for(request) as copy:
                if copy is None:
                    continue
                tries += 1
                lost: EngineError
                try:
                    if self.asleep:
                        await self.wake()
                    return await self._ask(copy.client, request)
                except UnavailableError as error:
                    lost = error
                except RefusedError as refusal:
                    if refusal.status != 401:
                        raise
                    lost = refusal  # another program has its port now
            await served.take_out(copy, lost)
        raise EngineError("the judge's server was lost again and again while it answered one request")

    async def _up(self) -> ServedCopies:
        """Return the copies, at least one of which is up.

        Raises:
            EngineError: none comes back.
        """
        async with self._starting:
            if self._failed is None and self._served is None:
                await self.start(self._progress)
        if self._failed is not None:
            raise EngineError(str(self._failed))
        assert self._served is not None
        try:
            await self._served.until_up()
        except EngineError as error:
            self._failed = error
            raise
        return self._served

    async def _ask(self, client: ChatClient, request: Request) -> Answer:
        """Ask the server, without the thinking budget of a model that does not think."""
        budget = "thinking_token_budget"
        if budget not in request.sampling or arguments.parses_thinking((*self.plan().options, *self.settings.args)):
            return await client.ask(request)
        sampling = {name: value for name, value in request.sampling.items() if name != budget}
        answer = await client.ask(dataclasses.replace(request, sampling=sampling))
        refused = {**answer.refused, budget: "this server does not tell the model's thinking from its answer"}
        return dataclasses.replace(answer, notes=(*answer.notes, f"without {budget}"), refused=refused)

    async def prime(self, request: Request) -> None:
        """Have the server read what an image's requests share, up to and including the image."""
        if request.primer is None:
            return
        keep = ("chat_template_kwargs", "mm_processor_kwargs", "chat_template")  # what the prompt is made with
        sampling = {name: request.sampling[name] for name in keep if name in request.sampling}
        sampling |= {"max_tokens": 1, "temperature": 0.0, "add_generation_prompt": False}
        spending.spend(await self.ask(Request(request.dimension, request.primer, sampling, request.text)))

    @property
    def asleep(self) -> bool:
        """Return True where one of the users put a server that is up to sleep."""
        return self.settings.sleep is not None and self._served is not None and bool(asleep_of(self._served))

    async def sleep(self) -> None:
        """Have the servers move their weights to main memory and release the GPUs'; the next request wakes them.

        Does nothing without sleep mode, with other users, and without room for the weights in main memory.

        Raises:
            EngineError: a server refused.
        """
        if self.settings.sleep is not None and self._served is not None:
            await put_to_sleep(self._served, self.model().weights, self._progress)

    async def wake(self) -> None:
        """Have the servers take the GPUs' memory again.

        Raises:
            EngineError: the memory is not free any more.
        """
        async with self._waking:
            if self._served is not None and self.asleep:
                await wake_up(self._served)

    async def close(self) -> None:
        """Leave the servers; the last user waits for their end. Safe to call twice."""
        self.starter.closed += 1
        tasks, self._tasks = self._tasks, []
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        self._words = self.copies()
        served, self._served = self._served, None
        if served is not None:
            await served.copies.close()
        mine, self.starter.server = self.starter.server, None
        if mine is not None:
            mine.leave()
            await mine.ended(END_SECONDS)

    def copies(self) -> str:
        """See `Engine.copies`."""
        if self._served is None or not self._served.copies.spread:
            return self._words
        return copies_words(self.model().name, self._served.server.places(), lacks_room=self.starter.lacks_room)

    def _connect(self, copy: CopyState) -> ChatClient:
        adapter = self.plan().adapter
        return ChatClient(
            Connection(Address.parse(copy.url), key=copy.key, direct=True),
            str(self.settings.model) if adapter is None else adapter.served_name,
            timeout=self.settings.timeout or ANSWER_SECONDS,
            engine=self.name,
            version=self.plan().install.version,
            attempts=2,
            adapt=False,
        )


def _images_each(plan: Plan) -> int:
    return IMAGES_ON_CPU if plan.install.device == "cpu" else IMAGES_ON_GPU


def fits(settings: JudgeSettings, protocol: Protocol, *, state_dir: Path) -> Fit:
    """Compare the needs of the judge of ``settings`` with the memory that is free now.

    Raises:
        ConfigError: the judge could not be served even on empty GPUs.
    """
    return VllmEngine(settings, protocol, state_dir=state_dir).fit()
