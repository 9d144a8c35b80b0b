"""Rows of Parquet files, a few at a time, with pictures inside the file, as in data sets of the Hub."""

from __future__ import annotations

import importlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from ..errors import ConfigError
from ..support.escaping import escape
from .rows import IMAGE_FIELDS, Picture, RawRow, show_value

_AT_ONCE = 8  # rows that are decoded together: one with pictures may take megabytes


_BUFFER = 2**20  # bytes of a column that are read at once; without it all of a row group's are


def columns_of_file(path: Path) -> list[str]:
    """Return the columns of the file's schema.

    Raises:
        ConfigError: as `parquet_rows`; two columns of one name.
    """
    with _opened(path) as file:
        return unique_columns(path, file.schema_arrow)


def unique_columns(path: Path, schema: Any) -> list[str]:
    """Return the columns of an Arrow schema.

    Raises:
        ConfigError: two columns of one name.
    """
    names = [str(name) for name in schema.names]
    for i, name in enumerate(names):
        if name in names[:i]:
            raise ConfigError(f"{path}: the column {show_value(name)} appears twice in its schema")
    return names


def count_parquet_rows(path: Path) -> int:
    """Count the rows without reading them.

    Raises:
        ConfigError: as `parquet_rows`.
    """
    with _opened(path) as file:
        return int(file.metadata.num_rows)


def parquet_rows(path: Path) -> Iterator[RawRow]:
    """Stream the rows, with ``line`` 0; rows of a damaged row group are reported one by one.

    Memory is bounded by a page of each column, as the file's writer chose it: a few rows, at most a row group.
    A struct of ``bytes`` and ``path``, and bytes alone, are a `Picture`; such a struct without bytes is its path.

    Raises:
        ConfigError: at the first row, where pyarrow is not installed or the file is no Parquet file.
    """
    with _opened(path) as file:
        number = 0
        for group in range(file.num_row_groups):
            last = number + file.metadata.row_group(group).num_rows
            problem = "it holds fewer rows than it says"
            try:
                for batch in file.iter_batches(batch_size=_AT_ONCE, row_groups=[group], use_threads=False):
                    for i in range(batch.num_rows):
                        number += 1
                        yield row_of(number, batch.slice(i, 1))
            except (OSError, ValueError, MemoryError, arrow_library().ArrowException) as error:
                problem = escape(error)
            while number < last:
                number += 1
                yield RawRow(number, 0, {}, f"row group {group + 1} of the file can't be read: {problem}")


def row_of(number: int, one: Any) -> RawRow:
    """Return the one row of an Arrow batch as a raw row."""
    values: dict[str, Any] = {}
    problem = ""
    for name, column in zip(one.schema.names, one.columns, strict=True):
        try:
            values[name] = _plain(column[0].as_py())
        except (ValueError, OverflowError) as error:  # text that is no UTF-8, a date that Python does not have
            problem = problem or f"{escape(name)}: {escape(error)}"
    return RawRow(number, 0, values, problem)


def _plain(value: Any) -> Any:
    """Convert a cell, other than a picture, to a value of JSON."""
    if isinstance(value, dict):
        if value.keys() == IMAGE_FIELDS and isinstance(value["bytes"], bytes | None):
            return value["path"] if value["bytes"] is None else Picture(value["bytes"], str(value["path"] or ""))
        return {str(name): _plain(item) for name, item in value.items()}
    if isinstance(value, list):
        return [_plain(item) for item in value]
    if isinstance(value, bytes):
        return Picture(value)
    return value if value is None or isinstance(value, str | int | float) else str(value)


def arrow_library() -> Any:
    """Return pyarrow.

    Raises:
        ConfigError: it is not installed.
    """
    try:
        importlib.import_module("pyarrow.parquet")
        return importlib.import_module("pyarrow")
    except ImportError as error:
        raise ConfigError(
            f'Parquet and Arrow files are read with pyarrow ({error}): pip install "pytest-imagejudge[parquet]"'
        ) from error


@contextmanager
def _opened(path: Path) -> Iterator[Any]:
    arrow = arrow_library()
    try:
        file = arrow.parquet.ParquetFile(path, buffer_size=_BUFFER, pre_buffer=False)
    except (OSError, ValueError, arrow.ArrowException) as error:
        raise ConfigError(f"{path} can't be read as Parquet: {error}") from error
    with file:
        yield file
