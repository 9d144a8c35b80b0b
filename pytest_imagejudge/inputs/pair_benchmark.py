"""EditReward-Bench, as published: pairs of edits of one source, of which people prefer the first in one dimension.

The data set of the Hub (EditScore/EditReward-Bench) lies there in Arrow files with the pictures in them: ``key`` (the
names of the two edits), ``instruction``, ``input_image``, ``output_images`` (a list of the two), ``task_type`` and
``dimension``. Parquet may have the same columns, and so may CSV, JSON and JSON Lines, with paths for pictures. As read
by evaluation.py of VectorSpaceLab/EditScore, commit 6e0f1b9a73b40f227d82d9cb32bd9cfb7189739b.
"""

from __future__ import annotations

import contextlib
import json
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from ..tables.reading import count_rows, peek, read_rows
from ..tables.rows import RawRow, check_columns, plain_pictures, show_value
from .hub import TABLES
from .manifest import Row, RowError, manifest_rows
from .split_files import split_files

SPLIT = "train"
DIMENSIONS = ("prompt_following", "consistency", "overall")


@dataclass(frozen=True)
class PairBench:
    """Pairs of edits; attributes as of `EditBench`."""

    source: str
    revision: str | None
    files: tuple[Path, ...]

    def rows(self) -> Iterator[Row | RowError]:
        """Yield the two edits of each pair, one after the other; a pair that can't be used is one `RowError`.

        ``extra`` of a row has ``pair`` (the number of the pair), ``side`` (0 is preferred), ``key``, ``task_type`` and
        ``dimension``.
        """
        return manifest_rows(self.files[0].parent, self._raw(), "edit")

    def count(self) -> int:
        """Count the edits."""
        return 2 * sum(count_rows(path, TABLES) for path in self.files)

    def _raw(self) -> Iterator[RawRow]:
        number = 0
        for path in self.files:
            for row in read_rows(path, TABLES):
                number += 1
                yield from _sides(replace(row, number=number))


def open_pair_bench(source: str) -> PairBench:
    """Open the benchmark in ``source``, which is as `split_files` takes it.

    Raises:
        ConfigError: no readable file, or a column is missing.
    """
    revision, files = split_files(source, SPLIT, arrow=True)
    for path in files:
        columns, _ = peek(path, TABLES)
        check_columns(path, columns, ("instruction", "input_image", "output_images", "task_type", "dimension"))
    return PairBench(source, revision, tuple(files))


def _sides(row: RawRow) -> Iterator[RawRow]:
    """Yield the edits of a pair as rows of a manifest, or one row with what is wrong with the pair."""
    values = {name: list_cell(row.values.get(name)) for name in ("key", "output_images")}
    about = {name: row.values.get(name) for name in ("instruction", "task_type", "dimension")}
    pair = {**about, "pair": row.number, "key": values["key"]}
    edits = values["output_images"]
    message = row.message
    if not message and not (isinstance(edits, list) and len(edits) == 2):
        held = f"{len(edits)} of them" if isinstance(edits, list) else show_value(edits) if edits else "nothing"
        message = f"output_images: two pictures were expected, not {held}"
    if not message and about["dimension"] not in DIMENSIONS:
        message = f"dimension: {show_value(about['dimension'])}; {', '.join(DIMENSIONS)} are known"
    if not message and not (isinstance(about["task_type"], str) and about["task_type"].strip()):
        message = "task_type: a name was expected"
    if message:
        yield RawRow(row.number, row.line, {**pair, "ID": str(row.number)}, message)
        return
    for side, picture in enumerate(edits):
        edit: dict[str, Any] = {**pair, "ID": f"{row.number}/{side + 1}", "side": side}
        yield RawRow(
            row.number, row.line, {**edit, "source_path": row.values.get("input_image"), "edited_path": picture}
        )


def list_cell(value: Any) -> Any:
    """Return a list that a table has as text in a cell; anything else as it is."""
    if isinstance(value, str):
        with contextlib.suppress(ValueError, RecursionError):
            return plain_pictures(json.loads(value))
    return value
