"""How fast the store of answers is, and how large: 1,000 verdicts of 5 answers each, and the index of their images.

    python benchmarks/store.py [--runs N] [-o benchmarks/store.md]

Answers are synthetic: thinking of words drawn by Zipf's law from 8,000 made-up ones, so that it compresses about as
prose does, and the scores of one dimension as JSON. Each figure is the median of the runs, with the quickest and the
slowest; reading starts in a fresh process each time, with the file in the system's cache.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import random
import sqlite3
import subprocess
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import psutil

from pytest_imagejudge.engines.base import Answer
from pytest_imagejudge.images.image_file import file_hash
from pytest_imagejudge.images.loading import load, pixel_hash, to_png
from pytest_imagejudge.store.answer_store import FILE_NAME, Store, key_of
from pytest_imagejudge.store.entry import KEY_VARIABLE
from pytest_imagejudge.taxonomy import TREE

VERDICTS, IMAGES, THREADS = 1000, 40, 32

READ = """
import sys, time
from pytest_imagejudge.store.answer_store import Store, key_of
from pytest_imagejudge.taxonomy import TREE
root, how = sys.argv[1:]
keys = [[key_of(image=number, dimension=name) for name in TREE] for number in range(1000)]
started = time.perf_counter()
with Store(root) as store:
    if how == "verdicts":
        found = sum(len(store.get_many(five)) for five in keys)
    else:
        found = len(store.get_many(key for five in keys for key in five))
assert found == 5000 and not store.troubles, found
print(time.perf_counter() - started)
"""


def answers(words: int) -> list[str]:
    """5,000 answers, five for each of 1,000 images."""
    rng = random.Random(0)
    letters = "etaoinshrdlucmfwypvbgk"
    vocabulary = ["".join(rng.choices(letters, k=rng.randint(2, 10))) for _ in range(8000)]
    weights = [1 / rank for rank in range(1, 8001)]
    made = []
    for _ in range(VERDICTS):
        for name, twos in TREE.items():
            thinking = " ".join(rng.choices(vocabulary, weights, k=words))
            scores = {two: {three: rng.choice([0, 1, 2, "N/A"]) for three in threes} for two, threes in twos.items()}
            made.append(f"<think>\n{thinking}\n</think>\n\n{json.dumps({name: scores}, indent=2)}")
    return made


def timed(runs: int, work: object) -> str:
    """Median, minimum and maximum of the seconds that ``work`` returns."""
    seconds = [work() for _ in range(runs)]  # type: ignore[operator]
    return f"{np.median(seconds):.3f} s ({min(seconds):.3f} to {max(seconds):.3f})"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("-o", "--output", type=Path, help="write the table here too")
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--words", type=int, default=500, help="of thinking in an answer")
    args = parser.parse_args()
    texts = answers(args.words)
    keys = [key_of(image=number, dimension=name) for number in range(VERDICTS) for name in TREE]
    about = {"model": "Qwen/Qwen-Image-Bench", "revision": "0" * 40, "protocol": "q-judger", "prompt": "a prompt " * 20}
    given = [Answer(text, "stop", 1900, 1500, 900, "vllm", "0.26", (), "2026-01-01T00:00:00Z") for text in texts]
    rows: list[tuple[str, str]] = []
    with tempfile.TemporaryDirectory(dir=Path.cwd()) as folder:
        numbers = iter(range(1000))

        def put_one_by_one() -> float:
            with Store(Path(folder, f"one{next(numbers)}")) as store:
                started = time.perf_counter()
                for key, answer in zip(keys[:200], given[:200], strict=True):
                    store.put(key, answer, about)
                return time.perf_counter() - started

        def put_at_once() -> float:
            with (
                Store(Path(folder, f"many{next(numbers)}")) as store,
                ThreadPoolExecutor(THREADS) as pool,
            ):
                started = time.perf_counter()
                list(pool.map(store.put, keys[:1000], given[:1000], [about] * 1000))
                return time.perf_counter() - started

        def read(root: Path, how: str) -> float:
            command = [sys.executable, "-c", READ, str(root), how]
            return float(subprocess.run(command, capture_output=True, text=True, check=True).stdout)

        rows.append(("put 200 answers, one after the other, each on the disk", timed(args.runs, put_one_by_one)))
        rows.append((f"put 1,000 answers from {THREADS} threads, each on the disk", timed(args.runs, put_at_once)))
        plain, signed = Path(folder, "plain"), Path(folder, "signed")
        os.environ.pop(KEY_VARIABLE, None)
        with Store(plain) as store:
            store.put_rows(store.seal.row(entry) for entry in _entries(keys, given, about))
        rows.append(("read 1,000 verdicts, five answers at a time", timed(args.runs, lambda: read(plain, "verdicts"))))
        rows.append(("read 1,000 verdicts, all at once", timed(args.runs, lambda: read(plain, "all"))))
        os.environ[KEY_VARIABLE] = "secret"
        with Store(signed) as store:
            store.put_rows(store.seal.row(entry) for entry in _entries(keys, given, about))
        rows.append(("the same, signed (HMAC)", timed(args.runs, lambda: read(signed, "all"))))
        del os.environ[KEY_VARIABLE]
        files = [_picture(Path(folder, f"{number}.png"), number) for number in range(IMAGES)]

        def decode() -> float:
            started = time.perf_counter()
            for file in files:
                pixel_hash(load(file))
            return time.perf_counter() - started

        def look_up() -> float:
            with Store(plain) as store:
                started = time.perf_counter()
                for file in files:
                    assert store.pixels(file)
                return time.perf_counter() - started

        with Store(plain) as store:
            for file in files:
                store.remember_pixels(file_hash(file), pixel_hash(load(file)))
        rows.append((f"pixels of {IMAGES} PNGs of 1024x1024, decoded", timed(args.runs, decode)))
        rows.append((f"pixels of {IMAGES} PNGs of 1024x1024, by the index", timed(args.runs, look_up)))
        size = (plain / FILE_NAME).stat().st_size
    raw = sum(len(text.encode()) for text in texts)
    rows.append(("size of the answers, as text", f"{raw / 1e6:.1f} MB ({raw / len(texts):,.0f} bytes each)"))
    rows.append(("size of the store", f"{size / 1e6:.1f} MB ({size / len(texts):,.0f} bytes an answer)"))
    table = "\n".join(f"| {name} | {figure} |" for name, figure in rows)
    load_average = os.getloadavg()[0]
    text = f"""# The store of answers

    python benchmarks/store.py --runs {args.runs} -o benchmarks/store.md

| 1,000 verdicts of 5 answers | median of {args.runs} runs (quickest to slowest) |
|---|---|
{table}

Machine: {_processor()}, {psutil.cpu_count()} cores, {psutil.virtual_memory().total / 2**30:.0f} GiB, \
{platform.system()}; Python {platform.python_version()}, SQLite {sqlite3.sqlite_version}. Load average during the run \
{load_average:.1f}.

Before and after a change: `python benchmarks/compare_builds.py BEFORE AFTER --only store` runs two checkouts in
alternation.
"""
    print(text)
    if args.output:
        args.output.write_text(text, encoding="utf-8")


def _entries(keys: list[str], given: list[Answer], about: dict[str, str]) -> list[object]:
    from pytest_imagejudge.store.entry import StoredAnswer

    return [
        StoredAnswer(key, answer, about, 1.7e9 + number)
        for number, (key, answer) in enumerate(zip(keys, given, strict=True))
    ]


def _picture(path: Path, seed: int) -> Path:
    """A smooth picture with a little noise: decodes about as a photograph does."""
    from PIL import Image

    rng = np.random.default_rng(seed)
    coarse = Image.fromarray(rng.integers(0, 256, (16, 16, 3), dtype=np.uint8)).resize(
        (1024, 1024), Image.Resampling.BICUBIC
    )
    noisy = np.asarray(coarse).astype(int) + rng.normal(0, 3, (1024, 1024, 3))
    path.write_bytes(to_png(Image.fromarray(noisy.clip(0, 255).astype(np.uint8))))
    return path


def _processor() -> str:
    for line in Path("/proc/cpuinfo").read_text().splitlines() if Path("/proc/cpuinfo").exists() else []:
        if line.startswith("model name"):
            return line.split(":", 1)[1].strip()
    return platform.processor() or platform.machine()


if __name__ == "__main__":
    main()
