"""Text of a table: byte order marks, encodings, and lines of bounded length."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TextIO

from ..errors import ConfigError
from .rows import MAX_ROW

_BOMS = (  # the longer ones first: UTF-32's starts with UTF-16's
    (b"\xff\xfe\x00\x00", "utf-32"),
    (b"\x00\x00\xfe\xff", "utf-32"),
    (b"\xff\xfe", "utf-16"),
    (b"\xfe\xff", "utf-16"),
)


def encoding_of(path: Path) -> str:
    """Return the encoding of a text file, by its byte order mark.

    Raises:
        ConfigError: an empty file, or a file that is not text.
    """
    with path.open("rb") as file:
        start = file.read(4)
    if not start:
        raise ConfigError(f"{path} is empty")
    for mark, encoding in _BOMS:
        if start.startswith(mark):
            return encoding
    if b"\0" in start:
        raise ConfigError(
            f"{path} is not text in UTF-8, nor in UTF-16 with a byte-order mark: it starts with {start!r}"
        )
    return "utf-8-sig"


def decode_errors(encoding: str) -> str:
    """Return Python's error handler for invalid bytes of an encoding."""
    # Both leave lone surrogates where the bytes are wrong, so that only the row they are in is given up.
    return "surrogateescape" if encoding == "utf-8-sig" else "surrogatepass"


class Lines:
    """The lines of a file, none longer than `MAX_ROW`; a longer line is replaced by an empty one and noted."""

    def __init__(self, file: TextIO) -> None:
        self.file = file
        self.number = 0  # of the line that was last given out
        self.too_long = 0  # number of the last line that was too long
        self.broken = ""  # what kept the rest of the file from being decoded

    def __iter__(self) -> Iterator[str]:
        return self

    def __next__(self) -> str:
        try:
            line = self.file.readline(MAX_ROW)
            if not line:
                raise StopIteration
            self.number += 1
            if len(line) < MAX_ROW or line.endswith("\n"):
                return line
            self.too_long = self.number
            while len(line) == MAX_ROW and not line.endswith("\n"):
                line = self.file.readline(MAX_ROW)
        except UnicodeDecodeError as error:
            self.broken = f"the file can't be decoded from here on: {error.reason}"
            raise StopIteration from None
        return "\n"


def too_long_line() -> str:
    """Tell that a line is longer than a row may be."""
    return f"the line is longer than {MAX_ROW // 2**20} million characters"
