"""The engine of a local vLLM server, which processes with the same judge share."""

from __future__ import annotations

import asyncio
import contextlib
import dataclasses
from pathlib import Path

from ...errors import ConfigError, EngineError
from ...protocols.base import Protocol, Request
from ...settings import JudgeSettings
from .. import chat_client, spending
from ..address import Address
from ..base import Answer, Engine, EngineIdentity, Progress
from ..chat_client import ChatClient, RefusedError
from ..connection import ANSWER_SECONDS, Connection
from ..retries import UnavailableError
from . import arguments
from .foreign_variables import describe_left_out, foreign_variables
from .gpus import gib
from .model_download import check_space
from .model_files import Model
from .placement import Fit
from .planning import Plan, Planner
from .starting import Starter
from .supervisor import State, healthy

END_SECONDS = 20.0  # how long the last user waits to see the server gone


CRASHES = 3  # tries of one request over restarts of the server


class VllmEngine(Engine):
    """An engine on one vLLM server process, started at the first request and restarted once after a crash."""

    name = "vllm"
    primes = True
    local = True
    concurrency = arguments.IMAGES_ON_GPU

    def __init__(self, settings: JudgeSettings, protocol: Protocol, *, state_dir: Path) -> None:
        self.planner = Planner(settings, state_dir, protocol)
        self.starter = Starter(self.planner)
        self.protocol = protocol
        self.state_dir = state_dir
        self._client: ChatClient | None = None
        self._state: State | None = None
        self._restarts_before = 0
        self._progress: Progress = lambda line: None
        self._recovery = asyncio.Lock()
        self._failed: EngineError | None = None

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
        if plan.install.device == "cpu":
            self.concurrency = arguments.IMAGES_ON_CPU
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

    def running(self) -> tuple[State, Path]:
        """Return the state of the started server, and its folder."""
        assert self._state is not None
        assert self.starter.server is not None
        return self._state, self.starter.server.folder

    def warm_up(self) -> None:
        """Import the HTTP client."""
        chat_client.warm_up()

    async def start(self, progress: Progress) -> None:
        """Join the server, or have it started, and wait until it is ready.

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
            await self.starter.join(plan, progress)
            assert self.starter.server is not None
            state = await self.starter.server.ready(progress)
        except EngineError as error:
            self._failed = error
            raise
        self._restarts_before = state.restarts - self.restarts  # it may have been suspended in between
        await self._use(state)

    async def ask(self, request: Request) -> Answer:
        """Answer one request, again after a crash of the server.

        Raises:
            EngineError: refused, or the server is gone for good.
        """
        async with self._recovery:
            if self._client is None and self._failed is None:
                await self.start(self._progress)
        for _ in range(CRASHES):
            if self._failed is not None:
                raise EngineError(str(self._failed))
            client, state = self._client, self._state
            assert client is not None
            assert state is not None
            try:
                if self.asleep:
                    await self.wake()
                return await self._ask(client, request)
            except UnavailableError as lost:
                await self._recover(state, lost)
            except RefusedError as refusal:
                if refusal.status != 401:
                    raise
                await self._recover(state, refusal)  # another program has its port now
        raise EngineError("the judge's server was lost again and again while it answered one request")

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
        """Return True where one of the users put this server to sleep."""
        if self.settings.sleep is None or self.starter.server is None or self._state is None:
            return False
        return self.starter.server.asleep == self._state.generation

    async def sleep(self) -> None:
        """Have the server move its weights to main memory and release the GPU's; the next request wakes it.

        Does nothing without sleep mode, with other users, and without room for the weights in main memory.

        Raises:
            EngineError: the server refused.
        """
        if self.settings.sleep is None or self._client is None or self.starter.server is None or self._state is None:
            return
        if self.asleep or self.starter.server.shared():
            return
        if _free_main_memory() < self.model().weights:
            self._progress("the judge's server does not sleep: the main memory has no room for its weights")
            return
        self.starter.server.asleep = self._state.generation
        await self._tell("/sleep?level=1")

    async def wake(self) -> None:
        """Have the server take the GPU's memory again.

        Raises:
            EngineError: the memory is not free any more.
        """
        async with self._recovery:
            if self.asleep:
                assert self.starter.server is not None
                await self._tell("/wake_up")
                self.starter.server.asleep = 0

    async def close(self) -> None:
        """Leave the server; the last user waits for its end. Safe to call twice."""
        self.starter.closed += 1
        client, self._client = self._client, None
        if client is not None:
            await client.close()
        mine, self.starter.server = self.starter.server, None
        if mine is None:
            return
        mine.leave()
        self._state = None
        await mine.ended(END_SECONDS)

    async def _use(self, state: State) -> None:
        old, self._state = self._client, state
        self._client = ChatClient(
            Connection(Address.parse(state.url), key=state.key, direct=True),
            arguments.ADAPTER if self.settings.adapter else str(self.settings.model),
            timeout=self.settings.timeout or ANSWER_SECONDS,
            engine=self.name,
            version=self.plan().install.version,
            attempts=2,
            adapt=False,
        )
        self.restarts = max(0, state.restarts - self._restarts_before)
        if old is not None:
            await old.close()

    async def _recover(self, used: State, lost: EngineError) -> None:
        """Wait for the successor of the server that was ``used``, once for all waiting requests.

        Raises:
            EngineError: there is no successor, or the server that was ``used`` lives.
        """
        mine = self.starter.server
        assert mine is not None
        # looked at without the lock, for which other requests wait
        if self._failed is None and self._state is used:
            # one that answers lives, unless it is about to end because its engine is dead, and says so
            answers = isinstance(lost, UnavailableError) and lost.status is not None
            lives = answers and await asyncio.to_thread(healthy, used.url)
            if lives or not await mine.noticed(used.generation):
                raise EngineError(f"the judge's server is up, but a request failed: {lost}\n  log: {mine.log}")
        async with self._recovery:
            if self._failed is not None or self._state is not used:
                return
            self._progress("the judge's server was lost; its requests wait for it to be started again")
            try:
                await self._use(await mine.ready(self._progress, after=used.generation))
            except EngineError as error:
                self._failed = error
                raise

    async def _tell(self, path: str) -> None:
        import httpx

        assert self._client is not None
        url = f"{self._client.address.root}{path}"
        async with httpx.AsyncClient(trust_env=False, timeout=600.0) as client:
            try:
                response = await client.post(url, headers=self._client.connection.headers)
            except httpx.TransportError as error:
                raise UnavailableError(f"{url}: {type(error).__name__}: {error}") from None
        if response.status_code != 200:
            raise EngineError(f"{url}: HTTP {response.status_code}: {response.text[:400]}")


def fits(settings: JudgeSettings, protocol: Protocol, *, state_dir: Path) -> Fit:
    """Compare the needs of the judge of ``settings`` with the memory that is free now.

    Raises:
        ConfigError: the judge could not be served even on empty GPUs.
    """
    return VllmEngine(settings, protocol, state_dir=state_dir).fit()


def _free_main_memory() -> int:
    import psutil

    return int(psutil.virtual_memory().available)
