"""Mean opinion scores in cells, with a decimal point or comma."""

from __future__ import annotations

import math
import re
from typing import Any

from ..protocols.edit_answers import HIGHEST, LOWEST
from ..support.escaping import escape
from ..tables.rows import show_value

_LARGEST = 1e60  # of a score: what is larger is a slip, and overflows where squares are multiplied


_NUMBER = re.compile(r"[+-]?([0-9]+(\.[0-9]*)?|\.[0-9]+)(e[+-]?[0-9]+)?", re.IGNORECASE)


_DECIMAL_COMMA = re.compile(r"[+-]?[0-9]+,[0-9]+")


_THOUSANDS = re.compile(r"[+-]?[1-9][0-9]{0,2},[0-9]{3}")


def number(value: Any) -> float | str | None:
    """Return a finite number of bounded size; None for an empty cell or NaN; the text of anything else.

    Text is a number with a point, or with a comma in its place ("3,5"). "1,234" is ambiguous, and stays text.
    """
    if value is None or isinstance(value, bool):
        return None if value is None else str(value)
    if isinstance(value, str):
        text = value.strip()
        if text.lower() in ("", "nan", "n/a", "na", "none", "null", "-"):
            return None
        if _DECIMAL_COMMA.fullmatch(text) and not _THOUSANDS.fullmatch(text):
            text = text.replace(",", ".")
        if not _NUMBER.fullmatch(text):  # float() would also take "3_0", and digits of any script
            return text
        value = float(text)
    if not isinstance(value, (int, float)):
        return str(value)
    try:
        value = float(value)
    except OverflowError:
        return str(value)
    return None if math.isnan(value) else value if abs(value) <= _LARGEST else str(value)


def mean_opinion(column: str, value: object, low: float = LOWEST, high: float = HIGHEST) -> float | str:
    """Return the mean opinion score in ``value``, ``low`` to ``high``, or the error as text."""
    score = number(value)
    if isinstance(score, float) and low <= score <= high:
        return score
    what = "empty" if score is None else show_value(value)
    return f"{escape(column)} is {what}; a mean opinion score of {low:g} to {high:g} is expected"
