"""Console on which commands print lines for people, wrapped to the terminal."""

from __future__ import annotations

import sys
from typing import Any

from rich.console import Console

from ..support.escaping import for_log
from .printing import mute

_WIDTH = 160  # of a pipe or a file, which have none


class Output(Console):
    """Standard output. A reader that leaves early, such as ``head``, does not change the exit code."""

    def __init__(self) -> None:
        super().__init__(highlight=False, markup=False, width=None if sys.stdout.isatty() else _WIDTH)

    def print(self, *objects: Any, **options: Any) -> None:
        """Print as rich does; control characters in text are escaped."""
        super().print(*(for_log(one) if isinstance(one, str) else one for one in objects), **options)

    def on_broken_pipe(self) -> None:
        """Drop further output; rich would exit with 1, which means that a gate failed."""
        self.quiet = True
        mute()
