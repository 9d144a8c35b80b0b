"""Rows of JSON arrays and JSON Lines files."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any, TextIO

from ..errors import ConfigError
from .rows import MAX_ROW, RawRow, RepeatedNames, bad_text, checked_row, show_value
from .text import Lines, too_long_line


def line_rows(file: TextIO) -> Iterator[RawRow]:
    """Read the rows of a JSON Lines file, one a line; blank lines count for the line number only."""
    lines = Lines(file)
    number = 0
    for line in lines:
        if not line.strip():
            if lines.too_long == lines.number:
                number += 1
                yield RawRow(number, lines.number, {}, too_long_line())
            continue
        number += 1
        yield object_row(number, lines.number, line)
    if lines.broken:
        yield RawRow(number + 1, lines.number + 1, {}, lines.broken)


def object_row(number: int, line: int, text: str) -> RawRow:
    """Parse one line of JSON Lines into a row."""
    message = bad_text(text)
    try:
        value = _DECODER.decode(text.strip())
    except (ValueError, RecursionError) as error:
        return RawRow(number, line, {}, message or f"no valid JSON: {_reason(error)}")
    return checked_row(number, line, value, message)


def _pairs(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    values = dict(pairs)
    if len(values) == len(pairs):
        return values
    seen: set[str] = set()
    repeated = RepeatedNames(values)
    repeated.name = next(name for name, _ in pairs if name in seen or seen.add(name))  # type: ignore[func-returns-value]
    return repeated


_DECODER = json.JSONDecoder(object_pairs_hook=_pairs)


_NO_SPACE = re.compile(r"\S")


def _reason(error: Exception) -> str:
    if isinstance(error, json.JSONDecodeError):
        before = error.doc[: error.pos].rstrip()
        if before.endswith(",") and error.doc[error.pos : error.pos + 1] in ("}", "]"):
            return f"a comma at character {len(before)} with nothing after it"
        return f"{error.msg} at character {error.pos + 1}"
    return "nested too deeply" if isinstance(error, RecursionError) else "a number of too many digits"


def json_rows(path: Path, file: TextIO) -> Iterator[RawRow]:
    """Read the rows of a JSON array, or of one object a line, as the published tools do."""
    start = file.read(4096)
    while start and not start.strip():
        start = file.read(4096)
    if not start.strip():
        raise ConfigError(f"{path} is empty")
    file.seek(0)
    if start.lstrip().startswith("["):
        yield from _Array(file).rows()
        return
    rows = line_rows(file)
    first = next(rows, None)
    if first is not None and not first.values and start.lstrip().startswith("{"):
        found = first.message or "an empty object"
        raise ConfigError(f"{path}: an array of objects was expected, or one object a line; line {first.line}: {found}")
    if first is not None:
        yield first
    yield from rows


class _Array:
    """The elements of a JSON array, decoded one by one from a buffer of little more than one element.

    The standard library's decoder takes values that `ijson` refuses: NaN, which pandas and Python
    write, integers of more than 64 bits, and a byte or half a surrogate pair that spoils one row only. `ijson` gives no
    line either, and keeps a path for each level that is open: 100,000 brackets, 100 kB, do not fit into 4 GB.
    """

    def __init__(self, file: TextIO) -> None:
        self.file = file
        self.buffer = ""
        self.position = 0
        self.line = 1  # of `position`
        self.chunk = 2**16
        self.ended = False
        self.given_up = False  # an element can't be read, nor can what follows it
        self.broken = ""

    def rows(self) -> Iterator[RawRow]:
        self._peek()
        self._advance(self.position + 1)  # the bracket
        number = 0
        while not self.given_up and self._peek() != "]":
            number += 1
            yield self._element(number)
        if not self.given_up:
            self._advance(self.position + 1)
            yield from self._rest(number + 1)

    def _rest(self, number: int) -> Iterator[RawRow]:
        """Yield one bad row where anything but white space follows the array."""
        if found := self._peek():
            found = show_value(self.buffer[self.position : self.position + 100].partition("\n")[0], 40)
            reason = f'no valid JSON: {found} after the "]" that ends the array'
            yield RawRow(number, self.line, {}, f"{reason}; the rest of the file can't be read")
        elif self.broken:
            yield RawRow(number, self.line, {}, self.broken)

    def _element(self, number: int) -> RawRow:
        """Take the element at the position and the comma after it; an unreadable element ends the array."""
        self._peek()
        line = self.line
        while True:
            reason = "it does not end"
            try:
                value, end = _DECODER.raw_decode(self.buffer, self.position)
                after = next((i for i in range(end, len(self.buffer)) if not self.buffer[i].isspace()), None)
                if after is not None and self.buffer[after] in ",]":
                    message = bad_text(self.buffer[self.position : end])
                    self._advance(after + (self.buffer[after] == ","))  # which does no harm after the last element
                    return checked_row(number, line, value, message)
                reason = '"," or "]" was expected after it'
            except (ValueError, RecursionError) as error:
                reason = _reason(error).partition(" at character")[0]
            if self.ended or len(self.buffer) - self.position > MAX_ROW:
                reason = self.broken or f"no valid JSON: {reason}"
                self.given_up = True
                return RawRow(number, line, {}, f"{reason}; the rest of the file can't be read")
            self._read(max(self.chunk, len(self.buffer) - self.position))  # doubling keeps the retries cheap

    def _peek(self) -> str:
        """Return the next character that is no space, or an empty string at the end."""
        while True:
            if found := _NO_SPACE.search(self.buffer, self.position):
                self._advance(found.start())
                return found[0]
            self._advance(len(self.buffer))
            if self.ended:
                return ""
            self._read(self.chunk)

    def _advance(self, position: int) -> None:
        self.line += self.buffer.count("\n", self.position, position)
        self.position = position

    def _read(self, size: int) -> None:
        try:
            more = self.file.read(size)
        except UnicodeDecodeError as error:
            more, self.broken = "", f"the file can't be decoded from here on: {error.reason}"
        self.ended = not more
        self.buffer, self.position = self.buffer[self.position :] + more, 0
