"""Lines of text in columns, for a terminal.

A `rich.table.Table` takes several times as long for the few short cells that a failed test shows.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import cache

from rich.console import Console
from rich.text import Text


@cache
def _console() -> Console:
    return Console()  # `Text.wrap` takes one, and looks at it only where text is justified


def in_columns(cells: Sequence[Text], widths: Sequence[int], width: int) -> Iterator[Text]:
    """Yield the lines of one row: cells of ``widths``, a space apart, the last one wrapped in the rest of ``width``.

    Raises:
        ValueError: there isn't one width less than there are cells.
    """
    *first, last = cells
    head = Text(no_wrap=True)
    for cell, room in zip(first, widths, strict=True):
        head.append_text(cell).append(" " * (room - cell.cell_len + 1))
    for line in wrapped(last, max(1, width - head.cell_len)):
        yield head.append_text(line) if line else head
        head = Text(" " * (sum(widths) + len(widths)), no_wrap=True)


def indented(text: Text, columns: int, width: int) -> Iterator[Text]:
    """Yield the lines of a text that begins so many columns from the left, each at most ``width`` wide."""
    yield from in_columns([Text(), text], [columns - 1], width)


def fits(text: Text, width: int) -> bool:
    """Tell whether a text is one line of at most ``width`` columns."""
    plain = text.plain
    if len(plain) * 2 > width and text.cell_len > width:
        return False
    return "\n" not in plain and "\t" not in plain


def wrapped(text: Text, width: int) -> Sequence[Text]:
    """Divide a text into lines of at most ``width`` columns, a word that is longer too."""
    return [text] if fits(text, width) else list(text.wrap(_console(), width, overflow="fold"))
