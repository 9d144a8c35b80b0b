"""Means of GEdit-Bench and accuracies of EditReward-Bench against the published statistics, on made-up scores.

``python benchmarks/edit_benches.py --step1x CHECKOUT --editscore CHECKOUT`` runs the commands on small folders with a
stand-in judge, and the published ``calculate_statistics.py`` of each checkout on what they wrote. It needs pandas. The
checkouts are used where they lie: nothing of them is kept here.
"""

from __future__ import annotations

import argparse
import ast
import contextlib
import importlib.util
import io
import json
import os
import random
import subprocess
import sys
import tempfile
import types
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

sys.path.insert(0, str(Path(__file__).parents[1]))

import pytest

from pytest_imagejudge.cli import main
from pytest_imagejudge.commands.agree_pairs import GROUPS
from pytest_imagejudge.inputs.gedit import LANGUAGES, TASKS
from pytest_imagejudge.inputs.pair_benchmark import DIMENSIONS
from tests.stand_in import pair_words
from tests.stand_in.endpoint import Call, Reply, StandIn, completion

TOLERANCE = 1e-12


def run(*args: str) -> dict[str, Any]:
    """What a command prints as JSON."""
    out = io.StringIO()
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(io.StringIO()):
        code = main([*args, "--json"])
    assert code == 0, code
    found: dict[str, Any] = json.loads(out.getvalue())
    return found


# --- GEdit-Bench ---


def answer(call: Call) -> Reply | None:
    """Scores made of the request's own text, so that each edit has its own."""
    draw = random.Random(json.dumps(call.body["messages"], sort_keys=True))
    low = draw.choice((0, 0.5, draw.randint(0, 10)))
    return completion(json.dumps({"score": [low, draw.randint(0, 10)], "reasoning": "made up"}))


def gedit(checkout: Path, work: Path) -> list[list[str]]:
    """Compare all figures; return rows of a table."""
    draw = random.Random(1)
    rows = []
    for language in LANGUAGES:
        for task in TASKS:
            folder = work / "results/made_up/fullset" / task / language
            folder.mkdir(parents=True)
            for i in range(draw.randint(3, 9)):
                key = f"{task}{i}"
                words = draw.choice(("make it, please, blue", 'say "cheese"', "把背景换成海滩", "line\nbreak"))
                for name, size in ((f"{key}_SRCIMG.png", 16), (f"{key}.png", 24)):
                    noise = np.random.default_rng(draw.randint(0, 2**32)).integers(0, 255, (size, size, 3), np.uint8)
                    Image.fromarray(noise).save(folder / name)
                rows.append(
                    {"task_type": task, "key": key, "instruction": f"{words} {key}", "instruction_language": language,
                     "Intersection_exist": i == 0 or draw.random() < 0.6}
                )  # fmt: skip
    draw.shuffle(rows)
    (work / "data.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    server = StandIn(answer)
    try:
        found = run(
            "score", "--bench", "gedit", str(work / "results/made_up"), "--bench-data", str(work / "data.jsonl"),
            "--edit-judge-url", server.url, "--edit-judge-protocol", "viescore", "--judge-sight", "assumed",
            "--judge-no-store",
        )  # fmt: skip
    finally:
        server.close()
    published = load(checkout / "GEdit-Bench/calculate_statistics.py")
    table = []
    for language in LANGUAGES:
        with contextlib.redirect_stdout(io.StringIO()):
            theirs = published.analyze_scores(
                str(work / "results/made_up/qwen25vl/eval_results_new"), ["made_up"], language=language
            )
        ours = found["gedit"]["languages"][language]
        pairs = []
        for at, which in ((0, "fullset"), (3, "intersection")):
            for index, figure in enumerate(("semantics", "quality", "overall")):
                means = theirs[at + index]["made_up"]
                pairs += [(means[task], ours[which][figure][task]["mean"]) for task in TASKS]
                pairs.append((means[f"avg_{figure}"], ours[which][figure]["average"]["mean"]))
        table.append(["GEdit-Bench", language, *compared(pairs)])
    return table


def load(path: Path) -> Any:
    """A published module, with a stand-in for its library of remote files where that is not installed."""
    if importlib.util.find_spec("megfile") is None:
        fake = types.ModuleType("megfile")
        fake.smart_open = open  # type: ignore[attr-defined]
        sys.modules["megfile"] = fake
    spec = importlib.util.spec_from_file_location("published", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


# --- EditReward-Bench ---


def editreward(checkout: Path, work: Path) -> list[list[str]]:
    """Compare the accuracies that the published statistics print, to their three digits."""
    draw = random.Random(2)
    folder = work / "scores"
    for tasks in GROUPS.values():
        for task in tasks:
            (folder / task).mkdir(parents=True)
            for dimension in DIMENSIONS:
                pairs = [[draw.randint(0, 25) / 2.5 for _ in range(2)] for _ in range(draw.randint(3, 60))]
                lines = [json.dumps({"score": pair}) + "\n" for pair in pairs]
                (folder / task / f"{dimension}.jsonl").write_text("".join(lines))
    found = run("agree", "--bench", "editreward-bench", str(folder))
    command = [sys.executable, str(checkout / "calculate_statistics.py"), "--result_dir", str(folder)]
    printed = subprocess.run(command, capture_output=True, text=True, check=True).stdout.splitlines()
    names = next(line for line in printed if line.startswith("background_change & ")).split(" & ")
    table = []
    for dimension in DIMENSIONS:
        title = dimension.replace("_", " ").title() + ": "
        theirs = [float(cell) for cell in next(x for x in printed if x.startswith(title))[len(title) :].split(" & ")]
        ours = [
            (found["means"]["average"] if name == "average" else found["tasks"][name])[dimension]["accuracy"]["value"]
            for name in names
        ]
        pairs = [(one, round(other, 3)) for one, other in zip(theirs, ours, strict=True)]
        at = DIMENSIONS.index(dimension)
        for group in GROUPS:
            line = printed[printed.index(f"{group}:") + 2]
            value = found["means"][group][dimension]["accuracy"]["value"]
            pairs.append((float(line.split(" & ")[at]), round(value, 3)))
        table.append(["EditReward-Bench", dimension, *compared(pairs, 0.001 + TOLERANCE)])
    return table


def compared(pairs: list[tuple[float, float]], tolerance: float = TOLERANCE) -> list[str]:
    """Number of figures, of equal ones, and the largest difference; rounding decides a last digit either way."""
    apart = [abs(float(one) - float(other)) for one, other in pairs]
    assert max(apart) <= tolerance, pairs
    return [str(len(pairs)), str(sum(x <= tolerance for x in apart)), f"{max(apart):.1g}"]


def head_of(checkout: Path) -> str:
    """The commit of a checkout, as git tells it; a plain copy has none."""
    done = subprocess.run(["git", "-C", str(checkout), "rev-parse", "HEAD"], capture_output=True, text=True)
    return done.stdout.strip()[:8] or "a copy"


def compare() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--step1x", type=Path, required=True)
    parser.add_argument("--editscore", type=Path, required=True)
    args = parser.parse_args()
    for path in (args.step1x / "GEdit-Bench/calculate_statistics.py", args.editscore / "calculate_statistics.py"):
        ast.parse(path.read_text(encoding="utf-8"))
    with tempfile.TemporaryDirectory() as folder, pytest.MonkeyPatch.context() as patch:
        work = Path(folder)
        pair_words.use(patch, work)
        patch.setenv("IMAGEJUDGE_CACHE", str(work / "cache"))
        os.environ.pop("IMAGEJUDGE_API_KEY", None)
        table = [*gedit(args.step1x, work), *editreward(args.editscore, work)]
    print(f"Step1X-Edit {head_of(args.step1x)}, EditScore {head_of(args.editscore)}")
    print("| benchmark | part | figures | equal | largest difference |\n|---|---|---:|---:|---:|")
    for row in table:
        print("| " + " | ".join(row) + " |")


if __name__ == "__main__":
    compare()
