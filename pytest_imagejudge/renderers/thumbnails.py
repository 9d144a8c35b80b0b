"""Small copies of a report's pictures, as data URIs within a budget of bytes."""

from __future__ import annotations

import base64
import contextlib
import itertools
import os
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from ..errors import ImageError
from ..images.change_map import change_map
from ..images.image_file import ImageFile
from ..images.loading import load, thumbnail
from ..images.region import Region, read_box
from ..settings import DEFAULT_MAX_PIXELS
from ..support.escaping import escape

if TYPE_CHECKING:
    from PIL.Image import Image


LARGEST = 1024  # pixels, the long side


SMALLEST = 96


_AT_ONCE = 16  # pictures that are made ahead of the one that is written


BYTES_A_PIXEL = 0.2  # what most photographs stay below as WebP; a picture that takes more is made smaller still


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
    """

    def __init__(self, folder: Path, budget: int) -> None:
        self._folder = folder
        self._budget = budget
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
        most = int(self._budget * 3 / 4 / len(self._jobs))
        jobs = iter(self._jobs)
        with ThreadPoolExecutor(4) as pool:
            while some := list(itertools.islice(jobs, _AT_ONCE)):
                yield from pool.map(lambda job: self._make(job, most), some)

    def _make(self, job: _Job, most: int) -> tuple[str, str]:
        paths = [os.path.normpath(self._folder / image) for image in job.images]  # as written, links aside
        try:
            picture, *edited = [load(path) for path in paths]
            if edited:
                picture = change_map(picture, edited[0], self._region(job, picture))
        except ImageError as error:
            reason = str(error)
            for path, image in zip(paths, job.images, strict=True):  # the report may be read elsewhere
                reason = reason.replace(escape(path), escape(image))
            return "", reason
        data = fit(lambda side: thumbnail(picture, side), picture, most)
        return "data:image/webp;base64," + base64.b64encode(data).decode(), ""

    def _region(self, job: _Job, source: Image) -> Image | None:
        """The region of a change; None where there is none, or one that the row's own error is about."""
        mask = ImageFile(Path(os.path.normpath(self._folder / job.mask))) if job.mask else None
        if mask is None and len(job.box) != 4:
            return None
        with contextlib.suppress(ImageError):
            box = None if mask else read_box(job.box)
            return Region(mask, box).picture(source.size, max_pixels=DEFAULT_MAX_PIXELS)
        return None


def fit(encode: Callable[[int], bytes], picture: Image, most: int) -> bytes:
    """The picture encoded at the largest side that keeps it within ``most`` bytes, `SMALLEST` at least."""
    longest = max(picture.size)
    ratio = picture.width * picture.height / longest**2
    side = min(LARGEST, longest, int((most / BYTES_A_PIXEL / ratio) ** 0.5))
    while True:
        side = max(side, SMALLEST)
        data = encode(side)
        if len(data) <= most or side == SMALLEST:
            return data
        side = min(side - 8, int(0.92 * side * (most / len(data)) ** 0.5))
