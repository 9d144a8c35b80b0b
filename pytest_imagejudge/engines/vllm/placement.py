"""Placement of a judge's server: number of GPUs, share of their memory, and precision."""

from __future__ import annotations

import math
import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from ...errors import ConfigError
from ...settings import JudgeSettings
from ...support.escaping import escape
from .gpus import GIB, Gpu, Holder, gib, gpu_problem
from .install import Install
from .model_files import Model

FULL_SHARE = 0.92  # of a GPU that nothing else uses


SPARE = GIB  # left alone on a GPU that something else uses


SECOND = 4 * GIB  # what a second server on a GPU takes beyond its share: 2.5 and 5.5 GiB were seen


COMFORT = 30 * GIB  # beyond the weights, for 240 requests at once of a 27B hybrid model: caches 9, states 17, work 4


FP8_SIZE = 0.56  # of the 16-bit weights, measured for the 27B shape: embeddings and vision stay as they are


FP8_OF_LAYERS = (
    0.52  # of the 16-bit weights without the embeddings: with those of the 27B shape, 28.9 GiB (28.6 measured)
)


ALLOW_FP8 = "judge_allow_fp8 = true in the ini file (of the command: --judge-allow-fp8)"


@dataclass(frozen=True)
class Placement:
    """The placement of a model.

    Attributes:
        gpus: the GPUs that the judge may use; `pick` takes ``parallel`` of them for each copy.
        parallel: number of GPUs that the model is split over; 0 where no GPUs are known.
        fp8: True where the weights are converted to FP8.
        needed: bytes on each GPU, or of the main memory.
        copies: number of copies in one server, by the user's own arguments.
        at_most: True where the user's arguments reduce the needed memory by an unknown amount. Then ``needed`` is an
            upper limit, and no start is refused by it.
    """

    gpus: tuple[Gpu, ...]
    parallel: int
    fp8: bool
    needed: int
    copies: int = 1
    at_most: bool = False


@dataclass(frozen=True)
class Fit:
    """The memory that a judge needs, against the memory that is free now.

    Attributes:
        needed_bytes: over all GPUs of the judge.
        free_bytes: on these GPUs; None where unknown.
        holders: the processes that hold memory of these GPUs.
        ok: True where the judge fits, as far as is known.
        gpus: the GPUs; none on the CPU or on a device that does not report its memory.
        running: True where the judge's server is up or starting.
    """

    needed_bytes: int
    free_bytes: int | None
    holders: tuple[Holder, ...]
    ok: bool
    gpus: tuple[Gpu, ...] = ()
    running: bool = False


@dataclass(frozen=True)
class JointPlacement:
    """The placement of two judges of one session.

    Attributes:
        how: "apart", each on GPUs of its own; "shared", both on one; "in turn", where they do not fit together.
        most: bytes of each GPU for the one judge that leave room for the other; None where there is no bound.
    """

    how: Literal["apart", "shared", "in turn"]
    most: int | None = None


def place(
    model: Model,
    install: Install,
    settings: JudgeSettings,
    gpus: Sequence[Gpu],
    own_split: tuple[int, int] | None = None,
    at_most: bool = False,
) -> Placement:
    """Find the fewest empty GPUs that hold ``model``, in FP8 only where nothing else fits and FP8 is allowed.

    ``own_split`` overrides the search: GPUs a copy, and copies, by the user's own arguments. ``at_most`` is as in
    `Placement`. Of GPUs with unknown memory the fewest are taken.

    Raises:
        ConfigError: no GPU, or too little memory; with the figures and the remedies.
    """
    if install.device != "cuda":
        return _without_gpus(model, install, at_most)
    if not gpus:
        why = gpu_problem() or "neither NVML nor nvidia-smi lists one, or CUDA_VISIBLE_DEVICES hides them"
        raise ConfigError(
            f"{model.name} is to be served by vLLM {install.version}, which is a CUDA build, and there is no GPU that "
            f"it can use ({escape(why)}): run on a machine with a GPU, "
            "install vLLM's CPU build, or use --judge-url, or --judge-model signals"
        )
    if own_split and own_split[0] * own_split[1] > len(gpus):
        raise ConfigError(
            f"--judge-arg spreads the judge over {own_split[0] * own_split[1]} GPUs; "
            f"the judge may use {len(gpus)}: {', '.join(f'{gpu.index} ({gpu.name})' for gpu in gpus)}{_lost()}"
        )
    copies = own_split[1] if own_split else 1
    splits = [own_split[0]] if own_split else degrees(model, len(gpus))
    share = settings.memory_share or FULL_SHARE
    totals = sorted((gpu.total for gpu in gpus if gpu.total is not None), reverse=True)
    if len(totals) < len(gpus):
        needed = needed_bytes(model, splits[0], fp8=False)
        return Placement(tuple(gpus), splits[0], False, needed, copies, at_most)
    may = (False, True) if settings.allow_fp8 and not quantized(model) else (False,)
    for fp8 in may:
        for parallel in splits:
            needed = needed_bytes(model, parallel, fp8=fp8)
            if needed <= share * totals[parallel * copies - 1]:
                return Placement(tuple(gpus), parallel, fp8, needed, copies, at_most)
    most = max(splits)
    if at_most:  # all that there is
        return Placement(tuple(gpus), most, False, int(share * totals[most * copies - 1]), copies, at_most)
    raise _too_large(model, settings, gpus, most, share)


def _lost() -> str:
    """Return the words about GPUs that can't be seen, for the end of a list of those that are; mostly empty."""
    problem = gpu_problem()
    return f"; {escape(problem)}" if problem else ""


def _without_gpus(model: Model, install: Install, at_most: bool) -> Placement:
    """Place a model in the main memory, or on a device that does not report its memory."""
    needed = model.weights + (cpu_cache_bytes() if install.device == "cpu" else 0)
    if install.device == "cpu" and needed > main_memory() and not at_most:
        raise ConfigError(
            f"{model.name} needs {gib(needed)} of main memory on the CPU (weights {gib(model.weights)}, cache "
            f"{gib(cpu_cache_bytes())}); this machine has {gib(main_memory())}: use --judge-url, "
            "or a smaller judge"
        )
    return Placement((), 0, False, needed, at_most=at_most)


def _too_large(model: Model, settings: JudgeSettings, gpus: Sequence[Gpu], most: int, share: float) -> ConfigError:
    """Make the error of a model that does not fit even when split over ``most`` GPUs, with the remedies."""
    converts = not quantized(model)
    needed = needed_bytes(model, most, fp8=settings.allow_fp8 and converts)
    have = ", ".join(f"{gpu.index} ({gpu.name}) {gib(gpu.total)}" for gpu in gpus) + _lost()
    hint = ""
    if not settings.allow_fp8 and converts:
        small = needed_bytes(model, most, fp8=True)
        totals = sorted((gpu.total or 0 for gpu in gpus), reverse=True)
        hint = f"{ALLOW_FP8} (FP8 weights need {gib(small)}), " if small <= share * totals[most - 1] else ""
    over = f" on each of {most} GPUs" if most > 1 else ""
    return ConfigError(
        f"{model.name} needs {gib(needed)}{over} (weights {gib(model.weights)} in all), within a share of {share:g} of "
        f"a GPU's memory; there is: GPU {have}. Ways out: {hint}more GPUs, a smaller judge, --judge-url"
    )


def needed_bytes(model: Model, parallel: int, *, fp8: bool) -> int:
    """Return the least bytes on each GPU to serve ``model``: a share of the weights, and working memory."""
    weights = weight_bytes(model, fp8=fp8)
    return int(weights / parallel + min(5 * GIB, 1.5 * GIB + 0.1 * weights))


def weight_bytes(model: Model, *, fp8: bool) -> float:
    """Return the bytes of the weights on the GPU; of FP8 with the embeddings in 16 bit, where their size is known."""
    if not fp8:
        return model.weights
    tied = model.text("tie_word_embeddings")
    embeddings = _size(model, "vocab_size") * _size(model, "hidden_size") * 2 * (1 if tied else 2)
    if not 0 < embeddings < model.weights:
        return model.weights * FP8_SIZE
    return embeddings + FP8_OF_LAYERS * (model.weights - embeddings)


def cache_bytes(model: Model, tokens: int) -> int:
    """Return the bytes that a request of ``tokens`` takes of the server's cache: keys and values, recurrent states.

    vLLM keeps two states of a request where it caches prefixes. Checked on one H200 (vLLM 0.26.0, random weights): 144
    KiB a token for Qwen3-VL 4B and 8B, 1.3 GiB for 16,384 tokens of the 27B shape.
    """
    layers, heads, width = (_size(model, n) for n in ("num_hidden_layers", "num_key_value_heads", "head_dim"))
    if not width and (queries := _size(model, "num_attention_heads")):
        width = _size(model, "hidden_size") // queries
    full = full_layers(model)
    return tokens * full * heads * width * 2 * 2 + 2 * (layers - full) * state_bytes(model)


def full_layers(model: Model) -> int:
    """Return the number of layers with full attention; 0 where the configuration does not tell."""
    return _size(model, "num_hidden_layers") // max(1, _size(model, "full_attention_interval"))


def state_bytes(model: Model) -> int:
    """Return the bytes of one layer's recurrent state in 32 bit; 0 for a model without any."""
    sizes = (_size(model, f"linear_{n}") for n in ("num_value_heads", "key_head_dim", "value_head_dim"))
    return math.prod(sizes) * 4


def _size(model: Model, field: str) -> int:
    """Return a number of the language model's configuration; 0 where it is none."""
    value = model.text(field)
    return value if isinstance(value, int) and value > 0 else 0


def degrees(model: Model, gpus: int) -> list[int]:
    """Return the numbers of GPUs that the model can be split over: powers of two that divide its heads."""
    heads = [model.text(name) for name in ("num_attention_heads", "linear_num_key_heads", "linear_num_value_heads")]
    heads.append((model.config.get("vision_config") or {}).get("num_heads"))
    counts = [head for head in heads if isinstance(head, int) and head > 0]
    keys = model.text("num_key_value_heads")
    return [
        n
        for n in (1, 2, 4, 8, 16)
        if n == 1
        or (
            n <= gpus
            and all(count % n == 0 for count in counts)
            and (not isinstance(keys, int) or keys < 1 or keys % n == 0 or n % keys == 0)
        )
    ]


def quantized(model: Model) -> bool:
    """Return True where the checkpoint is quantized already."""
    return bool(model.config.get("quantization_config") or model.text("quantization_config"))


def pick(placement: Placement) -> tuple[Gpu, ...]:
    """Pick the GPUs with the most free memory, as many as the placement needs, in their order."""
    best = sorted(placement.gpus, key=lambda gpu: -(gpu.free or 0))[: placement.parallel * placement.copies]
    return tuple(gpu for gpu in placement.gpus if gpu in best)


def fit(placement: Placement, given_back: Sequence[Holder] = ()) -> Fit:
    """Compare ``placement`` with the free memory and with ``given_back``, which our idle servers hold."""
    gpus = pick(placement)
    if not gpus:
        return Fit(placement.needed, placement.needed, (), True)
    pids = {holder.pid for holder in given_back if holder.pid}
    free = [
        gpu.free + sum(holder.bytes for holder in gpu.holders if holder.pid in pids)
        for gpu in gpus
        if gpu.free is not None
    ]
    holders = tuple(holder for gpu in gpus for holder in gpu.holders if holder.pid not in pids)
    ok = all(placement.needed <= bytes_ for bytes_ in free)
    return Fit(placement.needed * len(gpus), sum(free) if len(free) == len(gpus) else None, holders, ok, gpus)


def place_beside(mine: Placement, other: Placement) -> JointPlacement:
    """Decide the placement of one judge beside the session's other one.

    Memory beyond the least needs is divided in the proportion of these needs. The GPUs count as empty, so that all
    processes decide alike. GPUs with unknown memory set no bound.
    """
    sizes = {gpu.uuid: gpu.total for gpu in (*mine.gpus, *other.gpus)}
    totals = sorted((size for size in sizes.values() if size is not None), reverse=True)
    counts = mine.parallel * mine.copies, other.parallel * other.copies
    if (
        not {gpu.uuid for gpu in mine.gpus} & {gpu.uuid for gpu in other.gpus}
        or len(totals) < len(sizes)
        or (len(totals) >= sum(counts) and max(mine.needed, other.needed) <= FULL_SHARE * totals[sum(counts) - 1])
    ):
        return JointPlacement("apart")
    spare = FULL_SHARE * totals[max(counts) - 1] - SECOND - mine.needed - other.needed
    if spare < 0:
        return JointPlacement("in turn")
    return JointPlacement("shared", int(mine.needed + spare * mine.needed / (mine.needed + other.needed)))


def share(gpus: Sequence[Gpu], placement: Placement, model: Model, most: int | None = None) -> float | None:
    """Return the share of each GPU's memory for the server: of the free memory, and no more than is useful.

    None where the memory is unknown. ``most`` is a bound in bytes, from `place_beside`.
    """
    sizes = [(gpu.free, gpu.total) for gpu in gpus if gpu.free is not None and gpu.total is not None]
    if len(sizes) < len(gpus):
        return None
    shares = [FULL_SHARE if most is None else most / max(total for _, total in sizes)]
    for free, total in sizes:
        if free >= 0.96 * total:
            shares.append(FULL_SHARE)
        else:
            weights = weight_bytes(model, fp8=placement.fp8) / placement.parallel
            shares.append(min(free - SPARE, weights + COMFORT) / total)
    least = max((SPARE if placement.at_most else placement.needed) / total for _, total in sizes)
    return round(min(FULL_SHARE, max(least, min(shares))), 3)


def cpu_cache_bytes() -> int:
    """Return the bytes of the key-value cache on the CPU: the user's setting for vLLM, else 4 GiB."""
    value = os.environ.get("VLLM_CPU_KVCACHE_SPACE", "")
    return (int(value) if value.isdecimal() and int(value) else 4) * GIB


def main_memory() -> int:
    """Return the bytes of main memory for this process, a container's limit included."""
    import psutil

    total = int(psutil.virtual_memory().total)
    for file in ("/sys/fs/cgroup/memory.max", "/sys/fs/cgroup/memory/memory.limit_in_bytes"):
        try:
            text = Path(file).read_text().strip()
        except OSError:
            continue
        if text.isdecimal():
            total = min(total, int(text))
    return total
