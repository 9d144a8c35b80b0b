"""Manifests as test files: one test a row."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cached_property
from typing import Any, Literal

import pytest

from ..errors import ConfigError
from ..inputs.manifest import Row, RowError, read_manifest
from ..report.entry import entry_of
from ..scoring.verdict import not_judged
from ..support.escaping import escape
from ..taxonomy import EDIT
from . import NO_EDIT_JUDGE, NO_JUDGE, options


class ManifestFile(pytest.File):
    """A CSV, JSON or JSON Lines manifest."""

    def collect(self) -> Iterator[pytest.Item]:
        """One item a row, bad rows too: they fail with what is wrong."""
        root = options.path(self.config, "judge_root")
        seen: dict[str, int] = {}
        try:
            for row in read_manifest(self.path, root=root):
                name = escape(row.id) if row.id else row.where
                seen[name] = seen.get(name, 0) + 1
                if seen[name] > 1:  # a duplicate ID is an error of its row, and still needs a name of its own
                    name = f"{name} ({row.where})"
                yield RowItem.from_parent(self, name=name, row=row)
        except ConfigError as error:
            raise self.CollectError(str(error)) from None


class RowError_(Exception):  # noqa: N801, N818
    """A row that can't be judged."""


class RowItem(pytest.Item):
    """One row."""

    def __init__(self, *, row: Row | RowError, **keywords: Any) -> None:
        super().__init__(**keywords)
        self.row = row

    @cached_property
    def gate(self) -> Any:
        """The gate, or None where no judge is configured."""
        return self.config.pluginmanager.get_plugin("imagejudge-gate")

    @property
    def kind(self) -> Literal["image", "edit"]:
        """What is to be judged: "image" or "edit"."""
        if isinstance(self.row, Row):
            return self.row.kind
        return "edit" if self.row.extra.get("edited_path") else "image"

    @property
    def configured(self) -> bool:
        """Whether the row's judge is configured."""
        if self.gate is None:
            return False
        settings = self.gate.options.edit if self.kind == "edit" else self.gate.options.image
        return bool(settings.configured)

    @property
    def judged(self) -> bool:
        """Whether the row can be judged and its judge is configured."""
        return self.configured and isinstance(self.row, Row)

    def setup(self) -> None:
        """Skip where no judge is configured; a bad row is an error all the same."""
        if isinstance(self.row, RowError):
            return
        if not self.judged:
            pytest.skip(NO_EDIT_JUDGE if self.kind == "edit" else NO_JUDGE)

    def runtest(self) -> None:
        """Hand the row to the judge; the outcome is decided when the verdict is in."""
        if isinstance(self.row, RowError):
            self._note(str(self.row.message))
            raise RowError_(f"{self.path.name}, {self.row}")
        try:
            expected = self.gate.ask_row(self)
        except ConfigError as error:
            self._note(str(error))
            raise
        self.gate.defer(expected)

    def _note(self, error: str) -> None:
        """Let the report say that the row was not judged, so that no gate over the run passes without it.

        Its files are not named as pictures: they may be what the row was refused for.
        """
        if not self.configured:
            return
        text = self.row.extra.get("instruction" if self.kind == "edit" else "prompt")
        text = text if isinstance(text, str) else ""
        lost = not_judged(self.kind, text, error, asked=(EDIT,) if self.kind == "edit" else ())
        where = self.gate.place(str(self.path), self.row.line)
        self.gate.holding.note(self.nodeid, [entry_of(lost, None, id=self.row.id, test=self.nodeid, where=where)])

    def repr_failure(self, excinfo: pytest.ExceptionInfo[BaseException], style: Any = None) -> Any:
        """What is wrong with the row, without a traceback of this package."""
        if isinstance(excinfo.value, (RowError_, ConfigError)):
            return escape(str(excinfo.value))
        return super().repr_failure(excinfo, style)

    def reportinfo(self) -> tuple[Any, int | None, str]:
        """File, line from 0, and name, as pytest shows them."""
        return self.path, self.row.line - 1, f"row {self.row.number} ({self.name})"
