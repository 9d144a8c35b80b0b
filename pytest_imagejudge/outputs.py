"""What commands print, tables as text, Markdown and spreadsheets, and files that are whole or not there at all."""

from __future__ import annotations

import io
import json
import os
import re
import sys
import tempfile
import unicodedata
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO, Any, Literal

from .errors import ConfigError
from .untrusted import escape, for_log, for_markdown

Table = tuple[Sequence[str], Sequence[Sequence[Any]]]  # names of the columns, rows


def number(value: float | None, digits: int = 2) -> str:
    """A figure for people; N/A where there is none."""
    return "N/A" if value is None or value != value else f"{value:.{digits}f}"


def _width(text: str) -> int:
    return sum(0 if unicodedata.combining(c) else 2 if unicodedata.east_asian_width(c) in "WF" else 1 for c in text)


def put(text: str) -> None:
    """Print data on standard output. A reader that leaves early does not change the exit code."""
    try:
        print(text, flush=True)
    except BrokenPipeError:
        mute()


def mute() -> None:
    """Write what is left of standard output to nowhere: Python would fail again on it at its end."""
    with suppress(OSError, ValueError):  # a stream without a file
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def note(line: object) -> None:
    """Print a line on standard error; text from outside can be in it."""
    print(f"imagejudge: {for_log(line)}", file=sys.stderr)


def ascii_json(value: Any, indent: int | None = 1) -> str:
    """``value`` as JSON in ASCII, so that no terminal acts on it, nor a CI log on a workflow command in a string."""
    return json.dumps(value, indent=indent, allow_nan=False).replace("##[", "\\u0023#[")


def print_json(value: Any) -> None:
    """Print ``value`` as JSON that any encoding can carry, half a surrogate pair in a prompt included."""
    put(ascii_json(value))


def text_table(head: Sequence[str], rows: Sequence[Sequence[object]], *, words: bool = False) -> str:
    """A table in plain text: the first column, and a last one of ``words``, to the left, the others to the right."""
    cells = [[escape(cell) for cell in row] for row in (head, *rows)]
    widths = [max(_width(row[i]) for row in cells) for i in range(len(head))]
    lines = []
    for row in cells:
        fill = [" " * (width - _width(cell)) for cell, width in zip(row, widths, strict=True)]
        left = (0, len(row) - 1) if words else (0,)
        line = [
            cell + space if i in left else space + cell for i, (cell, space) in enumerate(zip(row, fill, strict=True))
        ]
        lines.append(for_log("  ".join(line).rstrip()))
    lines.insert(1, "  ".join("-" * width for width in widths))
    return "\n".join(lines)


def print_table(title: str, head: Sequence[str], rows: Sequence[Sequence[object]], *, words: bool = False) -> None:
    """A table on standard output: drawn in a terminal, plain where it is piped; ``words`` as in `text_table`."""
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
    """Which columns stand side by side in ``width``, and how wide each is: no word or figure is broken that fits.

    What does not fit is a table of its own below, with the first column, the names, again. What is left over goes to
    the columns from the left, as far as they need it.
    """
    texts = [[escape(text) for text in (head[i], *(row[i] for row in rows))] for i in range(len(head))]
    least = [max((_width(word) for text in column for word in _words(text)), default=1) for column in texts]
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
            more = max(0, min(left, max(map(_width, texts[i])) - least[i]))
            widths[i] = max(1, least[i] + more)
            left -= more
        found.append(widths)
    return found


def _left(columns: Sequence[int], least: Sequence[int], width: int) -> int:
    """What a table of ``columns`` leaves of ``width``: a cell has a blank on both sides, and a rule to its right."""
    return width - sum(least[i] for i in columns) - 3 * len(columns) - 1


def _words(text: str) -> list[str]:
    """The words of a cell; the first with what it is indented by."""
    return re.findall(r"^\s*\S+|\S+", text)


def markdown_table(head: Sequence[str], rows: Sequence[Sequence[object]]) -> str:
    """A table in Markdown; numbers to the right."""
    lines = [
        "| " + " | ".join(for_markdown(cell) for cell in head) + " |",
        "|" + "|".join("---" if i == 0 else "---:" for i in range(len(head))) + "|",
        *("| " + " | ".join(for_markdown(cell) for cell in row) + " |" for row in rows),
    ]
    return "\n".join(lines)


def make_folder(folder: Path) -> None:
    """Make ``folder`` where it is missing.

    Raises:
        OSError: it can't be made; where a file is in the way, that one is named.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except (FileExistsError, NotADirectoryError) as error:
        file = next(path for path in (folder, *folder.parents) if os.path.lexists(path))
        raise NotADirectoryError(f"{escape(file)} is a file; a folder is expected") from error


@contextmanager
def replacing(path: Path, *, binary: bool = False) -> Iterator[IO[Any]]:
    """A file to write that takes the place of ``path`` at the end, if nothing was raised.

    Raises:
        ConfigError: the file can't be written.
    """
    try:
        make_folder(path.parent)
        if path.is_dir():
            raise IsADirectoryError("is a directory; a file name is expected")
        handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name[:80]}.")
    except OSError as error:
        raise ConfigError(f"{escape(path)}: can't be written: {error.strerror or error}") from error
    try:
        with os.fdopen(handle, "wb") if binary else os.fdopen(handle, "w", encoding="utf-8", newline="") as file:
            yield file
        mask = os.umask(0)
        os.umask(mask)
        os.chmod(name, 0o666 & ~mask)  # noqa: PTH101  (a temporary file is private, a result need not be)
        os.replace(name, path)  # noqa: PTH105
    except BaseException as error:
        Path(name).unlink(missing_ok=True)
        if isinstance(error, OSError):
            raise ConfigError(f"{escape(path)}: can't be written: {error.strerror or error}") from error
        raise


def write_text(path: Path, text: str) -> None:
    """Write a text file, whole or not at all."""
    with replacing(path) as file:
        file.write(text.encode("utf-8", "backslashreplace").decode())


def write_xlsx(path: Path, sheets: Mapping[str, Table]) -> None:
    """Write a workbook, a sheet a table; text is never taken for a formula or a link, None is an empty cell."""
    import xlsxwriter  # type: ignore[import-untyped]

    made = io.BytesIO()  # in a file that can't be written the workbook could not be closed
    with xlsxwriter.Workbook(made, {"in_memory": True}) as workbook:
        bold = workbook.add_format({"bold": True})
        for name, (head, rows) in sheets.items():
            sheet = workbook.add_worksheet(name[:31])
            for column, title in enumerate(head):
                sheet.write_string(0, column, escape(title), bold)
            for line, row in enumerate(rows, start=1):
                for column, value in enumerate(row):
                    if isinstance(value, str):
                        sheet.write_string(line, column, escape(value))
                    elif value is not None and value == value:
                        sheet.write_number(line, column, value)
    with replacing(path, binary=True) as file:
        file.write(made.getvalue())
