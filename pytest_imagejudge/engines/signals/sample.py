"""Single pixels of a picture, evenly apart: what a histogram needs, at its own codes and at little cost."""

from __future__ import annotations

from typing import Any

from .planes import MOST_PIXELS, Planes

SAMPLE_SIDE = 512  # pixels of the long side


def sampled(planes: Planes) -> Any:
    """Every n-th pixel both ways (H, W, 3), the long side about `SAMPLE_SIDE` or less; nothing is averaged."""
    import cv2
    import numpy as np

    codes = planes.once(colours)
    return cv2.cvtColor(codes[:, :, None].view(np.uint8), cv2.COLOR_RGBA2RGB)


def colours(planes: Planes) -> Any:
    """The sample with one number a colour (H, W), uint32, to compare neighbours at once."""
    import cv2
    import numpy as np

    step = -(-max(planes.width, planes.height) // SAMPLE_SIDE)
    pixels = planes.rgb if planes.width * planes.height <= MOST_PIXELS else np.asarray(planes.picture)
    whole = cv2.cvtColor(pixels[::step], cv2.COLOR_RGB2RGBA).view(np.uint32)[:, :, 0]
    return np.ascontiguousarray(whole[:, ::step])
