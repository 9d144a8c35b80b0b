"""Models of ModelScope, pinned by the content of their files, in the cache of ModelScope's client.

ModelScope's client tells no commit of a branch, but the SHA-256 of every file. So a model's revision is a digest of the
listing, a file counts as here once its content was checked, and a record of that lies in this project's cache. The
record holds the listing too, for a machine without a network.
"""

from __future__ import annotations

import json
import os
import re
from collections.abc import Iterable, Mapping
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ...errors import ConfigError
from ...settings import cache_dir
from ...support.digests import digest_of
from ...support.escaping import escape
from ...support.files import make_folder, whole_file
from ...support.modelscope import TOKEN, client, leads_out, reason
from ...support.words import some
from .model_files import (
    TEMPLATES,
    ListedFile,
    Model,
    ModelScopeSource,
    for_serving,
    read_config,
    read_index,
    weight_files,
)

if TYPE_CHECKING:
    from modelscope_hub import HubApi
    from modelscope_hub.types import FileInfo

PREFIX = "modelscope:"
SWITCH = "VLLM_USE_MODELSCOPE"  # vLLM's own: all models are ModelScope's
DEFAULT_BRANCH = "master"


def repository_of(name: str) -> str | None:
    """Return the repository of ModelScope that ``name`` means; None where it means none."""
    if name.startswith(PREFIX):
        return name.removeprefix(PREFIX)
    return name if os.environ.get(SWITCH, "").strip().lower() in ("1", "true") else None


def find_on_modelscope(repository: str, revision: str | None, option: str) -> Model:
    """Look a model of ModelScope up, by the network or else in the local cache; downloads its configuration only.

    Raises:
        ConfigError: the extra is not installed; no such model or revision; a private model; or no connection and
            nothing in the cache.
    """
    from huggingface_hub import constants

    ref = revision or DEFAULT_BRANCH
    shown = f"{option} {PREFIX + repository!r}" + (f" at revision {revision!r}" if revision else "")
    if not re.fullmatch(r"[\w.-]+/[\w.-]+", repository, re.ASCII):
        raise ConfigError(f"{shown}: {PREFIX}ORG/NAME is expected")
    record = cache_dir() / "modelscope" / f"{repository.replace('/', '--')}-{digest_of(repository, ref)[:16]}.json"
    if constants.HF_HUB_OFFLINE:
        return _cached(repository, ref, record, shown, "HF_HUB_OFFLINE is set")
    api = client()
    from modelscope_hub import errors

    try:
        endpoint = api.resolve_endpoint_for_read(repository)
        api = client(endpoint)
        listed = api.list_repo_files(repository, "model", revision=ref)
    except errors.NotExistError:
        raise _absent(api, repository, revision, shown) from None
    except (errors.AuthenticationError, errors.PermissionDeniedError) as error:
        raise ConfigError(f"{shown}: {reason(error)} ({TOKEN} needs a token that may read it)") from None
    except Exception as error:  # noqa: BLE001 - whatever the network, a proxy or the site came up with
        return _cached(repository, ref, record, shown, f"ModelScope can't be asked: {reason(error)}")
    files = _pinned(listed, f"{shown}: {endpoint}")

    def fetch(path: str) -> Path:
        if path not in files:
            raise ConfigError(f"{shown} has no {path}, so it can't be served")
        file = files[path]
        try:
            fetched = api.download_file(
                repository, "model", path, revision=ref, expected_sha256=file.sha256, file_size=file.size
            )
        except Exception as error:  # noqa: BLE001 - as above
            raise ConfigError(f"{shown}: its {path} can't be downloaded: {reason(error)}") from None
        return Path(fetched)

    config = fetch("config.json")
    weights, index = weight_files(files)
    if index in files:
        named, _ = read_index(fetch(index), shown)
        if lacking := sorted(named - files.keys()):
            raise ConfigError(f"{shown}: its {index} names {lacking[0]}, which it does not have")
        weights = sorted(named)
    wanted, _ = for_serving(files, weights)
    for path in TEMPLATES:
        if path in wanted:
            fetch(path)
    source = ModelScopeSource(endpoint, ref, {path: files[path] for path in sorted(wanted)}, record)
    _remember(source, config.parent, checked=_checked(record))
    return _model(repository, source, config.parent, shown)


def _pinned(listed: Iterable[FileInfo], said: str) -> dict[str, ListedFile]:
    """The files of a listing, which must be plain names with digests; ``said`` begins the error."""
    files = {file.path: ListedFile(file.size, file.sha256 or "") for file in listed if not file.is_dir}
    for path, file in files.items():
        if leads_out(path):
            raise ConfigError(f"{said} lists {escape(repr(path))}, which is no name of a file of the model")
        if not file.sha256:
            raise ConfigError(f"{said} tells no SHA-256 of its {escape(path)}, so it can't be pinned")
    return files


def _model(repository: str, source: ModelScopeSource, folder: Path, shown: str) -> Model:
    """The model with these files, of which some may have to be downloaded or checked."""
    files = source.files
    weights = weight_files(files)[0]
    unchecked = unchecked_files(source, folder)
    return Model(
        repository,
        f"modelscope-{digest_of({path: asdict(file) for path, file in files.items()})[:40]}",
        read_config(folder / "config.json", shown),
        sum(files[path].size for path in weights),
        folder,
        complete=not unchecked,
        missing=sum(files[path].size for path in unchecked if _state(folder / path)[0] != files[path].size),
        modelscope=source,
    )


def unchecked_files(source: ModelScopeSource, folder: Path) -> list[str]:
    """Return the files that are not in ``folder``, or whose content was not checked since they changed."""
    checked = _checked(source.record)
    return [
        path
        for path, file in source.files.items()
        if checked.get(path) != [*_state(folder / path), file.sha256] or checked[path][0] != file.size
    ]


def download_files(name: str, source: ModelScopeSource, folder: Path) -> None:
    """Download the files of ``source`` that are not in ``folder``, check all that were not, and record them."""
    files = [{"Path": path, "Size": file.size, "Sha256": file.sha256} for path, file in source.files.items()]
    api = client(source.endpoint)
    api.download_repo(name, "model", revision=source.ref, file_list=files)
    checked = {path: [*_state(folder / path), file.sha256] for path, file in source.files.items()}
    _remember(source, folder, checked=checked)


def _absent(api: HubApi, repository: str, revision: str | None, shown: str) -> ConfigError:
    """The error of a repository or a revision that is not there, with the revisions that are."""
    try:
        names = [str(one.get("Revision") or one.get("name")) for one in api.list_repo_revisions(repository, "model")]
    except Exception:  # noqa: BLE001 - only to be helpful
        names = []
    if revision is not None and names:
        return ConfigError(
            f"{shown}: the model has no such revision; it has {some([escape(name) for name in names], 8)}"
        )
    return ConfigError(
        f"{shown}: no such model at ModelScope (a private one needs {TOKEN} to be set to a token that may read it)"
    )


def _cached(repository: str, ref: str, record: Path, shown: str, why: str) -> Model:
    """Return the model in the local cache, for a machine without a network."""
    known = _read(record)
    try:
        folder = Path(known["folder"])
        files = {path: ListedFile(int(size), str(digest)) for path, (size, digest) in known["files"].items()}
        source = ModelScopeSource(str(known["endpoint"]), ref, files, record)
    except (KeyError, TypeError, ValueError, AttributeError):
        raise ConfigError(f"{shown} was not looked up on this machine before, and {why}") from None
    model = _model(repository, source, folder, shown)
    if not model.complete:
        (first, *_) = unchecked_files(source, folder)
        raise ConfigError(f"{shown} is in the local cache without {escape(first)} and perhaps others, and {why}")
    return model


def _remember(source: ModelScopeSource, folder: Path, checked: Mapping[str, Any]) -> None:
    """Write the record: the listing, its place, and size, time and digest of the files that were checked."""
    content = {
        "endpoint": source.endpoint,
        "folder": str(folder),
        "files": {path: [file.size, file.sha256] for path, file in source.files.items()},
        "checked": {path: checked[path] for path in source.files if path in checked},
    }
    make_folder(source.record.parent)
    with whole_file(source.record) as file:
        json.dump(content, file)


def _read(record: Path) -> dict[str, Any]:
    try:
        known = json.loads(record.read_text("utf-8"))
    except (OSError, ValueError):
        return {}
    return known if isinstance(known, dict) else {}


def _checked(record: Path) -> dict[str, Any]:
    checked = _read(record).get("checked")
    return checked if isinstance(checked, dict) else {}


def _state(file: Path) -> tuple[int, int]:
    """Size and time of change of a file, (-1, -1) where it is not there."""
    try:
        found = file.stat()
    except OSError:
        return -1, -1
    return found.st_size, found.st_mtime_ns
