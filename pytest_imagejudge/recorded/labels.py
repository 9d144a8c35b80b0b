"""People's labels (good or bad) by row."""

from __future__ import annotations

from pathlib import Path

from ..inputs.cells import row_id
from ..support.escaping import escape
from ..tables.reading import peek
from ..tables.rows import check_columns, show_value

# --- labels of what a gate judged ---

_GOOD = {"good", "pass", "passed", "ok", "yes", "true", "1", "1.0", "accept", "accepted"}


_BAD = {"bad", "fail", "failed", "no", "false", "0", "0.0", "reject", "rejected"}


def read_labels(path: Path) -> tuple[dict[str, bool], list[str]]:
    """Read people's labels of images by ID: a file with ``ID`` and ``label`` (good or bad, 1 or 0, ...).

    Returns the labels (True for good) and the errors of single rows.

    Raises:
        ConfigError: the file can't be read, or lacks a column.
    """
    columns, rows = peek(path)
    check_columns(path, columns, ("ID", "label"))
    labels: dict[str, bool] = {}
    errors = []
    for row in rows:
        name = row_id(row.values.get("ID"))
        value = row.values.get("label")
        word = str(value).strip().casefold()
        problem = row.message
        if not problem and name is None:
            problem = "no ID"
        elif not problem and name in labels:
            problem = f"the ID {show_value(name)} has a label already; the first one counts"
        elif not problem and word not in _GOOD | _BAD:
            problem = f"the label is {show_value(value)}; good or bad was expected (or pass, fail; yes, no; 1, 0)"
        if problem or name is None:
            errors.append(f"{escape(path)}, row {row.number}, line {row.line}: {problem}")
        else:
            labels[name] = word in _GOOD
    return labels, errors
