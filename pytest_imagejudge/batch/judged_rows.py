"""Judged rows and benchmark scores, in the shapes of the published runner.

Differences from that runner: ``.json`` input gives a JSON array. Relative paths are relative to the written file.
Unread answers are visible, an L1 as an empty object and a facet as a null score. Published readers count both as not
applicable.
"""

from __future__ import annotations

import contextlib
import csv
import fcntl
import json
import math
import os
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any, TextIO

from ..errors import ConfigError
from ..inputs.judged_columns import ANSWER_COLUMNS, EDIT_OUTPUTS, EDIT_SCALE_OUTPUT, IMAGE_OUTPUTS, PATHS
from ..inputs.manifest import Row
from ..scoring.verdict import EditVerdict, Verdict
from ..support.escaping import escape
from ..support.files import make_folder
from ..taxonomy import EDIT_SCALE, LEVEL1, facets_of


def output_columns(columns: Iterable[str], first: Row | None, scale: tuple[float, float] = EDIT_SCALE) -> list[str]:
    """Columns of the judged rows: those of the input, then what judging adds; ``scale`` is of edits' scores."""
    found = list(columns)
    edits = first is not None and first.kind == "edit"
    if not edits or "image_path" in found:
        found += [name for name in IMAGE_OUTPUTS if name not in found]
    if edits or "edited_path" in found:
        outputs = EDIT_OUTPUTS if scale == EDIT_SCALE else (*EDIT_OUTPUTS, EDIT_SCALE_OUTPUT)
        found += [name for name in outputs if name not in found]
    return found


def image_output(verdict: Verdict | None) -> dict[str, str | None]:
    """The columns that judging adds to an image's row; None throughout for one that was not judged."""
    if verdict is None or (verdict.error and not verdict.answers):
        return dict.fromkeys(IMAGE_OUTPUTS)
    scores = json.dumps(scores_of(verdict), ensure_ascii=False)
    answers = (verdict.answers.get(one) for one in LEVEL1)
    return {"judge_model_output": scores, **dict(zip(ANSWER_COLUMNS, answers, strict=True))}


def scores_of(verdict: Verdict) -> dict[str, Any]:
    """Scores of the L1 asked about, as ``{L1: {L2: {L3: {"score": 0 | 1 | 2 | "N/A"}}}}``."""
    found: dict[str, Any] = {}
    lost = set(verdict.unreadable)
    for one in verdict.asked:
        found[one] = {}
        if (one,) in lost:
            continue
        for path in facets_of((one,)):
            facet = verdict.level3.get(path)
            if facet is not None and lost.isdisjoint((path, path[:2])):
                found[one].setdefault(path[1], {})[path[2]] = {"score": facet.raw}
            elif not lost.isdisjoint((path, path[:2])):
                found[one].setdefault(path[1], {})[path[2]] = {"score": None}
    return found


def edit_output(verdict: EditVerdict | None) -> dict[str, Any]:
    """The columns that judging adds to an edit's row."""
    if verdict is None or (verdict.error and not verdict.answers):
        return dict.fromkeys(EDIT_OUTPUTS)
    answer = (verdict.score, verdict.answer, verdict.finish_reason)
    return dict(zip(EDIT_OUTPUTS, answer, strict=True)) | {EDIT_SCALE_OUTPUT: list(verdict.scale)}


class JudgedRows:
    """Writer of judged rows, one by one, to ``<file>.partial``, which is renamed to the file when it is closed.

    A partial file belongs to one run at a time; one left by a killed run is written anew.

    Args:
        path: the file, ``.csv``, ``.json`` or ``.jsonl``.
        columns: of the rows, in their order.
        base: what paths in the rows are relative to. They are written relative to the file itself, so that it is a
            manifest, too; None leaves them as they are.

    Raises:
        ConfigError: the file can't be written, or another run is writing it.
    """

    def __init__(self, path: Path, columns: Iterable[str], *, base: Path | None = None) -> None:
        self.path = path
        here = path.parent.resolve()
        self._base = None if base is None or (there := base.resolve()) == here else there
        self._to_base = "" if self._base is None else os.path.relpath(self._base, here)
        self.partial = path.with_name(path.name + ".partial")
        self.columns = list(dict.fromkeys(columns))
        self._count = 0
        self._error: ConfigError | None = None
        with self._writing(path):
            if path.is_dir():
                raise IsADirectoryError("it is a folder; a file name is expected")
            make_folder(path.parent)
        with self._writing(self.partial):
            self._file = _alone(self.partial)
        self._csv = csv.writer(self._file, lineterminator="\n")
        if path.suffix == ".csv":
            self._csv.writerow(self.columns)

    @property
    def failed(self) -> bool:
        """Tell whether a row could not be written."""
        return self._error is not None

    def write(self, row: Mapping[str, Any]) -> None:
        """Add a row, and pass it to the operating system before returning.

        Raises:
            ConfigError: the disk takes no more, for example because it is full.
        """
        if self._base is not None:
            row = {**row, **{name: self._from_here(row[name]) for name in PATHS if name in row}}
        with self._writing(self.partial):
            if self.path.suffix == ".csv":
                self._csv.writerow([_cell(row.get(name)) for name in self.columns])
            else:
                text = json.dumps(clean(row), ensure_ascii=False, allow_nan=False)
                if self.path.suffix == ".json":
                    self._file.write(("[\n" if self._count == 0 else ",\n") + text)
                else:
                    self._file.write(text + "\n")
            self._count += 1
            self._file.flush()

    def _from_here(self, value: Any) -> Any:
        """The path of a file that is relative to the base, seen from here; anything else, such as a name, as it is."""
        if not isinstance(value, str) or os.path.isabs(value):  # noqa: PTH117 - pathlib takes longer than the question
            return value
        there = os.path.isfile(f"{self._base}/{value}")  # noqa: PTH113
        return os.path.normpath(f"{self._to_base}/{value}") if there else value

    def close(self) -> None:
        """Finish the file and give it its name; one that lacks a row stays partial.

        Raises:
            ConfigError: as `write`, also where `write` has raised it already.
        """
        if self._file.closed:
            return
        try:
            if self._error is not None:
                raise self._error
            with self._writing(self.path):
                if self.path.suffix == ".json":
                    self._file.write("[]\n" if self._count == 0 else "\n]\n")
                self._file.flush()
                self.partial.replace(self.path)  # while no other run may write into it
        finally:
            self.release()

    def release(self) -> None:
        """Unlock the file, as it is, for other runs; safe to call at any time."""
        with contextlib.suppress(OSError):  # what the disk did not take is tried once more
            self._file.close()

    @contextlib.contextmanager
    def _writing(self, path: Path) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            self._error = ConfigError(f"{escape(path)} can't be written: {error.strerror or error}")
            raise self._error from error


def _alone(path: Path) -> TextIO:
    """Open and empty ``path``, locked until it is closed or the process ends, even when killed.

    Raises:
        OSError: it can't be written, or another run has it.
    """
    while True:
        file = path.open("a", encoding="utf-8", newline="", errors="backslashreplace")
        try:
            _lock(file)
            with contextlib.suppress(FileNotFoundError):
                if os.path.samestat(os.fstat(file.fileno()), path.stat()):
                    file.truncate(0)
                    return file
        except BaseException:
            file.close()
            raise
        file.close()  # the run that had it ended meanwhile and gave it its name


def _lock(file: TextIO) -> None:
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        raise BlockingIOError("another run is writing it; wait for its end, or write elsewhere") from None
    except OSError:  # a file system without locks
        pass


def clean(value: Any) -> Any:
    """Return ``value`` in a form that JSON can hold: NaN and infinity become null."""
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, Mapping):
        return {str(name): clean(item) for name, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [clean(item) for item in value]
    return value


def _cell(value: Any) -> Any:
    if value is None or (isinstance(value, float) and not math.isfinite(value)):
        return ""
    if isinstance(value, (dict, list)):
        with contextlib.suppress(ValueError, TypeError):
            return json.dumps(clean(value), ensure_ascii=False)
    return value
