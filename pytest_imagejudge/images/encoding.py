"""Encodings of pictures that are sent: a format, and a limit of bytes that quality and size are lowered for."""

from __future__ import annotations

import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from io import BytesIO
from typing import TYPE_CHECKING, Any

from ..errors import ConfigError, ImageError
from ..settings import ImageFormat
from ..taxonomy import nearest
from .decoding import MAX_RATIO

if TYPE_CHECKING:
    from PIL.Image import Image

FORMATS: tuple[ImageFormat, ...] = ("png", "jpeg", "webp")
# Fields of Pillow's `save`. Run lengths alone, without a search for repetitions: of photographs, paintings and drawings
# this makes files of the size of level 1 in three quarters of the time.
QUICK_PNG: dict[str, Any] = {"compress_type": zlib.Z_RLE}
# Fields of Pillow's `save`, each smaller than the one before. The first is used where no limit of bytes asks for less.
# PNG quickly first: the server is near, and a higher level takes several times as long for a tenth of the bytes.
_STEPS: dict[ImageFormat, tuple[dict[str, Any], ...]] = {
    "png": (QUICK_PNG, {"compress_level": 6}),
    "jpeg": tuple({"quality": quality, "subsampling": 0} for quality in (90, 80, 70)),
    "webp": (
        {"lossless": True, "quality": 0, "method": 2},  # the quality of lossless WebP is effort, not loss
        *({"quality": quality, "method": 4} for quality in (90, 80, 70)),
    ),
}
_NAMES: dict[ImageFormat, str] = {"png": "png", "jpeg": "jpeg-90", "webp": "webp-lossless"}
SHRINK = 0.8  # of the sides, from one size to the next
LEAST_SIDE = 256  # of the longer side: a smaller picture shows too little to be judged


@dataclass(frozen=True)
class Encoding:
    """An encoding of pictures; the same picture always gives the same bytes.

    Attributes:
        format: "png" and "webp" are lossless, "jpeg" has quality 90 and full resolution of colours.
        most_bytes: limit of one encoded picture. For it the quality of jpeg and webp is lowered to 90, 80 and 70, and
            then the size, by steps to four fifths of the sides, down to 256 pixels of the longer one.
    """

    format: ImageFormat = "png"
    most_bytes: int | None = None

    def __post_init__(self) -> None:
        if self.format not in FORMATS:
            raise ConfigError(
                f"judge_image_format: one of {', '.join(FORMATS)} is expected, not {self.format!r}"
                f"{nearest(str(self.format), FORMATS)}"
            )
        if self.most_bytes is not None and (type(self.most_bytes) is not int or self.most_bytes < 1):
            raise ConfigError(f"judge_image_bytes: a number of bytes is expected, 1 or more, not {self.most_bytes!r}")

    @property
    def name(self) -> str:
        """The name in a treatment, such as "jpeg-90" or "png-within-500000"."""
        return _NAMES[self.format] + (f"-within-{self.most_bytes}" if self.most_bytes is not None else "")

    @property
    def media_type(self) -> str:
        """The type in a data URL."""
        return f"image/{self.format}"

    def encode(self, image: Image) -> bytes:
        """Return the encoded picture.

        Raises:
            ImageError: no picture of it that may be judged has so few bytes.
        """
        found = b""
        for smaller, fields in self._tries(image):
            buffer = BytesIO()
            smaller.save(buffer, self.format, **fields)
            found = buffer.getvalue()
            if self.most_bytes is None or len(found) <= self.most_bytes:
                return found
        hint = "" if self.format == "jpeg" else ", or set judge_image_format = jpeg"
        raise ImageError(
            f"judge_image_bytes = {self.most_bytes}: the smallest {self.format} of this picture of "
            f"{image.width}x{image.height} that may be judged has {len(found):,} bytes; allow as many{hint}"
        )

    def _tries(self, image: Image) -> Iterator[tuple[Image, dict[str, Any]]]:
        """The picture with fewer and fewer bytes: by quality first, then by size at the last quality."""
        from PIL.Image import Resampling

        steps = _STEPS[self.format]
        yield from ((image, fields) for fields in steps)
        scale = SHRINK
        while round(max(image.size) * scale) >= LEAST_SIDE:
            width, height = (max(1, round(side * scale)) for side in image.size)
            size = min(width, MAX_RATIO * height), min(height, MAX_RATIO * width)  # rounding may go just beyond it
            yield image.resize(size, Resampling.LANCZOS), steps[-1]
            scale *= SHRINK
