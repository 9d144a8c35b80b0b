"""Cards: the judges that fit one GPU of a usual size, by the arithmetic of their placement and by measurement."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from .gpus import GIB, Gpu
from .limits import limits
from .model_files import Model
from .placement import FULL_SHARE, cache_bytes, needed_bytes

SIZES = (16, 24, 48, 80, 140)  # GB of 10^9 bytes: a card has a little more than it is named after, and never less


REQUEST = 4096  # tokens: 1,024 of a picture of 1024 x 1024, a checklist of 500 to 2,000, the prompt and the answer


@dataclass(frozen=True)
class CardJudge:
    """A judge that users are likely to choose: its model, with the published dimensions, and what to type for it."""

    model: Model
    options: tuple[str, ...]


@dataclass(frozen=True)
class Measured:
    """The result of one run on a share of an H200 of the card's size: bytes of the cache, and how fast it judged."""

    cache: int
    speed: str


@dataclass(frozen=True)
class CardRow:
    """One judge on one card.

    Attributes:
        gb: size of the card.
        judge: name of the model.
        precision: "16 bit" or "FP8"; empty where it does not fit.
        needed_bytes: of the weights and the work beside them.
        requests: of 4,096 tokens, without a common start, that are in work at once; 0 where it does not fit.
        measured: True where a run on that much memory gave the figure; False where it is computed from such runs.
        speed: of that run.
        options: what to type.
        here: True where this machine's largest GPU is of this size.
    """

    gb: int
    judge: str
    precision: str
    needed_bytes: int
    requests: int
    measured: bool
    speed: str
    options: tuple[str, ...]
    here: bool


def _model(name: str, weights: float, **text: Any) -> Model:
    return Model(name, "", {"text_config": text}, int(weights * GIB), Path())


_QWEN3_VL = {"num_hidden_layers": 36, "num_key_value_heads": 8, "head_dim": 128, "vocab_size": 151_936}


_LINEAR = {"linear_num_value_heads": 48, "linear_key_head_dim": 128, "linear_value_head_dim": 128}


Q_JUDGER, QWEN_8B, QWEN_4B = "Qwen/Qwen-Image-Bench", "Qwen/Qwen3-VL-8B-Instruct", "Qwen/Qwen3-VL-4B-Instruct"


IE_CRITIC = "Coobiw/IE-Critic-R1-7B"


JUDGES = (
    CardJudge(
        _model(
            Q_JUDGER,
            51.1,
            num_hidden_layers=64,
            full_attention_interval=4,
            num_key_value_heads=4,
            head_dim=256,
            vocab_size=248_320,
            hidden_size=5120,
            **_LINEAR,
        ),
        (f"--judge-model={Q_JUDGER}",),
    ),
    CardJudge(
        _model(QWEN_8B, 16.33, hidden_size=4096, **_QWEN3_VL), (f"--judge-model={QWEN_8B}", "--judge-protocol=house")
    ),
    CardJudge(
        _model(QWEN_4B, 8.27, hidden_size=2560, tie_word_embeddings=True, **_QWEN3_VL),
        (f"--judge-model={QWEN_4B}", "--judge-protocol=house"),
    ),
    CardJudge(
        _model(
            IE_CRITIC,
            15.44,
            num_hidden_layers=28,
            num_key_value_heads=4,
            head_dim=128,
            vocab_size=152_064,
            hidden_size=3584,
        ),
        (f"--edit-judge-model={IE_CRITIC}",),
    ),
)


# vLLM 0.26.0, random weights of these shapes, protocol house, pictures of 1024 x 1024 (benchmarks/gpu/README.md).
MEASURED = {
    (QWEN_4B, 16): Measured(int(3.41 * GIB), "4 images in 4.9 s, the first after the start"),
    (QWEN_8B, 24): Measured(int(3.13 * GIB), "32 images in 27.0 s"),
    (Q_JUDGER, 48): Measured(int(8.64 * GIB), "2 images in 10.3 s, the first after the start"),
}


def rows(gpus: Sequence[Gpu] = ()) -> list[CardRow]:
    """Return a row for each card and judge; those of the size of the largest of ``gpus`` are marked."""
    largest = max((gpu.total for gpu in gpus if gpu.total is not None), default=0)
    mine = max((gb for gb in SIZES if gb * 10**9 <= largest), default=None)
    return [_row(judge, gb, gb == mine) for gb in SIZES for judge in JUDGES]


def _row(judge: CardJudge, gb: int, here: bool) -> CardRow:
    model = judge.model
    share = int(FULL_SHARE * gb * 10**9)
    sixteen, eight = needed_bytes(model, 1, fp8=False), needed_bytes(model, 1, fp8=True)
    fp8 = sixteen > share
    needed = eight if fp8 else sixteen
    if needed > share:
        return CardRow(gb, model.name, "", needed, 0, False, "", (), here)
    options = (*judge.options, *(["--judge-allow-fp8"] if fp8 else []))
    bounds = limits(model, share, 1, fp8=fp8)
    run = MEASURED.get((model.name, gb))
    requests = min(bounds.sequences, (run.cache if run else bounds.room) // cache_bytes(model, REQUEST))
    return CardRow(
        gb,
        model.name,
        "FP8" if fp8 else "16 bit",
        needed,
        requests,
        run is not None,
        run.speed if run else "",
        options,
        here,
    )
