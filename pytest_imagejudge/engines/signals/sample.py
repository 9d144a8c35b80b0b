"""Single pixels of a picture, evenly apart: what a histogram needs, at its own codes and at little cost."""

from __future__ import annotations

from typing import Any

from .planes import MOST_PIXELS, Planes

SAMPLE_SIDE = 512  # pixels of the long side


def sampled(planes: Planes) -> Any:
    """Every n-th pixel both ways (H, W, 3), the long side about `SAMPLE_SIDE` or less; nothing is averaged."""
    import numpy as np

    step = -(-max(planes.width, planes.height) // SAMPLE_SIDE)
    pixels = planes.rgb if planes.width * planes.height <= MOST_PIXELS else np.asarray(planes.picture)
    return np.ascontiguousarray(pixels[::step, ::step])


def colours(planes: Planes) -> Any:
    """The sample with one number a colour (H, W), uint32, to compare neighbours at once."""
    import cv2
    import numpy as np

    return cv2.cvtColor(planes.once(sampled), cv2.COLOR_RGB2RGBA).view(np.uint32)[:, :, 0]
