"""LoRA adapters that vLLM serves with their base model: found, and checked against it before anything starts.

PEFT writes ``adapter_config.json`` beside ``adapter_model.safetensors``. Its sizes have to be those of the base model,
and vLLM 0.32 takes no rank above 512, no DoRA and no modules that were trained whole.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ...errors import ConfigError
from ...support.escaping import escape
from .model_files import Model, folder_digest

CONFIG, WEIGHTS = "adapter_config.json", "adapter_model.safetensors"
RANKS = (8, 16, 32, 64, 128, 256, 320, 512)  # that vLLM's server can be told, of vLLM 0.32
VISION = re.compile(r"\bvisual\.|\bvision_")
_MOST_HEADER = 64 * 1024 * 1024  # bytes
_LAYER = re.compile(r"\.layers\.(\d+)\.")
_PAIR = re.compile(r"\.([a-z_]+)\.lora_(A|B)\.(?:default\.)?weight$")


@dataclass(frozen=True)
class Adapter:
    """An adapter that fits its base model.

    Attributes:
        name: Hub id, or the folder's name.
        revision: the commit, or a digest of the folder's content.
        folder: of its files.
        rank: the highest of its modules.
        bytes: of its weights.
        sees: True where it changes the part of the model that sees, too.
        served_name: its name beside that of the model; it says what both are, for those who ask by URL.
    """

    name: str
    revision: str
    folder: Path
    rank: int
    bytes: int
    sees: bool
    served_name: str

    @property
    def served_rank(self) -> int:
        """The least rank that vLLM can be told and that this adapter fits into."""
        return next(rank for rank in RANKS if rank >= self.rank)


def find_adapter(name: str, model: Model, option: str) -> Adapter:
    """Look an adapter up, in a folder or on the Hub, and check it against its base model.

    Args:
        name: Hub id or folder.
        model: the base model.
        option: the user's name of the option, for errors.

    Raises:
        ConfigError: there is no such adapter, it was made for another model, or vLLM can't serve it.
    """
    shown = f"{option} {name!r}"
    folder, title, revision = _files(name, shown)
    config = _config(folder, shown)
    rank = _rank(config, shown)
    _check_kind(config, shown)
    _check_base(str(config.get("base_model_name_or_path") or ""), model, shown)
    file = folder / WEIGHTS
    if not file.is_file():
        raise ConfigError(f"{shown} has no {WEIGHTS}, so it can't be served")
    shapes = _shapes(file, shown)
    _check_sizes(shapes, model, shown)
    return Adapter(
        title, revision, folder, rank, file.stat().st_size, any(map(VISION.search, shapes)), f"{model.name}+{title}"
    )


def _files(name: str, shown: str) -> tuple[Path, str, str]:
    """Return the folder of an adapter, its name and its revision."""
    folder = Path(name).expanduser()
    if folder.is_dir():
        folder = folder.resolve()
        return folder, folder.name, folder_digest(folder)
    if name.startswith((".", "/", "~")) or name.count("/") != 1:
        raise ConfigError(f"{shown}: there is no such folder")
    from huggingface_hub import errors, snapshot_download

    try:
        found = Path(snapshot_download(name, allow_patterns=[CONFIG, WEIGHTS]))
    except errors.RepositoryNotFoundError:
        raise ConfigError(f"{shown}: no such folder, and no such adapter on the Hub") from None
    except Exception as error:  # noqa: BLE001 - whatever the network, a proxy or the Hub came up with
        raise ConfigError(f"{shown} can't be downloaded, and is not in the cache: {escape(error)[:300]}") from None
    return found, name, found.name


def _config(folder: Path, shown: str) -> dict[str, Any]:
    try:
        found = json.loads((folder / CONFIG).read_text("utf-8"))
    except FileNotFoundError:
        model = "; it is a model: name it with --edit-judge-model" if (folder / "config.json").is_file() else ""
        raise ConfigError(f"{shown} has no {CONFIG}, so it is no adapter{model}") from None
    except (OSError, ValueError) as error:
        raise ConfigError(f"{shown}: {CONFIG} can't be read: {escape(error)}") from None
    if not isinstance(found, dict):
        raise ConfigError(f"{shown}: {CONFIG} is not an object")
    return found


def _rank(config: dict[str, Any], shown: str) -> int:
    patterns = config.get("rank_pattern")
    ranks = [config.get("r"), *(patterns.values() if isinstance(patterns, dict) else ())]
    if wrong := [rank for rank in ranks if type(rank) is not int or rank < 1]:
        raise ConfigError(f"{shown}: {CONFIG}: r: a whole number of at least 1 is expected, not {wrong[0]!r}")
    highest: int = max(ranks)
    if highest > RANKS[-1]:
        raise ConfigError(
            f"{shown} has the rank {highest}, and vLLM serves adapters up to rank {RANKS[-1]}: merge it into its "
            "base model (PEFT's merge_and_unload), and name the merged model with --edit-judge-model"
        )
    return highest


def _check_kind(config: dict[str, Any], shown: str) -> None:
    if (kind := str(config.get("peft_type"))).upper() != "LORA":
        raise ConfigError(f"{shown} is an adapter of the kind {escape(kind)}; vLLM serves LORA")
    for field, words in (
        ("use_dora", "with DoRA"),
        ("lora_bias", "with biases"),
        ("modules_to_save", "with modules that were trained whole"),
    ):
        if config.get(field):
            raise ConfigError(f"{shown} is an adapter {words} ({CONFIG}: {field}), which vLLM does not serve")


def _check_base(base: str, model: Model, shown: str) -> None:
    """Compare the name of the model that the adapter was made for; a model in a folder may be called anything."""
    wanted, known = (text.rstrip("/").rpartition("/")[2].casefold() for text in (base, model.name))
    if base and "/" in model.name and wanted != known:
        raise ConfigError(
            f"{shown} was made for {escape(base)}, and the judge is {model.name}: name its base model with "
            "--edit-judge-model"
        )
    family = re.sub(r"for.*", "", model.architecture.casefold()).replace("_", "")
    other = re.search(r"qwen[\d.]+-?vl", wanted)
    if other and family.startswith("qwen") and not family.startswith(re.sub(r"[.-]", "", other[0])):
        raise ConfigError(f"{shown} was made for {escape(base)}, and the judge {model.name} is a {model.architecture}")


def _shapes(file: Path, shown: str) -> dict[str, tuple[int, ...]]:
    """Return the shapes of an adapter's tensors by name, from the head of the file."""
    try:
        with file.open("rb") as data:
            length = int.from_bytes(data.read(8), "little")
            if not 0 < length <= _MOST_HEADER:
                raise ValueError("no head")
            head = json.loads(data.read(length))
        return {name: tuple(map(int, one["shape"])) for name, one in head.items() if name != "__metadata__"}
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise ConfigError(f"{shown}: its {WEIGHTS} is damaged: {escape(error)}") from None


def _check_sizes(shapes: dict[str, tuple[int, ...]], model: Model, shown: str) -> None:
    """Compare an adapter's tensors with the sizes of the base model's language part, as far as its names are known."""
    sizes, layers, seen = _sizes(model), model.text("num_hidden_layers"), 0
    for name, shape in shapes.items():
        pair, layer = _PAIR.search(name), _LAYER.search(name)
        if pair is None or layer is None or VISION.search(name) or len(shape) != 2:
            continue
        seen += 1
        if isinstance(layers, int) and int(layer[1]) >= layers:
            raise ConfigError(_other(shown, model, f"it has layer {layer[1]}, and the model has {layers} layers"))
        inside, outside = sizes.get(pair[1], (None, None))
        found, wanted = (shape[1], inside) if pair[2] == "A" else (shape[0], outside)
        if wanted is not None and found != wanted:
            raise ConfigError(_other(shown, model, f"{escape(name)} has the size {found}, and the model {wanted}"))
    if not seen:
        raise ConfigError(f"{shown}: its {WEIGHTS} holds no LoRA of a language model's layers")


def _other(shown: str, model: Model, why: str) -> str:
    return f"{shown} does not fit the judge {model.name}: {why}; name its base model with --edit-judge-model"


def _sizes(model: Model) -> dict[str, tuple[int, int]]:
    """Return what goes in and out of the projections of a layer, by their names; empty where the sizes are unknown."""
    hidden, inner, heads = (model.text(key) for key in ("hidden_size", "intermediate_size", "num_attention_heads"))
    if not all(isinstance(size, int) and size > 0 for size in (hidden, inner, heads)):
        return {}
    each = model.text("head_dim") or hidden // heads
    shared = (model.text("num_key_value_heads") or heads) * each
    return dict(_projections(hidden, inner, heads * each, shared))


def _projections(hidden: int, inner: int, every: int, shared: int) -> Iterator[tuple[str, tuple[int, int]]]:
    yield "q_proj", (hidden, every)
    yield from ((name, (hidden, shared)) for name in ("k_proj", "v_proj"))
    yield "o_proj", (every, hidden)
    yield from ((name, (hidden, inner)) for name in ("gate_proj", "up_proj"))
    yield "down_proj", (inner, hidden)
