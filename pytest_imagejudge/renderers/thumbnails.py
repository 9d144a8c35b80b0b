"""Small copies of a report's pictures, as data URIs within a budget of bytes."""

from __future__ import annotations

import base64
import itertools
import os
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING

from ..errors import ImageError
from ..images.change_map import change_map
from ..images.loading import load, thumbnail
from ..support.escaping import escape

if TYPE_CHECKING:
    from PIL.Image import Image


LARGEST = 1024  # pixels, the long side


SMALLEST = 96


_AT_ONCE = 16  # pictures that are made ahead of the one that is written


BYTES_A_PIXEL = 0.2  # what most photographs stay below as WebP; a picture that takes more is made smaller still


class Thumbnails:
    """Collector of pictures, which makes small copies of them, some at a time.

    Args:
        folder: the folder of relative paths.
        budget: bytes for all pictures together, as they stand in the report (base64).
    """

    def __init__(self, folder: Path, budget: int) -> None:
        self._folder = folder
        self._budget = budget
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
        most = int(self._budget * 3 / 4 / len(self._jobs))
        jobs = iter(self._jobs)
        with ThreadPoolExecutor(4) as pool:
            while some := list(itertools.islice(jobs, _AT_ONCE)):
                yield from pool.map(lambda job: self._make(job, most), some)

    def _make(self, job: tuple[str, ...], most: int) -> tuple[str, str]:
        paths = [os.path.normpath(self._folder / image) for image in job]  # as written, links aside
        try:
            pictures = [load(path) for path in paths]
            picture = change_map(*pictures) if len(pictures) == 2 else pictures[0]
        except ImageError as error:
            reason = str(error)
            for path, image in zip(paths, job, strict=True):  # the report may be read elsewhere
                reason = reason.replace(escape(path), escape(image))
            return "", reason
        data = fit(lambda side: thumbnail(picture, side), picture, most)
        return "data:image/webp;base64," + base64.b64encode(data).decode(), ""


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
