"""AGIQA-3K, as published: generated images, their prompts, and people's opinions of quality and of alignment.

``data.csv`` of lcysyzxdxc/AGIQA-3k-Database (commit 30ded2bed96fc78070636548e811ece37e5d8f66) has the columns ``name``,
``prompt``, ``adj1``, ``adj2``, ``style``, ``mos_quality``, ``std_quality``, ``mos_align`` and ``std_align``; a prompt
with a comma stands in quotes. The images are an archive of their own, which users unpack beside the file or into a
folder of their choice.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from ..errors import ConfigError
from ..support.escaping import escape
from ..support.words import some
from ..tables.reading import peek, read_rows
from ..tables.rows import RawRow, check_columns
from .manifest import Row, RowError, manifest_rows
from .opinion_scores import mean_opinion

TABLE = "data.csv"
LABELS = {"Quality": "mos_quality", "Alignment": "mos_align"}  # columns by the dimension they are an opinion of
LEAST, MOST = 0.0, 5.0  # people moved a slider from 0 to 5; the published means are normalized, 0 to 4.49


@dataclass(frozen=True)
class ImageBench:
    """Images with their mean opinion scores.

    Attributes:
        source: as the user named it.
        files: the table.
        folders: where images are looked for, in this order.
        revision: None, as the benchmark is no data set of the Hub.
    """

    source: str
    files: tuple[Path, ...]
    folders: tuple[Path, ...]
    revision: None = None

    def rows(self) -> Iterator[Row | RowError]:
        """Yield the images to judge, from the start, each with its scores in ``extra``, as floats.

        A row without an image, a prompt, or a score of 0 to 5 of each kind is a `RowError`. Its ID is the image's name.
        """
        raw = (self._as_manifest(row) for row in read_rows(self.files[0]))
        for row in manifest_rows(self.folders[0], raw, "image"):
            if isinstance(row, RowError):
                yield row
                continue
            scores = {name: mean_opinion(name, row.extra.get(name), LEAST, MOST) for name in LABELS.values()}
            if wrong := [score for score in scores.values() if isinstance(score, str)]:
                yield RowError(row.number, row.line, row.id, "; ".join(wrong), extra=row.extra)
            else:
                yield replace(row, extra={**row.extra, **scores})

    def count(self) -> int:
        """Count the rows."""
        return sum(1 for _ in read_rows(self.files[0]))

    def _as_manifest(self, row: RawRow) -> RawRow:
        name = row.values.get("name")
        values: dict[str, Any] = {**row.values, "ID": name}
        if isinstance(name, str) and name.strip():
            values["image_path"] = self._found(name.strip())
        return replace(row, values=values)

    def _found(self, name: str) -> str:
        """The path of an image relative to the first folder, or its name where no folder has it."""
        for folder in self.folders:
            if (folder / name).is_file():
                return name if folder == self.folders[0] else f"{folder.name}/{name}"
        return name


def open_image_bench(source: str) -> ImageBench:
    """Open the benchmark in ``source``: its folder, or its table.

    Raises:
        ConfigError: no table, or one that lacks a column.
    """
    path = Path(source)
    if path.is_dir():
        table = path / TABLE
        inside = sorted(path.glob(f"*/{TABLE}"))
        if not table.is_file() and len(inside) == 1:
            table = inside[0]
        if not table.is_file():
            names = some([escape(found.name) for found in sorted(path.iterdir())], 5) or "none"
            raise ConfigError(f"{escape(path)}: no {TABLE} in it; files there: {names}")
    elif path.is_file():
        table, path = path, path.parent
    else:
        raise ConfigError(f"{escape(path)}: no such folder; the folder of {TABLE} and the images is expected")
    columns, _ = peek(table, (".csv",))
    check_columns(table, columns, ("name", "prompt", *LABELS.values()))
    folders = (path, *sorted(folder for folder in path.iterdir() if folder.is_dir()))
    return ImageBench(source, (table,), folders)
