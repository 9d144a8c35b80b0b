"""The pictures of one task: read once, hashed, and treated as the protocol says."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from ..errors import ImageError
from ..images.content import Look, look_at
from ..images.image_file import ImageFile, file_hash
from ..images.loading import load_hashed
from ..images.region import Region, region_hash
from ..settings import DEFAULT_MAX_PIXELS
from ..store.answer_store import Store


@dataclass
class TaskPictures:
    """Pictures of one task: looked at without decoding where the store knows the file, decoded once where needed.

    The region of an edit is checked against the source, so such a task is always decoded.
    """

    files: Sequence[ImageFile]
    max_pixels: int
    store: Store
    region: Region | None = None
    found: tuple[Look, ...] = ()
    decoded: tuple[Any, ...] | None = None
    mask: Any = None
    lock: asyncio.Lock = field(default_factory=asyncio.Lock)

    def looks(self) -> tuple[Look, ...]:
        """SHA-256 of each picture's pixels, and what was found of its content.

        Raises:
            ImageError: a picture can't be read, or its region is none of the source.
        """
        self.found = (self._indexed() if self.region is None else ()) or self._decode()
        return self.found

    @property
    def region_key(self) -> str:
        """Hash of the region, after `looks`; empty where there is none."""
        return "" if self.mask is None else region_hash(self.mask)

    def _indexed(self) -> tuple[Look, ...]:
        """Return the looks where the store's index has all of them, else (); raises as `looks`."""
        contents = file_hashes(self.files, self.max_pixels)
        return looks_of_all(contents, self.store.pixels_of(contents))

    def _decode(self) -> tuple[Look, ...]:
        images, looks = [], []
        for file in self.files:
            image, content = load_hashed(file, max_pixels=self.max_pixels)
            images.append(image)
            looks.append(look_at(image))
            self.store.remember_pixels(content, looks[-1].line())
        if self.region is not None and self.mask is None:
            self.mask = self.region.picture(images[0].size, max_pixels=self.max_pixels)
        self.decoded = tuple(images)
        return tuple(looks)

    async def images(self) -> tuple[Any, ...]:
        """Return the decoded pictures, after checking that they have the same hashes.

        Raises:
            ImageError: a file was changed in between.
        """
        async with self.lock:
            if self.decoded is None and await asyncio.to_thread(self._decode) != self.found:
                self.decoded = None
                names = ", ".join(str(file.path) for file in self.files)
                raise ImageError(f"{names}: changed while it was waiting to be judged")
            assert self.decoded is not None
            return self.decoded


def file_hashes(files: Sequence[ImageFile], max_pixels: int) -> list[str]:
    """SHA-256 of the files' bytes, to look up in the store's index; empty for a low ``max_pixels``.

    Raises:
        ImageError: a file can't be read.
    """
    if max_pixels < DEFAULT_MAX_PIXELS:  # the index does not say how large a picture is
        return []
    return [file_hash(file) for file in files]


def looks_of_all(contents: Sequence[str], index: Mapping[str, str]) -> tuple[Look, ...]:
    """Looks at all files, or () where one is not known."""
    looks = tuple(Look.of_line(index[content]) if content in index else None for content in contents)
    return tuple(look for look in looks if look is not None) if None not in looks else ()
