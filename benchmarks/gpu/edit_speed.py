"""Edits a second of viescore and editscore, and of the published package's own vLLM path on the same weights.

    python edit_speed.py ours MODEL --protocol editscore viescore --family qwen3-vl|qwen2.5-vl [--adapter FOLDER]
    python edit_speed.py published MODEL --family qwen3-vl|qwen2.5-vl     # needs the package editscore 0.2

Random weights (`--load-format dummy`, the same ones on both sides) never write what can be read: every answer has
``--tokens`` tokens, and nobody asks again. The published class is used as it is, but for that; it loads its model once.
Its ``evaluate`` asks one request after the other; ``batch_evaluate`` asks all at once, PQ with both pictures.
Prints one line of JSON for each measurement, and appends it to ``--out``.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

FIXTURES = Path(__file__).parents[2] / "fixtures"
MODULES = {"qwen3-vl": "qwen3vl_vllm", "qwen2.5-vl": "qwen25vl_vllm"}


def picture(number: int, side: int) -> Image.Image:
    """A piece of a sample photograph with a little noise of its own."""
    rng = np.random.default_rng(number)
    names = ("astronaut.jpg", "coffee.jpg", "rocket.jpg")
    piece = Image.open(FIXTURES / names[number % len(names)]).convert("RGB").resize((side, side))
    noisy = np.asarray(piece, dtype=np.int16) + rng.integers(-8, 9, (side, side, 3))
    return Image.fromarray(noisy.clip(0, 255).astype(np.uint8))


def edits(args: argparse.Namespace, first: int, count: int) -> list[tuple[Image.Image, Image.Image, str]]:
    """Edits of pictures that no other measurement has."""
    numbers = range(first, first + count)
    sides = args.side
    return [(picture(n, sides), picture(n + 100_000, sides), f"make the background plain, number {n}") for n in numbers]


def fixed(name: str, args: argparse.Namespace, passes: int) -> Any:
    """The protocol ``name`` with ``--tokens`` tokens to each answer and no second question."""
    from pytest_imagejudge.protocols.editscore import EditScore
    from pytest_imagejudge.protocols.viescore import VIEScore

    base: Any = {"editscore": EditScore, "viescore": VIEScore}[name]

    class Fixed(base):
        def sampling(self, dimension: str, *, again: bool = False) -> dict[str, Any]:
            fields = super().sampling(dimension, again=again)
            return {**fields, "max_tokens": args.tokens, "min_tokens": args.tokens, "ignore_eos": True}

        def can_ask_again(self, dimension: str) -> bool:
            return False

    return Fixed(args.family, passes=passes) if name == "editscore" else Fixed(args.family)


def ours(args: argparse.Namespace, told: Callable[..., None]) -> None:
    from pytest_imagejudge.judge import EditJudge
    from pytest_imagejudge.settings import JudgeSettings

    compilation = ("--compilation-config", args.compilation) if args.compilation else ()
    settings = JudgeSettings(
        model=args.model,
        kind="edit",
        args=("--load-format", "dummy", *args.server, *compilation),
        keep_alive=5,
        adapter=args.adapter,
    )
    runs = [(name, passes) for name in args.protocol for passes in (args.passes if name == "editscore" else [1])]
    for number, (name, passes) in enumerate(runs):
        begun = time.monotonic()
        with EditJudge.from_settings(
            settings, protocol=fixed(name, args, passes), progress=lambda line: print(line, file=sys.stderr)
        ) as judge:
            for source, edited, text in edits(args, 900_000 + 100 * number, 4):
                judge.score(source, edited, text)
            told("start", seconds=time.monotonic() - begun)
            made = edits(args, 10_000 * number, args.edits)
            before, begun = judge.session.stats.output_tokens, time.monotonic()
            verdicts = list(judge.score_many(made))
            seconds = time.monotonic() - begun
            if failed := [verdict.error for verdict in verdicts if verdict.error]:
                raise SystemExit(failed[0])
            tokens = judge.session.stats.output_tokens - before
            told(f"{name}, ours", edits=len(made), passes=passes, seconds=seconds, output_tokens=tokens)


def published(args: argparse.Namespace, told: Callable[..., None]) -> None:
    import importlib

    import vllm

    loads = vllm.LLM
    also: dict[str, Any] = {"enforce_eager": "--enforce-eager" in args.server}
    if args.compilation:
        also["compilation_config"] = json.loads(args.compilation)
    vllm.LLM = lambda **fields: loads(load_format="dummy", seed=42, **also, **fields)  # type: ignore[misc,assignment]
    import editscore

    module = importlib.import_module(f"editscore.mllm_tools.{MODULES[args.family]}")
    made = module.SamplingParams
    fixed = {"max_tokens": args.tokens, "min_tokens": args.tokens, "ignore_eos": True}
    module.SamplingParams = lambda **fields: made(**{**fields, **fixed})
    editscore.mllm_output_to_dict = lambda *_, **__: {"score": [12, 13], "reasoning": ""}
    begun = time.monotonic()
    scorer = editscore.EditScore(
        backbone=MODULES[args.family],
        model_name_or_path=args.model,
        score_range=25,
        max_model_len=4096,
        max_num_batched_tokens=4096,
        max_num_seqs=32,
    )
    for source, edited, text in edits(args, 900_000, 2):
        scorer.evaluate([source, edited], text)
    told("published start", seconds=time.monotonic() - begun)
    for passes in args.passes:
        scorer.num_pass = passes
        some = edits(args, 20_000 + 1000 * passes, max(4, args.edits // passes))
        begun = time.monotonic()
        for source, edited, text in some:
            scorer.evaluate([source, edited], text)
        told("editscore, evaluate", edits=len(some), passes=passes, seconds=time.monotonic() - begun)
    scorer.num_pass = 1
    many = edits(args, 40_000, args.batch)
    begun = time.monotonic()
    if many:
        scorer.batch_evaluate([[source, edited] for source, edited, _ in many], [text for _, _, text in many])
        told("editscore, batch_evaluate", edits=len(many), passes=1, seconds=time.monotonic() - begun)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("what", choices=("ours", "published"))
    parser.add_argument("model")
    parser.add_argument("--protocol", choices=("editscore", "viescore"), nargs="+", default=["editscore"])
    parser.add_argument("--family", choices=tuple(MODULES), required=True)
    parser.add_argument("--edits", type=int, default=200)
    parser.add_argument("--batch", type=int, default=0, help="edits of batch_evaluate")
    parser.add_argument("--tokens", type=int, default=128)
    parser.add_argument("--side", type=int, default=1024)
    parser.add_argument("--passes", type=int, nargs="+", default=[1])
    parser.add_argument("--adapter")
    parser.add_argument("--server", action="append", default=[], help="a further token for our server")
    parser.add_argument("--compilation", help="vLLM's --compilation-config, on both sides")
    parser.add_argument("--out", type=Path)
    args = parser.parse_args()

    def told(name: str, **figures: Any) -> None:
        if "edits" in figures:
            figures["edits_a_second"] = round(figures["edits"] / figures["seconds"], 3)
        line = json.dumps({"what": name, "model": Path(args.model).name, "tokens": args.tokens, **figures})
        print(line, flush=True)
        if args.out:
            with args.out.open("a") as file:
                file.write(line + "\n")

    (ours if args.what == "ours" else published)(args, told)


if __name__ == "__main__":
    main()
