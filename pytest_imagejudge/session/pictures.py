"""The pictures of one task: read once, hashed, and treated as the protocol says."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from ..errors import ImageError
from ..images.image_file import ImageFile, file_hash
from ..images.loading import load_hashed, pixel_hash
from ..settings import DEFAULT_MAX_PIXELS
from ..store.answer_store import Store


@dataclass
class TaskPictures:
    """Pictures of one task: hashed without decoding where the store knows the file, decoded once where needed."""

    files: Sequence[ImageFile]
    max_pixels: int
    store: Store
    found: tuple[str, ...] = ()
    decoded: tuple[Any, ...] | None = None
    lock: asyncio.Lock = field(default_factory=asyncio.Lock)

    def hashes(self) -> tuple[str, ...]:
        """SHA-256 of each picture's pixels.

        Raises:
            ImageError: a picture can't be read.
        """
        self.found = self._indexed() or self._decode()
        return self.found

    def _indexed(self) -> tuple[str, ...]:
        """Return the hashes where the store's index has all of them, else (); raises as `hashes`."""
        contents = file_hashes(self.files, self.max_pixels)
        return pixels_of_all(contents, self.store.pixels_of(contents))

    def _decode(self) -> tuple[str, ...]:
        images, hashes = [], []
        for file in self.files:
            image, content = load_hashed(file, max_pixels=self.max_pixels)
            images.append(image)
            hashes.append(pixel_hash(image))
            self.store.remember_pixels(content, hashes[-1])
        self.decoded = tuple(images)
        return tuple(hashes)

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


def pixels_of_all(contents: Sequence[str], index: Mapping[str, str]) -> tuple[str, ...]:
    """Pixel hashes of all files, or () where one is not known."""
    return tuple(index[content] for content in contents) if all(content in index for content in contents) else ()
