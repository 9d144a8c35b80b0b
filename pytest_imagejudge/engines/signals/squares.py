"""Squares that a picture is made of: enlarged pixels, and whether they are those of pixel art.

Pixel art as models deliver it has exact squares. Its areas of one colour border on each other, and what it shows on
its background. In a picture that was made smaller and enlarged again, a blend of both lies between.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from ...protocols.signals_bounds import BY_NAME
from .figure import Figure
from .jpeg import jpeg_quality
from .planes import Planes

_LINES = 12  # borders between squares; fewer are no grid
_FINEST, _COARSEST = 2, 64  # pixels; the sides of squares that are looked for
_ROUNDING = 1e-6  # of a square: OpenCV begins one on a whole pixel there, or one pixel late
_SELDOM = 8  # squares from one such border to the next, at least; else any picture might have them
_GREYS = 32  # of pixel art without colour, at most
_COLOURS = 300  # of pixel art without areas of one colour, at most
_BORDERS = 4  # between areas; fewer say nothing
_BLENDED = 0.43  # share of the borders of pixel art with a blend between, at most
_BACKGROUND = 0.1  # of the squares, in one colour
_OUTLINE, _SOFT = 20, 0.5  # borders of the background; fewer say nothing; and the share with a blend, in pixel art
_SPRITE = 10  # pixels; squares so large, before one colour, are a sprite as well as a thing that was enlarged
_PALETTE = 64  # colours; no picture that was enlarged has so few
_VARIED = 0.3  # colours for each square, from which on it is a picture that was enlarged
_MANY, _NEARLY = 40, 0.99  # borders with a blend, and their share, from which on it is a flat drawing that was
_HARD = 0.15  # share of borders without a blend, from which on grey squares may be pixel art
_TILE = 2048  # squares; so few are a tile of pixel art as well as what is left of a picture
_STEP = 24  # levels from area to area
_BLOCK = 8  # pixels; the side of JPEG's blocks
_FREQUENT, _FEW_COLOURS = 24, 0.65  # colours, and the share of squares in them, from which on these may be pixel art


@dataclass(frozen=True)
class Squares:
    """The squares of a picture.

    Attributes:
        size: their side in pixels; 1 where there are none.
        art: the reason why they are pixel art, or "".
        either: the reason why they are pixel art as well as a picture that was enlarged, or "".
        blurred: the same of squares that are not exact, whose edges may be soft.
    """

    size: float = 1.0
    art: str = ""
    either: str = ""
    blurred: str = ""


def pixel_size(planes: Planes) -> Figure:
    """Measure the side of the squares that the picture is made of, in pixels, where it is."""
    if words := planes.too_small:
        return Figure("pixel_size", None, words)
    found = planes.once(squares)
    size = found.size
    if size <= 1:
        return Figure("pixel_size", None, "no enlarged pixels show")
    if found.blurred:
        return Figure("pixel_size", None, found.blurred, unsure=True)
    return Figure("pixel_size", size, f"made of squares of {size:g} pixels")


def squares(planes: Planes) -> Squares:
    """Find the squares of a picture."""
    if planes.too_small:
        return Squares()
    lumas = planes.tile_lumas
    if len(lumas) == 1:
        (luma,) = lumas
        rows = _starts(luma)
        if rows is not None and (columns := _starts(luma.T)) is not None:
            size = round(min(planes.height / len(rows), planes.width / len(columns)), 1)
            if size <= 1:
                return Squares()
            cells = planes.rgb[rows][:, columns]
            art = _art(cells, size)
            return Squares(size, art, "" if art else _either(cells, size))
        if rows is not None and (luma == luma[:, :1]).all():
            return _lines(planes.height / len(rows))
        if (luma[-1] == luma[0]).all() and (luma == luma[0]).all() and (columns := _starts(luma.T)) is not None:
            return _lines(planes.width / len(columns))
    return _uneven(planes)


def _lines(size: float) -> Squares:
    """Return what a picture has that is made of lines of one colour each."""
    return Squares(
        round(size, 1), either=f"made of lines of {size:g} pixels alone: pixel art, or a picture that was enlarged"
    )


def _starts(luma: Any) -> Any:
    """Return a row of each row of squares; None where rows do not repeat so."""
    import numpy as np

    height = len(luma)
    changes = np.flatnonzero((luma[1:] != luma[:-1]).any(axis=1)) + 1
    if len(changes) < _LINES or _FINEST * len(changes) > height:
        return None
    period = int(np.gcd.reduce(np.diff(changes)))  # of a whole factor; the picture may be a part of another
    if period >= _FINEST:
        return np.arange(int(changes[0]) % period, height, period)
    counts = np.arange(max(2, height // _COARSEST), int(height / _FINEST) + 1)[:, None]
    late = _ROUNDING * (np.gcd(height, counts) * _SELDOM <= counts)
    for shift in (0.0, 0.5):  # of a broken factor, as OpenCV and as Pillow round it
        places = (changes + shift) * counts / height
        fit = (np.floor(places + late) != np.floor(places - counts / height - late)).all(axis=1)
        if fit.any():
            count = int(counts[fit.argmax(), 0])
            return ((np.arange(count) + 0.5) * height / count).astype(np.intp)
    return None


def _art(cells: Any, size: float) -> str:
    """Return the reason why squares are pixel art, or ""; ``cells`` has one pixel (RGB) for each."""
    import numpy as np

    codes = cells.astype(np.int32) @ np.array([65536, 256, 1], np.int32)
    colours = np.unique(codes)
    if len(colours) > _GREYS and ((colours >> 16) == (colours & 255)).all():
        return ""
    if (size >= _SPRITE and _background(codes) is not None) or _outlined(cells, codes):
        return f"its own pixels: squares of {size:g} in {len(colours)} colours"
    blended, hard = (sum(pair) for pair in zip(*map(_borders, (cells, cells.swapaxes(0, 1))), strict=True))
    borders = blended + hard
    if blended > _BLENDED * borders if borders >= _BORDERS else len(colours) > _COLOURS:
        return ""
    return f"its own pixels: squares of {size:g} in {len(colours)} colours"


def _either(cells: Any, size: float) -> str:
    """Return the reason why squares may be those of pixel art, or ""; ``cells`` as in `_art`."""
    import numpy as np

    if size % 1:
        return ""
    codes = cells.reshape(-1, 3).astype(np.int32) @ np.array([65536, 256, 1], np.int32)
    colours = np.unique(codes)
    soft, hard = (sum(pair) for pair in zip(*map(_borders, (cells, cells.swapaxes(0, 1))), strict=True))
    if ((colours >> 16) == (colours & 255)).all():  # a drawing in ink is grey as well
        either = hard > _HARD * (soft + hard)
    else:
        drawn = soft >= _MANY and soft > _NEARLY * (soft + hard)
        either = len(colours) <= _PALETTE or (len(colours) < _VARIED * len(codes) and not drawn)
    if either or len(codes) < _TILE:
        return f"squares of {size:g} in {len(colours)} colours: pixel art, or a picture that was enlarged"
    return ""


def _borders(cells: Any) -> tuple[int, int]:
    """Count, along rows, the borders of areas of one colour with a blend of both between them, and those without."""
    import numpy as np

    cells = cells.astype(np.int32)
    same = (cells[:, 1:] == cells[:, :-1]).all(axis=2)  # as the one before
    steps = np.abs(cells[:, 2:-1] - cells[:, 1:-2]).max(axis=2) > _STEP
    hard = int(np.count_nonzero(same[:, :-2] & same[:, 2:] & steps))
    left, middle, right = cells[:, 1:-3], cells[:, 2:-2], cells[:, 3:-1]
    across = right - left
    part = ((middle - left) * across).sum(axis=2) / np.maximum((across * across).sum(axis=2), 1)
    off = np.abs(middle - left - part[..., None] * across).max(axis=2)
    blend = (part > 0.04) & (part < 0.96) & (off <= 4) & (np.abs(across).max(axis=2) > _STEP)
    return int(np.count_nonzero(same[:, :-3] & same[:, 3:] & blend)), hard


def _background(codes: Any) -> Any:
    """Return the mask of the squares in the most frequent colour; None where it is rare."""
    import numpy as np

    found, counts = np.unique(codes, return_counts=True)
    return codes == found[counts.argmax()] if counts.max() >= _BACKGROUND * codes.size else None


def _outlined(cells: Any, codes: Any) -> bool:
    """Return True where nearly all that borders on the background does so without a blend."""
    import numpy as np

    background = _background(codes)
    if background is None:
        return False
    cells = cells.astype(np.int32)
    soft, borders = 0, 0
    for plane, empty in (
        (cells, background),
        (cells[:, ::-1], background[:, ::-1]),
        (cells.swapaxes(0, 1), background.T),
        (cells.swapaxes(0, 1)[:, ::-1], background.T[:, ::-1]),
    ):
        at = np.nonzero(empty[:, :-3] & empty[:, 1:-2] & ~empty[:, 2:-1])
        outside, middle, inside = (plane[:, shift : plane.shape[1] - 3 + shift][at] for shift in (1, 2, 3))
        across = inside - outside
        clear = np.abs(across).max(axis=1, initial=0) > 2 * _STEP
        part = ((middle - outside) * across).sum(axis=1) / np.maximum((across * across).sum(axis=1), 1)
        soft += int(np.count_nonzero(clear & (part < 0.8)))
        borders += int(np.count_nonzero(clear))
    return borders >= _OUTLINE and soft < _SOFT * borders


def _uneven(planes: Planes) -> Squares:
    """Find squares that are not exact, as after JPEG or at a broken factor.

    Then the steps between columns peak at even distances all over the picture, with little between them, and so
    between rows. The edges of letters and drawn shapes peak too, at distances that differ.
    """
    import cv2
    import numpy as np

    sizes: list[float] = []
    middles: list[list[Any]] = []
    for axis in (0, 1):
        found: list[float] = []
        middles.append([])
        for luma in planes.tile_lumas:
            after, before = (luma[1:], luma[:-1]) if axis == 0 else (luma[:, 1:], luma[:, :-1])
            profile = cv2.reduce(cv2.absdiff(after, before), 1 - axis, cv2.REDUCE_AVG, dtype=cv2.CV_32F).ravel()
            lower, upper = np.append(0, profile[:-1]), np.append(profile[1:], 0)
            lines = np.flatnonzero((profile >= lower) & (profile > upper) & (profile > 2 * np.median(profile) + 0.05))
            if len(lines) < _LINES:
                return Squares()
            gaps = np.diff(lines)
            size = float(np.median(gaps) // 1)
            between = float(np.delete(profile, lines).mean() / profile[lines].mean())
            even = float(max(np.mean((gaps == near) | (gaps == near + 1)) for near in (size - 1, size)))
            if size < 3 or between > 0.3 or even < 0.6 or len(lines) * size < 0.6 * len(profile):
                return Squares()
            found.append(size)
            middles[axis].append((lines[1:] + lines[:-1]) // 2 + 1)
        sizes.append(float(np.median(found)))
    if max(sizes) > 1.5 * min(sizes):
        return Squares()
    size = min(sizes)
    if size == _BLOCK:
        quality = planes.once(jpeg_quality).value
        if quality is not None and quality < BY_NAME["jpeg_quality"].fail:
            return Squares()  # its plain blocks have a few colours, as pixel art has
    cells = [tile[rows][:, columns] for tile, rows, columns in zip(planes.tiles, *middles, strict=True)]
    return Squares(size, blurred=_few(cells, size))


def _few(cells: list[Any], size: float) -> str:
    """Return the reason why squares that are not exact may be pixel art, or ""; ``cells`` (RGB) by tile."""
    import numpy as np

    codes = np.concatenate([(part >> 4).reshape(-1, 3).astype(np.int32) @ np.array([256, 16, 1]) for part in cells])
    share = float(np.sort(np.bincount(codes))[-_FREQUENT:].sum()) / len(codes)
    if share < _FEW_COLOURS:
        return ""
    return f"squares of {size:g}, {share:.0%} of them in {_FREQUENT} colours: pixel art, or a picture that was enlarged"
