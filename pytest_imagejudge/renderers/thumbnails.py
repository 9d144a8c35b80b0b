"""Small copies of a report's pictures, as data URIs within a budget of bytes."""

from __future__ import annotations

import base64
import contextlib
import itertools
import os
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from ..errors import ImageError
from ..images.image_file import ImageFile
from ..images.region import Region, read_box
from ..support.escaping import escape
from .small_pictures import drawn, fit

if TYPE_CHECKING:
    from .small_copies import SmallCopies


_AT_ONCE = 16  # pictures that are made ahead of the one that is written


class _Job(NamedTuple):
    """One picture to make: a copy of one file, or a map of the changes between two, with a region."""

    images: tuple[str, ...]
    mask: str = ""
    box: tuple[int, ...] = ()


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
        self._jobs: dict[_Job, int] = {}

    def add(self, image: str) -> int | None:
        """Add the picture of ``image``; returns the number of the copy, or None where there is no path."""
        return self._jobs.setdefault(_Job((image,)), len(self._jobs)) if image else None

    def add_change(self, source: str, edited: str, mask: str = "", box: Sequence[int] | None = None) -> int | None:
        """Add the map of changes between two pictures, with the outline of a mask or a box; returns its number."""
        if not (source and edited):
            return None
        return self._jobs.setdefault(_Job((source, edited), mask, tuple(box or ())), len(self._jobs))

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

    def _make(self, job: _Job, most: int) -> tuple[str, str]:
        paths = tuple(os.path.abspath(self._folder / image) for image in job.images)  # noqa: PTH100 - links stay
        region = self._region(job)
        data = None if self._copies is None or region else self._copies.within(paths, most)
        if data is None:
            try:
                data = fit(drawn(paths, region), most)
            except ImageError as error:
                reason = str(error)
                for path, image in zip(paths, job.images, strict=True):  # the report may be read elsewhere
                    reason = reason.replace(escape(path), escape(image))
                return "", reason
        return "data:image/jpeg;base64," + base64.b64encode(data).decode(), ""

    def _region(self, job: _Job) -> Region | None:
        """The region of a change; None where there is none, or one that the row's own error is about."""
        if job.mask:
            return Region(ImageFile(Path(os.path.abspath(self._folder / job.mask))))  # noqa: PTH100 - links stay
        with contextlib.suppress(TypeError):
            return Region(box=read_box(job.box)) if job.box else None
        return None
