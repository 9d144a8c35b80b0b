"""A failure that the judge decided, in the shape of pytest's own failures."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import pytest
from _pytest._code.code import ReprEntryNative, ReprExceptionInfo, ReprFileLocation, ReprTraceback
from _pytest._io import TerminalWriter
from _pytest.outcomes import Failed

from ..errors import ConfigError, ImageError
from ..scoring.verdict import EditVerdict, Verdict
from ..support.escaping import escape

_PACKAGE = Path(__file__).parents[1]


class JudgeFailure(Failed):
    """Failure of a test by an image or edit that missed a bound, or could not be judged.

    Attributes:
        where: ``file:line`` of the call that submitted the image or edit; empty where there is none.
    """

    __module__ = "builtins"  # as of pytest's own: the short summary shows the bare name

    def __init__(self, text: str, where: str = "") -> None:
        super().__init__(text, pytrace=False)
        self.where = where


def failure_repr(text: str, where: str, config: pytest.Config) -> ReprExceptionInfo:
    """Represent a failure in a report: ``text`` without a traceback; its first line with ``--tb=line``.

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


class _Coloured(ReprEntryNative):
    """Failure by the judge on a terminal: the missed bounds, up to the first empty line, are red."""

    def toterminal(self, tw: TerminalWriter) -> None:
        above = True
        for line in self.lines:
            above = above and bool(line.strip())
            tw.write(line, red=above and not line.startswith(" "))


def colour(report: pytest.TestReport) -> None:
    """Show a failure by the judge in colour on a terminal; the text is unchanged."""
    found = report.longrepr
    if not isinstance(found, ReprExceptionInfo) or found.reprcrash is None:
        return
    entry = found.reprtraceback.reprentries[0] if found.reprtraceback.reprentries else None
    if isinstance(entry, ReprEntryNative) and entry.lines[:1] == [found.reprcrash.message + "\n"]:  # not --tb=native
        found.reprtraceback.reprentries = [_Coloured(entry.lines)]


def explain_none(call: pytest.CallInfo[None], why: Iterable[str]) -> None:
    """Append to Python's message on the use of None the reason why a score or a verdict is None, where one is."""
    error = None if call.excinfo is None else call.excinfo.value
    if isinstance(error, TypeError | AttributeError) and "'NoneType'" in str(error):
        for words in dict.fromkeys(why):
            error.add_note(words)


def explain_missing_figure(verdict: Verdict | EditVerdict) -> str:
    """Explain why a verdict has no overall figure, and the alternative; empty where there is one."""
    if isinstance(verdict, EditVerdict):
        name, figure, gives = "score", verdict.score, not verdict.aspects or bool(verdict.unreadable)
        instead = (
            "a bound on edit.score reports this" if gives else f"it has verdict.aspects: {', '.join(verdict.aspects)}"
        )
    else:
        name, figure, gives = "total", verdict.total, verdict.has_total
        instead = "a bound on total reports this" if gives else 'it has verdict["Quality"] and the others'
    if figure is not None:
        return ""
    if verdict.error:
        why = f"not judged: {verdict.error.removeprefix('not judged: ')}"
    elif verdict.unreadable:
        kinds = dict.fromkeys(f"{one.kind} {one.detail}".strip() for one in verdict.problems)
        why = f"the answer could not be read{': ' if kinds else ''}{'; '.join(kinds)}"
    else:
        why = "nothing was applicable" if gives else "this judge gives none"
    return escape(f"verdict.{name} is None ({why}); {instead}")


def hide_frames(call: pytest.CallInfo[None]) -> None:
    """Hide this package's frames in the traceback of a user's mistake; not with ``--full-trace``.

    pytest looks into a module's globals whether its frames are to be hidden.
    """
    for entry in call.excinfo.traceback if call.excinfo is not None else ():
        if Path(entry.path).is_relative_to(_PACKAGE):
            entry.frame.f_globals["__tracebackhide__"] = _is_mistake


def _is_mistake(excinfo: pytest.ExceptionInfo[BaseException]) -> bool:
    return isinstance(excinfo.value, (ConfigError, ImageError, TypeError, KeyError))
