"""Cells of a manifest: IDs, texts, paths, dimensions and seeds, checked one by one."""

from __future__ import annotations

import base64
import contextlib
import errno
import functools
import json
import math
import os
import re
import stat
import unicodedata
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Literal, TypeVar
from urllib.parse import unquote_to_bytes

from ..images.region import Box, box_fault, read_box
from ..support.escaping import escape
from ..tables.rows import IMAGE_FIELDS, Picture, bad_text, show_value
from ..taxonomy import check_dimensions, nearest_found

# "unknown" (not in the metadata) and "stopped" (interrupted) are said by those who judge the rows.
ErrorKind = Literal["row", "image", "duplicate", "unknown", "stopped"]


_Read = TypeVar("_Read")


_FORMS: tuple[Literal["NFC", "NFD"], ...] = ("NFC", "NFD")


_DRIVE = re.compile(r"[A-Za-z]:[\\/]")


_DATA_URL = re.compile(r"\s*data:", re.IGNORECASE)


_URL = re.compile(r"[A-Za-z][A-Za-z0-9+.-]+://")


_ABSENT = frozenset((errno.ENOENT, errno.ENOTDIR, errno.EBADF, errno.ELOOP))  # a path at which nothing is


_FLAGS = {"": None, **dict.fromkeys(("true", "yes", "1"), True), **dict.fromkeys(("false", "no", "0"), False)}


class BadCell(Exception):  # noqa: N818
    """An error in a row."""

    def __init__(self, message: str, kind: ErrorKind = "row") -> None:
        super().__init__(message)
        self.kind: ErrorKind = kind


def row_id(value: object) -> str | None:
    """Return an ID as text (1, 1.0 and "1" are the same), or None for an empty cell, NaN, and any other type."""
    if isinstance(value, bool) or value is None:
        return None
    if isinstance(value, float):
        return None if not math.isfinite(value) else str(int(value)) if value.is_integer() else repr(value)
    if isinstance(value, int):
        return str(value)
    text = value.strip() if isinstance(value, str) else ""
    return None if _is_nan(text) else text


def row_identity(values: dict[str, Any]) -> str | None:
    """Return the ID of a row; None where it is missing or is invalid Unicode."""
    name = row_id(values.get("ID"))
    if name is not None and bad_text(name):
        return None  # said of the row as a whole
    return name


def _is_nan(text: str) -> bool:
    return text.lower() in ("", "nan")


def text_cell(value: object) -> str | None:
    """Return the text of a cell, or None for an empty one, blanks, or NaN.

    Raises:
        BadCell: the cell is not text.
    """
    if value is None or (isinstance(value, float) and math.isnan(value)):
        return None
    if not isinstance(value, str):
        raise BadCell(f"text was expected, not {show_value(value)} ({type(value).__name__})")
    if message := bad_text(value):
        raise BadCell(message)
    if "\0" in value:
        raise BadCell(f"it holds a NUL character: {show_value(value)}")
    return None if _is_nan(value.strip()) else value


def missing_column(column: str, values: dict[str, Any]) -> str:
    """Say that a column is missing or empty, with the nearest existing name."""
    if column not in values:
        return f"no {column}{nearest_found(column, map(escape, values))}"
    if column != "ID":
        return f"the {column} is empty"
    return (
        "no ID: the cell is empty"
        if values[column] in (None, "")
        else f"no ID: {show_value(values[column])} can't be one"
    )


def read_column(column: str, read: Callable[[object], _Read], values: dict[str, Any]) -> _Read:
    """Read the column's value with ``read``; an error names the column."""
    try:
        return read(values.get(column))
    except BadCell as error:
        raise BadCell(f"{column}: {error}") from None


def required_text(values: dict[str, Any], column: str) -> str:
    """Return the text of a column that must not be empty.

    Raises:
        BadCell: the column is missing, empty, or no text.
    """
    text = read_column(column, text_cell, values)
    if text is None:
        raise BadCell(missing_column(column, values))
    return text


def picture_cell(values: dict[str, Any], column: str, folder: Path, root: Path | None) -> Path | bytes:
    """Return the picture of a column: its bytes, also of a ``data:`` URL, else a path, below ``root`` if given.

    Raises:
        BadCell: no file, another URL, or a path outside ``root``.
    """
    if isinstance(picture := values.get(column), Picture):
        return picture.data
    if isinstance(picture, dict) and picture.keys() == IMAGE_FIELDS:
        raise BadCell(f"{column}: bytes of a picture can't be read from JSON; give a path or a data: URL", "image")
    text = required_text(values, column)
    if is_data_url(text):
        return _data_url(column, text)
    if _URL.match(text):
        raise BadCell(f"{column}: {show_value(text)} is a URL; a file was expected", "image")
    windows = _DRIVE.match(text) or text.startswith("\\\\")
    if windows and not Path(text).is_absolute():
        raise BadCell(f"{column}: {show_value(text)} is a Windows path, which this machine can't open", "image")
    try:
        name, found = text, _found(folder, text)
        if found != "file":  # looked for only then, for there may be very many
            others = (other for other in _spellings(text) if other != text)
            name, found = next(((other, "file") for other in others if _found(folder, other) == "file"), (name, found))
        if root is not None and not (folder / name).resolve().is_relative_to(root):
            raise BadCell(f"{column}: {show_value(text)} lies outside of {root}", "image")
        if not found:
            raise BadCell(f"{column}: no file {show_value(text)} in {_resolved(folder, Path.cwd())}", "image")
        if found != "file":
            raise BadCell(f"{column}: {show_value(text)} is not a file", "image")
    except (OSError, ValueError, RuntimeError) as error:
        raise BadCell(f"{column}: {show_value(text)}: {getattr(error, 'strerror', None) or error}", "image") from None
    return folder / name


def _found(folder: Path, name: str) -> Literal["file", "other", ""]:
    """Tell whether a file, something else or nothing is called ``name``, by asking once.

    Raises:
        OSError: it can't be told, for example because a folder may not be read.
    """
    try:
        mode = os.stat(os.path.join(folder, name)).st_mode  # noqa: PTH116, PTH118 - for very many rows
        return "file" if stat.S_ISREG(mode) else "other"
    except OSError as error:
        if error.errno not in _ABSENT:
            raise
    except ValueError:  # a NUL in the name
        pass
    return ""


@functools.lru_cache(maxsize=64)
def _resolved(folder: Path, working_folder: Path) -> Path:
    """The absolute path of ``folder``: very many rows may name one folder."""
    return folder.resolve()


def is_data_url(text: str) -> bool:
    """Tell a ``data:`` URL, which holds a picture, from a path."""
    return _DATA_URL.match(text) is not None


def _data_url(column: str, text: str) -> bytes:
    """The picture in a ``data:`` URL.

    Raises:
        BadCell: it holds something else, or nothing that can be read.
    """
    head, comma, data = text.strip().partition(",")
    kind, *parameters = head[len("data:") :].lower().split(";")
    if kind and not kind.strip().startswith("image/"):
        raise BadCell(f"{column}: a data: URL of {show_value(kind, 40)}; a picture was expected", "image")
    try:
        content = unquote_to_bytes(data)
        if "base64" in (name.strip() for name in parameters):
            content = base64.b64decode(b"".join(content.split()), validate=True)
    except ValueError as error:
        raise BadCell(f"{column}: a data: URL that can't be read: {error}", "image") from None
    if not content:
        raise BadCell(f"{column}: a data: URL with no {'data' if comma else 'comma before its data'}", "image")
    return content


def _spellings(text: str) -> Iterator[str]:
    """Yield other spellings of a table's file name that a file system may use."""
    # Blanks beside a delimiter; a relative path of Windows means the same with slashes; macOS takes accents apart.
    for name in dict.fromkeys((text.strip(), text.strip().replace("\\", "/"))):
        yield name
        for form in () if name.isascii() else _FORMS:
            yield unicodedata.normalize(form, name)


def dimensions_cell(value: object) -> tuple[str, ...] | None:
    """Read L1 names: a list, or text with semicolons, commas or bars between them (no L1 contains one)."""
    if isinstance(value, list):
        if not all(isinstance(name, str) for name in value):
            raise BadCell(f"a list of names was expected, not {show_value(value)}")
        names = value
    else:
        text = text_cell(value)
        if text is None:
            return None
        if text.lstrip().startswith("["):  # a list, as tables write one into a cell
            with contextlib.suppress(ValueError, RecursionError):
                if isinstance(inner := json.loads(text), list):
                    return dimensions_cell(inner)
        names = [name.strip() for name in re.split("[;,|]", text) if name.strip()]
    try:
        return check_dimensions(names)
    except KeyError as error:
        raise BadCell(str(error.args[0])) from None


def box_cell(value: object) -> Box | None:
    """Read a box: a list, or text with blanks, commas or semicolons between the four numbers; None where it is empty.

    Raises:
        BadCell: anything else, a number below 0, or an empty box.
    """
    if not isinstance(value, (list, tuple)):
        text = text_cell(value)
        if text is None:
            return None
        inner = text.strip()
        if inner[:1] + inner[-1:] in ("[]", "()"):  # a list, as tables write one into a cell
            inner = inner[1:-1]
        value = [_number(part) for part in re.split(r"\s*[,;]\s*|\s+", inner.strip())]
    try:
        box = read_box(value)
    except TypeError as error:
        raise BadCell(str(error).removeprefix("box: ")) from None
    if fault := box_fault(box):
        raise BadCell(fault.removeprefix("box "))
    return box


def _number(text: str) -> int | float | str:
    return (
        int(text)
        if re.fullmatch(r"-?[0-9]{1,9}", text)
        else float(text)
        if re.fullmatch(r"-?[0-9]{1,9}\.0*", text)
        else text
    )


def flag_cell(value: object) -> bool | None:
    """True or false, as JSON or text has it; None where the cell is empty.

    Raises:
        BadCell: anything else.
    """
    if isinstance(value, bool):
        return value
    if isinstance(value, (int, float)) and value in (0, 1):
        return bool(value)
    text = (text_cell(value) or "").strip().lower()
    if text not in _FLAGS:
        raise BadCell(f"true or false was expected, not {show_value(value)}")
    return _FLAGS[text]


def reason_cell(value: object) -> str | None:
    """Read what is yes or no, or the reason of a yes: the reason, which may be empty, or None for no.

    Raises:
        BadCell: neither text nor true or false.
    """
    if isinstance(value, str) and value.strip().lower() not in _FLAGS:
        return text_cell(value)
    return "" if flag_cell(value) else None


def seed_cell(value: object) -> int | str | None:
    """Return the seed of a generation: a whole number, or text as it is; None for an empty cell.

    Raises:
        BadCell: a boolean.
    """
    if isinstance(value, bool):
        raise BadCell("a number or text was expected, not a boolean")
    if isinstance(value, int):
        return value
    if isinstance(value, float):
        return None if math.isnan(value) else int(value) if value.is_integer() else repr(value)
    text = text_cell(value)
    if text is None:
        return None
    return int(text) if re.fullmatch(r"-?[0-9]{1,30}", text.strip()) else text
