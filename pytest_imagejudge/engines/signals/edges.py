"""Blur of a picture: the width of its strongest edges.

The width comes from the ratio of their gradients at two scales (Zhuo and Sim 2011, on OpenCV), taken by direction, so
that motion blur is seen, and of the sharper ones only, so that a soft background is not.
"""

from __future__ import annotations

from typing import Any

from .figure import Figure
from .planes import Planes

_SCALES = (1.0, 2.0)  # pixels; the sigmas of the two scales at which gradients are compared
_FAINTEST = 1.0  # levels a pixel; fainter than this, the strongest edges of a picture are shades


def edge_sigma(planes: Planes) -> Figure:
    """Measure the blur of the edges in the blurriest direction, in pixels at the working size."""
    if words := planes.too_small:
        return Figure("edge_sigma", None, words)
    sigma, direction, _ = planes.once(working_edges)
    if sigma is None:
        return Figure("edge_sigma", None, "no edges to measure")
    side = max(planes.working_luma.shape)
    words = f"edges across {direction} degrees are blurred by sigma {sigma:.2f} pixels (at {side} on the long side)"
    return Figure("edge_sigma", sigma, words)


def working_edges(planes: Planes) -> tuple[float | None, int, float | None]:
    """Return the width of the edges in the blurriest direction, that direction, and the width in the sharpest one."""
    return _edges([planes.working_luma])


def native_edges(planes: Planes) -> tuple[float | None, int, float | None]:
    """Return the same as `working_edges` at the picture's own pixels."""
    if len(planes.tile_lumas) == 1 and planes.tile_lumas[0].shape == planes.working_luma.shape:
        return planes.once(working_edges)
    return _edges(planes.tile_lumas)


def _edges(lumas: list[Any]) -> tuple[float | None, int, float | None]:
    """Width of the edges in the blurriest direction, that direction, and width in the sharpest direction."""
    import cv2
    import numpy as np

    fine, coarse = _SCALES
    slope = np.array([[-0.5, 0.0, 0.5]], np.float32)
    parts: list[tuple[Any, Any, Any]] = []
    for luma in lumas:
        plane = luma.astype(np.float32)
        a, b = (cv2.GaussianBlur(plane, (0, 0), sigma, borderType=cv2.BORDER_REFLECT) for sigma in (fine, coarse))
        ax, ay = cv2.filter2D(a, -1, slope), cv2.filter2D(a, -1, slope.T)
        strong = np.hypot(ax, ay)
        peak = (strong >= cv2.dilate(strong, np.ones((3, 3)))) & (strong > 0.7)
        weak = np.hypot(cv2.filter2D(b, -1, slope)[peak], cv2.filter2D(b, -1, slope.T)[peak])
        angle = np.degrees(np.arctan2(ay[peak], ax[peak])) % 180
        parts.append((strong[peak], strong[peak] / np.maximum(weak, 1e-6), angle))
    strength, ratio, angle = (np.concatenate(column) for column in zip(*parts, strict=True))
    squared = (coarse**2 - ratio**2 * fine**2) / np.maximum(ratio**2 - 1, 1e-3)
    sigma = np.sqrt(np.clip(squared, 0.01, 400))
    widths: dict[int, float] = {}
    for centre in range(0, 180, 45):
        inside = np.abs((angle - centre + 90) % 180 - 90) <= 22.5
        if inside.sum() < 30:
            continue
        strongest = strength[inside] >= np.percentile(strength[inside], 95)
        if strength[inside][strongest].mean() >= _FAINTEST:
            widths[centre] = float(np.percentile(sigma[inside][strongest], 25))
    if not widths:
        return None, 0, None
    blurriest = max(widths, key=lambda centre: widths[centre])
    return widths[blurriest], blurriest, min(widths.values())
