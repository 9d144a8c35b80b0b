"""Tests and rows in quarantine: they are judged and told with how often they fail, and turn nothing red.

pytest's own expected failures do it: a marker is added, and what other plugins know of these holds here too.
"""

from __future__ import annotations

import contextlib
import fnmatch
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from ..report.model import Quarantined
from ..support.files import whole_file
from .failure import JudgeFailure
from .manifest_items import RowItem
from .marker import marker_values

_BEGINS = "quarantine"  # how the reason of such an expected failure begins
_FORGIVEN = (JudgeFailure, AssertionError)  # a test that breaks is red as ever
HISTORY = "quarantine.json"  # in the store's folder
RUNS = 20  # that are remembered
_CHOOSING = ("keyword", "markexpr", "lf", "stepwise", "deselect", "ignore", "ignore_glob")  # options that choose tests


class Quarantine:
    """The tests in quarantine of one run.

    Args:
        patterns: of test IDs, in the form of `fnmatch`.
        store: the folder that keeps how earlier runs went; None where nothing is kept.

    Attributes:
        chosen: whether some tests were left out of the run.
    """

    def __init__(self, patterns: Sequence[str], store: Path | None) -> None:
        self._patterns, self.chosen = patterns, False
        self._file = None if store is None else store / HISTORY
        self._failed: dict[str, bool] = {}
        self._reasons: dict[str, str] = {}
        self._idle = dict.fromkeys(patterns)  # those that no test matched

    def mark(self, item: pytest.Item) -> None:
        """Expect a failure of ``item``, where its row, its marker or the ini file puts it in quarantine."""
        reason = item.row_quarantine if isinstance(item, RowItem) else None
        given = marker_values(item).quarantine
        if reason is None and given:
            reason = given if isinstance(given, str) else ""
        if reason is None and any(_matches(item.nodeid, pattern) for pattern in self._patterns):
            reason = ""
        if reason is not None:
            words = f"{_BEGINS}: {reason}" if reason else _BEGINS
            item.add_marker(pytest.mark.xfail(reason=words, strict=False, raises=_FORGIVEN))

    def note(self, report: pytest.TestReport) -> None:
        """Note how a test in quarantine ended, and which patterns name a test."""
        for pattern in [each for each in self._idle if _matches(report.nodeid, each)]:
            del self._idle[pattern]
        reason: Any = getattr(report, "wasxfail", None)
        if not (isinstance(reason, str) and reason.partition(":")[0] == _BEGINS):
            return
        self._failed[report.nodeid] = self._failed.get(report.nodeid, False) or report.skipped
        self._reasons[report.nodeid] = reason.partition(": ")[2]

    def idle(self, session: pytest.Session) -> list[str]:
        """Warn of each pattern that named no test, after a whole run: one of some of the tests does not tell."""
        config, option = session.config, session.config.option
        named = config.args_source is pytest.Config.ArgsSource.ARGS
        chosen = any(getattr(option, name, None) for name in _CHOOSING)
        ended = session.exitstatus in (pytest.ExitCode.OK, pytest.ExitCode.TESTS_FAILED)
        if named or chosen or self.chosen or not ended or session.shouldfail or session.shouldstop:
            return []
        return [f'warning: judge_quarantine: no test of this run matches "{pattern}"' for pattern in self._idle]

    def take(self) -> list[Quarantined]:
        """Return how the tests ended, each with its earlier runs, and keep that for the next run."""
        if not self._failed:
            return []
        history = self._read()
        for test, failed in self._failed.items():
            history[test] = (history.get(test, "") + ("F" if failed else "P"))[-RUNS:]
        self._write(history)
        return [
            Quarantined(
                test=test,
                reason=self._reasons[test],
                failed=failed,
                runs=len(history[test]),
                failed_runs=history[test].count("F"),
            )
            for test, failed in sorted(self._failed.items())
        ]

    def _read(self) -> dict[str, str]:
        with contextlib.suppress(OSError, ValueError, AttributeError):
            found = json.loads(self._file.read_text(encoding="utf-8")) if self._file is not None else {}
            return {str(test): "".join(one for one in str(ends) if one in "FP") for test, ends in found.items()}
        return {}

    def _write(self, history: dict[str, str]) -> None:
        if self._file is not None and self._file.parent.is_dir():
            with contextlib.suppress(OSError), whole_file(self._file) as file:
                file.write(json.dumps(history, indent=1, sort_keys=True) + "\n")


def _matches(test: str, pattern: str) -> bool:
    """Tell whether a pattern matches a test's ID; a bracket is a bracket, as in IDs of parametrized tests."""
    return fnmatch.fnmatchcase(test, pattern.replace("[", "[[]"))
