"""Rows of the first sheet of an Excel workbook."""

from __future__ import annotations

import datetime
import importlib
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from ..errors import ConfigError
from ..support.escaping import escape
from .rows import RawRow, bad_text, show_value

_MOST = 256 * 2**20  # bytes of a workbook, unpacked


def xlsx_rows(path: Path) -> Iterator[RawRow]:
    """Stream the rows of the first sheet; ``line`` is the sheet's row. A formula is the value that it last had.

    Raises:
        ConfigError: at the first row, where openpyxl is not installed, or the file is no workbook or has no usable
            header.
    """
    book = _opened(path)
    try:
        rows = enumerate(book.worksheets[0].iter_rows(values_only=True), start=1)
        line, head = next(((line, cells) for line, cells in rows if any(_said(cell) for cell in cells)), (0, ()))
        header = ["" if cell is None else str(cell).strip() for cell in head]
        if not any(header):
            raise ConfigError(f"{path} is empty: its first sheet has no rows")
        for i, name in enumerate(header):
            if name and name in header[:i]:
                raise ConfigError(f"{path}: the column {show_value(name)} appears twice in its header, row {line}")
        number = 0
        for line, cells in rows:
            if not any(_said(cell) for cell in cells):
                continue
            number += 1
            values = {name: _plain(cell) for name, cell in zip(header, cells, strict=False) if name}
            texts = "".join(value for value in values.values() if isinstance(value, str))
            extra = any(_said(cell) for cell in cells[len(header) :])
            wrong = bad_text(texts) or ("a cell without a column's name" if extra else "")
            yield RawRow(number, line, values, wrong, sheet=True)
    except (ValueError, KeyError, IndexError, zipfile.BadZipFile, OSError) as error:
        raise ConfigError(f"{path} can't be read as a workbook: {escape(error)}") from error
    finally:
        book.close()


def _opened(path: Path) -> Any:
    try:
        openpyxl = importlib.import_module("openpyxl")
    except ImportError as error:
        raise ConfigError(
            f'workbooks are read with openpyxl ({error}): pip install "pytest-imagejudge[xlsx]", or save as .csv'
        ) from error
    try:
        with zipfile.ZipFile(path) as archive:
            size = sum(part.file_size for part in archive.infolist())
        if size > _MOST:
            raise ConfigError(
                f"{path}: {size // 2**20} MiB unpacked, at most {_MOST // 2**20} are read; save it as .csv"
            )
        return openpyxl.load_workbook(path, read_only=True, data_only=True)
    except OSError as error:
        raise ConfigError(f"{path} can't be read: {error.strerror or error}") from error
    except (ValueError, KeyError, zipfile.BadZipFile) as error:
        raise ConfigError(f"{path} can't be read as a workbook: {escape(error)}") from error


def _said(cell: object) -> bool:
    return cell is not None and bool(str(cell).strip())


def _plain(cell: Any) -> Any:
    """The value of a cell as other tables have it: numbers stay, a date is text, nothing is empty text."""
    if isinstance(cell, (datetime.date, datetime.time)):
        return cell.isoformat().removesuffix("T00:00:00")
    return "" if cell is None else cell if isinstance(cell, str | int | float) else str(cell)
