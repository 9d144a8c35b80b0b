"""Tables as Excel workbooks."""

from __future__ import annotations

import io
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from .escaping import escape
from .files import replacing

Table = tuple[Sequence[str], Sequence[Sequence[Any]]]  # names of the columns, rows


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
