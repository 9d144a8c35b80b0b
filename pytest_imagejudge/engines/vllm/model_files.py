"""Models that vLLM can serve, with the files that it needs of each."""

from __future__ import annotations

import fnmatch
import hashlib
import json
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ...errors import ConfigError
from ...support.escaping import escape

WHOLE_FILE = 16 * 1024 * 1024  # files up to this size count as a whole, larger ones by samples


SAMPLE, STRIDE = 4096, 4 * 1024 * 1024


NOT_FOR_SERVING = ("*.bin", "*.pt", "*.pth", "*.ckpt", "*.h5", "*.msgpack", "*.onnx", "*.gguf", "original/*", "*.md")


TEMPLATES = ("chat_template.jinja", "chat_template.json", "tokenizer_config.json")


# The weights that vLLM reads are of the first of these formats that is there, Mistral's own before all others; of its
# files those that the index names, where there is one.
FORMATS = {
    "consolidated*.safetensors": "consolidated.safetensors.index.json",
    "*.safetensors": "model.safetensors.index.json",
    "*.bin": "pytorch_model.bin.index.json",
    "*.pt": "",
    "*.pth": "",
    "*.gguf": "",
}


OF = re.compile(r"-of-(\d+)\.")  # model-00001-of-00002.safetensors


TOKENIZERS = ("tokenizer.*", "tekken.json", "vocab.*", "*.model", "*.tiktoken", "tokenization_*.py")


@dataclass(frozen=True)
class ListedFile:
    """A file as ModelScope lists it: size in bytes and SHA-256 (hex) of its content."""

    size: int
    sha256: str


@dataclass(frozen=True)
class ModelScopeSource:
    """The repository of ModelScope whose files make a model.

    Attributes:
        endpoint: URL of the site.
        ref: branch, tag or commit, as asked for.
        files: the files that serving needs, by their paths in the repository.
        record: the file that records which of them were checked.
    """

    endpoint: str
    ref: str
    files: Mapping[str, ListedFile]
    record: Path


@dataclass(frozen=True)
class Model:
    """A model that can be served.

    Attributes:
        name: of the repository, or of the folder, without the path to it.
        revision: the commit, or a digest of the content of a folder or of ModelScope's files.
        config: its config.json.
        weights: bytes of its weights.
        folder: of the files; the small ones exist already.
        complete: True where the weights exist too.
        missing: bytes yet to be downloaded.
        ignore: patterns of files that serving does not need.
        modelscope: the source of a model of ModelScope.
    """

    name: str
    revision: str
    config: dict[str, Any]
    weights: int
    folder: Path
    complete: bool = True
    missing: int = 0
    ignore: tuple[str, ...] = ()
    modelscope: ModelScopeSource | None = field(default=None, compare=False)

    @property
    def architecture(self) -> str:
        """The model's class by its configuration, or an empty string."""
        named = self.config.get("architectures")
        return str(named[0]) if isinstance(named, list) and named else ""

    def text(self, field: str) -> Any:
        """Return a field of the language model's part of the configuration."""
        return (self.config.get("text_config") or {}).get(field, self.config.get(field))

    def chat_template(self) -> str:
        """Return the source of the chat template; empty where the model has none."""
        for name in TEMPLATES:
            try:
                text = (self.folder / name).read_text("utf-8")
                if name.endswith(".json"):
                    text = str(json.loads(text).get("chat_template") or "")
            except (OSError, ValueError, AttributeError):
                continue
            if text:
                return text
        return ""


def present(folder: Path) -> list[str]:
    """List the names of the files in ``folder``."""
    return sorted(file.name for file in folder.iterdir() if file.is_file())


def bytes_of(folder: Path, files: Iterable[str]) -> int:
    """Return the bytes of ``files`` in ``folder`` together."""
    return sum((folder / file).stat().st_size for file in files)


def weight_files(files: Iterable[str]) -> tuple[list[str], str]:
    """Return the weight files of the format that vLLM reads, and the name of their index."""
    own = sorted(file for file in files if "/" not in file)
    for pattern, index in FORMATS.items():
        if found := fnmatch.filter(own, pattern):
            return found, index
    return [], ""


def read_index(file: Path, shown: str) -> tuple[set[str], int]:
    """Return the files that an index of weights names, and the bytes of all weights (0 where unknown)."""
    try:
        index = json.loads(file.read_text("utf-8"))
        named = set(map(str, index["weight_map"].values()))
        total = (index.get("metadata") or {}).get("total_size")
    except (OSError, ValueError, KeyError, AttributeError, TypeError):
        raise ConfigError(f"{shown}: its {file.name} is damaged") from None
    return named, int(total) if isinstance(total, int | float) and total > 0 else 0


def check_whole(files: Sequence[str], weights: Sequence[str], shown: str, why: str) -> None:
    """Check that the cached ``files`` of a model are enough to serve it.

    Raises:
        ConfigError: weights or the tokenizer are not there; ``why`` they can't be fetched ends the message.
    """
    if not weights:
        raise ConfigError(f"{shown} is in the local cache without its weights, and {why}")
    parts = [int(of[1]) for file in weights if (of := OF.search(file))]
    if len(parts) < max(parts, default=0):
        raise ConfigError(
            f"{shown} is in the local cache with {len(parts)} of {max(parts)} files of its weights, and {why}"
        )
    if not any(fnmatch.filter(files, pattern) for pattern in TOKENIZERS):
        raise ConfigError(f"{shown} is in the local cache without its tokenizer, and {why}")


def for_serving(files: Iterable[str], weights: Sequence[str]) -> tuple[list[str], tuple[str, ...]]:
    """Return those of a repository's ``files`` that serving ``weights`` needs, and patterns of the others."""
    files = list(files)
    tensors = any(file.endswith(".safetensors") for file in weights)
    own = {file for file in files if any(fnmatch.fnmatch(file, pattern) for pattern in FORMATS) and "/" not in file}
    ignore = (*(NOT_FOR_SERVING if tensors else ("*.md",)), *sorted(own - set(weights)))
    return [file for file in files if not any(fnmatch.fnmatch(file, pattern) for pattern in ignore)], ignore


def folder_digest(folder: Path) -> str:
    """Return SHA-256 (hex, shortened) of a model's folder: small files whole, large ones sampled every 4 MiB.

    Names of files count, places and times do not. Every tensor of more than 4 MiB is sampled, so weights that were
    trained further have another digest.
    """
    digest = hashlib.sha256()
    for file in sorted(folder.iterdir()):
        if not file.is_file() or file.name.startswith(".") or file.suffix == ".md":
            continue
        digest.update(json.dumps([file.name, file.stat().st_size]).encode())
        _add_content(digest, file)
    return f"folder-{digest.hexdigest()[:40]}"


def file_digest(file: Path) -> str:
    """Return SHA-256 (hex, shortened) of a file's content, sampled as in `folder_digest`; the name does not count."""
    digest = hashlib.sha256(str(file.stat().st_size).encode())
    _add_content(digest, file)
    return f"file-{digest.hexdigest()[:40]}"


def _add_content(digest: hashlib._Hash, file: Path) -> None:
    size = file.stat().st_size
    with file.open("rb") as data:
        if size <= WHOLE_FILE:
            digest.update(hashlib.file_digest(data, "sha256").digest())
            return
        for start in (*range(0, size, STRIDE), max(0, size - SAMPLE)):
            data.seek(start)
            digest.update(data.read(SAMPLE))


def read_config(file: Path, shown: str) -> dict[str, Any]:
    """Read a model's config.json.

    Raises:
        ConfigError: it is missing or no JSON object.
    """
    try:
        config = json.loads(file.read_text("utf-8"))
    except FileNotFoundError:
        raise ConfigError(f"{shown} has no config.json, so it can't be served") from None
    except (OSError, ValueError) as error:
        raise ConfigError(f"{shown}: config.json can't be read: {escape(error)}") from None
    if not isinstance(config, dict):
        raise ConfigError(f"{shown}: config.json is not an object")
    return config
