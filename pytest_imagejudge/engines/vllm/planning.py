"""The plan of a vLLM server: model, GPUs and command line."""

from __future__ import annotations

import dataclasses
import functools
import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from ...errors import ConfigError
from ...protocols.base import Protocol
from ...settings import JudgeSettings
from . import arguments, shared_server, user_arguments
from .adapters import Adapter, find_adapter
from .caches import caches_folder
from .copy_plan import CopyRoom, place_words
from .gpus import Gpu, Holder, gib, visible_gpus
from .install import Install, find_vllm
from .limits import Limits, limits
from .model_download import download_command
from .model_files import Model
from .model_lookup import find_model
from .placement import FULL_SHARE, Fit, JointPlacement, Placement, fit, place, place_beside, share


@dataclass(frozen=True)
class Plan:
    """The plan of a server, made without starting one.

    Attributes:
        install, model, placement: the vLLM, the model, and its GPUs.
        options: of the server, without its share of memory.
        deciding: the user's own tokens that decide answers, as `user_arguments.deciding` has them.
        adapter: served with the model, or None.
    """

    install: Install
    model: Model
    placement: Placement
    options: tuple[str, ...]
    deciding: str
    adapter: Adapter | None = None


class Planner:
    """A planner for the server of one judge.

    Args:
        settings: of the judge.
        state_dir: the folder of the servers' state.
        protocol: the protocol that asks the judge; None where it is not known.

    Attributes:
        most_free: bytes of GPUs, by `Gpu.label`, that count as free at most, because something will take the rest.

    Raises:
        ConfigError: an argument for the server, or a number, is invalid.
    """

    def __init__(self, settings: JudgeSettings, state_dir: Path, protocol: Protocol | None = None) -> None:
        user_arguments.check_arguments(settings.args)
        if settings.memory_share is not None and not 0 < settings.memory_share <= 1:
            raise ConfigError(
                f"the share of GPU memory is {settings.memory_share:g}; more than 0 and at most 1 is expected"
            )
        if settings.keep_alive is not None and not settings.keep_alive >= 0:
            raise ConfigError(f"--judge-keep-alive is {settings.keep_alive:g}; minutes, 0 or more, are expected")
        self.settings = dataclasses.replace(settings, args=user_arguments.absolute(settings.args))
        self.state_dir = state_dir
        self._protocol = protocol
        self._option = "--edit-judge-model" if settings.kind == "edit" else "--judge-model"
        self._model: Model | None = None
        self._plan: Plan | None = None
        self.most_free: dict[str, int] = {}
        self._adapter: Adapter | None = None

    def model(self) -> Model:
        """Return the model, looked up once.

        Raises:
            ConfigError: the model can't be found.
        """
        if self._model is None:
            self._model = find_model(str(self.settings.model), self.settings.revision, self._option)
        return self._model

    def adapter(self) -> Adapter | None:
        """Return the adapter to serve with the model, looked up once; None where there is none.

        Raises:
            ConfigError: it can't be found or does not fit the model.
        """
        if self._adapter is None and self.settings.adapter is not None:
            option = "--edit-judge-adapter" if self.settings.kind == "edit" else "--judge-adapter"
            self._adapter = find_adapter(self.settings.adapter, self.model(), option)
        return self._adapter

    def plan(self) -> Plan:
        """Return the plan, made once.

        Raises:
            ConfigError: no vLLM, no model, no GPU or not enough memory on an empty one.
        """
        if self._plan is None:
            try:
                install = find_vllm()
            except ConfigError as error:
                raise ConfigError(f"{self._option} {self.settings.model!r}: {error}") from None
            model = self.model()
            placement = self.place(model, install)
            most = self._limits(model, placement)
            options = arguments.server_arguments(model, install, self.settings, placement.parallel, placement.fp8, most)
            if self._protocol is not None and arguments.draws(self._protocol):
                options += arguments.drawing_arguments(install, most)
            if (adapter := self.adapter()) is not None:
                options += arguments.adapter_arguments(adapter, install)
            deciding = user_arguments.deciding(self.settings.args)
            self._plan = Plan(install, model, placement, tuple(options), deciding, adapter)
        return self._plan

    def fit(self) -> Fit:
        """Compare the judge's needs with the memory that is free now; a running server fits.

        Raises:
            ConfigError: as `preflight`.
        """
        plan = self.plan()
        spec = self.spec(plan, plan.placement.gpus)
        for folder, state, _ in shared_server.running(self.state_dir):
            if folder.name == spec.digest and state.status in ("starting", "ready"):
                return dataclasses.replace(fit(plan.placement), ok=True, running=True)
        placement = self.place(plan.model, plan.install)  # as it is now
        return fit(placement, self.idle_holders(placement.gpus))

    def as_planned(self) -> shared_server.Server:
        """Return the planned server, with the GPUs of the plan.

        Raises:
            ConfigError: as `plan`.
        """
        plan = self.plan()
        return shared_server.Server(self.spec(plan, plan.placement.gpus), self.state_dir)

    def place(self, model: Model, install: Install) -> Placement:
        """Place the model by the memory that is free now.

        Raises:
            ConfigError: as `plan`.
        """
        gpus: list[Gpu] = []
        if install.device == "cuda":
            gpus = [self._unclaimed(gpu) for gpu in visible_gpus(self.settings.gpus)]
        elif self.settings.gpus is not None and install.device == "cpu":
            raise ConfigError(f"--judge-gpus {self.settings.gpus!r}: the vLLM that is installed is a CPU build")
        args = self.settings.args
        if (adapter := self.adapter()) is not None:  # vLLM has room for it at the rank that it is told, beside the file
            model = dataclasses.replace(model, weights=model.weights + 2 * adapter.bytes)
        return place(
            model, install, self.settings, gpus, user_arguments.own_split(args), user_arguments.reduces_weights(args)
        )

    def _limits(self, model: Model, placement: Placement) -> Limits:
        """Return the limits of the server, by the memory of the GPUs as empty ones, so that all processes agree."""
        sizes = [gpu.total for gpu in placement.gpus if gpu.total is not None]
        if not sizes or len(sizes) < len(placement.gpus) or placement.at_most:
            return Limits()
        share = int((self.settings.memory_share or FULL_SHARE) * min(sizes))
        return limits(model, share, placement.parallel, fp8=placement.fp8)

    def _unclaimed(self, gpu: Gpu) -> Gpu:
        """Return ``gpu`` without the memory that our starting servers, and the tests' own models, will take."""
        if gpu.free is not None and self.most_free.get(gpu.label, gpu.free) < gpu.free:
            gpu = dataclasses.replace(gpu, free=self.most_free[gpu.label])
        for _, state, _ in shared_server.running(self.state_dir):
            for copy in state.of("starting"):
                left = copy.leaves.get(gpu.uuid)
                if left is not None and gpu.free is not None and left < gpu.free:
                    starting = Holder(copy.server, f"{state.title}, which is starting,", gpu.free - left)
                    gpu = dataclasses.replace(gpu, free=left, holders=(*gpu.holders, starting))
        return gpu

    @functools.cached_property
    def beside(self) -> JointPlacement:
        """Return the placement beside the session's other judge."""
        if self.settings.beside is None:
            return JointPlacement("apart")
        other = Planner(self.settings.beside, self.state_dir)
        try:
            return place_beside(self.plan().placement, other.plan().placement)
        except ConfigError:
            return JointPlacement("apart")  # the other will not start, and says so itself

    def room(self, placement: Placement, *, other_is_up: bool = False) -> CopyRoom:
        """Return the room for copies, with what the session's other judge needs left to it where it is not up yet."""
        reserved = 0
        if self.settings.beside is not None and self.beside.how == "apart" and not other_is_up:
            reserved = self._gpus_of_the_other
        named = user_arguments.names_copies(self.settings.args)
        return CopyRoom(placement, self.settings.memory_share or FULL_SHARE, reserved, named)

    def most_copies(self) -> int:
        """Return the number of copies of the model for which there is room on empty GPUs; 1 at least.

        Raises:
            ConfigError: as `plan`.
        """
        return self.room(self.plan().placement).most() if self.beside.how == "apart" else 1

    @functools.cached_property
    def _gpus_of_the_other(self) -> int:
        """Return the number of GPUs that the session's other judge takes of those that this one may use."""
        assert self.settings.beside is not None
        try:
            other = Planner(self.settings.beside, self.state_dir).plan().placement
        except ConfigError:
            return 0
        mine = {gpu.uuid for gpu in self.plan().placement.gpus}
        return other.parallel * other.copies if mine & {gpu.uuid for gpu in other.gpus} else 0

    def copy(self, plan: Plan, gpus: Sequence[Gpu], why: str = "") -> shared_server.CopySpec:
        """Return the specification of one copy of ``plan``, on ``gpus``."""
        env = arguments.server_environment(plan.install, self.settings, caches_folder(self.state_dir, plan.install))
        memory: list[str] = []
        leaves: dict[str, int] = {}
        if gpus:
            env |= {"CUDA_DEVICE_ORDER": "PCI_BUS_ID", "CUDA_VISIBLE_DEVICES": ",".join(str(g.index) for g in gpus)}
            part = self.settings.memory_share or share(gpus, plan.placement, plan.model, self.beside.most)
            leaves = {gpu.uuid: _left(gpu, part) for gpu in gpus}
            if part is not None:  # else vLLM has a share of its own, of what it finds there
                memory = ["--gpu-memory-utilization", f"{part:g}"]
        command = arguments.server_command(plan.install, plan.model, (*plan.options, *memory), self.settings.args)
        return shared_server.CopySpec(command, env, leaves, place_words(gpus), why)

    def spec(self, plan: Plan, gpus: Sequence[Gpu]) -> shared_server.ServerSpec:
        """Return the specification of the servers of ``plan``, the first copy on ``gpus``."""
        copy = self.copy(plan, gpus)
        target = shared_server.servers_folder(self.state_dir)
        deciding_env = sorted(f"{name}={value}" for name, value in copy.env.items() if name.startswith("VLLM_CPU"))
        identity = (
            *(plan.install.python, plan.install.version, str(plan.model.folder), plan.model.revision),
            *(*plan.options, *self.settings.args, plan.deciding, *deciding_env),
            *(str(self.settings.memory_share), str(self.beside.most)),
            *(gpu.uuid for gpu in plan.placement.gpus),
            *(() if plan.adapter is None else (plan.adapter.revision,)),
        )
        spec = shared_server.ServerSpec(title=plan.model.name, copy=copy, download=None, identity=identity)
        if plan.model.complete:
            return spec
        command = download_command(plan.model, target / spec.digest / "model")
        return dataclasses.replace(spec, download=command)

    def idle_holders(self, gpus: Sequence[Gpu]) -> list[Holder]:
        """Return the processes of our idle servers that hold memory on ``gpus``."""
        states = [state for _, state, users in shared_server.running(self.state_dir) if users == 0]
        idle = {copy.server for state in states for copy in state.copies}
        return [holder for gpu in gpus for holder in gpu.holders if holder.pid and _session(holder.pid) in idle]


def describe(fit_: Fit) -> str:
    """Return a sentence with the figures: needed, free, and the holders of the rest."""
    where = ", ".join(f"GPU {gpu.index}" for gpu in fit_.gpus)
    held = ", ".join(f"{h.name} (process {h.pid or 'unknown'}) {gib(h.bytes or None)}" for h in fit_.holders)
    total = sum(gpu.total or 0 for gpu in fit_.gpus)
    return f"{gib(fit_.needed_bytes)} are needed on {where}, {gib(fit_.free_bytes)} of {gib(total)} are free" + (
        f"; held by {held}" if held else ""
    )


def _left(gpu: Gpu, part: float | None) -> int:
    """Return the bytes of ``gpu`` that are left for others; 0 where unknown."""
    if gpu.free is None or gpu.total is None or part is None:
        return 0
    return max(0, gpu.free - int(part * gpu.total))


def _session(pid: int) -> int:
    try:
        return os.getsid(pid)
    except OSError:
        return 0
