"""Manifests: files with a row for each image, or edit, to judge.

An image's row has ``ID``, ``prompt`` and ``image_path``; an edit's has ``ID``, ``source_path``, ``edited_path`` and
``instruction``. Optional in both: ``dimensions``, ``thresholds``, ``seed``, ``blank``, ``quarantine``; in an edit's
also ``mask`` or ``box``, and ``edit_type``. Other names that people give to these columns are in `column_names`. Paths
are relative to the manifest. The format of `read_metadata` is that of Qwen-Image-Bench's ``bench_metadata.json``.
"""

from __future__ import annotations

import warnings
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from ..errors import ConfigError
from ..images.region import Box
from ..tables.reading import peek
from ..tables.rows import SUFFIXES, Picture, RawRow, check_columns, has_header, show_value
from ..tables.rows import where as place
from ..taxonomy import closest
from .cells import (
    BadCell,
    ErrorKind,
    box_cell,
    dimensions_cell,
    flag_cell,
    missing_column,
    picture_cell,
    read_column,
    reason_cell,
    required_text,
    row_identity,
    seed_cell,
    text_cell,
)
from .column_names import renamed, renamed_rows, usual_names

IMAGE_COLUMNS = ("ID", "prompt", "image_path")


EDIT_COLUMNS = ("ID", "source_path", "edited_path", "instruction")


_OPTIONAL = ("dimensions", "thresholds", "seed", "blank", "quarantine")


_OF_EDITS = ("mask", "box", "edit_type")


@dataclass(frozen=True, slots=True)
class Row:
    """One row that can be judged.

    Attributes:
        number: data row, from 1.
        line: line of the file on which it starts, from 1; 0 where the file has none.
        id: text; the number 1 and the text "1" are the same ID.
        prompt: of an image; empty for an edit.
        image: of an image; the bytes of the file where the table holds it, as in Parquet.
        source, edited, instruction: of an edit; images as ``image``.
        mask, box: of an edit, where it was asked to be; the mask as ``image``.
        edit_type: of an edit, for a judge that asks by it; None where the row does not say.
        dimensions: the L1 to ask, or None where the row does not say.
        thresholds: name or file of a profile, or None.
        seed: of the generation, or None.
        quarantine: where its failure is expected: the reason, which may be empty; else None.
        blank: True where a picture without content was asked for, or None where the row does not say.
        extra: all columns of the file, in order; an image in the table is replaced by its name.
        sheet: the file is a workbook, and ``line`` the row of its sheet.
    """

    number: int
    line: int
    id: str
    prompt: str = ""
    image: Path | bytes | None = None
    source: Path | bytes | None = None
    edited: Path | bytes | None = None
    instruction: str | None = None
    mask: Path | bytes | None = None
    box: Box | None = None
    edit_type: str | None = None
    dimensions: tuple[str, ...] | None = None
    thresholds: str | None = None
    seed: int | str | None = None
    blank: bool | None = None
    quarantine: str | None = None
    extra: dict[str, Any] = field(default_factory=dict)
    sheet: bool = False

    @property
    def kind(self) -> Literal["image", "edit"]:
        """The kind of the row: "image" or "edit"."""
        return "edit" if self.edited is not None else "image"

    @property
    def where(self) -> str:
        """The place in messages: ``row 3, line 4``, without the line where there is none."""
        return place(self.number, self.line, sheet=self.sheet)


@dataclass(frozen=True, slots=True)
class RowError:
    """One row that can't be judged, with the reason; ``extra`` and ``sheet`` as in `Row`."""

    number: int
    line: int
    id: str | None
    message: str
    kind: ErrorKind = "row"
    extra: dict[str, Any] = field(default_factory=dict)
    sheet: bool = False

    @property
    def where(self) -> str:
        """The place in messages: ``row 3, line 4``, without the line where the row is of no file."""
        return place(self.number, self.line, sheet=self.sheet)

    def __str__(self) -> str:
        named = "" if self.id is None else f" (ID {show_value(self.id)})"
        return f"{self.where}{named}: {self.message}"


def read_manifest(
    path: Path, *, root: Path | None = None, suffixes: Sequence[str] = SUFFIXES
) -> Iterator[Row | RowError]:
    """Stream the rows of a manifest, a file of one of ``suffixes``, in the file's order.

    The first of two rows with one ID counts, the second is a `RowError`.

    Args:
        path: the manifest.
        root: folder that images may not lie outside of, ``..`` and links included; None does not confine.
        suffixes: of the accepted files; with ``.parquet`` among them rows may hold the bytes of images.

    Raises:
        ConfigError: at once, for a file that is missing, empty, of an unknown kind, or lacks a column.
    """
    path = Path(path)
    columns, rows = peek(path, suffixes)
    names = usual_names(columns)
    columns = renamed(columns, names)
    with_id = "ID" in columns
    kind = _kind(path, columns if with_id else ["ID", *columns])
    with_header = has_header(path)
    if names or not with_id or not with_header:
        rows = renamed_rows(rows, names if with_header else None, with_id=with_id)
    if root is not None:
        root = Path(root).resolve()
        if not root.is_dir():
            raise ConfigError(f"the root {root} is not a folder")
    return manifest_rows(path.parent, rows, kind, root)


def _kind(path: Path, columns: list[str]) -> Literal["image", "edit", "both"]:
    image, edit = (all(name in columns for name in names) for names in (IMAGE_COLUMNS, EDIT_COLUMNS))
    if not image and not edit:
        meant_edit = sum(name in columns for name in EDIT_COLUMNS[1:]) > sum(
            name in columns for name in IMAGE_COLUMNS[1:]
        )
        check_columns(path, columns, EDIT_COLUMNS if meant_edit else IMAGE_COLUMNS)
    _tell_misspelt(path, columns, (*_OPTIONAL, *_OF_EDITS) if edit else _OPTIONAL)
    if image and edit:
        return "both"
    return "edit" if edit else "image"


def _tell_misspelt(path: Path, columns: list[str], optional: tuple[str, ...]) -> None:
    """Warn of columns that nobody reads and whose names are nearly those of optional ones that are not there."""
    unused = [name for name in columns if name not in (*optional, *IMAGE_COLUMNS, *EDIT_COLUMNS)]
    for known in optional:
        swapped = (name for name in unused if sorted(name.casefold()) == sorted(known))  # "maks", as unlike as "task"
        close = closest(known, unused, 0.85) or next(swapped, None)
        if known not in columns and close is not None:
            words = f'{path.name}: the column {close!r} is not used (did you mean "{known}"?)'
            warnings.warn(words, stacklevel=3)


def manifest_rows(
    folder: Path, rows: Iterable[RawRow], kind: Literal["image", "edit", "both"], root: Path | None = None
) -> Iterator[Row | RowError]:
    """Convert raw rows with a manifest's columns, as `read_manifest` does; paths are relative to ``folder``."""
    seen: dict[str, int] = {}
    for raw in rows:
        name: str | None = None
        try:
            name = row_identity(raw.values)
            if name is not None and name in seen:
                raise BadCell(
                    f"the ID {show_value(name)} is that of row {seen[name]} already; the first one counts", "duplicate"
                )
            if name is not None:
                seen[name] = raw.number
            if raw.message:
                raise BadCell(raw.message)
            if name is None:
                raise BadCell(missing_column("ID", raw.values))
            yield _row(raw, name, folder, kind, root)
        except BadCell as error:
            yield RowError(raw.number, raw.line, name, str(error), error.kind, _extra(raw.values), raw.sheet)


def _extra(values: dict[str, Any]) -> dict[str, Any]:
    """Return the columns with pictures replaced by their names, to free the bytes early."""

    def name(value: Any) -> Any:
        if isinstance(value, list):
            return [name(item) for item in value]
        if isinstance(value, dict):
            return {part: name(item) for part, item in value.items()}
        return value.name if isinstance(value, Picture) else value

    return {
        column: name(value) if not isinstance(value, str) and _holds_picture(value) else value
        for column, value in values.items()
    }


def _holds_picture(value: Any) -> bool:
    parts = [value]  # not recursive: JSON, which holds none, may be nested deeper than Python's calls
    while parts:
        part = parts.pop()
        if isinstance(part, Picture):
            return True
        if isinstance(part, (dict, list)):
            parts += part.values() if isinstance(part, dict) else part
    return False


def _row(raw: RawRow, name: str, folder: Path, kind: str, root: Path | None) -> Row:
    values = raw.values
    if kind == "both":
        edit, image = (text_cell(values.get(column)) is not None for column in ("edited_path", "image_path"))
        if edit and image:
            raise BadCell("both image_path and edited_path are given; a row is an image or an edit")
        kind = "edit" if edit else "image"
    common: dict[str, Any] = {
        "number": raw.number,
        "line": raw.line,
        "id": name,
        "dimensions": read_column("dimensions", dimensions_cell, values) if kind == "image" else None,
        "thresholds": read_column("thresholds", text_cell, values),
        "seed": read_column("seed", seed_cell, values),
        "blank": read_column("blank", flag_cell, values),
        "quarantine": read_column("quarantine", reason_cell, values),
        "extra": _extra(values),
        "sheet": raw.sheet,
    }
    if kind == "edit":
        instruction = required_text(values, "instruction")
        source = picture_cell(values, "source_path", folder, root)
        edited = picture_cell(values, "edited_path", folder, root)
        box = read_column("box", box_cell, values)
        masked = (
            values.get("mask")
            if isinstance(values.get("mask"), (Picture, dict))
            else read_column("mask", text_cell, values)
        )
        mask = None if masked is None else picture_cell(values, "mask", folder, root)
        if mask is not None and box is not None:
            raise BadCell("both mask and box are given; an edit has one region, a mask or a box")
        about: dict[str, Any] = {"mask": mask, "box": box, "edit_type": read_column("edit_type", text_cell, values)}
        return Row(**common, instruction=instruction, source=source, edited=edited, **about)
    return Row(**common, prompt=required_text(values, "prompt"), image=picture_cell(values, "image_path", folder, root))
