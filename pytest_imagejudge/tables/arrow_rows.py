"""Rows of Arrow files, as the library ``datasets`` keeps data sets on the disk and some lie on the Hub."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from ..errors import ConfigError
from ..support.escaping import escape
from .parquet_rows import arrow_library, row_of, unique_columns
from .rows import RawRow


def arrow_columns(path: Path) -> list[str]:
    """Return the columns of the file's schema.

    Raises:
        ConfigError: as `arrow_rows`; two columns of one name.
    """
    with _opened(path) as reader:
        return unique_columns(path, reader.schema)


def count_arrow_rows(path: Path) -> int:
    """Count the rows; their content stays on the disk.

    Raises:
        ConfigError: as `arrow_rows`.
    """
    with _opened(path) as reader:
        return sum(batch.num_rows for batch in _batches(reader) if not isinstance(batch, str))


def arrow_rows(path: Path) -> Iterator[RawRow]:
    """Stream the rows, with ``line`` 0; where the file breaks off, one more row says so.

    Cells are as of `parquet_rows`. The file is mapped into memory, of which a row is read when it is asked for.

    Raises:
        ConfigError: at the first row, where pyarrow is not installed or the file is no Arrow file.
    """
    with _opened(path) as reader:
        number = 0
        for batch in _batches(reader):
            if isinstance(batch, str):
                yield RawRow(number + 1, 0, {}, f"the file can't be read from here on: {batch}")
                return
            for i in range(batch.num_rows):
                number += 1
                yield row_of(number, batch.slice(i, 1))


def _batches(reader: Any) -> Iterator[Any]:
    """Yield the record batches of a stream or a file, and the error that ends them, if any, as text."""
    count = getattr(reader, "num_record_batches", None)
    at = 0
    while count is None or at < count:
        try:
            batch = reader.read_next_batch() if count is None else reader.get_batch(at)
            batch.validate()
        except StopIteration:
            return
        except (OSError, ValueError, MemoryError, arrow_library().ArrowException) as error:
            yield escape(error)
            return
        at += 1
        yield batch


@contextmanager
def _opened(path: Path) -> Iterator[Any]:
    arrow = arrow_library()
    try:
        source = arrow.memory_map(str(path))
        try:
            reader = arrow.ipc.open_stream(source)  # as the library writes it
        except arrow.ArrowInvalid:
            reader = arrow.ipc.open_file(source)
    except (OSError, ValueError, arrow.ArrowException) as error:
        raise ConfigError(f"{path} can't be read as Arrow: {error}") from error
    with source:
        yield reader
