"""Small copies of a run's pictures for its HTML reports, made in whichever process judges them."""

from __future__ import annotations

import contextlib
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from ..support.temporary_folders import temporary_folder
from .options import shows_only
from .xdist_types import WorkerNode, is_worker, worker_input

if TYPE_CHECKING:
    from ..renderers.small_copies import SmallCopies
    from .expectation import AnyEntry
    from .run_options import Options

_FOLDER = "imagejudge_copies"  # the key of a worker's input


class RunCopies:
    """The small copies of a run, where an HTML report or a folder takes them; else nothing is made or imported.

    Attributes:
        made: the copies; None where there are none.
    """

    def __init__(self, config: pytest.Config, options: Options) -> None:
        self._config = config
        pages = any(path.suffix.lower() == ".html" for path in options.reports)
        self._wanted = (pages or options.pictures) and not shows_only(config)
        self._folder: Path | None = None  # of the workers' copies
        self._exit = contextlib.ExitStack()
        self.made: SmallCopies | None = None

    def begin(self) -> None:
        """Make a copy of each picture that is decoded from now on."""
        given = worker_input(self._config).get(_FOLDER)
        if not self._wanted or (is_worker(self._config) and given is None):
            return
        from ..renderers.html_page import BUDGET
        from ..renderers.small_copies import SmallCopies

        self.made = self._exit.enter_context(SmallCopies(BUDGET, None if given is None else Path(given)))

    def want(self, entry: AnyEntry) -> None:
        """Make the copies for an entry whose pictures were not decoded; workers make their own."""
        if self.made is not None and self._folder is None:
            self.made.want(entry)

    def give(self, node: WorkerNode) -> None:
        """Give a starting worker the folder for its copies."""
        if self._wanted:
            self._folder = self._folder or self._exit.enter_context(temporary_folder())
            node.workerinput[_FOLDER] = str(self._folder)

    def hand_over(self) -> str | None:
        """Return, on a worker at its end, what the controller is to take over."""
        return None if self.made is None else self.made.hand_over()

    def take_over(self, copies: str | None) -> None:
        """Take over, on the controller, the copies of a worker that ended."""
        if self.made is not None and copies is not None:
            self.made.take_over(copies)

    def close(self) -> None:
        """Remove all copies. Safe to call twice."""
        self.made = None
        self._exit.close()
