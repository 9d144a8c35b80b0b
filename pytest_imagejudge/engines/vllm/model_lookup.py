"""Lookup of a model by its name: a folder, a repository of the Hub, or one of ModelScope."""

from __future__ import annotations

import contextlib
import os
from pathlib import Path

from ...errors import ConfigError
from ...settings import SIGNALS
from ...support.entry_points import ENGINES, names_of
from .hub_models import find_on_hub
from .model_files import Model, bytes_of, folder_digest, present, read_config, read_index, weight_files
from .modelscope_models import find_on_modelscope, repository_of


def find_model(name: str, revision: str | None, option: str) -> Model:
    """Look a model up; downloads its configuration only.

    Raises:
        ConfigError: no such folder, model or revision; a gated model; or no connection to the Hub or ModelScope.
    """
    folder = Path(name)
    with contextlib.suppress(RuntimeError):  # nobody's home, or that of a user who is not known
        folder = folder.expanduser()
    if folder.is_dir():
        return _local(name, folder, revision, option)
    if (repository := repository_of(name)) is not None:
        return find_on_modelscope(repository, revision, option)
    if name.startswith((".", "/", "~")) or name.count("/") > 1 or os.sep * 2 in name:
        raise ConfigError(f"{option} {name!r}: there is no such folder")
    try:
        return find_on_hub(name, revision, option)
    except ConfigError as error:
        if "/" in name or not (others := names_of(ENGINES)):
            raise
        raise ConfigError(f"{error}; engines by name: {', '.join((SIGNALS, *others))}") from None


def _local(name: str, folder: Path, revision: str | None, option: str) -> Model:
    if revision is not None:
        raise ConfigError(f"{option} {name!r} is a folder, which has no revision {revision!r}")
    shown = f"{option} {name!r}"
    config = read_config(folder / "config.json", shown)
    files = present(folder)
    weights, index = weight_files(files)
    if index in files:
        named, _ = read_index(folder / index, shown)
        weights = [file for file in weights if file in named]
    # a link keeps its name, for it may lead into a cache
    named_folder = folder.resolve() if folder.name in ("", "..") else folder
    return Model(named_folder.name, folder_digest(folder), config, bytes_of(folder, weights), folder.resolve())
