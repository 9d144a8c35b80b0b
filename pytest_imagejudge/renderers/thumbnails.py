"""Small copies of a report's pictures, as data URIs within a budget of bytes."""

from __future__ import annotations

import base64
import itertools
import os
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING

from ..errors import ImageError
from ..support.escaping import escape
from .small_pictures import drawn, fit

if TYPE_CHECKING:
    from .small_copies import SmallCopies


_AT_ONCE = 16  # pictures that are made ahead of the one that is written


class Thumbnails:
    """Collector of pictures, which makes small copies of them, some at a time.

    Args:
        folder: the folder of relative paths.
        budget: bytes for all pictures together, as they stand in the report (base64).
        copies: those that were made while the pictures were judged; None makes all of the files.
    """

    def __init__(self, folder: Path, budget: int, copies: SmallCopies | None = None) -> None:
        self._folder = folder
        self._budget = budget
        self._copies = copies
        self._jobs: dict[tuple[str, ...], int] = {}

    def add(self, image: str) -> int | None:
        """Add the picture of ``image``; returns the number of the copy, or None where there is no path."""
        return self._jobs.setdefault((image,), len(self._jobs)) if image else None

    def add_change(self, source: str, edited: str) -> int | None:
        """Add the map of changes between two pictures; returns its number."""
        return self._jobs.setdefault((source, edited), len(self._jobs)) if source and edited else None

    def make(self) -> Iterator[tuple[str, str]]:
        """Yield (data URI, "") or ("", reason why there is none), in the order of the numbers."""
        if not self._jobs:
            return
        if self._copies is not None:
            self._copies.stop()
        most = int(self._budget * 3 / 4 / len(self._jobs))
        jobs = iter(self._jobs)
        with ThreadPoolExecutor(4) as pool:
            while some := list(itertools.islice(jobs, _AT_ONCE)):
                yield from pool.map(lambda job: self._make(job, most), some)

    def _make(self, job: tuple[str, ...], most: int) -> tuple[str, str]:
        paths = tuple(os.path.abspath(self._folder / image) for image in job)  # noqa: PTH100 - links stay
        data = None if self._copies is None else self._copies.within(paths, most)
        if data is None:
            try:
                data = fit(drawn(paths), most)
            except ImageError as error:
                reason = str(error)
                for path, image in zip(paths, job, strict=True):  # the report may be read elsewhere
                    reason = reason.replace(escape(path), escape(image))
                return "", reason
        return "data:image/jpeg;base64," + base64.b64encode(data).decode(), ""
