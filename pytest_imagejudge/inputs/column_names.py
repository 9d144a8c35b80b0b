"""Names that people give to the columns of a manifest, and the usual ones."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import replace

from ..tables.rows import Picture, RawRow

_OTHERS = {  # by the usual name; of several that a file has, the first counts
    "ID": ("id", "Id"),
    "image_path": ("image", "file_name", "filename", "path"),
    "prompt": ("text", "caption"),
    "source_path": ("source_image", "source"),
    "edited_path": ("edited_image", "edited"),
    "mask": ("mask_path", "mask_image"),
    "quarantine": ("xfail",),
}


def usual_names(columns: Collection[str]) -> dict[str, str]:
    """Map the columns of a file or row that mean the same as a usual one, and are there in its place, to that one."""
    found: dict[str, str] = {}
    for usual, others in _OTHERS.items():
        other = next((name for name in others if name in columns), None)
        if usual not in columns and other is not None:
            found[other] = usual
    return found


def renamed(columns: Sequence[str], names: dict[str, str]) -> list[str]:
    """Return the columns with their usual names."""
    return [names.get(column, column) for column in columns]


def renamed_rows(rows: Iterable[RawRow], names: dict[str, str] | None, *, with_id: bool) -> Iterator[RawRow]:
    """Yield rows with the usual names of their columns.

    ``names`` are those of the file's header; None takes those of each row, as rows of JSON have no header. Where the
    file has no column of IDs (``with_id`` is False), the image's path is the row's ID, or its number.
    """
    for row in rows:
        values = row.values
        if own := usual_names(values) if names is None else names:
            values = {own.get(column, column): value for column, value in values.items()}
        if not with_id:
            values = {"ID": _own_id(row.number, values), **values}
        yield row if values is row.values else replace(row, values=values)


def _own_id(number: int, values: dict[str, object]) -> str:
    image = next((values[name] for name in ("image_path", "edited_path") if values.get(name)), None)
    if isinstance(image, Picture):
        return image.name or str(number)
    if isinstance(image, str) and len(image) < 500:  # no data: URL
        return image
    return str(number)
