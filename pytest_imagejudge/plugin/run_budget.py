"""The use of a run's judges, and the budget: one for both judges, and for all workers of xdist."""

from __future__ import annotations

import contextlib
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from ..report.last_run import keep_last_run
from ..report.uses import JudgeUse, cost_of, together
from ..session.budget import Budget, budget_of
from ..support.prices import shown_amount
from ..support.temporary_folders import temporary_folder
from .xdist_types import WorkerNode, worker_input

if TYPE_CHECKING:
    from ..report.model import Run
    from .run_options import Options

_FILE = "imagejudge_budget"  # the key of a worker's input


class RunBudget:
    """The budget of a run, if it has one. With xdist its account is a file, which the controller's workers share.

    Attributes:
        shared: the budget; None where there is none.
        uses: of the judges that are closed, in every process.

    Raises:
        ConfigError: the account can't be opened.
    """

    def __init__(self, config: pytest.Config, options: Options) -> None:
        self._store = options.store
        self._exit = contextlib.ExitStack()
        self._file: Path | None = None
        self.shared: Budget | None = None
        self.uses: list[JudgeUse] = []
        if not (options.image.budget or options.edit.budget):
            return
        given = worker_input(config)
        if _FILE in given:
            self._file = Path(given[_FILE])
        elif config.pluginmanager.has_plugin("xdist"):
            self._file = self._exit.enter_context(temporary_folder()) / "budget.sqlite"
        who = str(given.get("workerid", "controller"))
        self.shared = budget_of([options.image, options.edit], file=self._file, who=who)

    def give(self, node: WorkerNode) -> None:
        """Give a starting worker the file."""
        if self._file is not None:
            node.workerinput[_FILE] = str(self._file)

    def bury(self, node: WorkerNode) -> None:
        """Count what a worker that has ended left open as used."""
        if self.shared is not None:
            self.shared.bury(str(node.workerinput["workerid"]))

    def words(self) -> str:
        """Return the budget for pytest's header; empty where there is none."""
        return "" if self.shared is None else shown_amount(self.shared.limit.amount, self.shared.limit.unit)

    def fill(self, run: Run) -> None:
        """Add cost and budget to a run that ends, and keep the figures for planning the next one."""
        uses = together(self.uses)
        run.cost = cost_of(uses)
        run.budget = None if self.shared is None else self.shared.reported()
        keep_last_run(self._store, run.started, uses)

    def close(self) -> None:
        """Close the account; its figures stay. Safe to call twice."""
        if self.shared is not None:
            self.shared.close()
        self._exit.close()
