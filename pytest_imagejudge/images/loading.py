"""Decode an image file into canonical pixels, hash them, and encode them as PNG."""

from __future__ import annotations

import contextlib
import hashlib
import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from typing import IO, TYPE_CHECKING

from ..errors import ImageError
from ..settings import DEFAULT_MAX_PIXELS
from .decoding import canonical, decode
from .encoding import QUICK_PNG
from .image_file import ImageFile, as_path, digest_of_file, open_image, show

if TYPE_CHECKING:
    from PIL.Image import Image


Watcher = Callable[[Path, os.stat_result, str, "Image"], None]


_watchers: list[Watcher] = []


@contextlib.contextmanager
def watching(watcher: Watcher) -> Iterator[None]:
    """Show ``watcher`` each picture that is decoded from a file in the block, by any thread, in that thread.

    It is given the file's path, status and SHA-256 (hex), and the canonical picture, which it must not change.
    """
    _watchers.append(watcher)
    try:
        yield
    finally:
        _watchers.remove(watcher)


def from_pil(image: Image, max_pixels: int) -> Image:
    """Return the canonical picture of a caller's PIL image."""
    return canonical(image, f"PIL image {image.mode} {image.width}x{image.height}", max_pixels)


# --- loading --------------------------------------------------------------------------------------------------------


def load(file: ImageFile | Path | str, *, max_pixels: int = DEFAULT_MAX_PIXELS) -> Image:
    """Load the canonical picture of a file: RGB, upright by EXIF, on white, 8 bits; of several frames the first.

    An opaque 8-bit image without EXIF rotation is equal, pixel for pixel, to ``Image.open(path).convert("RGB")``;
    colour profiles are not applied. 16-bit greyscale is scaled to 8 bits.

    Raises:
        ImageError: not there, not a regular file, empty, not an image, truncated, over ``max_pixels`` or with sides
            beyond 200 to 1; names the file and what was found.
    """
    return load_hashed(file, max_pixels=max_pixels)[0]


def load_hashed(file: ImageFile | Path | str, *, max_pixels: int = DEFAULT_MAX_PIXELS) -> tuple[Image, str]:
    """Load as `load`, and return SHA-256 (hex) of the decoded bytes too."""
    with opened(file) as content:
        return content.picture(max_pixels), content.digest


@contextlib.contextmanager
def opened(file: ImageFile | Path | str) -> Iterator[OpenPicture]:
    """Give the content of an image file, read once for its hash, and again only where its picture is asked for.

    Raises:
        ImageError: as `load`.
    """
    path = as_path(file)
    with open_image(path) as handle:
        yield OpenPicture(path, handle, os.fstat(handle.fileno()), digest_of_file(handle))


@dataclass(frozen=True)
class OpenPicture:
    """An open image file.

    Attributes:
        path, handle: of the file.
        status: of the file, before its bytes were hashed.
        digest: SHA-256 (hex) of its bytes.
    """

    path: Path
    handle: IO[bytes]
    status: os.stat_result
    digest: str

    def picture(self, max_pixels: int) -> Image:
        """Decode the canonical picture of the bytes that were hashed; raises as `load`."""
        name = show(self.path)
        picture = decode(self.handle, name, max_pixels)
        after = os.fstat(self.handle.fileno())
        if (self.status.st_size, self.status.st_mtime_ns) != (after.st_size, after.st_mtime_ns):
            raise ImageError(f"{name}: changed while it was read")
        for watcher in tuple(_watchers):
            watcher(self.path, after, self.digest, picture)
        return picture


def pixel_hash(image: Image) -> str:
    """Return SHA-256 (hex) over the size and the RGB bytes of a canonical picture."""
    if image.mode != "RGB":
        raise ValueError(f"pixels are hashed of canonical pictures, mode RGB; got {image.mode}")
    digest = hashlib.sha256(f"RGB {image.width}x{image.height}\n".encode())
    rows = max(1, (1 << 22) // max(1, image.width))  # in strips: no second copy of a large picture
    if rows >= image.height:
        digest.update(image.tobytes())
        return digest.hexdigest()
    for top in range(0, image.height, rows):
        digest.update(image.crop((0, top, image.width, min(top + rows, image.height))).tobytes())
    return digest.hexdigest()


def to_png(image: Image) -> bytes:
    """Encode a picture as PNG, lossless, at the quickest compression that still helps."""
    buffer = BytesIO()
    image.save(buffer, "PNG", **QUICK_PNG)
    return buffer.getvalue()
