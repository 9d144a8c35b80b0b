"""The planes of one picture that all measures share: each is made once, when a measure first asks for it."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, TypeVar

if TYPE_CHECKING:
    from PIL.Image import Image

T = TypeVar("T")

WORKING_SIDE = 1024  # pixels; the long side at which a viewer, and the published judge, sees a picture
MOST_PIXELS = 4_000_000  # measured at the picture's own pixels; of larger ones an even sample of tiles
TILE = 512  # side of a sampled tile
SMALLEST = 32  # side below which no statistic of the picture means anything


class Planes:
    """A picture (RGB) as uint8 arrays: (H, W, 3) in colour, (H, W) in grey.

    Attributes:
        picture: the picture itself.
        width, height: its size in pixels.
    """

    def __init__(self, picture: Image) -> None:
        self.picture = picture
        self.width, self.height = picture.size
        self._made: dict[Callable[[Planes], Any], Any] = {}
        self._locks: dict[Callable[[Planes], Any], threading.Lock] = {}

    @property
    def too_small(self) -> str:
        """Words for a picture that is too small for any statistic, else ""."""
        if min(self.width, self.height) >= SMALLEST:
            return ""
        return f"{self.width} x {self.height} pixels are too few to measure"

    @property
    def rgb(self) -> Any:
        """All pixels in colour; large pictures cost as much memory again, so measures use `tiles`."""
        return self.once(_rgb)

    @property
    def luma(self) -> Any:
        """All pixels in grey."""
        return self.once(_luma)

    @property
    def working_rgb(self) -> Any:
        """The picture in colour at a long side of at most `WORKING_SIDE`."""
        return self.once(_working_rgb)

    @property
    def working_luma(self) -> Any:
        """The picture in grey at a long side of at most `WORKING_SIDE`."""
        return self.once(_working_luma)

    @property
    def half(self) -> Any:
        """`working_luma` at half the size, each pixel the mean of four."""
        return self.once(_half)

    @property
    def quarter(self) -> Any:
        """`half` at half the size."""
        return self.once(_quarter)

    @property
    def tiles(self) -> list[Any]:
        """The picture in colour at its own pixels: itself, or an even sample of tiles on the grid of 8."""
        return self.once(_tiles)

    @property
    def tile_lumas(self) -> list[Any]:
        """`tiles` in grey."""
        return self.once(_tile_lumas)

    def once(self, make: Callable[[Planes], T]) -> T:
        """Return ``make(self)``, computed once and kept: for what several measures share.

        Requests of one picture wait for each other here where they need the same.
        """
        if make not in self._made:
            with self._locks.setdefault(make, threading.Lock()):
                if make not in self._made:
                    self._made[make] = make(self)
        found: T = self._made[make]
        return found


class Kept:
    """The planes of the last few pictures, so that the requests of one picture share them, and memory stays flat."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._kept: OrderedDict[int, Planes] = OrderedDict()
        self._lock = threading.Lock()

    def of(self, picture: Image) -> Planes:
        """Return the planes of ``picture``."""
        with self._lock:
            found = self._kept.get(id(picture))
            if found is None:  # a kept picture lives, so no other has its id
                found = self._kept[id(picture)] = Planes(picture)
            self._kept.move_to_end(id(picture))
            while len(self._kept) > self._most:
                self._kept.popitem(last=False)
            return found

    def clear(self) -> None:
        """Let go of all pictures."""
        with self._lock:
            self._kept.clear()


def _rgb(planes: Planes) -> Any:
    import numpy as np

    return np.asarray(planes.picture)


def _luma(planes: Planes) -> Any:
    return _grey(planes.rgb)


def _working_rgb(planes: Planes) -> Any:
    import numpy as np
    from PIL import Image as Images

    if max(planes.width, planes.height) <= WORKING_SIDE:
        return planes.rgb
    small = planes.picture.copy()
    small.thumbnail((WORKING_SIDE, WORKING_SIDE), Images.Resampling.LANCZOS)
    return np.asarray(small)


def _working_luma(planes: Planes) -> Any:
    if max(planes.width, planes.height) <= WORKING_SIDE:
        return planes.luma
    return _grey(planes.working_rgb)


def _half(planes: Planes) -> Any:
    return _halved(planes.working_luma)


def _quarter(planes: Planes) -> Any:
    return _halved(planes.half)


def _tiles(planes: Planes) -> list[Any]:
    import numpy as np

    width, height = planes.width, planes.height
    if width * height <= MOST_PIXELS:
        return [planes.rgb]
    count = MOST_PIXELS // TILE**2
    across = max(1, min(width // TILE, round((count * width / height) ** 0.5)))
    down = max(1, min(height // TILE, count // across))
    across = max(1, min(width // TILE, count // down))
    lefts = {int(left) // 8 * 8 for left in np.linspace(0, max(0, width - TILE), across)}
    tops = {int(top) // 8 * 8 for top in np.linspace(0, max(0, height - TILE), down)}
    return [
        np.asarray(planes.picture.crop((left, top, min(width, left + TILE), min(height, top + TILE))))
        for top in sorted(tops)
        for left in sorted(lefts)
    ]


def _tile_lumas(planes: Planes) -> list[Any]:
    if planes.width * planes.height <= MOST_PIXELS:
        return [planes.luma]
    return [_grey(tile) for tile in planes.tiles]


def _grey(rgb: Any) -> Any:
    import cv2

    return cv2.cvtColor(rgb, cv2.COLOR_RGB2GRAY)


def _halved(luma: Any) -> Any:
    import cv2

    height, width = luma.shape
    return cv2.resize(luma, (max(1, width // 2), max(1, height // 2)), interpolation=cv2.INTER_AREA)
