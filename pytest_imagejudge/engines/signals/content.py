"""Content that is not there: a picture of one colour, and one of which a straight part is blank.

A blank part is one colour to within a few codes, ends along a straight line, and content stands right at that line.
Paper, a studio's ground and a sky are left at the outlines of things instead.
"""

from __future__ import annotations

from typing import Any

from ...images.content import one_colour as _one_colour
from ...protocols.signals_bounds import BY_NAME
from .figure import Figure
from .grid import grid
from .planes import Planes
from .sample import every_second, sampled
from .squares import squares

_SAME = 4  # codes in each channel within which a part is of one colour
_OTHER = 12  # codes by which content differs from it
_DEEP = 3  # sampled rows that content has to differ in: a drawn line is no content
_CUT = 0.03  # share of the line at which content stands
_CHANGES = 3  # places along the line where content changes: the flat ground below a flat sky has none
_WIDE = 0.4  # share of the picture; a second band as wide is no margin, and no part that is missing
_WORTH = 0.25  # share of the picture that has to be flat for a search
_FULL = 0.97  # share of its box that a rectangle fills
_RECTANGLE = "a blank rectangle"
_AROUND = 0.5  # share of a rectangle's outline at which content stands


def one_colour(planes: Planes) -> Figure:
    """Measure the percentage of the picture that is next to one colour."""
    share, colour = _one_colour(planes.picture)
    percent = int(share * 10000) / 100  # rounded down: 100% is all of it
    return Figure("one_colour", 100 * share, f"{percent:g}% of the picture is next to one colour, {colour}")


def blank_share(planes: Planes) -> Figure:
    """Measure the percentage of the picture that is a blank band or rectangle with a straight end."""
    if words := planes.too_small:
        return Figure("blank_share", None, words)
    bands = _bands(planes.once(sampled))
    ended = [(width, f"a blank band along its {edge} edge") for edge, width, straight in bands if straight]
    share, words = max([*ended, _rectangle(every_second(planes))])
    if 100 * share > BY_NAME["blank_share"].fail and sum(width >= _WIDE for _, width, _ in bands) > 1:
        words += ", and so are other edges: a word or a thing on a plain ground, or blank"
        return Figure("blank_share", None, f"{100 * share:.0f}% of the picture is {words}", unsure=True)
    if words == _RECTANGLE and (planes.once(squares).size > 1 or planes.once(grid)):
        return Figure("blank_share", None, f"{words} among squares: a drawn box, or blank", unsure=True)
    percent = 100 * share
    return Figure(
        "blank_share", percent, f"{percent:.0f}% of the picture is {words}" if share else "no blank part found"
    )


def _bands(pixels: Any) -> list[tuple[str, float, bool]]:
    """The blank bands: along which edge, as a share of the picture, and if content stands at a straight end."""
    import cv2
    import numpy as np

    found = []
    turned = cv2.transpose(pixels)
    for axis, first, last in ((0, "top", "bottom"), (1, "left", "right")):
        lines, across = (pixels, turned) if axis == 0 else (turned, pixels)
        across = across.reshape(len(across), -1)  # one row for each place across the lines: quick to go through
        low, high = (how(across, axis=0).reshape(-1, 3).astype(np.int16) for how in (np.min, np.max))
        for edge, step in ((first, 1), (last, -1)):
            spread = (np.maximum.accumulate(high[::step]) - np.minimum.accumulate(low[::step])).max(axis=1)
            length = int((spread > _SAME).argmax())  # 0 where all is of one colour: that is no part of it
            inward = lines[::step]
            if length and length + 1 + _DEEP <= len(inward):
                straight = _cut(inward[length + 1 : length + 1 + _DEEP], inward[0, 0]) >= _CUT
                found.append((edge, length / len(inward), straight))
    return found


def _cut(rows: Any, colour: Any) -> float:
    """Share of the places of a line at which content stands ``_DEEP`` rows deep; 0 where it changes too little."""
    import numpy as np

    there = (np.abs(rows.astype(np.int16) - colour.astype(np.int16)).max(axis=2) > _OTHER).all(axis=0)
    changes = np.abs(np.diff(rows[0].astype(np.int16), axis=0)).max(axis=1) > _SAME
    return float(there.mean()) if int(changes.sum()) >= _CHANGES else 0.0


def _rectangle(pixels: Any) -> tuple[float, str]:
    """The largest part of one colour, as a share of the picture, if it is a rectangle with content around it."""
    import cv2
    import numpy as np

    kernel = np.ones((3, 3), np.uint8)
    spread = cv2.subtract(cv2.dilate(pixels, kernel), cv2.erode(pixels, kernel))
    red, green, blue = cv2.split(spread)
    flat = (cv2.max(cv2.max(red, green), blue) <= _SAME).astype(np.uint8)
    if flat.mean() < _WORTH:
        return 0.0, ""
    _, _, boxes, _ = cv2.connectedComponentsWithStats(flat, connectivity=4)
    left, top, width, height, area = (int(value) for value in boxes[1 + int(boxes[1:, 4].argmax())])
    tall, wide = pixels.shape[:2]
    if area < _FULL * width * height or min(width, height) < 8 or (width, height) == (wide, tall):
        return 0.0, ""
    right, bottom = left + width, top + height
    colour = pixels[top + height // 2, left + width // 2]
    parts = []
    if top > _DEEP:
        parts.append(pixels[top - 1 - _DEEP : top - 1, left:right][::-1])
    if tall - bottom > _DEEP:
        parts.append(pixels[bottom + 1 : bottom + 1 + _DEEP, left:right])
    if left > _DEEP:
        parts.append(pixels[top:bottom, left - 1 - _DEEP : left - 1].transpose(1, 0, 2)[::-1])
    if wide - right > _DEEP:
        parts.append(pixels[top:bottom, right + 1 : right + 1 + _DEEP].transpose(1, 0, 2))
    if not parts or min(len(part) for part in parts) < _DEEP:
        return 0.0, ""
    lengths = [part.shape[1] for part in parts]
    around = sum(_cut(part, colour) * length for part, length in zip(parts, lengths, strict=True)) / sum(lengths)
    return (width * height / (tall * wide), _RECTANGLE) if around >= _AROUND else (0.0, "")
