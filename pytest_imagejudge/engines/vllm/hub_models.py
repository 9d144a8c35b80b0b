"""Models of the Hugging Face Hub at one commit, in its cache."""

from __future__ import annotations

from pathlib import Path

from ...errors import ConfigError
from ...support.caches import check_hub_cache
from ...support.escaping import escape
from ...support.words import some
from .model_files import (
    TEMPLATES,
    Model,
    bytes_of,
    check_whole,
    for_serving,
    present,
    read_config,
    read_index,
    weight_files,
)

LOOKUP_SECONDS = 20.0


def find_on_hub(name: str, revision: str | None, option: str) -> Model:
    """Look a model of the Hub up, by the network or else in the local cache; downloads its configuration only.

    Raises:
        ConfigError: no such model or revision, a gated model, or no connection and nothing in the cache.
    """
    from huggingface_hub import HfApi, constants, errors

    shown = f"{option} {name!r}" + (f" at revision {revision!r}" if revision else "")
    check_hub_cache()
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
    weights, index = weight_files(sizes)
    total = 0
    if index in sizes:
        named, total = read_index(_fetch(name, commit, index, shown), shown)
        if lacking := sorted(named - sizes.keys()):
            raise ConfigError(f"{shown}: its {index} names {lacking[0]}, which it does not have")
        weights = sorted(named)
    wanted, ignore = for_serving(sizes, weights)
    for file in TEMPLATES:
        if file in wanted:
            _fetch(name, commit, file, shown)
    absent = [file for file in wanted if not (folder / file).exists()]
    for file in weights:
        if sizes[file] is None:  # a mirror that lists none; an even share is as good as their sum
            sizes[file] = total // len(weights) if total else _remote_size(name, commit, file, shown)
    missing = sum(sizes[file] or 0 for file in absent)
    config = read_config(config_file, shown)
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
    config = read_config(folder / "config.json", shown)
    files = present(folder)
    weights, index = weight_files(files)
    if index in files:
        named, _ = read_index(folder / index, shown)
        if lacking := sorted(named - set(files)):
            raise ConfigError(f"{shown} is in the local cache without {lacking[0]} and perhaps others, and {why}")
        weights = sorted(named)
    check_whole(files, weights, shown, why)
    return Model(name, folder.name, config, bytes_of(folder, weights), folder)


def _revisions(name: str) -> str:
    from huggingface_hub import HfApi

    try:
        refs = HfApi().list_repo_refs(name)
        names = [ref.name for ref in (*refs.branches, *refs.tags)]
    except Exception:  # noqa: BLE001 - only to be helpful
        return ""
    return f"; it has {some([escape(ref) for ref in names], 8)}" if names else ""
