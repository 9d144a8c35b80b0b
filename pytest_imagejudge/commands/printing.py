"""Standard output of the commands: text that survives a closed pipe, and JSON."""

from __future__ import annotations

import json
import os
import re
import sys
from collections.abc import Sequence
from contextlib import suppress
from typing import Any, Literal

from ..support.escaping import escape, for_log
from ..support.text_tables import display_width, text_table


def put(text: str) -> None:
    """Print data on standard output. A reader that leaves early does not change the exit code."""
    try:
        print(text, flush=True)
    except BrokenPipeError:
        mute()


def mute() -> None:
    """Discard the rest of standard output: Python would fail on it again when it exits."""
    with suppress(OSError, ValueError):  # a stream without a file
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def note(line: object) -> None:
    """Print a line on standard error; text from outside can be in it."""
    print(f"imagejudge: {for_log(line)}", file=sys.stderr)


def ascii_json(value: Any, indent: int | None = 1) -> str:
    """Return ``value`` as ASCII JSON, in which no terminal or CI log finds a command to act on."""
    return json.dumps(value, indent=indent, allow_nan=False).replace("##[", "\\u0023#[")


def print_json(value: Any) -> None:
    """Print ``value`` as JSON that any encoding can carry, half a surrogate pair in a prompt included."""
    put(ascii_json(value))


def print_table(title: str, head: Sequence[str], rows: Sequence[Sequence[object]], *, words: bool = False) -> None:
    """Print a table on standard output: drawn in a terminal, plain in a pipe; ``words`` as in `text_table`."""
    if not sys.stdout.isatty():
        put(f"{for_log(title)}\n{text_table(head, rows, words=words)}\n".lstrip("\n"))
        return
    from rich import box
    from rich.console import Console
    from rich.table import Table as RichTable
    from rich.text import Text

    console = Console()
    for part, columns in enumerate(_parts(head, rows, console.width)):
        shown = Text(for_log(title)) if title and not part else None
        table = RichTable(title=shown, title_justify="left", box=box.SIMPLE_HEAD)
        for i, width in columns.items():
            left = i == 0 or (words and i == len(head) - 1)
            justify: Literal["left", "right"] = "left" if left else "right"
            table.add_column(Text(escape(head[i])), justify=justify, overflow="fold", width=width)
        for row in rows:
            table.add_row(*(Text(for_log(row[i])) for i in columns))
        console.print(table)


def _parts(head: Sequence[str], rows: Sequence[Sequence[object]], width: int) -> list[dict[int, int]]:
    """Groups of columns that fit side by side in ``width``, with each column's width; words that fit stay whole.

    Columns that do not fit stand in a further table below, with the first column (the names) again. Spare width goes
    to the columns from the left, as far as they need it.
    """
    texts = [[escape(text) for text in (head[i], *(row[i] for row in rows))] for i in range(len(head))]
    least = [max((display_width(word) for text in column for word in _words(text)), default=1) for column in texts]
    least[0] = min(least[0], max(width // 3, 8))
    least[1:] = [min(one, width - least[0] - 7) for one in least[1:]]
    parts: list[list[int]] = [[0]]
    for i in range(1, len(head)):
        if len(parts[-1]) > 1 and _left([*parts[-1], i], least, width) < 0:
            parts.append([0])
        parts[-1].append(i)
    found = []
    for columns in parts:
        left = _left(columns, least, width)
        widths = {}
        for i in columns:
            more = max(0, min(left, max(map(display_width, texts[i])) - least[i]))
            widths[i] = max(1, least[i] + more)
            left -= more
        found.append(widths)
    return found


def _left(columns: Sequence[int], least: Sequence[int], width: int) -> int:
    """Width that a table of ``columns`` leaves unused: a cell has a blank on both sides, and a rule to its right."""
    return width - sum(least[i] for i in columns) - 3 * len(columns) - 1


def _words(text: str) -> list[str]:
    """The words of a cell; the first with what it is indented by."""
    return re.findall(r"^\s*\S+|\S+", text)
