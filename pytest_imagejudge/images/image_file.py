"""An image file and its identity: hash of the bytes, kind, and how errors show it."""

from __future__ import annotations

import hashlib
import os
import re
import stat
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from ..errors import ImageError
from ..support.escaping import escape

TREATMENT = "rgb-upright-white-1"  # names what `load` does to a picture; changes when its pixels would
CONTENT_RULE = "c1"  # names what `content.finding_of` says of a picture; changes when it would say otherwise


_URL = re.compile(r"(^|/)(https?|s3|gs|hf|data):")


@dataclass(frozen=True)
class ImageFile:
    """An image on disk.

    Attributes:
        path: absolute; unchanged by a later change of the working directory.
        kept: True where this package wrote the file: an image from memory, or a copy of a file that may change.
        origin: of a copy, the original file.
        flagged: the words in which its pipeline said that it found something unsafe; empty where it did not.
    """

    path: Path
    kept: bool = False
    origin: Path | None = None
    flagged: str = ""


def file_hash(file: ImageFile | Path | str) -> str:
    """Return SHA-256 (hex) of a file's bytes.

    Raises:
        ImageError: no regular file, or an empty one.
    """
    with open_image(as_path(file)) as handle:
        return digest_of_file(handle)


def show(path: Path) -> str:
    """Return the path for a message, on one line and shortened."""
    name = escape(path)
    return name if len(name) <= 400 else f"{name[:200]} ... {name[-150:]}"


def as_path(file: ImageFile | Path | str) -> Path:
    """Return the path of an image, given as a path or an `ImageFile`."""
    return file.path if isinstance(file, ImageFile) else Path(file)


def open_image(path: Path) -> IO[bytes]:
    """Open a regular file that is not empty, without waiting for a pipe or a device."""
    name = show(path)
    flags = os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_CLOEXEC", 0) | getattr(os, "O_BINARY", 0)
    try:
        status = path.stat()
        if not stat.S_ISREG(status.st_mode):  # before opening: to open a device may already do something
            raise ImageError(f"{name}: {_file_kind(status.st_mode)}, not an image file")
        descriptor = os.open(path, flags)
    except FileNotFoundError:
        hint = "; a URL is not fetched" if _URL.search(path.as_posix()) else ""
        raise ImageError(f"{name}: no such file{hint}") from None
    except (OSError, ValueError) as error:  # ValueError: a NUL in the name
        words = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
        raise ImageError(f"{name}: can't be opened: {escape(words)}") from error
    handle = os.fdopen(descriptor, "rb")
    status = os.fstat(descriptor)
    if stat.S_ISREG(status.st_mode) and status.st_size:
        return handle
    handle.close()
    what = "an empty file, zero bytes" if stat.S_ISREG(status.st_mode) else _file_kind(status.st_mode)
    raise ImageError(f"{name}: {what}, not an image file")


def _file_kind(mode: int) -> str:
    for test, word in (
        (stat.S_ISDIR, "a directory"),
        (stat.S_ISFIFO, "a pipe"),
        (stat.S_ISSOCK, "a socket"),
        (stat.S_ISBLK, "a block device"),
        (stat.S_ISCHR, "a character device"),
    ):
        if test(mode):
            return word
    return "a special file"


def digest_of_file(handle: IO[bytes]) -> str:
    """Return SHA-256 (hex) of an open file's bytes; the file is rewound before and after."""
    handle.seek(0)
    digest = hashlib.file_digest(handle, "sha256").hexdigest()  # type: ignore[arg-type]
    handle.seek(0)
    return digest
