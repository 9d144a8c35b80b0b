"""The interface of an input: rows with their count, their folder and their columns."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from .manifest import Row, RowError


@dataclass(frozen=True)
class Input:
    """Rows to judge.

    Attributes:
        name: of the output files, before ``_judged``.
        suffix: format of the judged rows: ``.csv``, ``.json`` or ``.jsonl``.
        folder: default folder of the outputs.
        base: folder that relative paths in the rows start from.
        columns: of the rows, in their order.
        rows: reads the rows from the start; may be called again.
        count: counts the rows by reading the file once.
    """

    name: str
    suffix: str
    folder: Path
    base: Path
    columns: list[str]
    rows: Callable[[], Iterator[Row | RowError]]
    count: Callable[[], int]
