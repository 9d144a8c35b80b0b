"""The region of an edit: where it was asked to be, as a mask picture or a box in pixels of the source.

A mask is a black and white picture of the source's size, in which white may change. A box is left, top, right and
bottom in pixels of the source, counted from its upper left corner; right and bottom are the first pixels outside, as in
Pillow. Source and mask are turned upright by EXIF first.
"""

from __future__ import annotations

import hashlib
import math
import operator
from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, cast

from ..errors import ImageError
from .arrays import is_a
from .image_file import ImageFile, show
from .loading import load

if TYPE_CHECKING:
    import numpy as np
    from PIL.Image import Image

Box = tuple[int, int, int, int]

BOX_WORDS = "left, top, right, bottom in pixels of the source"
_WHITE = 128  # grey level from which on a pixel of a mask is white
_GREY = 48  # levels that the channels of a grey pixel may lie apart, for masks saved as JPEG
_COLOURED = 0.01  # share of a mask's pixels that may be coloured


@dataclass(frozen=True, slots=True)
class Region:
    """The place where an edit was asked to be; either a mask or a box."""

    mask: ImageFile | None = None
    box: Box | None = None

    def picture(self, size: tuple[int, int], *, max_pixels: int) -> Image:
        """Return the region as a picture, mode "L": 255 may change, 0 may not.

        Args:
            size: (width, height) of the canonical source.
            max_pixels: as in `load`.

        Raises:
            ImageError: a mask that can't be read, has another size than the source, is coloured or has no white; a
                box that is empty or does not lie in the picture.
        """
        return _of_box(self.box, size) if self.mask is None else _of_mask(self.mask, size, max_pixels)


def region_of(mask: ImageFile | None, box: object) -> Region | None:
    """Return the region of a call's ``mask`` and ``box``; None where there is neither.

    Raises:
        TypeError: both are given, or ``box`` is not four whole numbers.
    """
    if mask is not None and box is not None:
        raise TypeError("mask and box are both given: an edit has one region, a mask or a box")
    if mask is None and box is None:
        return None
    return Region(mask, None if box is None else read_box(box))


def mask_picture(value: object) -> object:
    """Return a 2-D array (H, W) of booleans, uint8 or floats in [0, 1] as a picture; anything else as it is.

    Raises:
        TypeError: a 2-D array of another type, or with other values.
    """
    if not is_a(value, "numpy", "ndarray") or (pixels := cast("np.ndarray[Any, Any]", value)).ndim != 2:
        return value
    from PIL import Image

    if pixels.dtype == bool or (pixels.dtype.kind == "f" and ((pixels >= 0) & (pixels <= 1)).all()):
        pixels = (pixels * 255).astype("uint8")
    if pixels.dtype != "uint8" or not pixels.size:
        raise TypeError(
            f"mask: an (H, W) array of booleans, uint8 or floats in [0, 1] is expected, not {pixels.dtype} of the "
            f"shape {pixels.shape}"
        )
    return Image.fromarray(pixels)


def read_box(value: object) -> Box:
    """Return four whole numbers as a box; 10.0 counts as 10. Whether it lies in the picture is not known here.

    Raises:
        TypeError: anything else.
    """
    numbers = list(value) if isinstance(value, Iterable) and not isinstance(value, (str, bytes, dict)) else []
    if len(numbers) != 4:
        raise TypeError(f"box: four whole numbers are expected ({BOX_WORDS}), not {_shown(value)}")
    left, top, right, bottom = (_whole(number, value) for number in numbers)
    return left, top, right, bottom


def box_fault(box: Box) -> str:
    """Say what is wrong with a box whatever the picture; empty where nothing is."""
    left, top, right, bottom = box
    if min(box) < 0:
        return f"box {_shown(box)}: it lies outside of the picture ({BOX_WORDS})"
    if right <= left or bottom <= top:
        return f"box {_shown(box)}: it is empty; right and bottom lie beyond left and top ({BOX_WORDS})"
    return ""


def region_hash(picture: Image) -> str:
    """Return SHA-256 (hex) of a region's size and pixels; equal for a box and the same mask."""
    digest = hashlib.sha256(f"region {picture.width}x{picture.height}\n".encode())
    digest.update(picture.convert("1").tobytes())
    return digest.hexdigest()


def _whole(number: Any, box: object) -> int:
    if isinstance(number, float) or type(number).__module__ == "numpy":
        number = float(number)
        if math.isfinite(number) and number.is_integer():
            return int(number)
    elif not isinstance(number, bool) and hasattr(number, "__index__"):
        return operator.index(number)
    raise TypeError(f"box: four whole numbers are expected ({BOX_WORDS}), not {_shown(box)}")


def _shown(value: object) -> str:
    words = repr(list(value) if isinstance(value, tuple) else value)
    return words if len(words) <= 80 else f"{words[:77]}..."


def _of_box(box: Box | None, size: tuple[int, int]) -> Image:
    from PIL import Image

    assert box is not None  # a region has a mask or a box
    fault = box_fault(box)
    if not fault and (box[2] > size[0] or box[3] > size[1]):
        fault = f"box {_shown(box)}: it reaches beyond the source of {size[0]}x{size[1]} pixels ({BOX_WORDS})"
    if fault:
        raise ImageError(fault)
    picture = Image.new("L", size, 0)
    picture.paste(255, box)
    return picture


def _of_mask(file: ImageFile, size: tuple[int, int], max_pixels: int) -> Image:
    import numpy as np
    from PIL import Image

    name = f"mask {show(file.path)}"
    try:
        picture = load(file, max_pixels=max_pixels)
    except ImageError as error:
        raise ImageError(f"mask {error}") from None
    if picture.size != size:
        raise ImageError(
            f"{name}: it has {picture.width}x{picture.height} pixels, the source {size[0]}x{size[1]}; a mask has the "
            "source's size"
        )
    pixels = np.asarray(picture)
    coloured = float((np.ptp(pixels, axis=2) > _GREY).mean())
    if coloured > _COLOURED:
        raise ImageError(f"{name}: {coloured:.0%} of it is coloured; a mask is black and white, and white may change")
    grey = np.asarray(picture.convert("L"))
    white = grey >= _WHITE
    if not white.any():
        brightest = int(grey.max())
        found = f"its brightest pixel is {brightest} of 255, white begins at {_WHITE}" if brightest else "all black"
        raise ImageError(f"{name}: it is empty, {found}: white may change")
    return Image.fromarray(white.astype(np.uint8) * np.uint8(255))
