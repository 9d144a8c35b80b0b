"""A failure that the judge decided, in the shape of pytest's own: where it is from, and a line for summaries."""

from __future__ import annotations

import pytest
from _pytest._code.code import ReprEntryNative, ReprExceptionInfo, ReprFileLocation, ReprTraceback


class JudgeFailure(pytest.fail.Exception):  # type: ignore[misc, name-defined]
    """What was judged missed a bound, or could not be judged.

    Attributes:
        where: ``file:line`` of the call that asked for it; empty where there is none.
    """

    __module__ = "builtins"  # as of pytest's own: the short summary shows the bare name

    def __init__(self, text: str, where: str = "") -> None:
        super().__init__(text, pytrace=False)
        self.where = where


def failure_repr(text: str, where: str, config: pytest.Config) -> ReprExceptionInfo:
    """What a report holds of a failure: ``text`` as it is, without a traceback; its first line with ``--tb=line``.

    Other plugins, JUnit's file and the short summary, which on a CI server cuts nothing off, take the first line.

    Args:
        text: the failure, of several lines.
        where: ``file:line``, the file relative to the root folder or absolute.
        config: of the run.
    """
    file, _, line = where.rpartition(":")
    lines = text.splitlines()
    place = ReprFileLocation(str(config.rootpath / file), int(line) if line.isdigit() else 0, lines[0])
    shown = lines[:1] if config.getoption("tbstyle", "auto") == "line" else lines
    entry = ReprEntryNative([line + "\n" for line in shown])
    return ReprExceptionInfo(ReprTraceback([entry], None, "native"), place)
