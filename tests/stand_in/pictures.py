"""Small pictures of one colour, with marks: of one colour alone there is nothing to judge."""

from __future__ import annotations

from PIL import Image

MARKS = ((7, 7), (3, 3))


def marked(colour: tuple[int, int, int], mark: tuple[int, int, int] = (0, 0, 7)) -> Image.Image:
    """8 x 8 pixels of ``colour``, with two pixels of another one; the first pixel is of ``colour``."""
    image = Image.new("RGB", (8, 8), colour)
    for place in MARKS:
        image.putpixel(place, mark if mark != colour else (255, 255, 255))
    return image
