"""Models that vLLM can serve: a folder, or a repository of the Hub at one commit."""

from __future__ import annotations

import fnmatch
import hashlib
import json
import os
import re
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ...errors import ConfigError
from ...settings import SIGNALS
from ...support.entry_points import ENGINES, names_of
from ...support.escaping import escape
from ...support.words import some

LOOKUP_SECONDS = 20.0


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
class Model:
    """A model that can be served.

    Attributes:
        name: of the Hub's repository, or of the folder, without the path to it.
        revision: the commit, or a digest of a folder's content.
        config: its config.json.
        weights: bytes of its weights.
        folder: of the files; the small ones exist already.
        complete: True where the weights exist too.
        missing: bytes yet to be downloaded.
        ignore: patterns of files that serving does not need.
    """

    name: str
    revision: str
    config: dict[str, Any]
    weights: int
    folder: Path
    complete: bool = True
    missing: int = 0
    ignore: tuple[str, ...] = ()

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


def find_model(name: str, revision: str | None, option: str) -> Model:
    """Look a model up; downloads its configuration only.

    Raises:
        ConfigError: no such folder, model or revision; a gated model; or no connection to the Hub.
    """
    folder = Path(name).expanduser()
    if folder.is_dir():
        return _local(name, folder, revision, option)
    if name.startswith((".", "/", "~")) or name.count("/") > 1 or os.sep * 2 in name:
        raise ConfigError(f"{option} {name!r}: there is no such folder")
    try:
        return _remote(name, revision, option)
    except ConfigError as error:
        if "/" in name or not (others := names_of(ENGINES)):
            raise
        raise ConfigError(f"{error}; engines by name: {', '.join((SIGNALS, *others))}") from None


def _local(name: str, folder: Path, revision: str | None, option: str) -> Model:
    if revision is not None:
        raise ConfigError(f"{option} {name!r} is a folder, which has no revision {revision!r}")
    shown = f"{option} {name!r}"
    config = _read_config(folder / "config.json", shown)
    files = _present(folder)
    weights, index = _weight_files(files)
    if index in files:
        named, _ = _read_index(folder / index, shown)
        weights = [file for file in weights if file in named]
    # a link keeps its name, for it may lead into a cache
    named_folder = folder.resolve() if folder.name in ("", "..") else folder
    return Model(named_folder.name, folder_digest(folder), config, _bytes(folder, weights), folder.resolve())


def _present(folder: Path) -> list[str]:
    """List the names of the files in ``folder``."""
    return sorted(file.name for file in folder.iterdir() if file.is_file())


def _bytes(folder: Path, files: Iterable[str]) -> int:
    return sum((folder / file).stat().st_size for file in files)


def _weight_files(files: Iterable[str]) -> tuple[list[str], str]:
    """Return the weight files of the format that vLLM reads, and the name of their index."""
    own = sorted(file for file in files if "/" not in file)
    for pattern, index in FORMATS.items():
        if found := fnmatch.filter(own, pattern):
            return found, index
    return [], ""


def _read_index(file: Path, shown: str) -> tuple[set[str], int]:
    """Return the files that an index of weights names, and the bytes of all weights (0 where unknown)."""
    try:
        index = json.loads(file.read_text("utf-8"))
        named = set(map(str, index["weight_map"].values()))
        total = (index.get("metadata") or {}).get("total_size")
    except (OSError, ValueError, KeyError, AttributeError, TypeError):
        raise ConfigError(f"{shown}: its {file.name} is damaged") from None
    return named, int(total) if isinstance(total, int | float) and total > 0 else 0


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


def _remote(name: str, revision: str | None, option: str) -> Model:
    from huggingface_hub import HfApi, constants, errors

    shown = f"{option} {name!r}" + (f" at revision {revision!r}" if revision else "")
    if constants.HF_HUB_OFFLINE:
        return _cached(name, revision, shown, "HF_HUB_OFFLINE is set")
    try:
        info = HfApi().model_info(name, revision=revision, files_metadata=True, timeout=LOOKUP_SECONDS)
    except errors.GatedRepoError:
        raise _gated(name, shown, constants.ENDPOINT) from None
    except errors.RevisionNotFoundError:
        raise ConfigError(f"{shown}: the model has no such revision{_revisions(name)}") from None
    except errors.RepositoryNotFoundError:
        raise ConfigError(
            f"{shown}: no such folder, and no such model at {constants.ENDPOINT} "
            "(a private one needs HF_TOKEN to be set to a token that may read it)"
        ) from None
    except errors.HFValidationError as error:
        raise ConfigError(f"{shown}: no such folder, and no valid name of a model: {escape(error)}") from None
    except Exception as error:  # noqa: BLE001 - whatever the network, a proxy or the Hub came up with
        return _cached(name, revision, shown, f"{constants.ENDPOINT} can't be asked: {escape(error)[:300]}")
    commit = str(info.sha)
    config_file = _fetch(name, revision, "config.json", shown)  # so that the cache knows the branch when offline
    if config_file.parent.name != commit:  # it has just moved
        config_file = _fetch(name, commit, "config.json", shown)
    folder = config_file.parent
    sizes = {sibling.rfilename: sibling.size for sibling in info.siblings or ()}
    weights, index = _weight_files(sizes)
    total = 0
    if index in sizes:
        named, total = _read_index(_fetch(name, commit, index, shown), shown)
        if lacking := sorted(named - sizes.keys()):
            raise ConfigError(f"{shown}: its {index} names {lacking[0]}, which it does not have")
        weights = sorted(named)
    tensors = any(file.endswith(".safetensors") for file in weights)
    own = {file for file in sizes if any(fnmatch.fnmatch(file, pattern) for pattern in FORMATS) and "/" not in file}
    ignore = (*(NOT_FOR_SERVING if tensors else ("*.md",)), *sorted(own - set(weights)))
    wanted = [file for file in sizes if not any(fnmatch.fnmatch(file, pattern) for pattern in ignore)]
    for file in TEMPLATES:
        if file in wanted:
            _fetch(name, commit, file, shown)
    absent = [file for file in wanted if not (folder / file).exists()]
    for file in weights:
        if sizes[file] is None:  # a mirror that lists none; an even share is as good as their sum
            sizes[file] = total // len(weights) if total else _remote_size(name, commit, file, shown)
    missing = sum(sizes[file] or 0 for file in absent)
    config = _read_config(config_file, shown)
    in_all = sum(sizes[file] or 0 for file in weights)
    return Model(name, commit, config, in_all, folder, not absent, missing, ignore)


def _remote_size(name: str, commit: str, file: str, shown: str) -> int:
    """Ask for the bytes of a file that is listed without its size, as a download does."""
    from huggingface_hub import constants, get_hf_file_metadata, hf_hub_url

    try:
        size = get_hf_file_metadata(hf_hub_url(name, file, revision=commit), timeout=LOOKUP_SECONDS).size
        why = "no size in the response"
    except Exception as error:  # noqa: BLE001 - as above
        size, why = None, escape(error)[:300]
    if size is None:
        raise ConfigError(f"{shown}: {constants.ENDPOINT} does not tell the size of its {file}: {why}")
    return size


def _fetch(name: str, revision: str | None, file: str, shown: str) -> Path:
    from huggingface_hub import constants, errors, hf_hub_download

    try:
        return Path(hf_hub_download(name, file, revision=revision))
    except errors.EntryNotFoundError:
        raise ConfigError(f"{shown} has no {file}, so it can't be served") from None
    except errors.GatedRepoError:
        raise _gated(name, shown, constants.ENDPOINT) from None
    except Exception as error:  # noqa: BLE001 - as above
        raise ConfigError(f"{shown}: its {file} can't be downloaded: {escape(error)[:300]}") from None


def _gated(name: str, shown: str, endpoint: str) -> ConfigError:
    return ConfigError(
        f"{shown} is gated: accept its conditions on its page at {endpoint}/{escape(name)}, "
        "and set HF_TOKEN to a token that may read it"
    )


def _cached(name: str, revision: str | None, shown: str, why: str) -> Model:
    """Return the model in the local cache, for a machine without a network."""
    from huggingface_hub import errors, try_to_load_from_cache

    try:
        found = try_to_load_from_cache(name, "config.json", revision=revision)
    except errors.HFValidationError as error:
        raise ConfigError(f"{shown}: no such folder, and no valid name of a model: {escape(error)}") from None
    if not isinstance(found, str):
        raise ConfigError(f"{shown} is not in the local cache, and {why}")
    folder = Path(found).parent
    config = _read_config(folder / "config.json", shown)
    files = _present(folder)
    weights, index = _weight_files(files)
    if index in files:
        named, _ = _read_index(folder / index, shown)
        if lacking := sorted(named - set(files)):
            raise ConfigError(f"{shown} is in the local cache without {lacking[0]} and perhaps others, and {why}")
        weights = sorted(named)
    if not weights:
        raise ConfigError(f"{shown} is in the local cache without its weights, and {why}")
    parts = [int(of[1]) for file in weights if (of := OF.search(file))]
    if len(parts) < max(parts, default=0):
        raise ConfigError(
            f"{shown} is in the local cache with {len(parts)} of {max(parts)} files of its weights, and {why}"
        )
    if not any(fnmatch.filter(files, pattern) for pattern in TOKENIZERS):
        raise ConfigError(f"{shown} is in the local cache without its tokenizer, and {why}")
    return Model(name, folder.name, config, _bytes(folder, weights), folder)


def _read_config(file: Path, shown: str) -> dict[str, Any]:
    try:
        config = json.loads(file.read_text("utf-8"))
    except FileNotFoundError:
        raise ConfigError(f"{shown} has no config.json, so it can't be served") from None
    except (OSError, ValueError) as error:
        raise ConfigError(f"{shown}: config.json can't be read: {escape(error)}") from None
    if not isinstance(config, dict):
        raise ConfigError(f"{shown}: config.json is not an object")
    return config


def _revisions(name: str) -> str:
    from huggingface_hub import HfApi

    try:
        refs = HfApi().list_repo_refs(name)
        names = [ref.name for ref in (*refs.branches, *refs.tags)]
    except Exception:  # noqa: BLE001 - only to be helpful
        return ""
    return f"; it has {some([escape(ref) for ref in names], 8)}" if names else ""
