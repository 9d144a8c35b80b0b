"""Tables as text and as Markdown."""

from __future__ import annotations

import unicodedata
from collections.abc import Sequence

from .escaping import escape, for_log, for_markdown


def number(value: float | None, digits: int = 2) -> str:
    """Write a figure for people, or N/A."""
    return "N/A" if value is None or value != value else f"{value:.{digits}f}"


def display_width(text: str) -> int:
    """Return the width of a text in a terminal: two for wide letters, none for combining marks."""
    return sum(0 if unicodedata.combining(c) else 2 if unicodedata.east_asian_width(c) in "WF" else 1 for c in text)


def text_table(head: Sequence[str], rows: Sequence[Sequence[object]], *, words: bool = False) -> str:
    """Return a table in plain text: first column, and a last one of ``words``, to the left, others to the right."""
    cells = [[escape(cell) for cell in row] for row in (head, *rows)]
    widths = [max(display_width(row[i]) for row in cells) for i in range(len(head))]
    lines = []
    for row in cells:
        fill = [" " * (width - display_width(cell)) for cell, width in zip(row, widths, strict=True)]
        left = (0, len(row) - 1) if words else (0,)
        line = [
            cell + space if i in left else space + cell for i, (cell, space) in enumerate(zip(row, fill, strict=True))
        ]
        lines.append(for_log("  ".join(line).rstrip()))
    lines.insert(1, "  ".join("-" * width for width in widths))
    return "\n".join(lines)


def markdown_table(head: Sequence[str], rows: Sequence[Sequence[object]]) -> str:
    """Return a table in Markdown, numbers to the right."""
    lines = [
        "| " + " | ".join(for_markdown(cell) for cell in head) + " |",
        "|" + "|".join("---" if i == 0 else "---:" for i in range(len(head))) + "|",
        *("| " + " | ".join(for_markdown(cell) for cell in row) + " |" for row in rows),
    ]
    return "\n".join(lines)
