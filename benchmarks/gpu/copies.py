"""Time one copy of a judge against all that fit: copies.py MODEL IMAGES TOKENS [--kill].

IMAGES pictures with five requests each, the primer first, in free text of TOKENS tokens (end of text ignored). All
copies start at once, as for so many images that wait. First all of them answer, then the first one alone, other
pictures each time. With ``--kill`` a server is killed in the middle of a last batch.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import signal
import sys
import tempfile
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

HERE = Path(__file__).parent
sys.path[:0] = [str(HERE), str(HERE.parents[1])]

import free_text  # noqa: E402 - the folder is named above

from pytest_imagejudge.engines.vllm.engine import VllmEngine  # noqa: E402
from pytest_imagejudge.engines.vllm.planning import Planner  # noqa: E402
from pytest_imagejudge.engines.vllm.state import State  # noqa: E402
from pytest_imagejudge.protocols import load_protocol  # noqa: E402
from pytest_imagejudge.protocols.base import Request  # noqa: E402
from pytest_imagejudge.settings import JudgeSettings, cache_dir  # noqa: E402

BEGUN = time.monotonic()


def say(line: str) -> None:
    print(f"{time.monotonic() - BEGUN:7.1f} {line}", flush=True)


def questions(picture: str, number: int, tokens: int) -> list[Request]:
    """The five requests on one picture, as large as a checklist's."""
    image = {"type": "image_url", "image_url": {"url": picture}}
    sampling = {"temperature": 0.0, "max_tokens": tokens, "ignore_eos": True}
    return [
        Request(
            f"part {part}",
            [{"role": "user", "content": [image, {"type": "text", "text": f"{free_text.WORDS}\nPart {part}."}]}],
            sampling,
            f"picture {number}",
            primer=[{"role": "user", "content": [image]}],
        )
        for part in range(5)
    ]


class Bench:
    """One engine, and batches of pictures that are made before they are timed."""

    def __init__(self, engine: VllmEngine, tokens: int) -> None:
        self.engine, self.tokens = engine, tokens

    def pictures(self, first: int, count: int) -> list[list[Request]]:
        """Make so many pictures from number ``first`` on, and the requests on each."""
        with ThreadPoolExecutor(4) as pool:
            urls = list(pool.map(free_text.url, range(first, first + count)))
        return [questions(picture, first + number, self.tokens) for number, picture in enumerate(urls)]

    async def run(self, name: str, images: list[list[Request]]) -> float:
        """Answer all as a session does, so many images at a time as the engine takes; return the seconds."""
        work, usage = iter(images), Counter[str]()

        async def worker() -> None:
            for requests in work:
                await self.engine.prime(requests[0])
                for answer in await asyncio.gather(*map(self.engine.ask, requests)):
                    usage["prompt"] += answer.prompt_tokens
                    usage["cached"] += answer.cached_prompt_tokens or 0
                    usage["output"] += answer.output_tokens
                    usage["answers"] += 1

        begun = time.monotonic()
        await asyncio.gather(*(worker() for _ in range(self.engine.concurrency)))
        seconds = time.monotonic() - begun
        say(f"TIMED {name}: {len(images)} images, {seconds:.1f} s, {len(images) / seconds:.3f} a second; {dict(usage)}")
        return seconds


def state_of(engine: VllmEngine) -> State:
    server = engine.starter.server
    state = None if server is None else server.state()
    assert state is not None
    return state


async def until_all_are_up(engine: VllmEngine, copies: int) -> None:
    while engine.concurrency < copies * 48:  # noqa: ASYNC110 - other processes change it
        await asyncio.sleep(0.1)


async def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("model")
    parser.add_argument("images", type=int)
    parser.add_argument("tokens", type=int)
    parser.add_argument("--kill", action="store_true")
    parser.add_argument("--judge-arg", action="append", default=[])
    args = parser.parse_args()
    settings = JudgeSettings(model=args.model, protocol="house", args=tuple(args.judge_arg))
    engine = VllmEngine(settings, load_protocol("house"), state_dir=cache_dir())
    bench = Bench(engine, args.tokens)
    copies = Planner(settings, Path(tempfile.mkdtemp())).most_copies()
    say(f"{copies} copies fit")
    counts = (8, args.images, 4, args.images, args.images // 3)
    firsts = (1000 * number for number in range(len(counts)))
    making = asyncio.gather(
        *(asyncio.to_thread(bench.pictures, first, count) for first, count in zip(firsts, counts, strict=True))
    )
    try:
        engine.awaits(copies * 48)
        await engine.start(say)
        await until_all_are_up(engine, copies)
        say("all copies are up")
        warm, all_copies, warm_again, one_copy, killed = await making
        await bench.run("warm-up of all", warm)
        both = await bench.run(f"{copies} copies", all_copies)
        served = engine._served
        assert served is not None
        for task in engine._tasks:  # they would find the others again
            task.cancel()
        await served.copies.update(state_of(engine).of("ready")[:1])
        engine.concurrency = 48
        await bench.run("warm-up of one", warm_again)
        one = await bench.run("1 copy", one_copy)
        say(f"RATIO {one / both:.3f}")
        if args.kill:
            await served.look()
            batch = asyncio.create_task(bench.run("a server is killed", killed))
            await asyncio.sleep(3)
            os.kill(state_of(engine).copies[-1].server, signal.SIGKILL)
            await batch
            say(f"restarts: {engine.restarts}; {engine.copies()}")
    finally:
        await engine.close()
        say("closed")


if __name__ == "__main__":
    asyncio.run(main())
