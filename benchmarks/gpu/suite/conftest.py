"""Pictures for the measurements: every one another, none from elsewhere than ``fixtures/``."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import psutil
import pytest
from PIL import Image

FIXTURES = Path(__file__).parents[3] / "fixtures"
COUNT = int(os.environ.get("IMAGES", "48"))
FIRST = int(os.environ.get("FIRST", "0"))  # another one makes other pictures
SIDE = int(os.environ.get("SIDE", "1024"))
TOKENS = int(os.environ.get("TOKENS", "0"))  # of every answer, in free text; 0 for answers as they come
LOAD = float(os.environ.get("LOAD_SECONDS", "0"))  # how long the model under test loads
SHARE = os.environ.get("SHARE", "")  # of the GPU's memory for the server, to stand for a smaller card
PROMPT = "a photograph, number {}, with soft light from the left and a plain background"


def picture(number: int) -> Image.Image:
    """A piece of a sample photograph with a little noise of its own."""
    rng = np.random.default_rng(number)
    names = ("astronaut.jpg", "coffee.jpg", "rocket.jpg")
    image = Image.open(FIXTURES / names[number % len(names)]).convert("RGB")
    left, top = (int(rng.integers(0, size // 3)) for size in image.size)
    side = min(image.width - left, image.height - top)
    piece = image.crop((left, top, left + side, top + side)).resize((SIDE, SIDE), Image.Resampling.LANCZOS)
    noisy = np.asarray(piece, dtype=np.int16) + rng.integers(-8, 9, (SIDE, SIDE, 3))
    return Image.fromarray(noisy.clip(0, 255).astype(np.uint8))


@pytest.fixture(scope="session")
def numbers() -> range:
    return range(FIRST, FIRST + COUNT)


@pytest.fixture(scope="session")
def generator() -> Iterator[Callable[[int], Image.Image]]:
    """The model under test; loads for ``LOAD_SECONDS`` and holds ``HOLD_GIB`` of the GPU, as a pipeline would."""
    mark("the generator loads")
    held = None
    if gib := int(os.environ.get("HOLD_GIB", "0")):
        import torch

        held = torch.empty(gib * 2**30, dtype=torch.uint8, device="cuda")
    time.sleep(LOAD)
    mark("the generator is there")
    yield picture
    del held


def mark(what: str) -> None:
    """Note the time since the process began, for the summary."""
    MARKS.append(f"AT {time.time() - psutil.Process().create_time():.1f} s: {what}")


def fixed(request: Any) -> Any:
    """The request in free text with ``TOKENS`` tokens to the answer, the end of text ignored; a primer as it is."""
    if request.sampling.get("max_tokens") == 1:
        return request
    return replace(request, sampling={**request.sampling, "max_tokens": TOKENS, "ignore_eos": True})


def readable(request: Any, answer: Any) -> Any:
    """The answer with words that can be read: of random weights none can, and it would be asked for again."""
    from pytest_imagejudge.taxonomy import TREE

    assert answer.output_tokens in (1, TOKENS), answer.output_tokens
    scores = {two: dict.fromkeys(threes, 1) for two, threes in TREE[request.dimension].items()}
    return replace(answer, text=f"<think>It is fine.</think>{json.dumps(scores)}", finish_reason="stop")


class Clock:
    """When the first request of a run went out and when its last answer was in; primers are requests too."""

    def __init__(self) -> None:
        self.first: float | None = None
        self.last = 0.0

    def watch(self, engine: Any) -> Any:
        """Have ``engine`` tell the time of each request; it is started before the first one."""
        ask = engine.ask

        async def timed(request: Any) -> Any:
            if self.first is None:
                self.first = time.monotonic()
                mark("first request")
            try:
                return readable(request, await ask(fixed(request))) if TOKENS else await ask(request)
            finally:
                self.last = time.monotonic()

        engine.ask = timed
        return engine


CLOCK = Clock()
MARKS: list[str] = []


def pytest_imagejudge_engine(config: pytest.Config, settings: Any, protocol: Any) -> Any:
    from pytest_imagejudge.engines import make_engine
    from pytest_imagejudge.settings import cache_dir

    if SHARE:
        settings = replace(settings, memory_share=float(SHARE))
    return CLOCK.watch(make_engine(settings, protocol, state_dir=cache_dir()))


def pytest_terminal_summary(terminalreporter: Any) -> None:
    for line in MARKS:
        terminalreporter.write_line(line)
    if CLOCK.first is not None:
        seconds = CLOCK.last - CLOCK.first
        terminalreporter.write_line(f"TIMED first request to last answer: {seconds:.1f} s")
        whole = time.time() - psutil.Process().create_time() - (time.monotonic() - CLOCK.last)
        terminalreporter.write_line(f"TIMED start of pytest to last answer: {whole:.1f} s")
