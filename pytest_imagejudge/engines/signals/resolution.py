"""Resolution of a picture: the number of pixels that carry detail, and the blocks of JPEG.

The pixels that carry detail come from the width of the sharpest edges at the picture's own pixels and from the size of
enlarged pixels. Beside them stand the power of fine detail over that of coarse detail, against the inverse square law
of natural pictures (Field 1987), and the share of the borders of JPEG's blocks that show.
"""

from __future__ import annotations

from typing import Any

from ...protocols.signals_bounds import BY_NAME
from .edges import native_edges
from .figure import Figure
from .planes import WORKING_SIDE, Planes

_COARSE, _FINE = (0.1, 0.25), (0.35, 0.5)  # bands of frequencies; 1 is the finest a picture can hold
_DRAWN = 64  # levels; a higher step at a border of JPEG's blocks was drawn there
_SHARP = 0.45  # sigma, in pixels, up to which the edges of a picture count as sharp at its own pixels


def effective_pixels(planes: Planes) -> Figure:
    """Measure the long side in pixels that carry detail."""
    share, words = planes.once(_effective)
    pixels: float = max(planes.width, planes.height)
    if pixels < BY_NAME["effective_pixels"].fail:  # too few whatever they carry
        return Figure("effective_pixels", pixels, f"{planes.width} x {planes.height} pixels, the larger side counts")
    return Figure("effective_pixels", None if share is None else pixels * share, words)


def effective_share(planes: Planes) -> Figure:
    """Measure the percentage of the pixels along a side that carry detail, of pictures that have few."""
    share, words = planes.once(_effective)
    if share is not None and max(planes.width, planes.height) * share >= WORKING_SIDE:
        return Figure("effective_share", None, words)
    return Figure("effective_share", None if share is None else 100 * share, words)


def fine_detail(planes: Planes) -> Figure:
    """Measure the power of fine detail over that of coarse detail, where 1 is a natural picture's."""
    share, words = planes.once(_effective)
    value = None if share is None else _fine_detail(planes.working_luma)
    if value is None:
        return Figure("fine_detail", None, words)
    return Figure("fine_detail", value, f"fine detail is {value:.2f} of a natural picture's, as if enlarged")


def block_share(planes: Planes) -> Figure:
    """Measure the percentage of the borders of 8 x 8 blocks that are visible, beyond that of other lines."""
    share, words = planes.once(_effective)
    if share is None:
        return Figure("block_share", None, words)
    value = 100 * _blocks(planes.tile_lumas)
    return Figure("block_share", value, f"JPEG: {value:.1f}% of the borders of 8 x 8 blocks show")


def _effective(planes: Planes) -> tuple[float | None, str]:
    """The share of the pixels along a side that carry detail, 0 to 1, or None without edges; the words for it."""
    size = f"{planes.width} x {planes.height}"
    if planes.too_small:
        return None, planes.too_small
    sigma = planes.once(native_edges)[2]
    if sigma is None:
        return None, f"{size} pixels without an edge to measure"
    square = _pixel_size(planes.tile_lumas)
    share = min(1.0, _SHARP / max(sigma, _SHARP), 1 / square)
    words = f"detail of about {max(planes.width, planes.height) * share:.0f} pixels on the long side of {size}"
    if square > 1:
        words += f", made of squares of {square:g} pixels"
    return share, f"{words} ({share:.0%})"


def _fine_detail(luma: Any) -> float | None:
    """Power of fine over coarse detail where there is most of it, times squared frequency; None of a narrow picture.

    In an enlarged picture nothing is left above the frequencies that the small one had.
    """
    import numpy as np

    side = 64
    if min(luma.shape) < side:
        return None
    tiles = np.lib.stride_tricks.sliding_window_view(luma, (side, side))[:: side // 2, :: side // 2]
    tiles = tiles.reshape(-1, side, side).astype(np.float32)
    window = np.outer(np.hanning(side), np.hanning(side))
    power = np.abs(np.fft.rfft2((tiles - tiles.mean(axis=(1, 2), keepdims=True)) * window)) ** 2 / (window**2).sum()
    frequency = 2 * np.hypot(np.fft.fftfreq(side)[:, None], np.fft.rfftfreq(side)[None, :])  # 1: every second pixel
    power *= frequency**2
    coarse, fine = (power[:, (frequency >= low) & (frequency < high)].mean(axis=1) for low, high in (_COARSE, _FINE))
    busy = coarse >= np.percentile(coarse, 75)
    floor = 0.02  # squared levels; what is left of a flat tile by rounding
    return float(np.percentile((fine[busy] + floor) / (coarse[busy] + floor), 75))


def _blocks(lumas: list[Any]) -> float:
    """Share of the borders of 8 x 8 blocks that show: a step twice as high as those on both sides of it.

    The grid may start anywhere, as in a picture that was cut out of another.
    """
    import numpy as np

    shares = []
    for axis in (0, 1):
        counts = np.zeros(8)
        seen = np.zeros(8)
        for luma in lumas:
            steps = np.abs(np.diff(luma.astype(np.float32), axis=axis))
            steps = steps if axis else steps.T
            middle, sides = steps[:, 1:-1], np.maximum(steps[:, :-2], steps[:, 2:])
            shows = ((middle > 2 * sides + 2) & (middle < _DRAWN)).mean(axis=0)
            places = np.arange(len(shows)) % 8
            counts += np.bincount(places, shows, 8)
            seen += np.bincount(places, minlength=8)
        phases = np.sort(counts / np.maximum(seen, 1))
        # Drawn lines on an even grid have two borders each, blocks have one: the second phase is what shows elsewhere.
        shares.append(float(phases[-1] - phases[-2]))
    return sum(shares) / 2


def _pixel_size(lumas: list[Any]) -> float:
    """Side of the squares of a picture that was enlarged by repeating its pixels; 1 where it was not.

    Then the steps between columns peak at even distances all over the picture, with little between them, and so
    between rows. The edges of letters and drawn shapes peak too, at distances that differ.
    """
    import numpy as np

    sizes: list[float] = []
    for axis in (0, 1):
        found: list[float] = []
        for luma in lumas:
            profile = np.abs(np.diff(luma.astype(np.float32), axis=axis)).mean(axis=1 - axis)
            before, after = np.append(0, profile[:-1]), np.append(profile[1:], 0)
            lines = np.flatnonzero((profile >= before) & (profile > after) & (profile > 2 * np.median(profile) + 0.05))
            if len(lines) < 12:
                return 1.0
            gaps = np.diff(lines)
            size = float(np.median(gaps) // 1)
            between = float(np.delete(profile, lines).mean() / profile[lines].mean())
            even = float(max(np.mean((gaps == near) | (gaps == near + 1)) for near in (size - 1, size)))
            if size < 3 or between > 0.3 or even < 0.6 or len(lines) * size < 0.6 * len(profile):
                return 1.0
            found.append(size)
        sizes.append(float(np.median(found)))
    return min(sizes) if max(sizes) <= 1.5 * min(sizes) else 1.0
