"""IE-Bench-4k, as published: a source and an edited image, the instruction, people's mean opinion score.

The data set of the Hub is Parquet with the pictures in it: ``images`` (a list of the two), ``edit_inst``, ``answer``
(the score, 1 to 5). CSV, JSON and JSON Lines may have the same columns, with paths for ``images``, or the columns of a
manifest of edits with ``answer`` or ``mos_perception``.
"""

from __future__ import annotations

import contextlib
import json
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from ..support.words import plural
from ..tables.reading import count_rows, peek, read_rows
from ..tables.rows import RawRow, check_columns, plain_pictures, show_value
from .hub import TABLES
from .manifest import EDIT_COLUMNS, Row, RowError, manifest_rows
from .opinion_scores import mean_opinion
from .split_files import split_files

SPLIT = "test"


LABELS = ("answer", "mos_perception")  # as the data set, and as the published evaluation calls it


@dataclass(frozen=True)
class EditBench:
    """Edits with their mean opinion scores.

    Attributes:
        source: as the user named it.
        revision: commit of the Hub's data set, None elsewhere.
        files: of the split, in order; row numbers run through all files.
        label: the column of the scores.
    """

    source: str
    revision: str | None
    files: tuple[Path, ...]
    label: str

    def rows(self) -> Iterator[Row | RowError]:
        """Yield the edits to judge, from the start, each with its score in ``extra[label]``, a float.

        A row without two images, an instruction or a score of 1 to 5 is a `RowError`. The ID is in the column ``ID``
        or ``id``, else it is the row's number.
        """
        for row in manifest_rows(self.files[0].parent, self._raw(), "edit"):
            if isinstance(row, RowError):
                yield row
                continue
            score = mean_opinion(self.label, row.extra.get(self.label))
            if isinstance(score, float):
                yield replace(row, extra={**row.extra, self.label: score})
            else:
                yield RowError(row.number, row.line, row.id, score, extra=row.extra)

    def _raw(self) -> Iterator[RawRow]:
        """Yield the rows of all files under the names of a manifest's columns."""
        count = 0
        for path in self.files:
            for row in read_rows(path, TABLES):
                count += 1
                yield _as_manifest(replace(row, number=count))

    def count(self) -> int:
        """Count the rows."""
        return sum(count_rows(path, TABLES) for path in self.files)


def open_edit_bench(source: str, label: str | None = None) -> EditBench:
    """Open the benchmark in ``source``.

    Args:
        source: a file; a folder with Parquet files of the split "test"; a data set of the Hub, ``ORG/NAME`` or
            ``hf://datasets/ORG/NAME[@REVISION][/FILE]``; or one of ModelScope, ``modelscope://datasets/...``.
        label: the column of the mean opinion scores; None is ``answer``, or ``mos_perception`` where there is none.

    Raises:
        ConfigError: no readable file, or a column is missing.
    """
    revision, files = split_files(source, SPLIT)
    for path in files:
        columns, _ = peek(path, TABLES)
        if "images" in columns or not {"source_path", "edited_path"} & set(columns):
            check_columns(path, columns, ("images", "edit_inst"))
        else:
            check_columns(path, columns, EDIT_COLUMNS[1:])
        label = label or next((name for name in LABELS if name in columns), LABELS[0])
        check_columns(path, columns, [label], asked_for=True)
    assert label is not None
    return EditBench(source, revision, tuple(files), label)


def _as_manifest(row: RawRow) -> RawRow:
    values: dict[str, Any] = {"ID": row.values.get("id"), **row.values}
    if values["ID"] in (None, ""):
        values["ID"] = row.number
    message = row.message
    if "images" in values:
        images = values.pop("images")
        if isinstance(images, str):  # a list, as a table has it in a cell
            with contextlib.suppress(ValueError, RecursionError):
                images = plain_pictures(json.loads(images))
        if isinstance(images, list) and len(images) == 2:
            values["source_path"], values["edited_path"] = images
        elif not message:
            held = show_value(images) if images else "nothing"
            if isinstance(images, list):
                held = plural(len(images), "image")
            message = f"images: the source and the edited one were expected, not {held}"
    if "edit_inst" in values:
        values["instruction"] = values.pop("edit_inst")
    return replace(row, values=values, message=message)
