"""Small copies of a baseline's pictures, in a folder beside it, so that pages show what it looked like then."""

from __future__ import annotations

import contextlib
import re
from collections.abc import Iterable, Sequence
from dataclasses import replace
from pathlib import Path

from ..errors import ImageError
from ..report.model import AnyEntry
from ..statistics.figures import image_of
from ..statistics.pairing import Scored
from ..support.files import replacing
from .small_pictures import drawn, fit

_MOST = 60_000  # bytes of a copy
_NAME = re.compile(r"[0-9a-f]{64}\.jpg")


def write_pictures(folder: Path, entries: Iterable[AnyEntry]) -> int:
    """Write a copy of each entry's picture, named by its pixels, and delete the copies of other pictures.

    A picture that can't be read has no copy. Returns the number of copies.

    Raises:
        ConfigError: a copy can't be written.
    """
    folder.mkdir(parents=True, exist_ok=True)
    names: set[str] = set()
    for entry in entries:
        picture = image_of(entry)
        name = f"{entry.pixels}.jpg"
        if not (picture and _NAME.fullmatch(name)):
            continue
        if not (folder / name).exists():
            with contextlib.suppress(ImageError):
                data = fit(drawn((picture,)), _MOST)
                with replacing(folder / name, binary=True) as file:
                    file.write(data)
        names.add(name)
    for copy in folder.iterdir():
        if _NAME.fullmatch(copy.name) and copy.name not in names:
            copy.unlink(missing_ok=True)
    return sum((folder / name).exists() for name in names)


def with_pictures(folder: Path, images: Sequence[Scored]) -> list[Scored]:
    """Return the baseline's images with the paths of their copies, where there are any."""
    found = []
    for item in images:
        path = folder / f"{item.pixels}.jpg"
        found.append(replace(item, image=str(path)) if _NAME.fullmatch(path.name) and path.is_file() else item)
    return found
