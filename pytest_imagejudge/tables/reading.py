"""Rows of CSV, TSV, JSON, JSON Lines, Excel and Parquet files, one at a time, each with its errors.

A file is never read whole: memory is bounded by the longest row (`MAX_ROW` characters), a CSV field by
`MAX_FIELD`. One bad row is reported and the next one is read; a ``.json`` array that is malformed inside
can't be picked up again, so its remaining rows are given up, in words.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import chain, islice
from pathlib import Path

from ..errors import ConfigError
from .csv_rows import csv_rows
from .json_rows import json_rows, line_rows
from .rows import ARROW, LOOK_AHEAD, PARQUET, SUFFIXES, WITH_PICTURES, XLSX, RawRow, columns_of, show_value
from .text import decode_errors, encoding_of


def peek(path: Path, suffixes: Sequence[str] = SUFFIXES) -> tuple[list[str], Iterator[RawRow]]:
    """Return the columns of a file, from its first rows or its schema, and all its rows.

    Raises:
        ConfigError: as `read_rows`, and for a file without rows.
    """
    rows = read_rows(path, suffixes)
    suffix = path.suffix.lower()
    if suffix in WITH_PICTURES and suffix in suffixes:
        from .arrow_rows import arrow_columns
        from .parquet_rows import columns_of_file

        if not count_rows(path, suffixes):
            raise ConfigError(f"{path} is empty: it has no rows")
        return (arrow_columns if suffix == ARROW else columns_of_file)(path), rows
    head = list(islice(rows, LOOK_AHEAD))
    if not head:
        raise ConfigError(f"{path} is empty: it has no rows")
    columns = columns_of(head)
    if not columns:
        raise ConfigError(f"{path}: none of its first rows can be read; row 1, line {head[0].line}: {head[0].message}")
    return columns, chain(head, rows)


def count_rows(path: Path, suffixes: Sequence[str] = SUFFIXES) -> int:
    """Count the rows of a file, of tables with pictures without reading them.

    Raises:
        ConfigError: as `read_rows`.
    """
    suffix = path.suffix.lower()
    if suffix == PARQUET:
        from .parquet_rows import count_parquet_rows

        return count_parquet_rows(path)
    if suffix == ARROW:
        from .arrow_rows import count_arrow_rows

        return count_arrow_rows(path)
    return sum(1 for _ in read_rows(path, suffixes))


def read_rows(path: Path, suffixes: Sequence[str] = SUFFIXES) -> Iterator[RawRow]:
    """Stream the rows of a file of one of ``suffixes``, whatever its byte order mark and line ends.

    Raises:
        ConfigError: the file does not exist, is empty, is of another kind, or its header is unusable. Raised
            when the first row is asked for.
    """
    suffix = path.suffix.lower()
    if path.is_dir():
        raise ConfigError(f"{path}: is a folder; a file is expected, ending in {', '.join(suffixes)}")
    if suffix not in suffixes:
        raise ConfigError(f"{path}: files ending in {', '.join(suffixes)} can be read, not {show_value(path.suffix)}")
    if suffix == PARQUET:
        from .parquet_rows import parquet_rows

        yield from parquet_rows(path)
        return
    if suffix == XLSX:
        from .xlsx_rows import xlsx_rows

        yield from xlsx_rows(path)
        return
    lines = suffix in (".csv", ".tsv")
    if suffix == ARROW:
        from .arrow_rows import arrow_rows

        yield from arrow_rows(path)
        return
    try:
        encoding = encoding_of(path)
        with path.open(encoding=encoding, errors=decode_errors(encoding), newline="" if lines else None) as file:
            if lines:
                yield from csv_rows(path, file, "\t" if suffix == ".tsv" else "")
            elif suffix == ".jsonl":
                yield from line_rows(file)
            else:
                yield from json_rows(path, file)
    except OSError as error:
        raise ConfigError(f"{path} can't be read: {error.strerror or error}") from error
