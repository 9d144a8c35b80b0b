"""Files that are written whole or not at all."""

from __future__ import annotations

import os
import stat
import uuid
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO, Any

from ..errors import ConfigError
from .escaping import escape


def make_folder(folder: Path) -> None:
    """Make ``folder`` where it is missing.

    Raises:
        OSError: it can't be made; where a file is in the way, that one is named.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except (FileExistsError, NotADirectoryError) as error:
        file = next(path for path in (folder, *folder.parents) if os.path.lexists(path))
        raise NotADirectoryError(f"{escape(file)} is a file; a folder is expected") from error


@contextmanager
def whole_file(path: Path, *, binary: bool = False, private: bool = False) -> Iterator[IO[Any]]:
    """Give a file to write that takes the place of ``path`` at the end of the block, if nothing was raised.

    Whoever reads ``path`` meanwhile sees the old content, and a block that raises leaves nothing behind. A link is
    followed, the permissions of an older file are kept, and a pipe or a device is written as it is.

    Args:
        path: its folder must be there.
        binary: bytes are written; else text, in UTF-8 with the ends of lines as they are.
        private: only its owner may read the new file.

    Raises:
        OSError: the file can't be written.
    """
    mode = _mode(path)
    if mode is not None and not stat.S_ISREG(mode):
        with _writer(os.open(path, os.O_WRONLY | os.O_TRUNC), binary=binary) as file:
            yield file
        return
    target = Path(os.path.realpath(path))
    draft = target.with_name(f".{uuid.uuid4().hex}.part")
    handle = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600 if private else 0o666)
    try:
        with _writer(handle, binary=binary) as file:
            if mode is not None and not private:
                os.fchmod(handle, stat.S_IMODE(mode))
            yield file
        draft.replace(target)
    except BaseException:
        with suppress(OSError):
            draft.unlink(missing_ok=True)
        raise


def _mode(path: Path) -> int | None:
    """Return type and permissions of the file at ``path``, or None where there is none."""
    try:
        return path.stat().st_mode
    except FileNotFoundError:
        return None


def _writer(handle: int, *, binary: bool) -> IO[Any]:
    return os.fdopen(handle, "wb") if binary else os.fdopen(handle, "w", encoding="utf-8", newline="")


@contextmanager
def replacing(path: Path, *, binary: bool = False) -> Iterator[IO[Any]]:
    """Give a file to write, as `whole_file` does, in a folder that is made where it is missing.

    Raises:
        ConfigError: the file can't be written.
    """
    try:
        make_folder(path.parent)
        if path.is_dir():
            raise IsADirectoryError("is a directory; a file name is expected")
        with whole_file(path, binary=binary) as file:
            yield file
    except OSError as error:
        raise ConfigError(f"{escape(path)}: can't be written: {error.strerror or error}") from error


def write_text(path: Path, text: str) -> None:
    """Write a text file, whole or not at all; the folder is made where it is missing.

    Raises:
        ConfigError: the file can't be written.
    """
    with replacing(path) as file:
        file.write(text.encode("utf-8", "backslashreplace").decode())
