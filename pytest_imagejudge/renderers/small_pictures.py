"""The pictures of a report: what they show, their sizes, their encoding."""

from __future__ import annotations

import contextlib
from io import BytesIO
from typing import TYPE_CHECKING

from ..errors import ImageError
from ..images.change_map import change_map
from ..images.loading import load
from ..settings import DEFAULT_MAX_PIXELS

if TYPE_CHECKING:
    from PIL.Image import Image

    from ..images.region import Region


LARGEST = 1024  # pixels, the long side


SMALLEST = 96


_BYTES_A_PIXEL = 0.2  # what most photographs stay below as JPEG; a picture that takes more is made smaller still


# JPEG takes a tenth of WebP's time. Photographs of 400 pixels lose as much, and have as many bytes, as in WebP of
# quality 82 by its quickest method.
_QUALITY = 75


def drawn(paths: tuple[str, ...], region: Region | None = None) -> Image:
    """Return the picture of one file, or the map of changes between two, with the outline of a ``region``.

    A region that does not fit the source is left out: the row's own error is about it.

    Raises:
        ImageError: a file can't be read.
    """
    source, *edited = [load(path) for path in paths]
    if not edited:
        return source
    outline = None
    if region is not None:
        with contextlib.suppress(ImageError):
            outline = region.picture(source.size, max_pixels=DEFAULT_MAX_PIXELS)
    return change_map(source, edited[0], outline)


def side_within(most: int, size: tuple[int, int]) -> int:
    """Return the long side, in pixels, at which most pictures of a size keep within ``most`` bytes."""
    longest = max(size)
    ratio = size[0] * size[1] / longest**2
    return max(SMALLEST, min(LARGEST, longest, int((most / _BYTES_A_PIXEL / ratio) ** 0.5)))


def encoded(picture: Image, side: int) -> bytes:
    """Encode a picture with a long side of at most ``side`` pixels; it is never enlarged."""
    from PIL import Image

    longest = max(picture.size)
    if longest > side:
        width, height = (max(1, round(length * side / longest)) for length in picture.size)
        picture = picture.resize((width, height), Image.Resampling.HAMMING, reducing_gap=1.0)
    buffer = BytesIO()
    picture.save(buffer, "jpeg", quality=_QUALITY)
    return buffer.getvalue()


def fit(picture: Image, most: int) -> bytes:
    """Encode a picture at the largest side that keeps it within ``most`` bytes, `SMALLEST` at least."""
    side = side_within(most, picture.size)
    while True:
        side = max(side, SMALLEST)
        data = encoded(picture, side)
        if len(data) <= most or side == SMALLEST:
            return data
        side = min(side - 8, int(0.92 * side * (most / len(data)) ** 0.5))
