"""Manifests: files whose rows are images, or edits, to judge; and which dimensions are asked by row ID.

An image's row has ``ID``, ``prompt`` and ``image_path``; an edit's has ``ID``, ``source_path``,
``edited_path`` and ``instruction``. Optional in both: ``dimensions``, ``thresholds``, ``seed``. Paths are
relative to the manifest. The format of `read_metadata` is that of Qwen-Image-Bench's ``bench_metadata.json``.
"""

from __future__ import annotations

import contextlib
import difflib
import json
import math
import re
import unicodedata
import warnings
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal, TypeVar

from .errors import ConfigError
from .tables import SUFFIXES, Picture, RawRow, bad_text, check_columns, peek, show_value
from .tables import where as place
from .taxonomy import LEVEL1, PATHS, check_dimensions, nearest, show
from .taxonomy import Path as TreePath
from .untrusted import escape

IMAGE_COLUMNS = ("ID", "prompt", "image_path")
EDIT_COLUMNS = ("ID", "source_path", "edited_path", "instruction")
_OPTIONAL = ("dimensions", "thresholds", "seed")
# "unknown" (not in the metadata) and "stopped" (interrupted) are said by those who judge the rows.
ErrorKind = Literal["row", "image", "duplicate", "unknown", "stopped"]
_Read = TypeVar("_Read")
_FORMS: tuple[Literal["NFC", "NFD"], ...] = ("NFC", "NFD")
_DRIVE = re.compile(r"[A-Za-z]:[\\/]")
_URL = re.compile(r"[A-Za-z][A-Za-z0-9+.-]+://")


@dataclass(frozen=True, slots=True)
class Row:
    """One row that can be judged.

    Attributes:
        number: data row, from 1.
        line: line of the file on which it starts, from 1; 0 where the file has none.
        id: as text; the number 1 and the text "1" are the same ID.
        prompt: of an image; empty for an edit.
        image: of an image; the bytes of a file where it stands in the table itself, as in Parquet.
        source, edited, instruction: of an edit; images as ``image``.
        dimensions: the L1 to ask, or None where the row does not say.
        thresholds: name or file of a profile, or None.
        seed: of the generation, or None.
        extra: all columns, as they stand in the file and in its order; of an image that stands there its name.
    """

    number: int
    line: int
    id: str
    prompt: str = ""
    image: Path | bytes | None = None
    source: Path | bytes | None = None
    edited: Path | bytes | None = None
    instruction: str | None = None
    dimensions: tuple[str, ...] | None = None
    thresholds: str | None = None
    seed: int | str | None = None
    extra: dict[str, Any] = field(default_factory=dict)

    @property
    def kind(self) -> Literal["image", "edit"]:
        """What is to be judged."""
        return "edit" if self.edited is not None else "image"

    @property
    def where(self) -> str:
        """``row 3, line 4``; without the line where there is none."""
        return place(self.number, self.line)


@dataclass(frozen=True, slots=True)
class RowError:
    """One row that can't be judged, and why; the other rows are not affected. ``extra`` as in `Row`."""

    number: int
    line: int
    id: str | None
    message: str
    kind: ErrorKind = "row"
    extra: dict[str, Any] = field(default_factory=dict)

    @property
    def where(self) -> str:
        """``row 3, line 4``; without the line where the row is of no file."""
        return place(self.number, self.line)

    def __str__(self) -> str:
        named = "" if self.id is None else f" (ID {show_value(self.id)})"
        return f"{self.where}{named}: {self.message}"


class _Bad(Exception):  # noqa: N818
    """What is wrong with a row."""

    def __init__(self, message: str, kind: ErrorKind = "row") -> None:
        super().__init__(message)
        self.kind: ErrorKind = kind


def read_manifest(
    path: Path, *, root: Path | None = None, suffixes: Sequence[str] = SUFFIXES
) -> Iterator[Row | RowError]:
    """The rows of a manifest, ``.csv``, ``.json`` or ``.jsonl``, streaming, in the file's order.

    The first of two rows with one ID counts, the second is a `RowError`.

    Args:
        path: the manifest.
        root: folder that images may not lie outside of, ``..`` and links included; None does not confine.
        suffixes: what may be read; with ``.parquet`` among them rows may hold the bytes of images.

    Raises:
        ConfigError: at once, for a file that is missing, empty, of an unknown kind, or lacks a column.
    """
    path = Path(path)
    columns, rows = peek(path, suffixes)
    kind = _kind(path, columns)
    if root is not None:
        root = Path(root).resolve()
        if not root.is_dir():
            raise ConfigError(f"the root {root} is no folder")
    return manifest_rows(path.parent, rows, kind, root)


def _kind(path: Path, columns: list[str]) -> Literal["image", "edit", "both"]:
    image, edit = (all(name in columns for name in names) for names in (IMAGE_COLUMNS, EDIT_COLUMNS))
    if image and edit:
        return "both"
    if not image and not edit:
        meant_edit = sum(name in columns for name in EDIT_COLUMNS[1:]) > sum(
            name in columns for name in IMAGE_COLUMNS[1:]
        )
        check_columns(path, columns, EDIT_COLUMNS if meant_edit else IMAGE_COLUMNS)
    unused = {name.casefold(): name for name in columns if name not in _OPTIONAL}
    for known in _OPTIONAL:
        if known not in columns and (close := difflib.get_close_matches(known, unused, n=1, cutoff=0.85)):
            words = f'{path.name}: the column {unused[close[0]]!r} is not used (did you mean "{known}"?)'
            warnings.warn(words, stacklevel=2)
    return "edit" if edit else "image"


def manifest_rows(
    folder: Path, rows: Iterable[RawRow], kind: Literal["image", "edit", "both"], root: Path | None = None
) -> Iterator[Row | RowError]:
    """What `read_manifest` makes of rows with a manifest's columns; paths in them are relative to ``folder``."""
    seen: dict[str, int] = {}
    for raw in rows:
        name: str | None = None
        try:
            name = _identity(raw.values)
            if name is not None and name in seen:
                raise _Bad(
                    f"the ID {show_value(name)} is that of row {seen[name]} already; the first one counts", "duplicate"
                )
            if name is not None:
                seen[name] = raw.number
            if raw.message:
                raise _Bad(raw.message)
            if name is None:
                raise _Bad(_absent("ID", raw.values))
            yield _row(raw, name, folder, kind, root)
        except _Bad as error:
            yield RowError(raw.number, raw.line, name, str(error), error.kind, _extra(raw.values))


def _extra(values: dict[str, Any]) -> dict[str, Any]:
    """Columns with the names of the pictures that stand in them: the bytes are held no longer than they must be."""

    def name(value: Any) -> Any:
        if isinstance(value, list):
            return [name(item) for item in value]
        return value.name if isinstance(value, Picture) else value

    return {column: name(value) for column, value in values.items()}


def _row(raw: RawRow, name: str, folder: Path, kind: str, root: Path | None) -> Row:
    values = raw.values
    if kind == "both":
        edit, image = (_text(values.get(column)) is not None for column in ("edited_path", "image_path"))
        if edit and image:
            raise _Bad("both image_path and edited_path are given; a row is an image or an edit")
        kind = "edit" if edit else "image"
    common: dict[str, Any] = {
        "number": raw.number,
        "line": raw.line,
        "id": name,
        "dimensions": _named("dimensions", _dimensions, values) if kind == "image" else None,
        "thresholds": _named("thresholds", _text, values),
        "seed": _named("seed", _seed, values),
        "extra": _extra(values),
    }
    if kind == "edit":
        instruction = _words(values, "instruction")
        source = _file(values, "source_path", folder, root)
        edited = _file(values, "edited_path", folder, root)
        return Row(**common, instruction=instruction, source=source, edited=edited)
    return Row(**common, prompt=_words(values, "prompt"), image=_file(values, "image_path", folder, root))


def row_id(value: object) -> str | None:
    """An ID as text: 1, 1.0 and "1" are the same; None for nothing, NaN, and what is no ID."""
    if isinstance(value, bool) or value is None:
        return None
    if isinstance(value, float):
        return None if not math.isfinite(value) else str(int(value)) if value.is_integer() else repr(value)
    if isinstance(value, int):
        return str(value)
    text = value.strip() if isinstance(value, str) else ""
    return None if _is_nan(text) else text


def _identity(values: dict[str, Any]) -> str | None:
    name = row_id(values.get("ID"))
    if name is not None and bad_text(name):
        return None  # said of the row as a whole
    return name


def _is_nan(text: str) -> bool:
    return text.lower() in ("", "nan")


def _text(value: object) -> str | None:
    """Text, or None where there is none: nothing, blanks, NaN.

    Raises:
        _Bad: for what is no text.
    """
    if value is None or (isinstance(value, float) and math.isnan(value)):
        return None
    if not isinstance(value, str):
        raise _Bad(f"text was expected, not {show_value(value)} ({type(value).__name__})")
    if message := bad_text(value):
        raise _Bad(message)
    if "\0" in value:
        raise _Bad(f"it holds a NUL character: {show_value(value)}")
    return None if _is_nan(value.strip()) else value


def _absent(column: str, values: dict[str, Any]) -> str:
    if column not in values:
        return f"no {column}{nearest(column, map(escape, values))}"
    if column != "ID":
        return f"the {column} is empty"
    return "no ID: it is empty" if values[column] in (None, "") else f"no ID, but {show_value(values[column])}"


def _named(column: str, read: Callable[[object], _Read], values: dict[str, Any]) -> _Read:
    """What ``read`` takes the column's value for; what is wrong with it names the column."""
    try:
        return read(values.get(column))
    except _Bad as error:
        raise _Bad(f"{column}: {error}") from None


def _words(values: dict[str, Any], column: str) -> str:
    text = _named(column, _text, values)
    if text is None:
        raise _Bad(_absent(column, values))
    return text


def _file(values: dict[str, Any], column: str, folder: Path, root: Path | None) -> Path | bytes:
    if isinstance(picture := values.get(column), Picture):
        return picture.data
    text = _words(values, column)
    if _URL.match(text):
        raise _Bad(f"{column}: {show_value(text)} is a URL; a file was expected", "image")
    windows = _DRIVE.match(text) or text.startswith("\\\\")
    if windows and not Path(text).is_absolute():
        raise _Bad(f"{column}: {show_value(text)} is a path of Windows, which this machine does not have", "image")
    path = folder / text
    try:
        there = path.is_file()
        if not there:  # looked for only then, for there may be very many
            path = next((other for name in _spellings(text) if (other := folder / name).is_file()), path)
            there = path.is_file()
        if root is not None and not path.resolve().is_relative_to(root):
            raise _Bad(f"{column}: {show_value(text)} lies outside of {root}", "image")
        if not there:
            if path.exists():
                raise _Bad(f"{column}: {show_value(text)} is no file", "image")
            raise _Bad(f"{column}: no file {show_value(text)} in {folder.resolve()}", "image")
    except (OSError, ValueError, RuntimeError) as error:
        raise _Bad(f"{column}: {show_value(text)}: {getattr(error, 'strerror', None) or error}", "image") from None
    return path


def _spellings(text: str) -> Iterator[str]:
    """Other ways in which a file system may spell the name that a table gives."""
    # Blanks beside a delimiter; a relative path of Windows means the same with slashes; macOS takes accents apart.
    for name in dict.fromkeys((text.strip(), text.strip().replace("\\", "/"))):
        yield name
        for form in () if name.isascii() else _FORMS:
            yield unicodedata.normalize(form, name)


def _dimensions(value: object) -> tuple[str, ...] | None:
    """L1 names: a list, or text with semicolons, commas or bars between them (no L1 contains one)."""
    if isinstance(value, list):
        if not all(isinstance(name, str) for name in value):
            raise _Bad(f"a list of names was expected, not {show_value(value)}")
        names = value
    else:
        text = _text(value)
        if text is None:
            return None
        if text.lstrip().startswith("["):  # a list, as tables write one into a cell
            with contextlib.suppress(ValueError, RecursionError):
                if isinstance(inner := json.loads(text), list):
                    return _dimensions(inner)
        names = [name.strip() for name in re.split("[;,|]", text) if name.strip()]
    try:
        return check_dimensions(names)
    except KeyError as error:
        raise _Bad(str(error.args[0])) from None


def _seed(value: object) -> int | str | None:
    if isinstance(value, bool):
        raise _Bad("a number or text was expected, not a boolean")
    if isinstance(value, int):
        return value
    if isinstance(value, float):
        return None if math.isnan(value) else int(value) if value.is_integer() else repr(value)
    text = _text(value)
    if text is None:
        return None
    return int(text) if re.fullmatch(r"-?[0-9]{1,30}", text.strip()) else text


# --- metadata: which dimensions are asked, by row ID ---

_SLASH = re.compile(r"\s*/\s*")
_BY_NAME: dict[str, TreePath] = {_SLASH.sub("/", show(path)).casefold(): path for path in PATHS}


def parse_facets(text: str) -> tuple[TreePath, ...]:
    """Paths out of text such as ``Quality / Detail / Noise; Alignment / Layout / 2D Space``.

    Names may contain the separator ("Camera / Lens Style"), so the text is compared with the tree's own
    paths and not split at slashes.

    Raises:
        KeyError: for a path that the tree does not have, with the nearest.
    """
    found: list[TreePath] = []
    for part in re.split("[;；]", text):
        if not part.strip():
            continue
        path = _BY_NAME.get(_SLASH.sub("/", " ".join(part.split())).casefold())
        if path is None:
            raise KeyError(f"no path {show_value(part.strip())}{nearest(part.strip(), map(show, PATHS))}")
        found.append(path)
    return tuple(dict.fromkeys(found))


def read_metadata(source: Path | str) -> dict[str, tuple[str, ...]]:
    """Which L1 are asked, by row ID, from a file with ``ID`` and ``dims_en`` (or ``dimensions``: L1 names).

    Raises:
        ConfigError: the file can't be read, a row is unusable, an ID stands twice, a name is not in the tree.
    """
    path = Path(source)
    columns, rows = peek(path)
    column = "dimensions" if "dimensions" in columns and "dims_en" not in columns else "dims_en"
    check_columns(path, columns, ("ID", column))
    metadata: dict[str, tuple[str, ...]] = {}
    for raw in rows:
        try:
            name = _identity(raw.values)
            if raw.message or name is None:
                raise _Bad(raw.message or _absent("ID", raw.values))
            if name in metadata:
                raise _Bad(f"the ID {show_value(name)} stands twice")
            if column == "dims_en":
                asked = {facet[0] for facet in parse_facets(_words(raw.values, column))}
                names: tuple[str, ...] | None = tuple(one for one in LEVEL1 if one in asked)
            else:
                names = _named(column, _dimensions, raw.values)
            if not names:
                raise _Bad(_absent(column, raw.values))
            metadata[name] = names
        except (_Bad, KeyError) as error:
            raise ConfigError(f"{path}, row {raw.number}, line {raw.line}: {error.args[0]}") from None
    return metadata
