"""Files that are written whole or not at all."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
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
def replacing(path: Path, *, binary: bool = False) -> Iterator[IO[Any]]:
    """A file to write that takes the place of ``path`` at the end, if nothing was raised.

    Raises:
        ConfigError: the file can't be written.
    """
    try:
        make_folder(path.parent)
        if path.is_dir():
            raise IsADirectoryError("is a directory; a file name is expected")
        handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name[:80]}.")
    except OSError as error:
        raise ConfigError(f"{escape(path)}: can't be written: {error.strerror or error}") from error
    try:
        with os.fdopen(handle, "wb") if binary else os.fdopen(handle, "w", encoding="utf-8", newline="") as file:
            yield file
        mask = os.umask(0)
        os.umask(mask)
        os.chmod(name, 0o666 & ~mask)  # noqa: PTH101  (a temporary file is private, a result need not be)
        os.replace(name, path)  # noqa: PTH105
    except BaseException as error:
        Path(name).unlink(missing_ok=True)
        if isinstance(error, OSError):
            raise ConfigError(f"{escape(path)}: can't be written: {error.strerror or error}") from error
        raise


def write_text(path: Path, text: str) -> None:
    """Write a text file, whole or not at all."""
    with replacing(path) as file:
        file.write(text.encode("utf-8", "backslashreplace").decode())
