"""A judge in a local vLLM server, shared by all who ask for the same one."""

from __future__ import annotations

import asyncio
import contextlib
import dataclasses
import functools
import os
from collections.abc import Sequence
from pathlib import Path

from ...errors import ConfigError, EngineError
from ...protocols.base import Protocol, Request
from ...settings import JudgeSettings
from .. import chat_client
from ..address import Address
from ..base import Answer, Engine, EngineIdentity, Progress
from ..chat_client import ChatClient, RefusedError
from ..retries import UnavailableError
from . import arguments, shared_server
from .gpus import Gpu, Holder, gib, visible_gpus
from .install import Install, find_vllm
from .model_files import Model, check_space, download_command, find_model
from .placement import Fit, Placement, Together, fit, pick, place, share, together
from .planning import Plan, describe, left_over
from .supervisor import State, healthy

END_SECONDS = 20.0  # how long the last user waits to see the server gone


LOOK_SECONDS = 1.0  # between two looks at whether another server has started


CRASHES = 3  # tries of one request over restarts of the server


class VllmEngine(Engine):
    """One vLLM server process, started at the first request, restarted once, and never left behind."""

    name = "vllm"
    primes = True
    local = True
    concurrency = arguments.IMAGES_ON_GPU

    def __init__(self, settings: JudgeSettings, protocol: Protocol, *, state_dir: Path) -> None:
        arguments.check_arguments(settings.args)
        if settings.memory_share is not None and not 0 < settings.memory_share <= 1:
            raise ConfigError(f"the share of GPU memory is {settings.memory_share:g}; it is more than 0 and at most 1")
        if settings.keep_alive is not None and not settings.keep_alive >= 0:
            raise ConfigError(f"--judge-keep-alive is {settings.keep_alive:g}; it is minutes, 0 or more")
        self.settings = dataclasses.replace(settings, args=arguments.absolute(settings.args))
        self.protocol = protocol
        self.state_dir = state_dir
        self._option = "--edit-judge-model" if settings.kind == "edit" else "--judge-model"
        self._model: Model | None = None
        self._plan: Plan | None = None
        self._server: shared_server.Server | None = None
        self._client: ChatClient | None = None
        self._state: State | None = None
        self._restarts_before = 0
        self._progress: Progress = lambda line: None
        self._recovery = asyncio.Lock()
        self._failed: EngineError | None = None
        self._closed = 0  # how often

    def model(self) -> Model:
        """The model, looked up once.

        Raises:
            ConfigError: it is not to be had.
        """
        if self._model is None:
            self._model = find_model(str(self.settings.model), self.settings.revision, self._option)
        return self._model

    def plan(self) -> Plan:
        """What would be started.

        Raises:
            ConfigError: no vLLM, no model, no GPU or not enough memory on an empty one.
        """
        if self._plan is None:
            try:
                install = find_vllm()
            except ConfigError as error:
                raise ConfigError(f"{self._option} {self.settings.model!r}: {error}") from None
            model = self.model()
            placement = self._place(model, install)
            if install.device == "cpu":
                self.concurrency = arguments.IMAGES_ON_CPU
            options = arguments.server_arguments(model, install, self.settings, placement.parallel, placement.fp8)
            self._plan = Plan(install, model, placement, tuple(options), arguments.deciding(self.settings.args))
        return self._plan

    def identity(self) -> EngineIdentity:
        """The model at its commit, and what of the serving decides answers.

        Raises:
            ConfigError: the model can't be looked up.
        """
        model, fp8 = self.model(), False
        if self.settings.allow_fp8:
            try:
                fp8 = self.plan().placement.fp8
            except ConfigError:  # it can't be served here, and what is stored was answered elsewhere
                self.settings = dataclasses.replace(self.settings, allow_fp8=False)  # so that this stays true
        return EngineIdentity(model.name, model.revision, arguments.decided(model, self.settings, fp8))

    def preflight(self) -> None:
        """Check that vLLM, model, GPUs, their memory (were it free) and the disk allow a start.

        Raises:
            ConfigError: with the figure and the remedy.
        """
        check_space(self.plan().model)

    def beside(self) -> str:
        """See `Engine.beside`."""
        found, name = self._together, self.plan().model.name
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

    def fit(self) -> Fit:
        """Whether the judge fits into the memory that is free now, or is up already.

        Raises:
            ConfigError: as `preflight`.
        """
        plan = self.plan()
        spec = self._spec(plan, plan.placement.gpus)
        for folder, state, _ in shared_server.running(self.state_dir):
            if folder.name == spec.digest and state.status in ("starting", "ready"):
                return dataclasses.replace(fit(plan.placement), ok=True, running=True)
        placement = self._place(plan.model, plan.install)  # as it is now
        return fit(placement, self._idle_holders(placement.gpus))

    def server_folder(self) -> Path:
        """Where the state and the log of this judge's server are, whether it is up or not.

        Raises:
            ConfigError: as `plan`.
        """
        return self._as_planned().folder

    def in_use(self) -> bool:
        """See `Engine.in_use`."""
        with contextlib.suppress(ConfigError):
            return self._as_planned().in_use
        return False

    def _as_planned(self) -> shared_server.Server:
        plan = self.plan()
        return shared_server.Server(self._spec(plan, plan.placement.gpus), self.state_dir)

    def running(self) -> tuple[State, Path]:
        """The state of the server that was started, and its folder."""
        assert self._state is not None
        assert self._server is not None
        return self._state, self._server.folder

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
        try:
            await self._join(plan)
            assert self._server is not None
            state = await self._server.ready(progress)
        except EngineError as error:
            self._failed = error
            raise
        self._restarts_before = state.restarts - self.restarts  # it may have been suspended in between
        await self._use(state)

    async def ask(self, request: Request) -> Answer:
        """Answer one request; over a crash of the server it is asked again.

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
        """Ask; a model that does not think has no budget for it, which the server would refuse."""
        budget = "thinking_token_budget"
        if budget not in request.sampling or arguments.parses_thinking((*self.plan().options, *self.settings.args)):
            return await client.ask(request)
        sampling = {name: value for name, value in request.sampling.items() if name != budget}
        answer = await client.ask(dataclasses.replace(request, sampling=sampling))
        return dataclasses.replace(answer, notes=(*answer.notes, f"without {budget}"))

    async def prime(self, request: Request) -> None:
        """Have the server read what an image's requests share, up to and including the image."""
        if request.primer is None:
            return
        keep = ("chat_template_kwargs", "mm_processor_kwargs", "chat_template")  # what the prompt is made with
        sampling = {name: request.sampling[name] for name in keep if name in request.sampling}
        sampling |= {"max_tokens": 1, "temperature": 0.0, "add_generation_prompt": False}
        await self.ask(Request(request.dimension, request.primer, sampling, request.text))

    @property
    def asleep(self) -> bool:
        """Whether this server was put to sleep, by whichever of its users."""
        if self.settings.sleep is None or self._server is None or self._state is None:
            return False
        return self._server.asleep == self._state.generation

    async def sleep(self) -> None:
        """Have the server move its weights to main memory and give up the GPU's; the next request wakes it.

        Does nothing where it was not started with sleep mode, where others use it too, and where the main memory
        has no room for the weights.

        Raises:
            EngineError: it refused.
        """
        if self.settings.sleep is None or self._client is None or self._server is None or self._state is None:
            return
        if self.asleep or self._server.shared():
            return
        if _free_main_memory() < self.model().weights:
            self._progress("the judge's server does not sleep: the main memory has no room for its weights")
            return
        self._server.asleep = self._state.generation
        await self._tell("/sleep?level=1")

    async def wake(self) -> None:
        """Have the server take the GPU's memory again.

        Raises:
            EngineError: the memory is not free any more.
        """
        async with self._recovery:
            if self.asleep:
                assert self._server is not None
                await self._tell("/wake_up")
                self._server.asleep = 0

    async def close(self) -> None:
        """Leave the server; the last user waits for its end. Safe to call twice."""
        self._closed += 1
        client, self._client = self._client, None
        if client is not None:
            await client.close()
        mine, self._server = self._server, None
        if mine is None:
            return
        mine.leave()
        self._state = None
        await mine.ended(END_SECONDS)

    async def _join(self, plan: Plan) -> None:
        """Have the server started, or join it, when no other one is starting on its GPUs any more.

        vLLM measures while it starts how much memory it may take; what another process takes meanwhile makes it fail.

        Raises:
            EngineError: not enough memory is free, or the start has failed already.
        """
        told, closed = False, self._closed
        while self._server is None:
            waits_for = await asyncio.to_thread(self._try_to_join, plan, closed)
            if waits_for:
                if not told:
                    self._progress(f"{plan.model.name}: waits until {waits_for} has started on the same GPU")
                    told = True
                await asyncio.sleep(LOOK_SECONDS)

    def _try_to_join(self, plan: Plan, closed: int) -> str:
        """Choose GPUs, and join or start; returns whose start is in the way, if any. One process at a time chooses."""
        from filelock import FileLock

        folder = shared_server.servers_folder(self.state_dir)
        with shared_server.usable_folder():
            folder.mkdir(parents=True, exist_ok=True)
        with FileLock(folder / "choosing.lock"):
            shared_server.remove_old(self.state_dir)
            spec = self._make_room(plan)
            for place, state, _ in shared_server.running(self.state_dir):
                starts = state.status == "starting" and place.name != spec.digest
                if starts and state.leaves.keys() & spec.leaves.keys():
                    return state.title
            mine = shared_server.Server(spec, self.state_dir)
            if self._closed == closed:
                mine.join(keep_alive=self.settings.keep_alive)
                self._server = mine
        if self._closed != closed:  # while this thread, which nobody can cancel, was at it
            self._server = None
            mine.leave()
            raise EngineError("the judge was closed while it started")
        return ""

    def _place(self, model: Model, install: Install) -> Placement:
        gpus: list[Gpu] = []
        if install.device == "cuda":
            gpus = [self._unclaimed(gpu) for gpu in visible_gpus(self.settings.gpus)]
        elif self.settings.gpus is not None and install.device == "cpu":
            raise ConfigError(f"--judge-gpus {self.settings.gpus!r}: the vLLM that is installed is a CPU build")
        args = self.settings.args
        return place(model, install, self.settings, gpus, arguments.own_split(args), arguments.lessen(args))

    def _unclaimed(self, gpu: Gpu) -> Gpu:
        """``gpu`` as it will be when those servers of ours are up that are just starting on it."""
        for _, state, _ in shared_server.running(self.state_dir):
            left = state.leaves.get(gpu.uuid)
            if state.status == "starting" and left is not None and gpu.free is not None and left < gpu.free:
                starting = Holder(state.server, f"{state.title}, which is starting,", gpu.free - left)
                gpu = dataclasses.replace(gpu, free=left, holders=(*gpu.holders, starting))
        return gpu

    @functools.cached_property
    def _together(self) -> Together:
        if self.settings.beside is None:
            return Together("apart")
        other = VllmEngine(self.settings.beside, self.protocol, state_dir=self.state_dir)
        try:
            return together(self.plan().placement, other.plan().placement)
        except ConfigError:
            return Together("apart")  # the other will not start, and says so itself

    def _spec(self, plan: Plan, gpus: Sequence[Gpu]) -> shared_server.ServerSpec:
        env = arguments.server_environment(plan.install, self.settings, self.state_dir / "compiled")
        memory: list[str] = []
        leaves: dict[str, int] = {}
        if gpus:
            env |= {"CUDA_DEVICE_ORDER": "PCI_BUS_ID", "CUDA_VISIBLE_DEVICES": ",".join(str(g.index) for g in gpus)}
            part = self.settings.memory_share or share(gpus, plan.placement, plan.model, self._together.most)
            leaves = {gpu.uuid: left_over(gpu, part) for gpu in gpus}
            if part is not None:  # else vLLM has a share of its own, of what it finds there
                memory = ["--gpu-memory-utilization", f"{part:g}"]
        target = shared_server.servers_folder(self.state_dir)
        deciding_env = sorted(f"{name}={value}" for name, value in env.items() if name.startswith("VLLM_CPU"))
        identity = (
            *(plan.install.python, plan.install.version, str(plan.model.folder), plan.model.revision),
            *(*plan.options, *self.settings.args, plan.deciding, *deciding_env),
            *(str(self.settings.memory_share), str(self._together.most)),
            *(gpu.uuid for gpu in plan.placement.gpus),
        )
        spec = shared_server.ServerSpec(
            title=plan.model.name,
            command=arguments.server_command(plan.install, plan.model, (*plan.options, *memory), self.settings.args),
            env=env,
            download=None,
            identity=identity,
            leaves=leaves,
        )
        if plan.model.complete:
            return spec
        command = download_command(plan.model, target / spec.digest / "model")
        return dataclasses.replace(spec, download=command)

    def _make_room(self, plan: Plan) -> shared_server.ServerSpec:
        """Choose GPUs by what is free now; idle servers of ours that are in the way are stopped.

        Raises:
            EngineError: not enough memory is free, with who holds it.
        """
        fits = self.fit()
        spec = self._spec(plan, fits.gpus)
        if not fits.gpus or fits.running:
            return spec
        if not fits.ok and not plan.placement.at_most:
            raise EngineError(f"{plan.model.name}: {describe(fits)}")
        # beside another one there is no room for the share that vLLM takes where nobody tells how much there is
        if fits.free_bytes is None or not fit(self._place(plan.model, plan.install)).ok:
            for folder, _, users in shared_server.running(self.state_dir):
                if users == 0 and folder.name != spec.digest:
                    self._progress(f"stopping an idle server of this project to make room ({folder.name})")
                    shared_server.stop(folder)
            now = self._place(plan.model, plan.install)
            spec = self._spec(dataclasses.replace(plan, placement=now), pick(now))
        return spec

    def _idle_holders(self, gpus: Sequence[Gpu]) -> list[Holder]:
        """What idle servers of ours hold on ``gpus``."""
        idle = {state.server for _, state, users in shared_server.running(self.state_dir) if users == 0}
        return [holder for gpu in gpus for holder in gpu.holders if holder.pid and _session(holder.pid) in idle]

    async def _use(self, state: State) -> None:
        old, self._state = self._client, state
        assert self._plan is not None
        self._client = ChatClient(
            Address.parse(state.url),
            str(self.settings.model),
            key=state.key,
            engine=self.name,
            version=self._plan.install.version,
            attempts=2,
            direct=True,
            adapt=False,
        )
        self.restarts = max(0, state.restarts - self._restarts_before)
        if old is not None:
            await old.close()

    async def _recover(self, used: State, lost: EngineError) -> None:
        """Wait for the server that follows the one that was ``used``; one of the waiting requests does it for all.

        Raises:
            EngineError: there is none, or none is needed: the server that was ``used`` lives.
        """
        assert self._server is not None
        # looked at without the lock, for which other requests wait
        if self._failed is None and self._state is used:
            # one that answers lives, unless it is about to end because its engine is dead, and says so
            answers = isinstance(lost, UnavailableError) and lost.status is not None
            lives = answers and await asyncio.to_thread(healthy, used.url)
            if lives or not await self._server.noticed(used.generation):
                raise EngineError(f"the judge's server is up, but a request failed: {lost}\n  log: {self._server.log}")
        async with self._recovery:
            if self._failed is not None or self._state is not used:
                return
            self._progress("the judge's server was lost; its requests wait for it to be started again")
            try:
                await self._use(await self._server.ready(self._progress, after=used.generation))
            except EngineError as error:
                self._failed = error
                raise

    async def _tell(self, path: str) -> None:
        import httpx

        assert self._client is not None
        url = f"{self._client.address.root}{path}"
        async with httpx.AsyncClient(trust_env=False, timeout=600.0) as client:
            try:
                response = await client.post(url, headers={"authorization": f"Bearer {self._client.key}"})
            except httpx.TransportError as error:
                raise UnavailableError(f"{url}: {type(error).__name__}: {error}") from None
        if response.status_code != 200:
            raise EngineError(f"{url}: HTTP {response.status_code}: {response.text[:400]}")


def fits(settings: JudgeSettings, protocol: Protocol, *, state_dir: Path) -> Fit:
    """Whether the judge of ``settings`` fits into the memory that is free now.

    Raises:
        ConfigError: it could not be served even on empty GPUs.
    """
    return VllmEngine(settings, protocol, state_dir=state_dir).fit()


def _free_main_memory() -> int:
    import psutil

    return int(psutil.virtual_memory().available)


def _session(pid: int) -> int:
    try:
        return os.getsid(pid)
    except OSError:
        return 0
