"""Image paths of a report, made relative to the report's file."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from .model import EditEntry, Entry, Report, VerdictEntry
from .spool import E, Entries


def relative_paths(report: Report, folder: Path, *, base: Path | None = None) -> Report:
    """Copy a report, with image paths relative to ``folder``.

    Relative paths start at ``base``, or the working folder. A path on another drive stays absolute.
    """

    def moved(image: str) -> str:
        if not image:
            return image
        try:
            absolute = os.path.abspath((base or Path.cwd()) / image)  # noqa: PTH100 - keeps links as they are
            return Path(os.path.relpath(absolute, os.path.abspath(folder))).as_posix()  # noqa: PTH100
        except ValueError:  # another drive, or a null byte
            return image

    return _with_images(report, moved)


def _with_images(report: Report, change: Callable[[str], str]) -> Report:
    def image(entry: VerdictEntry) -> VerdictEntry:
        return entry.model_copy(update={"image": change(entry.image), **_moved(entry, change)})

    def edit(entry: EditEntry) -> EditEntry:
        names = ("source_image", "edited_image", "mask")
        paths = {name: change(getattr(entry, name)) for name in names}
        return entry.model_copy(update={**paths, **_moved(entry, change)})

    return report.model_copy(update={"verdicts": _each(report.verdicts, image), "edits": _each(report.edits, edit)})


def _each(entries: Sequence[E], change: Callable[[E], E]) -> Sequence[E]:
    return entries.map(change) if isinstance(entries, Entries) else [change(entry) for entry in entries]


def _moved(entry: Entry, change: Callable[[str], str]) -> dict[str, Any]:
    moved: dict[str, Any] = {}
    if entry.copies:
        moved["copies"] = {name: change(path) for name, path in entry.copies.items()}
    if entry.before is not None:
        moved["before"] = entry.before.model_copy(update={"image": change(entry.before.image)})
    return moved
