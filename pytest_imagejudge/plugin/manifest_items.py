"""Manifests as test files, and their rows as tests."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from ..errors import ConfigError
from ..inputs.hub import TABLES
from ..inputs.manifest import Row, RowError, read_manifest
from ..report.entry import entry_of
from ..scoring.verdict import not_judged
from ..support.escaping import for_log, for_node_id
from ..taxonomy import EDIT
from .options import NO_EDIT_JUDGE, NO_JUDGE
from .options import path as path_of
from .required import skip_or_fail

if TYPE_CHECKING:
    from ..session.task import Task
    from .deferred_tests import DeferredTests
    from .report_notes import ReportNotes
    from .state import Kind, RunState
    from .submitting import Submitter


@dataclass(frozen=True)
class RowJudging:
    """The parts of a run that its rows use."""

    state: RunState
    submitter: Submitter
    deferred: DeferredTests
    notes: ReportNotes


ROW_JUDGING = pytest.StashKey[RowJudging]()  # of the config, where a judge is configured


def named_rows(path: Path, root: Path | None) -> Iterator[tuple[str, Row | RowError]]:
    """Yield the rows of a manifest, each after the name of its test.

    Raises:
        ConfigError: as `read_manifest`.
    """
    seen: dict[str, int] = {}
    for row in read_manifest(path, root=root, suffixes=TABLES):
        name = for_node_id(row.id) if row.id else f"row {row.number}"
        seen[name] = seen.get(name, 0) + 1
        if seen[name] > 1:  # a duplicate ID is an error of its row, and still needs a name of its own
            name = f"{name} (row {row.number})"
        yield name, row


class ManifestFile(pytest.File):
    """A manifest: a CSV, TSV, JSON, JSON Lines, Excel or Parquet file."""

    def collect(self) -> Iterator[pytest.Item]:
        """Yield one item a row; a bad row fails with the reason."""
        root = path_of(self.config, "judge_root")
        try:
            for name, row in named_rows(self.path, root):
                yield RowItem.from_parent(self, name=name, row=row)
        except ConfigError as error:
            raise self.CollectError(for_log(error)) from None


class UnusableRowError(Exception):
    """A row that can't be judged."""


class RowItem(pytest.Item):
    """One row."""

    _parallel_custom_item = True  # pytest-run-parallel warns of items that hold no function, and do not know it

    def __init__(self, *, row: Row | RowError, **keywords: Any) -> None:
        super().__init__(**keywords)
        self.row = row

    @cached_property
    def _judging(self) -> RowJudging | None:
        """The parts of the run that judge, or None where no judge is configured."""
        return self.config.stash.get(ROW_JUDGING, None)

    def _initrequest(self) -> None:
        """Do nothing: a row has no fixtures that pytest-retry would have to set up again."""

    @property
    def kind(self) -> Kind:
        """The kind of judge that the row needs."""
        if isinstance(self.row, Row):
            return self.row.kind
        return "edit" if self.row.extra.get("edited_path") else "image"

    @property
    def configured(self) -> bool:
        """Tell whether the row's judge is configured."""
        return self._judging is not None and self._judging.state.settings[self.kind].configured

    @property
    def judged(self) -> bool:
        """Tell whether the row can be judged and its judge is configured."""
        return self.configured and isinstance(self.row, Row)

    @property
    def row_quarantine(self) -> str | None:
        """The reason for which the row's failure is expected, which may be empty; None where it is not."""
        return self.row.quarantine if isinstance(self.row, Row) else None

    def submit_early(self) -> None:
        """Submit the row before it runs."""
        if self._judging is not None and isinstance(self.row, Row):
            self._judging.submitter.submit_row_early(self.row, self.path, self.nodeid)

    def tasks(self) -> list[Task]:
        """The tasks of the row, which are not submitted; none of a row that can't be judged."""
        if self._judging is None or not isinstance(self.row, Row) or not self.judged:
            return []
        return self._judging.submitter.row_tasks(self.row, self.path)

    def setup(self) -> None:
        """Skip the row without a judge, or fail it where one is required; a bad row is an error even then."""
        if self.config.pluginmanager.hasplugin("allure_listener"):
            from .other_reports import tell_apart_in_allure

            tell_apart_in_allure(self)
        if isinstance(self.row, RowError):
            return
        if not self.judged:
            skip_or_fail(self.config, NO_EDIT_JUDGE if self.kind == "edit" else NO_JUDGE)

    def runtest(self) -> None:
        """Submit the row; the outcome is decided once the verdict has arrived."""
        if isinstance(self.row, RowError):
            self._note(str(self.row.message))
            raise UnusableRowError(f"{self.path.name}, {self.row}")
        judging = self.config.stash[ROW_JUDGING]
        try:
            expected = judging.submitter.submit_row(self.row, self.path, self.nodeid)
        except ConfigError as error:
            self._note(str(error))
            raise
        judging.deferred.defer(expected)

    def _note(self, error: str) -> None:
        """Note in the report that the row was not judged, so that no gate over the run passes without it.

        The row's files are not named as pictures: one of them may be the reason.
        """
        if self._judging is None or not self.configured:
            return
        text = self.row.extra.get("instruction" if self.kind == "edit" else "prompt")
        text = text if isinstance(text, str) else ""
        lost = not_judged(self.kind, text, error, asked=(EDIT,) if self.kind == "edit" else ())
        where = self._judging.state.place(str(self.path), self.row.line)
        self._judging.notes.note(self.nodeid, [entry_of(lost, None, id=self.row.id, test=self.nodeid, where=where)])

    def repr_failure(self, excinfo: pytest.ExceptionInfo[BaseException], style: Any = None) -> Any:
        """Explain why the row failed, without a traceback of this package."""
        if isinstance(excinfo.value, (UnusableRowError, ConfigError)):
            return for_log(excinfo.value)
        return super().repr_failure(excinfo, style)

    def reportinfo(self) -> tuple[Any, int | None, str]:
        """File, line from 0, and name, as pytest shows them."""
        named = f" ({for_node_id(self.row.id)})" if self.row.id else ""
        return self.path, self.row.line - 1, f"row {self.row.number}{named}"
