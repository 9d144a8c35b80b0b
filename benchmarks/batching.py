"""What batching gives: 200 images by `check`, by `expect` and by manifest against an endpoint with a fixed delay.

The endpoint, in a process of its own, works on LIMIT requests at once and answers each after DELAY seconds. The ideal
is a bare script that sends all requests at once, measured in the same run; it can't be below requests / LIMIT x DELAY.
Times are those of whole processes, their start included, which takes the same time whatever the delay is.

    python benchmarks/batching.py [--many] [--stored]    # writes benchmarks/batching.md
"""

from __future__ import annotations

import asyncio
import json
import os
import platform
import re
import resource
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

IMAGES, DIMENSIONS = 200, 5
LIMIT = 48
DELAYS = tuple(map(float, os.environ.get("DELAYS", "1,4").split(",")))
FEW, MANY = 1_000, 20_000

CHECK = """
import pytest

@pytest.mark.parametrize("number", range(%d))
def test_image(image_judge, number):
    image_judge.check(f"images/{number}.png", prompt=f"image {number}", thresholds={"total": 0})
"""


def answer(schema: dict[str, Any], shared: dict[str, Any] | None = None) -> Any:
    """Something that ``schema`` allows."""
    if "anyOf" in schema:
        return answer(schema["anyOf"][0])
    shared = shared or schema.get("$defs", {})
    if "$ref" in schema:
        schema = shared[schema["$ref"].rpartition("/")[2]]
    if "properties" in schema:
        return {name: answer(inner, shared) for name, inner in schema["properties"].items()}
    return schema["enum"][0] if "enum" in schema else "seen"


class Endpoint:
    """The chat completions of the OpenAI shape; ``/figures`` tells and forgets what it has counted."""

    def __init__(self) -> None:
        self.free = asyncio.Semaphore(LIMIT)
        self.delay = 0.0
        self.forget()

    def forget(self) -> None:
        """Count from zero."""
        self.requests = self.now = self.most = 0

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """One connection, kept alive."""
        try:
            while line := await reader.readline():
                path = line.split()[1].decode()
                length = 0
                while (header := (await reader.readline()).strip().lower()) != b"":
                    if header.startswith(b"content-length:"):
                        length = int(header.split(b":")[1])
                body = json.dumps(await self.reply(path, await reader.readexactly(length))).encode()
                writer.write(b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: ")
                writer.write(str(len(body)).encode() + b"\r\n\r\n" + body)
                await writer.drain()
        except (ConnectionError, asyncio.IncompleteReadError):
            pass
        finally:
            writer.close()

    async def reply(self, path: str, data: bytes) -> dict[str, Any]:
        """The body of one reply."""
        if path.startswith("/figures"):
            figures = {"requests": self.requests, "most": self.most}
            self.forget()
            self.delay = float(path.partition("?")[2] or 0.0)
            return figures
        if not data:
            return {"object": "list", "data": [{"id": "judge"}], "version": "1"}
        body = json.loads(data)
        if body["max_tokens"] == 1:  # by the tokens it is found out whether pictures arrive
            usage = {"prompt_tokens": 100 if b'"image_url"' in data else 10, "completion_tokens": 1}
            return {"choices": [{"index": 0, "finish_reason": "length", "message": {"content": "Red"}}], "usage": usage}
        self.requests += 1
        async with self.free:
            self.now += 1
            self.most = max(self.most, self.now)
            grammar = body.get("structured_outputs")  # as checkouts before response_format send it
            schema = grammar["json"] if grammar else body["response_format"]["json_schema"]["schema"]
            await asyncio.sleep(self.delay)
            self.now -= 1
        message = {"role": "assistant", "content": json.dumps(answer(schema))}
        usage = {"prompt_tokens": 2000, "completion_tokens": 500}
        return {"choices": [{"index": 0, "finish_reason": "stop", "message": message}], "usage": usage}


async def serve() -> None:
    """Serve for as long as the standard input is open."""
    endpoint = Endpoint()
    server = await asyncio.start_server(endpoint.serve, "127.0.0.1", 0, backlog=2 * IMAGES * DIMENSIONS)
    print(server.sockets[0].getsockname()[1], flush=True)
    await asyncio.to_thread(sys.stdin.read)


@contextmanager
def endpoint() -> Iterator[str]:
    """The endpoint's URL."""
    command = [sys.executable, __file__, "serve"]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        yield f"http://127.0.0.1:{process.stdout.readline().strip()}"
        process.stdin.close()


def figures(url: str, delay: float = 0.0) -> dict[str, int]:
    """What was counted; from now on each request takes ``delay`` seconds."""
    with urllib.request.urlopen(f"{url}/figures?{delay}") as reply:
        counted: dict[str, int] = json.loads(reply.read())
        return counted


async def at_once(port: int, bodies: list[bytes]) -> None:
    """The ideal: every request on a connection of its own, at once, without anything else."""

    async def ask(body: bytes) -> None:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(b"POST /v1/chat/completions HTTP/1.1\r\ncontent-length: %d\r\n\r\n%b" % (len(body), body))
        while line := (await reader.readline()).strip():
            if line.startswith(b"content-length:"):
                length = int(line.split(b":")[1])
        assert json.loads(await reader.readexactly(length))["choices"]
        writer.close()

    await asyncio.gather(*map(ask, bodies))


def ideal(url: str, folder: Path, delay: float) -> float:
    """Seconds of a process that sends the messages of all images at once."""
    show = ("protocol", "show", "--protocol=house", "--prompt=an image", "images/0.png")
    messages = [asked["messages"] for asked in json.loads(run(folder, "pytest_imagejudge", *show)[0])]
    bodies = [{"messages": message, "structured_outputs": {"json": {}}} for message in messages]
    (folder / "bodies.jsonl").write_text("".join(json.dumps(body) + "\n" for body in bodies * IMAGES))
    figures(url, delay)
    begun = time.perf_counter()
    subprocess.run([sys.executable, __file__, "ideal", url, folder / "bodies.jsonl"], check=True)
    seconds = time.perf_counter() - begun
    counted = figures(url)
    assert counted == {"requests": IMAGES * DIMENSIONS, "most": LIMIT}, counted
    return seconds


def pictures(folder: Path, count: int, side: int) -> None:
    """``count`` different pictures."""
    import numpy as np  # here, for the ideal's process is to start without
    from PIL import Image

    (folder / "images").mkdir(parents=True)
    rng = np.random.default_rng(0)
    for number in range(count):
        pixels = rng.integers(0, 255, (side, side, 3), dtype=np.uint8)
        Image.fromarray(pixels).save(folder / "images" / f"{number}.png")


def manifest(folder: Path, count: int) -> None:
    """A manifest over the pictures."""
    with (folder / "rows.imagejudge.jsonl").open("w") as handle:
        for number in range(count):
            row = {"ID": number, "prompt": f"image {number}", "image_path": f"images/{number}.png"}
            handle.write(json.dumps(row) + "\n")


def run(folder: Path, *command: str) -> tuple[str, float, float]:
    """Output, seconds, and the largest memory of a process of the run in MiB."""
    environ = {**os.environ, "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1", "PYTHONDONTWRITEBYTECODE": ""}
    begun = time.perf_counter()
    process = subprocess.Popen(
        [sys.executable, "-m", *command], cwd=folder, env=environ, stdout=subprocess.PIPE, stderr=subprocess.STDOUT
    )
    assert process.stdout is not None
    output = process.stdout.read().decode()
    _, status, used = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    seconds = time.perf_counter() - begun
    if process.returncode:
        raise SystemExit(output)
    return output, seconds, used.ru_maxrss / 1024


def judge(url: str) -> tuple[str, ...]:
    """The judge, named as users name it: then nobody has to be asked what is served."""
    return ("--judge-model=judge", "--judge-protocol=house", f"--judge-url={url}/v1", "--judge-thresholds=loose.toml")


def pytest_run(folder: Path, url: str | None, *options: str) -> tuple[float, float]:
    """Seconds, and the largest memory of a process of the run in MiB."""
    (folder / "pytest.ini").write_text("[pytest]\n")
    plugins = ["-p", "xdist", *(["-p", "pytest_imagejudge.plugin", *judge(url)] if url else [])]
    output, seconds, memory = run(folder, "pytest", "-q", "-p", "no:cacheprovider", "--tb=short", *plugins, *options)
    if not re.search(r"\d+ passed", output):
        raise SystemExit(output)
    return seconds, memory


def batching(url: str, folder: Path) -> list[str]:
    """The first table."""
    pictures(folder, IMAGES, 64)
    loose = folder / "loose.toml"
    loose.write_text("total = 0\n")
    lines = []
    ideals = {delay: ideal(url, folder, delay) for delay in DELAYS}
    for how in ("check", "expect", "manifest"):
        for old in (folder / "test_images.py", folder / "rows.imagejudge.jsonl"):
            old.unlink(missing_ok=True)
        if how == "manifest":
            manifest(folder, IMAGES)
        else:
            (folder / "test_images.py").write_text(CHECK.replace("check", how) % IMAGES)
        for delay in DELAYS[:1] if how == "check" else DELAYS:  # one after the other takes its time
            for workers in ((), ("-n4",)):
                figures(url, delay)
                seconds, _ = pytest_run(folder, url, "--judge-no-store", *workers)
                counted = figures(url)
                assert counted["requests"] == IMAGES * DIMENSIONS, counted
                name = f"{how}{', -n 4' if workers else ''}"
                best = ideals[delay]
                lines.append(
                    f"| {name} | {delay:g} | {best:.1f} | {seconds:.1f} | {seconds / best:.2f} | {counted['most']} |"
                )
                print(lines[-1], flush=True)
    return lines


def empty_tests(folder: Path, count: int) -> tuple[float, float]:
    """What pytest takes for as many tests that do nothing, without a judge."""
    folder.mkdir()
    text = f"import pytest\n\n@pytest.mark.parametrize('n', range({count}))\ndef test_nothing(n):\n    pass\n"
    (folder / "test_nothing.py").write_text(text)
    return pytest_run(folder, None)


def stored(url: str, folder: Path, count: int) -> list[str]:
    """The second table: memory, and runs whose answers are all there."""
    pictures(folder, count, 8)
    manifest(folder, count)
    (folder / "loose.toml").write_text("total = 0\n")
    figures(url, 0.0)
    score = ("pytest_imagejudge", "score", "rows.imagejudge.jsonl", "--output-dir=scored", *judge(url))
    runs: dict[str, Callable[[], tuple[float, float]]] = {
        "empty tests, no judge": lambda: empty_tests(folder / "empty", count),
        "judged": lambda: pytest_run(folder, url, "rows.imagejudge.jsonl"),
        "stored": lambda: pytest_run(folder, url, "rows.imagejudge.jsonl"),
        "stored, again": lambda: pytest_run(folder, url, "rows.imagejudge.jsonl"),
        "stored, JSON report": lambda: pytest_run(folder, url, "rows.imagejudge.jsonl", "--judge-report=report.json"),
        "stored, `imagejudge score`": lambda: run(folder, *score)[1:],
    }
    lines = []
    for name, measure in runs.items():
        seconds, memory = measure()
        requests = figures(url, 0.0)["requests"]
        assert requests == (count * DIMENSIONS if name == "judged" else 0), requests
        lines.append(f"| {count:,} | {name} | {seconds:.1f} | {memory:.0f} | {requests} |")
        print(lines[-1], flush=True)
    return lines


def main() -> None:
    """Measure and write."""
    with endpoint() as url, tempfile.TemporaryDirectory() as name:
        first = batching(url, Path(name) / "batching") if "--stored" not in sys.argv else []
        second = [
            *stored(url, Path(name) / "few", FEW),
            *(stored(url, Path(name) / "many", MANY) if "--many" in sys.argv else ()),
        ]
    write(first, second)


def write(first: list[str], second: list[str]) -> None:
    """Write both tables."""
    lines = [
        "# Batching",
        "",
        f"`python benchmarks/batching.py [--many]`: {IMAGES} images, {DIMENSIONS} requests each, an endpoint that",
        f"works on {LIMIT} requests at once and answers each after a delay. Whole processes, their start and all.",
        "",
        f"{platform.system()} {platform.machine()}, {os.cpu_count()} cores, Python {platform.python_version()}",
        "",
        "| by | delay, s | ideal, s | s | times the ideal | most requests at once |",
        "|---|--:|--:|--:|--:|--:|",
        *first,
        "",
        "Tiny images by manifest, an endpoint without delay; memory is the largest resident set of the process.",
        "",
        "| images | run | s | MiB | requests |",
        "|--:|---|--:|--:|--:|",
        *second,
        "",
        "Before and after a change: `python benchmarks/compare_builds.py BEFORE AFTER --only batching` runs two",
        "checkouts in alternation: `expect`, manifests and stored answers.",
    ]
    Path(__file__).with_suffix(".md").write_text("\n".join(lines) + "\n", encoding="utf-8")


if __name__ == "__main__":
    resource.setrlimit(resource.RLIMIT_NOFILE, (resource.getrlimit(resource.RLIMIT_NOFILE)[1],) * 2)
    if sys.argv[1:] == ["serve"]:
        asyncio.run(serve())
    elif sys.argv[1:2] == ["ideal"]:
        asyncio.run(at_once(int(sys.argv[2].rpartition(":")[2]), Path(sys.argv[3]).read_bytes().splitlines()))
    else:
        main()
