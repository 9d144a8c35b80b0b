"""An image's figures in earlier runs, from the reports of these."""

from __future__ import annotations

from collections.abc import Hashable, Iterator, Mapping, Sequence
from pathlib import Path

from ..errors import ConfigError
from ..report import json_file
from ..report.lookup import repeat_of
from ..report.model import Entry, Past, Report, VerdictEntry
from ..report.spool import E, rebuilt
from .pairing import scored

MOST = 20  # earlier runs that an entry carries

Key = tuple[Hashable, ...]


def report_files(paths: Sequence[Path]) -> list[Path]:
    """The reports among ``paths``; of a folder, all its files that end in ``.json``."""
    found = [sorted(path.glob("*.json")) if path.is_dir() else [path] for path in paths]
    return list(dict.fromkeys(file for files in found for file in files))


def attach_history(report: Report, files: Sequence[Path], problems: list[str] | None = None) -> int:
    """Attach to each entry what earlier reports say of the same image; returns the number of such entries.

    A report carries the histories of its own images, so that the last one is enough. Images are paired as with a
    baseline: by row ID, else by prompt and seed. The order of ``files`` does not matter.

    Args:
        report: the run.
        files: the earlier reports.
        problems: takes a line on each file that can't be read; None raises instead.

    Raises:
        ConfigError: a file is no report.
    """
    known: dict[Key, dict[str, Past]] = {}
    for file in files:
        try:
            _note(json_file.read(file), known)
        except ConfigError as error:
            if problems is None:
                raise
            problems.append(str(error))
    if not known:
        return 0
    mates = [known.get(item.key, {}) for item in scored(report.every())]
    for past in mates:
        past.pop(report.run.started, None)  # of a report of this very run
    each = iter(mates)
    report.verdicts = rebuilt(report.verdicts, (_with(entry, next(each)) for entry in report.verdicts))
    report.edits = rebuilt(report.edits, (_with(entry, next(each)) for entry in report.edits))
    return sum(bool(past) for past in mates)


def attach_what_is_there(report: Report, paths: Sequence[Path]) -> Iterator[str]:
    """Attach the histories that can be read, and yield a line on each file that can't: no run fails for these."""
    files = report_files(paths)
    problems = [f"there is no {file} yet" for file in files if not file.exists()]
    attach_history(report, [file for file in files if file.exists()], problems)
    for problem in problems:
        yield f"history: {problem}"


def _note(earlier: Report, known: dict[Key, dict[str, Past]]) -> None:
    """Add what ``earlier`` says to ``known``: by image, then by the start of the run."""
    run = earlier.run
    commit = "" if run.ci is None else run.ci.commit
    for entry, item in zip(earlier.every(), scored(earlier.every()), strict=True):
        if repeat_of(entry):
            continue
        past = known.setdefault(item.key, {})
        for one in (*entry.history, _past(entry, run.started, commit)):
            past.setdefault(one.started, one)


def _past(entry: Entry, started: str, commit: str) -> Past:
    figures = (
        {"total": entry.total, "level1": entry.level1}
        if isinstance(entry, VerdictEntry)
        else {"score": getattr(entry, "score", None)}
    )
    return Past(started=started, commit=commit, outcome=entry.outcome, pixels=entry.pixels, **figures)


def _with(entry: E, past: Mapping[str, Past]) -> E:
    if not past:
        return entry
    return entry.model_copy(update={"history": [past[started] for started in sorted(past)][-MOST:]})
