"""Where commands print tables for people: rich on a terminal, plain text in a pipe."""

from __future__ import annotations

import re
import sys
from typing import Any

from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.table import Table

from ..outputs import mute
from ..untrusted import for_log

_WIDTH = 160  # of a pipe or a file, which have none


class Output(Console):
    """Standard output. A reader that leaves early, such as ``head``, does not change the exit code."""

    def __init__(self) -> None:
        super().__init__(highlight=False, markup=False, width=None if sys.stdout.isatty() else _WIDTH)

    def print(self, *objects: Any, **options: Any) -> None:
        """As rich prints; a line of text may hold text from outside."""
        super().print(*(for_log(one) if isinstance(one, str) else one for one in objects), **options)

    def on_broken_pipe(self) -> None:
        """Write the rest to nowhere; rich would exit with 1, which means that a gate failed."""
        self.quiet = True
        mute()


def table(first: str, *numbers: str, last: str | None = None) -> Table:
    """A table of a name, numbers, and perhaps words."""
    drawn = sys.stdout.isatty()
    found = Table(box=SIMPLE_HEAD if drawn else None, padding=(0, 0) if drawn else (0, 1))
    found.add_column(first, no_wrap=True)
    for head in numbers:
        found.add_column(re.sub(r" (?!\d)", "\n", head) if drawn else head, justify="right", no_wrap=True)
    if last is not None:
        found.add_column(last)
    return found
