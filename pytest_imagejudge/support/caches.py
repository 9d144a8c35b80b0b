"""Folders for files that are kept: this project's for an engine, and the Hub's."""

from __future__ import annotations

import functools
import os
import tempfile
from pathlib import Path

from ..errors import ConfigError
from ..settings import CACHE_HINT, SIGNALS, JudgeSettings, cache_dir
from .escaping import escape


def engine_folder(settings: JudgeSettings) -> Path:
    """Return the folder for what the engine of a judge keeps: this project's in the cache.

    The embedded judge keeps nothing, and one behind URLs only the names of the models there. Where no cache is known,
    they get a temporary folder, which goes with this process.

    Raises:
        ConfigError: no cache is known, and the judge needs one.
    """
    try:
        return cache_dir()
    except ConfigError:
        if settings.urls or settings.model == SIGNALS:
            return Path(_temporary().name)
        raise


def unusable_cache() -> str:
    """Return the reason why nothing can be kept in this project's cache; empty where it can."""
    try:
        folder = cache_dir()
    except ConfigError as error:
        return str(error)
    there = next((place for place in (folder, *folder.absolute().parents) if os.path.lexists(place)), folder)
    if there.is_dir() and os.access(there, os.W_OK | os.X_OK):
        return ""
    return f"{escape(folder)} can't be {'written' if there == folder else 'made'}; {CACHE_HINT}"


@functools.cache
def _temporary() -> tempfile.TemporaryDirectory[str]:
    return tempfile.TemporaryDirectory(prefix="imagejudge-", ignore_cleanup_errors=True)


def check_hub_cache() -> None:
    """Check that the Hub's client knows a folder for its files; some versions would make one named "~" instead.

    Raises:
        ConfigError: no home folder is known, or one of another user, and no variable names another.
    """
    from huggingface_hub import constants

    if constants.HF_HUB_CACHE.startswith("~"):
        raise ConfigError("there is no home folder to keep files of the Hub in: set HF_HOME to a folder for them")
    for folder in (constants.HF_HOME, constants.HF_HUB_CACHE):
        try:
            os.stat(folder)  # noqa: PTH116 - pathlib's questions answer no, or raise, by version
        except PermissionError:
            raise ConfigError(f"{escape(folder)} is closed to this user: set HF_HOME to a folder of its own") from None
        except OSError:
            continue  # yet to be made
