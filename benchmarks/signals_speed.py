"""Pictures a second of the embedded judge, two checkouts side by side.

    python benchmarks/signals_speed.py BEFORE AFTER --pictures FOLDER [--count 200] [--rounds 3] [--text 0.1]

Each round judges the same pictures by ``pytest --judge-manifest`` with one checkout, then with the other, and every
second round begins with the other one. One picture is judged before, for the files of compiled modules. Both run with
this Python and its packages, and find the checkout by PYTHONPATH. The pictures are PNG files below FOLDER, made 1,024
pixels on the long side by enlarging or by making them smaller; of this share of them the prompt quotes a text, so that
they are read. No answer comes from a store.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from PIL import Image

SIDE = 1024  # pixels


def rows(folder: Path, pictures: Path, count: int, text: float) -> Path:
    """Write ``count`` pictures and their manifest into ``folder``."""
    draw = random.Random(1)
    found = sorted(pictures.rglob("*.png"))
    lines = []
    for number, file in enumerate(draw.sample(found, min(count, len(found)))):
        with Image.open(file) as picture:
            scale = SIDE / max(picture.size)
            size = tuple(max(1, round(side * scale)) for side in picture.size)
            picture.convert("RGB").resize(size, Image.Resampling.LANCZOS).save(
                folder / f"{number}.png", compress_level=1
            )
        prompt = f'a sign that says "Open {number}"' if draw.random() < text else f"a picture of {file.stem}"
        lines.append(json.dumps({"ID": str(number), "prompt": prompt, "image_path": f"{number}.png"}))
    manifest = folder / "rows.jsonl"
    manifest.write_text("\n".join(lines) + "\n")
    (folder / "first.jsonl").write_text(lines[0] + "\n")
    (folder / "pytest.ini").write_text("[pytest]\n")
    return manifest


def judged(checkout: Path, folder: Path, workers: int, manifest: str = "rows.jsonl") -> tuple[float, float, float]:
    """Seconds on the clock, seconds of the processor, and peak MiB of one run."""
    plugins = ["-p", "pytest_imagejudge.plugin", "-p", "no:cacheprovider", "-p", "no:randomly"]
    if workers:
        plugins += ["-p", "xdist", "-n", str(workers)]
    command = [sys.executable, "-m", "pytest", "-q", "--no-header", "--tb=no", *plugins, f"--judge-manifest={manifest}"]
    environment = {**os.environ, "PYTHONPATH": str(checkout), "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"}
    environment.pop("PYTHONDONTWRITEBYTECODE", None)  # an installed package is compiled
    begun = time.perf_counter()
    process = subprocess.Popen(
        [*command, "--judge-model=signals", "--judge-no-store"],
        cwd=folder,
        env=environment,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    _, status, used = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode not in (0, 1):  # 1: pictures failed, as they may
        raise SystemExit(f"{checkout}: exit {process.returncode}")
    return time.perf_counter() - begun, used.ru_utime + used.ru_stime, used.ru_maxrss / 1024


def main() -> None:
    """Measure and print a table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("before", type=Path)
    parser.add_argument("after", type=Path)
    parser.add_argument("--pictures", type=Path, required=True)
    parser.add_argument("--count", type=int, default=200)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--text", type=float, default=0.0)
    parser.add_argument("--workers", type=int, default=0, help="of xdist; 0 for one process")
    args = parser.parse_args()
    sides = {"before": args.before.resolve(), "after": args.after.resolve()}
    runs: dict[str, list[tuple[float, float, float]]] = {name: [] for name in sides}
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        count = len(rows(folder, args.pictures, args.count, args.text).read_text().splitlines())
        for checkout in sides.values():  # compile what is imported
            judged(checkout, folder, args.workers, "first.jsonl")
        for number in range(args.rounds):
            for side in list(sides)[:: 1 if number % 2 == 0 else -1]:
                runs[side].append(judged(sides[side], folder, args.workers))
    print(
        f"{count} pictures of {SIDE} pixels, {args.text:.0%} with text, {args.rounds} rounds, workers {args.workers}\n"
    )
    print("| | pictures a second | ms of the processor a picture | peak, MiB |\n|---|---|---|---|")
    for side, measured in runs.items():
        clock, used, memory = (statistics.median(column) for column in zip(*measured, strict=True))
        print(f"| {side} | {count / clock:.1f} | {1000 * used / count:.0f} | {memory:.0f} |")
    ratios = [before[0] / after[0] for before, after in zip(runs["before"], runs["after"], strict=True)]
    shares = [before[1] / after[1] for before, after in zip(runs["before"], runs["after"], strict=True)]
    clock, used = statistics.median(ratios), statistics.median(shares)
    print(f"\nmedian ratio: {clock:.2f} on the clock, {used:.2f} of the processor")


if __name__ == "__main__":
    main()
