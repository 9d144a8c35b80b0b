"""The pictures of one task: read once, hashed, and treated as the protocol says."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from ..errors import ImageError
from ..images.content import Look, look_at
from ..images.image_file import ImageFile, file_hash
from ..images.loading import OpenPicture, opened
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
        with contextlib.ExitStack() as stack:
            contents = [stack.enter_context(opened(file)) for file in self.files]
            self.found = (self._indexed(contents) if self.region is None else ()) or self._decode(contents)
        return self.found

    @property
    def region_key(self) -> str:
        """Hash of the region, after `looks`; empty where there is none."""
        return "" if self.mask is None else region_hash(self.mask)

    def _indexed(self, contents: Sequence[OpenPicture]) -> tuple[Look, ...]:
        """Return the looks where the store's index has all of them, else ()."""
        if self.max_pixels < DEFAULT_MAX_PIXELS:  # the index does not say how large a picture is
            return ()
        digests = [content.digest for content in contents]
        return looks_of_all(digests, self.store.pixels_of(digests))

    def _decode(self, contents: Sequence[OpenPicture]) -> tuple[Look, ...]:
        images, looks = [], []
        for content in contents:
            images.append(content.picture(self.max_pixels))
            looks.append(look_at(images[-1]))
            self.store.remember_pixels(content.digest, looks[-1].line())
        if self.region is not None and self.mask is None:
            self.mask = self.region.picture(images[0].size, max_pixels=self.max_pixels)
        self.decoded = tuple(images)
        return tuple(looks)

    def _decode_again(self) -> tuple[Look, ...]:
        with contextlib.ExitStack() as stack:
            return self._decode([stack.enter_context(opened(file)) for file in self.files])

    async def images(self) -> tuple[Any, ...]:
        """Return the decoded pictures, after checking that they have the same hashes.

        Raises:
            ImageError: a file was changed in between.
        """
        async with self.lock:
            if self.decoded is None and await asyncio.to_thread(self._decode_again) != self.found:
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
