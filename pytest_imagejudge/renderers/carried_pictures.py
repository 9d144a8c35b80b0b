"""Small copies of a report's pictures in a folder beside its JSON file, for pages that are made elsewhere."""

from __future__ import annotations

import contextlib
import hashlib
import os
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from ..errors import ImageError
from ..report.spool import E, Entries
from ..support.files import make_folder, whole_file
from .small_pictures import drawn, fit

if TYPE_CHECKING:
    from ..report.model import AnyEntry, Report
    from .small_copies import SmallCopies

FOLDER = "imagejudge-pictures"
MOST = 256 * 1024  # bytes of one copy
_FIELDS = ("image", "source_image", "edited_image", "mask")


def with_copies(report: Report, folder: Path, copies: SmallCopies | None = None) -> Report:
    """Copy a report, with a small copy of each of its pictures written below ``folder`` and named in ``copies``.

    Args:
        report: its image paths are relative to the working folder.
        folder: that of the JSON file.
        copies: those that were made while the pictures were judged.

    Raises:
        OSError: a copy can't be written.
    """
    made: dict[str, str] = {}

    def copy(path: str) -> str:
        if path not in made:
            made[path] = _copy(path, folder / FOLDER, copies)
        return made[path]

    def entry(one: E) -> E:
        paths = {name: copy(path) for name in _FIELDS if (path := getattr(one, name, ""))}
        return one.model_copy(update={"copies": {name: path for name, path in paths.items() if path}})

    if copies is not None:
        copies.stop()
    return report.model_copy(update={"verdicts": _each(report.verdicts, entry), "edits": _each(report.edits, entry)})


def _each(entries: Sequence[E], change: Callable[[E], E]) -> Sequence[E]:
    return entries.map(change) if isinstance(entries, Entries) else [change(entry) for entry in entries]


def _copy(image: str, folder: Path, copies: SmallCopies | None) -> str:
    """Write one copy, and return its path; empty where the picture can't be read, which its entry tells."""
    path = os.path.abspath(image)  # noqa: PTH100 - keeps links as they are
    data = None if copies is None else copies.within((path,), MOST)
    if data is None:
        with contextlib.suppress(ImageError, OSError):
            data = fit(drawn((path,)), MOST)
    if data is None:
        return ""
    target = folder / f"{hashlib.sha256(data).hexdigest()[:32]}.jpg"
    if not target.exists():
        make_folder(folder)
        with whole_file(target, binary=True) as file:
            file.write(data)
    return str(target)


def show_copies(entry: AnyEntry) -> None:
    """Put the copies of pictures that are not there in their place."""
    for name, path in entry.copies.items():
        if name in _FIELDS and not Path(getattr(entry, name, "")).exists() and Path(path).exists():
            setattr(entry, name, path)
