"""Noise of a picture, and pixels that stand out alone.

Noise is the smallest scatter of the finest wavelet band over the tiles of the picture (median estimator of
Donoho and Johnstone 1994, on PyWavelets): texture raises it in some tiles, noise in all.
"""

from __future__ import annotations

from typing import Any

from .figure import Figure
from .planes import Planes

_APART = 25  # levels by which a pixel that stands out alone is brighter, or darker, than all its neighbours


def noise_sigma(planes: Planes) -> Figure:
    """Measure the standard deviation of the noise, in 8-bit levels, at the picture's own pixels."""
    if words := planes.too_small:
        return Figure("noise_sigma", None, words)
    sigma, _ = planes.once(_both)
    if sigma is None:
        return Figure("noise_sigma", None, "all of the picture is black or white, where noise is cut off")
    return Figure("noise_sigma", sigma, f"estimated noise sigma {sigma:.1f} levels")


def impulse_share(planes: Planes) -> Figure:
    """Measure the percentage of pixels that stand out from all their neighbours."""
    if words := planes.too_small:
        return Figure("impulse_share", None, words)
    if planes.once(_both)[0] is None:
        return Figure("impulse_share", None, "all of the picture is black or white, where noise is cut off")
    share = 100 * planes.once(_both)[1]
    return Figure("impulse_share", share, f"{share:.2f}% of the pixels stand out alone")


def _both(planes: Planes) -> tuple[float | None, float]:
    return _noise(planes.tiles)


def _noise(tiles: list[Any]) -> tuple[float | None, float]:
    """Noise sigma, None where all is clipped; share of impulses."""
    import cv2
    import numpy as np
    import pywt  # type: ignore[import-untyped, unused-ignore]

    side = 32  # pixels; 16 coefficients
    around = np.ones((3, 3), np.uint8)
    around[1, 1] = 0  # the neighbours of a pixel: strokes of letters have one of their own kind, an impulse has none
    sigmas: list[list[float]] = [[], [], []]
    impulses, pixels = 0, 0
    for tile in tiles:
        down, across = tile.shape[0] // side, tile.shape[1] // side
        inner = tile[: down * side, : across * side]
        clipped = ((inner <= 2) | (inner >= 253)).reshape(down, side, across, side, 3).mean(axis=(1, 3))
        for channel in range(3):
            band = np.abs(pywt.dwt2(tile[:, :, channel].astype(np.float32), "db2")[1][2])
            blocks = band[: down * side // 2, : across * side // 2].reshape(down, side // 2, across, side // 2)
            medians = np.median(blocks.transpose(0, 2, 1, 3).reshape(down * across, -1), axis=1)
            sigmas[channel] += (medians[clipped[:, :, channel].ravel() < 0.1] / 0.6745).tolist()
        luma = cv2.cvtColor(tile, cv2.COLOR_RGB2GRAY)
        above = cv2.subtract(luma, cv2.dilate(luma, around))
        below = cv2.subtract(cv2.erode(luma, around), luma)
        impulses += int(np.count_nonzero((above > _APART) | (below > _APART)))
        pixels += luma.size
    found = [float(np.percentile(values, 10)) for values in sigmas if values]
    return (float(np.mean(found)) if found else None), impulses / pixels
