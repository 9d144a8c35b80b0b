"""Command line and environment of vLLM's server, by the model's architecture."""

from __future__ import annotations

import json
import os
from collections.abc import Sequence
from pathlib import Path

from ...errors import ConfigError
from ...protocols.base import Protocol
from ...settings import JudgeSettings
from .adapters import Adapter
from .foreign_variables import foreign_variables
from .install import Install
from .limits import Limits
from .model_files import Model
from .modelscope_models import SWITCH
from .placement import cpu_cache_bytes, quantized
from .server_copy import MODEL, PORT
from .user_arguments import deciding, option_name, own_split

SEED = 42


MATCH_UNIT = 16


SERVE = Path(__file__).parent / "server_side" / "imagejudge_serve.py"


QWEN35 = ("Qwen3_5ForConditionalGeneration", "Qwen3_5MoeForConditionalGeneration")


# Vision models whose only other modality is video, which no judge is shown.
WITH_VIDEO = (
    *QWEN35,
    "Qwen2VLForConditionalGeneration",
    "Qwen2_5_VLForConditionalGeneration",
    "Qwen3VLForConditionalGeneration",
    "Qwen3VLMoeForConditionalGeneration",
)


# Of pytest, coverage and launchers of distributed programs: not for the server. Secrets of ours neither. A model of
# ModelScope is served from its folder, and with the switch vLLM would want another package of ModelScope's.
UNWANTED = ("PYTEST_", "COV_CORE_", "COVERAGE_", "IMAGEJUDGE_", "TORCHELASTIC_")


UNWANTED_NAMES = (
    "RANK",
    "WORLD_SIZE",
    "LOCAL_RANK",
    "LOCAL_WORLD_SIZE",
    "GROUP_RANK",
    "MASTER_ADDR",
    "MASTER_PORT",
    SWITCH,
)


# Folders that nothing is kept in, below the server's working directory: vLLM counts their names among the facts that a
# compiled graph depends on, and by default they lie in the home folder.
PLACES = {"VLLM_CONFIG_ROOT": "config", "VLLM_XLA_CACHE_PATH": "xla"}


def server_arguments(
    model: Model, install: Install, settings: JudgeSettings, parallel: int, fp8: bool, limits: Limits
) -> list[str]:
    """Return the options of the server, without those unknown to this vLLM and without the share of memory."""
    wanted: list[tuple[str, ...]] = [
        ("--served-model-name", str(settings.model)),
        ("--seed", str(SEED)),
        ("--generation-config", "vllm"),  # nothing but the request decides how it is sampled
        ("--enable-prefix-caching",),
        ("--enable-prompt-tokens-details",),  # tells how many came from the cache
        ("--disable-uvicorn-access-log",),
        ("--structured-outputs-config", '{"backend": "xgrammar", "disable_any_whitespace": true}'),
        ("--max-model-len", str(min(limits.length, longest_context(model)))),
        ("--limit-mm-per-prompt", json.dumps(modality_limits(model, settings))),
    ]
    if model.architecture in QWEN35:
        wanted.append(("--prefix-match-unit", str(MATCH_UNIT)))
    if thinks(model):
        wanted.append(("--reasoning-parser", "qwen3"))
    if install.device != "cpu":
        wanted.append(("--max-num-batched-tokens", str(limits.step)))
        wanted.append(("--max-num-seqs", str(limits.sequences)))
    if parallel > 1 and own_split(settings.args) is None:
        wanted.append(("--tensor-parallel-size", str(parallel)))
    if fp8:
        wanted.append(("--quantization", "fp8_per_block"))
    if settings.sleep is not None:
        wanted.append(("--enable-sleep-mode",))
    return [token for option in wanted if install.knows(option[0]) for token in option]


def drawing_arguments(install: Install, limits: Limits) -> list[str]:
    """Return the options for answers that are drawn with seeds of their own, as `draws` tells.

    vLLM 0.32's CPU build reads long prompts in pieces, and ends with "CPU Generator does not use offset" where such a
    request has a seed. On GPUs it does not.
    """
    if install.device != "cpu" or not install.knows("--enable-chunked-prefill"):
        return []
    return ["--no-enable-chunked-prefill", "--max-num-batched-tokens", str(limits.length)]


def draws(protocol: Protocol) -> bool:
    """Return True where a protocol asks for answers that are drawn at random."""
    return any(protocol.sampling(name).get("temperature") for name in protocol.dimensions)


def adapter_arguments(adapter: Adapter, install: Install) -> list[str]:
    """Return the options that serve an adapter, under its own name.

    Raises:
        ConfigError: this vLLM serves none.
    """
    if not install.knows("--lora-modules"):
        raise ConfigError(f"vLLM {install.version} serves no adapters; install a newer one")
    options = ["--enable-lora", "--max-lora-rank", str(adapter.served_rank), "--lora-modules"]
    options.append(json.dumps({"name": adapter.served_name, "path": str(adapter.folder)}))
    if adapter.sees and install.knows("--enable-tower-connector-lora"):
        options.append("--enable-tower-connector-lora")
    return options


def longest_context(model: Model) -> int:
    """Return the most tokens that the model takes."""
    length = model.text("max_position_embeddings")
    return length if isinstance(length, int) and length > 0 else Limits().length


def modality_limits(model: Model, settings: JudgeSettings) -> dict[str, int]:
    """Return the most pictures and videos of a request, by modality."""
    limits = {"image": 2 if settings.kind == "edit" else 1}
    return limits | ({"video": 0} if model.architecture in WITH_VIDEO else {})


def thinks(model: Model) -> bool:
    """Return True where vLLM's parser has to separate the model's thinking from its answer."""
    if model.architecture in QWEN35:
        return True
    template = model.chat_template()
    return model.architecture.startswith("Qwen3") and "<think>" in template.rpartition("add_generation_prompt")[2]


def parses_thinking(options: Sequence[str]) -> bool:
    """Return True where a server with ``options`` separates thinking from answers, so that it can limit thinking."""
    return any(option_name(option) in ("--reasoning-parser", "--reasoning-config") for option in options)


def server_environment(install: Install, settings: JudgeSettings, caches: Path) -> dict[str, str | None]:
    """Return the variables to set for the server, or with None to remove.

    Compiled kernels are kept in ``caches``, a folder of this package.
    """
    changes: dict[str, str | None] = {
        name: None for name in os.environ if name.startswith(UNWANTED) or name in UNWANTED_NAMES
    }
    changes |= dict.fromkeys((*foreign_variables(), "VLLM_API_KEY"))  # the server's key is not vLLM's business
    defaults = {
        "VLLM_CACHE_ROOT": str(caches / "vllm"),
        "TRITON_CACHE_DIR": str(caches / "triton"),
        "FLASHINFER_WORKSPACE_BASE": str(caches / "flashinfer"),
        "DG_JIT_CACHE_DIR": str(caches / "deep_gemm"),
        "CUDA_CACHE_PATH": str(caches / "cuda"),
        "VLLM_ENABLE_STARTUP_PLAN": "1",
        "VLLM_USE_FLASHINFER_SAMPLER": "0",  # nvcc compiles it for minutes, to draw a little faster
        "VLLM_NO_USAGE_STATS": "1",
        "VLLM_LOGGING_COLOR": "0",
    }
    defaults |= {name: folder for name, folder in PLACES.items() if install.reads(name)}
    changes.update({name: value for name, value in defaults.items() if name not in os.environ})
    changes["HF_HUB_OFFLINE"] = "1"  # the model is here; nothing else is to be fetched
    changes["PYTHONUNBUFFERED"] = "1"
    if install.device == "cpu":
        changes["VLLM_CPU_KVCACHE_SPACE"] = str(cpu_cache_bytes() >> 30)
    if settings.sleep is not None:
        changes["VLLM_SERVER_DEV_MODE"] = "1"  # what puts it to sleep is a developers' endpoint
    return changes


def server_command(install: Install, model: Model, options: Sequence[str], args: Sequence[str]) -> tuple[str, ...]:
    """Return the whole command, the user's own tokens last, so that they win."""
    folder = str(model.folder) if model.complete else MODEL
    return (
        *(install.python, str(SERVE), folder),
        *("--host", "127.0.0.1", "--port", PORT),
        *options,
        *args,
    )


def deciding_facts(model: Model, settings: JudgeSettings, fp8: bool, adapter: Adapter | None) -> dict[str, str]:
    """Return the facts of serving that decide answers, beyond model and revision, for the fingerprint."""
    extra = {} if adapter is None else {"adapter": f"{adapter.name}@{adapter.revision}"}
    if fp8 and not quantized(model):
        extra["quantization"] = "fp8_per_block"
    if args := deciding(settings.args):
        extra["arguments"] = args
    return extra
