"""How fast `imagejudge leaderboard` is, beside the published script, on synthetic released answers.

    python benchmarks/leaderboard.py PUBLISHED/compute_scores.py [-o benchmarks/leaderboard.md]

Both read the same file and write the same outputs, each in a process of its own, one after the other in turn. The
published script is not part of this repository; check it out at b6b556bb14dcb37da873bbb571c29273562804f2.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import random
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from pytest_imagejudge.taxonomy import TREE

WORDS = ("light", "falls", "on", "a", "wall", "behind", "her", "hand", "and", "its", "shadow", "runs", "left", "while")


def answer(rng: random.Random, dimension: str, words: int) -> str:
    """One well-formed answer: thinking of about ``words`` words, then every facet, about a third of them N/A."""
    thinking = "\n".join(" ".join(rng.choices(WORDS, k=12)) + "." for _ in range(words // 12))
    scores = {
        two: {three: {"score": rng.choices([0, 1, 2, "N/A"], [1, 4, 3, 4])[0]} for three in threes}
        for two, threes in TREE[dimension].items()
    }
    return f"<think>\n{thinking}\n</think>\n\n{json.dumps(scores, indent=2)}"


def write(path: Path, prompts: int, models: int, words: int, seed: int = 0) -> None:
    """Released answers of the published shape: one row a prompt, a field for each model and dimension."""
    rng = random.Random(seed)
    with path.open("w", encoding="utf-8") as file:
        for number in range(1, prompts + 1):
            row: dict[str, object] = {"ID": number, "prompt": f"prompt {number}"}
            for model in range(models):
                for dimension in TREE:
                    field = dimension.lower().replace(" ", "_").replace("-", "_")
                    row[f"{field}_response_Model {model:02}"] = answer(rng, dimension, words)
            file.write(json.dumps(row, ensure_ascii=False) + "\n")


def measure(command: list[str]) -> tuple[float, float, float]:
    """Wall seconds, processor seconds and peak resident MiB (of the largest process) of a command."""
    started = time.perf_counter()
    with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE) as process:
        _, status, usage = os.wait4(process.pid, 0)
        seconds = time.perf_counter() - started
        process.returncode = os.waitstatus_to_exitcode(status)
        if process.returncode:
            raise SystemExit(f"{command[0]} failed: {process.stderr.read().decode() if process.stderr else ''}")
    return seconds, usage.ru_utime + usage.ru_stime, usage.ru_maxrss / 1024


def differences(ours: Path, theirs: Path) -> float:
    """The largest difference between two ``scores_detail.json``."""
    one, two = (json.loads(path.read_text()) for path in (ours, theirs))
    assert list(one) == list(two)

    def walk(a: object, b: object) -> float:
        if isinstance(a, dict) and isinstance(b, dict):
            assert set(a) == set(b)
            return max((walk(a[key], b[key]) for key in a), default=0.0)
        return abs(a - b)  # type: ignore[operator]

    return walk(one, two)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("published", type=Path)
    parser.add_argument("--prompts", type=int, default=1000)
    parser.add_argument("--models", type=int, default=18)
    parser.add_argument("--words", type=int, default=240, help="words of thinking in each answer")
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("-o", "--output", type=Path)
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        base = Path(folder)
        released = base / "released.jsonl"
        write(released, args.prompts, args.models, args.words)
        size = released.stat().st_size / 2**20
        (base / "ours").mkdir()
        (base / "theirs").mkdir()
        command = [
            sys.executable,
            "-m",
            "pytest_imagejudge",
            "leaderboard",
            str(released),
            "--output-dir",
            str(base / "ours"),
        ]
        reference = [
            sys.executable,
            str(args.published),
            "--input",
            str(released),
            "--output-dir",
            str(base / "theirs"),
        ]
        ours, theirs = [], []
        for _ in range(args.repeats):
            theirs.append(measure(reference))
            ours.append(measure(command))
        gap = differences(base / "ours" / "scores_detail.json", base / "theirs" / "scores_detail.json")
    best = [min(run[0] for run in runs) for runs in (theirs, ours)]
    busy = [min(run[1] for run in runs) for runs in (theirs, ours)]
    lines = [
        "# The leaderboard's speed",
        "",
        f"{args.prompts:,} prompts, {args.models} models, 5 dimensions: {args.prompts * args.models * 5:,} answers,",
        f"{size:,.0f} MiB, each with about {args.words} words of thinking (synthetic, well-formed).",
        "",
        f"| | seconds, best of {args.repeats} | all runs | processor seconds, least | peak MiB of one process |",
        "|---|---|---|---|---|",
    ]
    names = ("published script", "`imagejudge leaderboard`")
    for name, runs, least, used in zip(names, (theirs, ours), best, busy, strict=True):
        shown = ", ".join(f"{run[0]:.2f}" for run in runs)
        lines.append(f"| {name} | {least:.2f} | {shown} | {used:.2f} | {max(run[2] for run in runs):,.0f} |")
    lines += [
        "",
        f"Ratio: {best[0] / best[1]:.1f}; of processor seconds {busy[0] / busy[1]:.1f}.",
        f"Largest difference between the two `scores_detail.json`: {gap:.1e}.",
        "Ours also computes the rank intervals (bootstrap), Markdown and HTML in that time.",
        "",
        f"Machine: {os.cpu_count()} CPUs, {platform.machine()}, {platform.system()}, "
        f"Python {platform.python_version()}. Load average at the end: {os.getloadavg()[0]:.1f}.",
        "",
        f"    python benchmarks/leaderboard.py PUBLISHED/compute_scores.py --prompts {args.prompts} "
        f"--models {args.models} --words {args.words}",
        "",
        "Before and after a change, without the published script: `python benchmarks/compare_builds.py BEFORE AFTER",
        "--only leaderboard` runs two checkouts in alternation.",
        "",
    ]
    text = "\n".join(lines)
    print(text)
    if args.output:
        args.output.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
