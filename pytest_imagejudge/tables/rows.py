"""Raw rows of a table, and checks that all formats share."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from itertools import chain
from pathlib import Path
from typing import Any

from ..errors import ConfigError
from ..support.escaping import escape
from ..support.words import some
from ..taxonomy import nearest, nearest_found

MAX_ROW = 64 * 2**20  # characters


MAX_FIELD = 16 * 2**20  # characters of one CSV field; also what an unclosed quote can swallow


LOOK_AHEAD = 100  # rows in which a column must be seen at least once


SUFFIXES = (".csv", ".tsv", ".json", ".jsonl", ".xlsx")


XLSX = ".xlsx"


PARQUET, ARROW = ".parquet", ".arrow"


WITH_PICTURES = (PARQUET, ARROW)  # read where a caller allows it: their cells may hold a `Picture`


@dataclass(frozen=True, slots=True)
class RawRow:
    """One row as it stands in the file.

    Attributes:
        number: data row, from 1.
        line: line of the file on which the row starts, from 1; 0 where the file has no lines.
        values: by column, in the file's order; the readable part of a row with an error.
        message: the error of the row, or empty.
        sheet: the file is a workbook, and ``line`` the number that its sheet shows beside the row.
    """

    number: int
    line: int
    values: dict[str, Any]
    message: str = ""
    sheet: bool = False


@dataclass(frozen=True, slots=True)
class Picture:
    """An image in a cell: the bytes of its file, and its name, which may be empty."""

    data: bytes = field(repr=False)
    name: str = ""

    def __str__(self) -> str:
        return self.name or "a picture"


IMAGE_FIELDS = frozenset(("bytes", "path"))  # of the Hub's Image feature


def plain_pictures(value: Any) -> Any:
    """A value out of JSON in which each picture without bytes, ``{"bytes": null, "path": "a.png"}``, is its path."""
    whole = [value]
    parts: list[Any] = [whole]  # not recursive: JSON may be nested deeper than Python's calls
    while parts:
        part = parts.pop()
        for at, item in list(part.items() if isinstance(part, dict) else enumerate(part)):
            if isinstance(item, dict) and item.keys() == IMAGE_FIELDS and item["bytes"] is None:
                part[at] = item["path"]
            elif isinstance(item, (dict, list)):
                parts.append(item)
    return whole[0]


def where(number: int, line: int, *, sheet: bool = False) -> str:
    """Return ``row 3, line 4``, without the line where there is none; of a workbook ``row 3, sheet row 4``."""
    return f"row {number}, {'sheet row' if sheet else 'line'} {line}" if line else f"row {number}"


def show_value(value: object, limit: int = 80) -> str:
    """Quote an outside value for a message, on one line, without control characters."""
    text = value if isinstance(value, str) else str(value)
    if len(text) > limit:
        text = text[: limit - 1] + "…"
    return f'"{escape(text)}"'


def has_header(path: Path) -> bool:
    """Return whether a table names its columns once; each row of JSON names its own."""
    return path.suffix.lower() not in (".json", ".jsonl")


def check_columns(path: Path, found: Sequence[str], required: Iterable[str], *, asked_for: bool = False) -> None:
    """Check that a file has its required columns; ``asked_for`` tells that the user named them.

    Raises:
        ConfigError: a column is missing; names it, the nearest one found, and all found.
    """
    for name in required:
        if name not in found:
            columns = some([show_value(column, 40) for column in found], 30) or "none"
            hint = (nearest if asked_for else nearest_found)(name, map(escape, found))
            raise ConfigError(f'{path}: no column "{name}"{hint}; the columns are: {columns}')


def columns_of(rows: Iterable[RawRow]) -> list[str]:
    """Return the columns of rows, in the order of their first occurrence."""
    return list(dict.fromkeys(chain.from_iterable(row.values for row in rows)))


def bad_text(text: str) -> str:
    """Name the fault that keeps ``text`` from being valid Unicode, or return an empty string."""
    if text.isascii():
        return ""
    try:
        text.encode()
    except UnicodeEncodeError as error:
        code = ord(text[error.start])
        if 0xDC80 <= code <= 0xDCFF:
            return f"byte 0x{code - 0xDC00:02X} is not valid UTF-8; does the file use another encoding, or several?"
        return f"it contains half a surrogate pair (U+{code:04X})"
    return ""


def checked_row(number: int, line: int, value: object, message: str = "") -> RawRow:
    """Make a row of a value read from JSON, with its error, if any."""
    if isinstance(value, RepeatedNames):
        return RawRow(
            number, line, dict(value), message or f"the name {show_value(value.name)} appears twice in one object"
        )
    if not isinstance(value, dict):
        return RawRow(number, line, {}, message or f"{kind_of(value)} where an object was expected")
    for item in value.values():
        if isinstance(item, (dict, list)):
            plain_pictures([value])  # in place; a row of `bytes` and `path` alone is no picture
            break
    return RawRow(number, line, value, message)


def kind_of(value: object) -> str:
    """Name the type of a JSON value."""
    words = {dict: "an object", list: "a list", str: "a string", type(None): "null", bool: "a boolean"}
    return words.get(type(value), "a number")


class RepeatedNames(dict[str, Any]):
    """A JSON object with a repeated name; ``name`` is the first such name."""

    name = ""
