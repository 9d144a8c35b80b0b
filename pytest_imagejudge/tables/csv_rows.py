"""Rows of CSV and TSV files."""

from __future__ import annotations

import csv
import re
from collections.abc import Iterator
from itertools import chain
from pathlib import Path
from typing import TextIO

from ..errors import ConfigError
from .rows import MAX_FIELD, RawRow, bad_text, show_value
from .text import Lines, too_long_line


def csv_rows(path: Path, file: TextIO, delimiter: str = "") -> Iterator[RawRow]:
    """Read the rows of a CSV or TSV file, with the delimiter found in its header where none is given.

    Raises:
        ConfigError: an empty file, or a header that can't be read.
    """
    csv.field_size_limit(max(csv.field_size_limit(), MAX_FIELD))  # process-wide; only ever raised
    lines = Lines(file)
    filled = (line for line in lines if line.strip())
    header_line = next(filled, "")
    # Spreadsheets in many countries write semicolons: the header decides, or the line that Excel writes before it.
    if said := re.fullmatch(r"sep=(.)", header_line.rstrip("\r\n"), re.IGNORECASE):
        header_line = next(filled, "")
    if not header_line:
        raise ConfigError(f"{path} is empty")
    delimiter = (
        delimiter or (said[1] if said else "") or max(",;\t", key=lambda mark: (header_line.count(mark), mark == ","))
    )
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
            raise ConfigError(f"{path}: the column {show_value(name)} appears twice in its header")
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
        message = too_long_line() if long else bad_text("".join(fields))
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
