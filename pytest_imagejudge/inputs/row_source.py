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
        name: of the outputs, before ``_judged``.
        suffix: format of the judged rows: ``.csv``, ``.json`` or ``.jsonl``.
        folder: where the outputs go unless said otherwise.
        base: what relative paths in the rows are relative to.
        columns: of the rows, in their order.
        rows: reads them, from the start; may be called again.
        count: counts them, which reads the file once.
    """

    name: str
    suffix: str
    folder: Path
    base: Path
    columns: list[str]
    rows: Callable[[], Iterator[Row | RowError]]
    count: Callable[[], int]
