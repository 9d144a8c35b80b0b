"""Rows out of CSV, JSON, JSON Lines and Parquet files, one at a time, with what is wrong about each.

A file is never read whole: memory is bounded by the longest row (`MAX_ROW` characters), a CSV field by
`MAX_FIELD`. One bad row is reported and the next one is read; a ``.json`` array that is malformed inside
can't be picked up again, so its remaining rows are given up, in words.
"""

from __future__ import annotations

import csv
import json
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import chain, islice
from pathlib import Path
from typing import Any, TextIO

from .errors import ConfigError
from .taxonomy import nearest
from .untrusted import escape

MAX_ROW = 64 * 2**20  # characters
MAX_FIELD = 16 * 2**20  # characters of one CSV field; also what an unclosed quote can swallow
LOOK_AHEAD = 100  # rows in which a column must be seen at least once
SUFFIXES = (".csv", ".json", ".jsonl")
PARQUET = ".parquet"  # read where a caller allows it: its cells may hold a `Picture`
_BOMS = (  # the longer ones first: UTF-32's starts with UTF-16's
    (b"\xff\xfe\x00\x00", "utf-32"),
    (b"\x00\x00\xfe\xff", "utf-32"),
    (b"\xff\xfe", "utf-16"),
    (b"\xfe\xff", "utf-16"),
)


@dataclass(frozen=True, slots=True)
class RawRow:
    """One row as it stands in the file.

    Attributes:
        number: data row, from 1.
        line: line of the file on which the row starts, from 1; 0 where the file has no lines.
        values: by column, in the file's order; what could be read of it where ``message`` says what is wrong.
        message: what is wrong with the row, or empty.
    """

    number: int
    line: int
    values: dict[str, Any]
    message: str = ""


@dataclass(frozen=True, slots=True)
class Picture:
    """An image that stands in a cell: the bytes of its file, and the name it had, which may be empty."""

    data: bytes
    name: str = ""

    def __str__(self) -> str:
        return self.name or "a picture"


def where(number: int, line: int) -> str:
    """``row 3, line 4``; without the line where there is none."""
    return f"row {number}, line {line}" if line else f"row {number}"


def show_value(value: object, limit: int = 80) -> str:
    """An outside value in quotes, on one line, without control characters, for a message."""
    text = value if isinstance(value, str) else str(value)
    if len(text) > limit:
        text = text[: limit - 1] + "…"
    return f'"{escape(text)}"'


def check_columns(path: Path, found: Sequence[str], required: Iterable[str]) -> None:
    """See that a file has its columns.

    Raises:
        ConfigError: naming the missing column, the nearest of those found, and all of them.
    """
    for name in required:
        if name not in found:
            columns = ", ".join(show_value(column, 40) for column in found[:30]) or "none"
            raise ConfigError(
                f'{path}: no column "{name}"{nearest(name, map(escape, found))}; the columns are: {columns}'
            )


def columns_of(rows: Iterable[RawRow]) -> list[str]:
    """The columns of some rows, in the order in which they are first seen."""
    return list(dict.fromkeys(chain.from_iterable(row.values for row in rows)))


def peek(path: Path, suffixes: Sequence[str] = SUFFIXES) -> tuple[list[str], Iterator[RawRow]]:
    """The columns of a file, seen in its first rows or in a schema, and all its rows.

    Raises:
        ConfigError: as `read_rows`, and for a file without rows.
    """
    rows = read_rows(path, suffixes)
    if path.suffix.lower() == PARQUET and PARQUET in suffixes:
        from .parquet import columns_of_file, count_rows

        if not count_rows(path):
            raise ConfigError(f"{path} is empty: it has no rows")
        return columns_of_file(path), rows
    head = list(islice(rows, LOOK_AHEAD))
    if not head:
        raise ConfigError(f"{path} is empty: it has no rows")
    columns = columns_of(head)
    if not columns:
        raise ConfigError(f"{path}: none of its first rows can be read; row 1, line {head[0].line}: {head[0].message}")
    return columns, chain(head, rows)


def read_rows(path: Path, suffixes: Sequence[str] = SUFFIXES) -> Iterator[RawRow]:
    """The rows of a file of one of ``suffixes``, streaming. Byte-order marks and CRLF are taken care of.

    Raises:
        ConfigError: the file does not exist, is empty, is of another kind, or its header is unusable. Raised
            when the first row is asked for.
    """
    suffix = path.suffix.lower()
    if suffix not in suffixes:
        raise ConfigError(f"{path}: files ending in {', '.join(suffixes)} can be read, not {show_value(path.suffix)}")
    if suffix == PARQUET:
        from .parquet import parquet_rows

        yield from parquet_rows(path)
        return
    try:
        encoding = _encoding(path)
        with path.open(encoding=encoding, errors=_handler(encoding), newline="" if suffix == ".csv" else None) as file:
            if suffix == ".csv":
                yield from _csv_rows(path, file)
            elif suffix == ".jsonl":
                yield from _line_rows(file)
            else:
                yield from _json_rows(path, file)
    except OSError as error:
        raise ConfigError(f"{path} can't be read: {error.strerror or error}") from error


def _encoding(path: Path) -> str:
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


def _handler(encoding: str) -> str:
    # Both leave lone surrogates where the bytes are wrong, so that only the row they are in is given up.
    return "surrogateescape" if encoding == "utf-8-sig" else "surrogatepass"


def bad_text(text: str) -> str:
    """What keeps ``text`` from being plain Unicode, or an empty string."""
    if text.isascii():
        return ""
    try:
        text.encode()
    except UnicodeEncodeError as error:
        code = ord(text[error.start])
        if 0xDC80 <= code <= 0xDCFF:
            return f"byte 0x{code - 0xDC00:02X} is not valid UTF-8; is the file of another, or of mixed, encoding?"
        return f"it contains half a surrogate pair (U+{code:04X})"
    return ""


class _Lines:
    """The lines of a file, none longer than `MAX_ROW`: a longer one is replaced by an empty one and noted."""

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


def _too_long() -> str:
    return f"the line is longer than {MAX_ROW // 2**20} million characters"


def _line_rows(file: TextIO) -> Iterator[RawRow]:
    lines = _Lines(file)
    number = 0
    for line in lines:
        if not line.strip():
            if lines.too_long == lines.number:
                number += 1
                yield RawRow(number, lines.number, {}, _too_long())
            continue
        number += 1
        yield object_row(number, lines.number, line)
    if lines.broken:
        yield RawRow(number + 1, lines.number + 1, {}, lines.broken)


def object_row(number: int, line: int, text: str) -> RawRow:
    """The row that one line of JSON Lines is."""
    message = bad_text(text)
    try:
        value = _DECODER.decode(text.strip())
    except (ValueError, RecursionError) as error:
        return RawRow(number, line, {}, message or f"no valid JSON: {_reason(error)}")
    return _checked(number, line, value, message)


def _checked(number: int, line: int, value: object, message: str = "") -> RawRow:
    if isinstance(value, _Repeated):
        return RawRow(
            number, line, dict(value), message or f"the name {show_value(value.name)} stands twice in one object"
        )
    if not isinstance(value, dict):
        return RawRow(number, line, {}, message or f"{kind_of(value)} where an object was expected")
    return RawRow(number, line, value, message)


def kind_of(value: object) -> str:
    """What kind of JSON value it is, in words."""
    words = {dict: "an object", list: "a list", str: "a string", type(None): "null", bool: "a boolean"}
    return words.get(type(value), "a number")


class _Repeated(dict[str, Any]):
    name = ""


def _pairs(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    values = dict(pairs)
    if len(values) == len(pairs):
        return values
    seen: set[str] = set()
    repeated = _Repeated(values)
    repeated.name = next(name for name, _ in pairs if name in seen or seen.add(name))  # type: ignore[func-returns-value]
    return repeated


_DECODER = json.JSONDecoder(object_pairs_hook=_pairs)


def _reason(error: Exception) -> str:
    if isinstance(error, json.JSONDecodeError):
        before = error.doc[: error.pos].rstrip()
        if before.endswith(",") and error.doc[error.pos : error.pos + 1] in ("}", "]"):
            return f"a comma at character {len(before)} with nothing after it"
        return f"{error.msg} at character {error.pos + 1}"
    return "nested too deeply" if isinstance(error, RecursionError) else "a number of too many digits"


def _json_rows(path: Path, file: TextIO) -> Iterator[RawRow]:
    """A JSON array, or, as the published tools take it, one object a line."""
    start = file.read(4096)
    while start and not start.strip():
        start = file.read(4096)
    if not start.strip():
        raise ConfigError(f"{path} is empty")
    file.seek(0)
    if start.lstrip().startswith("["):
        yield from _Array(file).rows()
        return
    rows = _line_rows(file)
    first = next(rows, None)
    if first is not None and not first.values and start.lstrip().startswith("{"):
        found = first.message or "an empty object"
        raise ConfigError(f"{path}: an array of objects was expected, or one object a line; line {first.line}: {found}")
    if first is not None:
        yield first
    yield from rows


class _Array:
    """The elements of a JSON array, decoded one by one from a buffer that holds little more than one of them."""

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
        """One bad row where anything but white space follows the array."""
        if found := self._peek():
            found = show_value(self.buffer[self.position : self.position + 100].partition("\n")[0], 40)
            reason = f'no valid JSON: {found} after the "]" that ends the array'
            yield RawRow(number, self.line, {}, f"{reason}; the rest of the file can't be read")
        elif self.broken:
            yield RawRow(number, self.line, {}, self.broken)

    def _element(self, number: int) -> RawRow:
        """The element at the position, with the comma after it; where it can't be read, so can't what follows."""
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
                    return _checked(number, line, value, message)
                reason = '"," or "]" was expected after it'
            except (ValueError, RecursionError) as error:
                reason = _reason(error).partition(" at character")[0]
            if self.ended or len(self.buffer) - self.position > MAX_ROW:
                reason = self.broken or f"no valid JSON: {reason}"
                self.given_up = True
                return RawRow(number, line, {}, f"{reason}; the rest of the file can't be read")
            self._read(max(self.chunk, len(self.buffer) - self.position))  # doubling keeps the retries cheap

    def _peek(self) -> str:
        """The next character that is no space, or an empty string at the end."""
        while True:
            for i in range(self.position, len(self.buffer)):
                if not self.buffer[i].isspace():
                    self._advance(i)
                    return self.buffer[i]
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


def _csv_rows(path: Path, file: TextIO) -> Iterator[RawRow]:
    csv.field_size_limit(max(csv.field_size_limit(), MAX_FIELD))  # process-wide; only ever raised
    lines = _Lines(file)
    filled = (line for line in lines if line.strip())
    header_line = next(filled, "")
    # Spreadsheets in many countries write semicolons: the header decides, or the line that Excel writes before it.
    if said := re.fullmatch(r"sep=(.)", header_line.rstrip("\r\n"), re.IGNORECASE):
        header_line = next(filled, "")
    if not header_line:
        raise ConfigError(f"{path} is empty")
    delimiter = said[1] if said else max(",;\t", key=lambda mark: (header_line.count(mark), mark == ","))
    # By hand a blank is often written after each comma, which must not hide a quote.
    others = header_line.split(delimiter)[1:]
    blanks = bool(others) and all(cell.startswith(" ") for cell in others)
    try:
        reader = csv.reader(chain([header_line], lines), delimiter=delimiter, strict=True, skipinitialspace=blanks)
        header = [name.strip() for name in next(reader)]
    except csv.Error as error:
        raise ConfigError(f"{path}: its header, line {lines.number}, can't be read: {error}") from error
    if message := bad_text("".join(header)):
        raise ConfigError(f"{path}: its header, line {lines.number}: {message}")
    for i, name in enumerate(header):
        if name and name in header[:i]:
            raise ConfigError(f"{path}: the column {show_value(name)} stands twice in its header")
    number = 0
    while True:
        line = lines.number + 1
        try:
            fields = next(reader)
        except StopIteration:
            break
        except csv.Error as error:
            number += 1
            yield RawRow(number, line, {}, _csv_reason(error))
            continue
        long = lines.too_long >= line
        if not long and not any(field.strip() for field in fields):
            continue  # a blank line, or one of delimiters only, as spreadsheets leave them
        number += 1
        values = {name: field for name, field in zip(header, fields, strict=False) if name}
        message = _too_long() if long else bad_text("".join(fields))
        if not message and len(fields) > len(header) and any(fields[len(header) :]):
            message = f"{len(fields)} fields where the header has {len(header)}; is a comma not in quotes?"
        yield RawRow(number, line, values, message)
    if lines.broken:
        yield RawRow(number + 1, lines.number + 1, {}, lines.broken)


def _csv_reason(error: csv.Error) -> str:
    text = str(error)
    if "unexpected end of data" in text:
        return "a quote that is opened here is never closed; what follows it can't be read"
    if "field larger" in text:
        return f"a field of more than {MAX_FIELD // 2**20} million characters; is a quote never closed?"
    return f"no valid CSV: {text}; a quote inside a quoted field is written twice"
