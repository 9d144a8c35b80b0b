"""Single pixels of a picture, evenly apart: what a histogram needs, at its own codes and at little cost."""

from __future__ import annotations

from typing import Any

from .planes import MOST_PIXELS, Planes

SAMPLE_SIDE = 512  # pixels of the long side


def sampled(planes: Planes) -> Any:
    """Every n-th pixel both ways (H, W, 3), the long side about `SAMPLE_SIDE` or less; nothing is averaged."""
    return _pixels(planes.once(colours))


def every_second(planes: Planes) -> Any:
    """Every second pixel of the sample, both ways (H, W, 3)."""
    import numpy as np

    return _pixels(np.ascontiguousarray(planes.once(colours)[::2, ::2]))


def colours(planes: Planes) -> Any:
    """The sample with one number a colour (H, W), uint32, to compare neighbours at once."""
    import cv2
    import numpy as np

    step = -(-max(planes.width, planes.height) // SAMPLE_SIDE)
    pixels = planes.rgb if planes.width * planes.height <= MOST_PIXELS else np.asarray(planes.picture)
    whole = cv2.cvtColor(pixels[::step], cv2.COLOR_RGB2RGBA).view(np.uint32)[:, :, 0]
    return np.ascontiguousarray(whole[:, ::step])


def _pixels(codes: Any) -> Any:
    import cv2
    import numpy as np

    return cv2.cvtColor(codes[:, :, None].view(np.uint8), cv2.COLOR_RGBA2RGB)
