"""A judge that looks at the colour of a picture. PYTEST_DONT_REWRITE

Runs of pytest load this module as a plugin (``-p tests.stand_in.judge`` or PYTEST_PLUGINS). It answers for the model
``stand-in``, each time after what the environment says:

- STAND_IN_FAULT: how the engine fails (``identity``, ``preflight``, ``start``, ``log``).
- STAND_IN_DELAY: seconds to each answer.
- STAND_IN_AT_ONCE: cyan pictures are answered when so many requests wait.
- STAND_IN_CONCURRENCY: how many requests it takes at once.
- STAND_IN_GPU: it needs a GPU, which is free while there is no file "held"; ``own`` for a GPU of its own.
- STAND_IN_FOR_ALL: it answers for every model but ``signals``, and every picture is sound.
"""

from __future__ import annotations

import asyncio
import json
import os
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest

from pytest_imagejudge.engines.base import Answer, Engine, EngineIdentity, HeadStart
from pytest_imagejudge.engines.vllm.gpus import Gpu, Holder
from pytest_imagejudge.engines.vllm.placement import Fit
from pytest_imagejudge.errors import ConfigError, EngineError
from pytest_imagejudge.protocols.base import EDIT, Request
from pytest_imagejudge.settings import SIGNALS, JudgeSettings
from pytest_imagejudge.support.entry_points import ENGINES, names_of
from pytest_imagejudge.taxonomy import TREE

CREATED = "2026-01-01T00:00:00+00:00"


def levels(dimension: str, raw: object) -> str:
    """An answer with one score for every facet of a dimension, each after a reason as `house` asks for it."""
    facet = {"reason": "", "score": raw}
    return json.dumps({two: dict.fromkeys(threes, facet) for two, threes in TREE[dimension].items()})


def aspects(request: Request, score: float) -> str:
    """An answer with one score for every aspect of an edit."""
    names = request.sampling["structured_outputs"]["json"]["required"]
    return json.dumps(dict.fromkeys(names, score))


class Sound(Engine):
    """Finds every facet sound, and every edit a 4.2."""

    name = "stand-in"
    concurrency = 8

    def __init__(self, model: str) -> None:
        self._model = model

    def identity(self) -> EngineIdentity:
        return EngineIdentity(self._model, "1")

    def preflight(self) -> None:
        pass

    async def start(self, progress: Callable[[str], None]) -> None:
        progress("the stand-in is ready")

    async def ask(self, request: Request) -> Answer:
        return Answer(self._text(request), "stop", 1000, 800, 100, self.name, "1", created=CREATED)

    def _text(self, request: Request) -> str:
        if request.dimension != EDIT:
            return levels(request.dimension, 1)
        if request.sampling.get("structured_outputs") is None:
            return "<think>It did what was asked.</think><answer>4.20</answer>"
        return aspects(request, 4.2)


class StandIn(Engine):
    """Scores every facet alike, by the colour of the picture."""

    name = "stand-in"

    def __init__(self, log: Path, kind: str) -> None:
        self.concurrency = int(os.environ.get("STAND_IN_CONCURRENCY", "64"))
        self._fault = os.environ.get("STAND_IN_FAULT", "")
        self._delay = float(os.environ.get("STAND_IN_DELAY", "0"))
        self._at_once = int(os.environ.get("STAND_IN_AT_ONCE", "0"))
        self._log, self._kind = log, kind
        self._waiting = 0
        self._enough = asyncio.Event()
        self._asked: dict[str, int] = {}

    def _say(self, line: str) -> None:
        with self._log.open("a", encoding="utf-8") as file:
            file.write(line + "\n")

    def identity(self) -> EngineIdentity:
        if self._fault == "identity":
            raise ConfigError("the model stand-in does not exist")
        return EngineIdentity("stand-in", "1")

    def preflight(self) -> None:
        if self._fault == "preflight":
            raise ConfigError("stand-in needs 70 GiB, 3 GiB are free")

    async def start(self, progress: Callable[[str], None]) -> None:
        self._say(f"start {self._kind}")
        if self._fault == "start":
            raise EngineError("the server did not come up: out of memory")
        if self._fault == "log":
            log = "\n".join(f"  | line {number} of the log" for number in range(30))
            raise EngineError(
                f"the judge's server failed\n  cause: ValueError: why\n  log: server.log, its end:\n{log}"
            )
        progress("stand-in is ready")

    async def ask(self, request: Request) -> Answer:
        self._say(f"ask {request.dimension} {request.text}")
        red, green, blue = request.images[-1].getpixel((0, 0))
        await asyncio.sleep(self._delay)
        colour = (red > 250, green > 250, blue > 250)
        if colour == (True, False, False):
            raise EngineError("the judge refused this request")
        if colour == (False, True, False):
            return self._answer("I would rather not say.")
        if colour == (False, False, True):
            raise RuntimeError("a fault nobody foresaw")
        if colour == (True, False, True):
            await asyncio.Event().wait()
        if colour == (False, True, True):
            self._waiting += 1
            if self._waiting >= self._at_once:
                self._enough.set()
            async with asyncio.timeout(120):
                await self._enough.wait()
        if colour == (True, True, False):
            return self._scores(request, "N/A")
        if (red, green) == (100, 200):  # another answer each time
            count = self._asked[request.dimension] = self._asked.get(request.dimension, -1) + 1
            return self._scores(request, count % 3)
        return self._scores(request, 2 if green >= 170 else 1 if green >= 85 else 0)

    def _answer(self, text: str) -> Answer:
        return Answer(text, "stop", 100, 50, 10, "stand-in", "1.0", created=CREATED)

    def _scores(self, request: Request, raw: int | str) -> Answer:
        if request.dimension != EDIT:
            return self._answer(levels(request.dimension, raw))
        return self._answer(aspects(request, {0: 1.5, 1: 3.0, 2: 4.5}[int(raw)]))

    async def close(self) -> None:
        self._say(f"close {self._kind}")


class OnGpu(StandIn):
    """Needs a GPU, which is free while there is no file "held"."""

    local = True

    def __init__(self, log: Path, kind: str) -> None:
        super().__init__(log, kind)
        self.head_start = StandInHeadStart(self)

    def on_gpus(self) -> bool:
        return True

    def begin(self, free: Mapping[str, int] | None) -> str:
        if self._fault == "begin":
            raise EngineError("stand-in: 56.0 GiB are needed on GPU 0")
        left = "" if free is None else f", {free['GPU-0'] // 2**30} GiB are free"
        self._say(f"begin {self._kind}{left}")
        return ""

    def fit(self) -> Fit:
        gib = 2**30
        held = (self._log.parent / "held").exists()
        holders = (Holder(77, "generator", 100 * gib),) if held else ()
        gpu = Gpu(0, "GPU-0", "stand-in", 140 * gib, (40 if held else 140) * gib, holders)
        return Fit(56 * gib, gpu.free, holders, not held, (gpu,))

    async def sleep(self) -> None:
        self._say(f"sleep {self._kind}")


class StandInHeadStart(HeadStart):
    """Writes down that a start has begun."""

    def __init__(self, engine: OnGpu) -> None:
        self._engine = engine

    def apart(self) -> str:
        return "it has GPUs of its own (GPU 0, --judge-gpus)" if os.environ["STAND_IN_GPU"] == "own" else ""

    def free_memory(self) -> dict[str, int]:
        return {gpu.uuid: gpu.free for gpu in self._engine.fit().gpus if gpu.free is not None}

    def begin(self, progress: Callable[[str], None], free: Mapping[str, int] | None = None) -> str:
        return self._engine.begin(free)


@pytest.hookimpl(optionalhook=True)  # runs without the plugin load this too
def pytest_imagejudge_engine(config: pytest.Config, settings: JudgeSettings, protocol: Any) -> Engine | None:
    if os.environ.get("STAND_IN_FOR_ALL"):
        known = settings.model in (SIGNALS, *names_of(ENGINES))
        return None if known else Sound(settings.model or "behind-a-url")
    if settings.model != "stand-in":
        return None
    engine = OnGpu if os.environ.get("STAND_IN_GPU") else StandIn
    return engine(config.rootpath / "engine.log", settings.kind)
