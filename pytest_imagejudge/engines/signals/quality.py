"""Noise, Edge Clarity and Resolution of a picture, from its pixels alone.

Noise is the smallest scatter of the finest wavelet band over the tiles of the picture (median estimator of
Donoho and Johnstone 1994, on PyWavelets): texture raises it in some tiles, noise in all. Edge Clarity is the
width of the sharpest edges, from the ratio of gradients at two scales (Zhuo and Sim 2011, on scipy), taken in
four directions, so that motion blur is seen, and over the sharpest edges only, so that a soft background is
not. Resolution is the number of pixels that carry detail, from the width of the sharpest edges at the
picture's own pixels, and the marks of block coding and of enlarged pixels.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from ...verdict import FacetScore, Raw
from .bounds import BOUNDS

if TYPE_CHECKING:
    from PIL.Image import Image

_WORKING_SIDE = 1024  # pixels; the long side at which a viewer, and the published judge, sees a picture
_MOST_PIXELS = 4_000_000  # measured at the picture's own pixels; of larger ones an even sample of tiles
_TILE = 512  # side of a sampled tile
_SMALLEST = 32  # side below which no statistic of the picture means anything
_SHARP = 0.6  # sigma, in pixels, of the edges of a sharp photograph at its own pixels


@dataclass(frozen=True)
class Figures:
    """What was measured, before any bound. None where the picture gives no figure.

    Attributes:
        noise_sigma: noise, standard deviation in 8-bit levels, mean of the channels.
        impulse_share: share of pixels that stand out from their neighbours.
        edge_sigma: width of the sharpest edges in the blurriest direction, pixels at the working size.
        direction: that direction, degrees from the horizontal.
        native_sigma: width of the sharpest edges at the picture's own pixels.
        block_contrast: steps across the 8 x 8 grid, relative to those beside it.
        grid_share: median over mean step between neighbouring columns or rows.
    """

    width: int
    height: int
    noise_sigma: float | None = None
    impulse_share: float = 0.0
    edge_sigma: float | None = None
    direction: int = 0
    native_sigma: float | None = None
    block_contrast: float | None = None
    grid_share: float | None = None

    @property
    def effective_pixels(self) -> float | None:
        """Long side in pixels that carry detail."""
        return None if self.native_sigma is None else max(self.width, self.height) * self.effective_share

    @property
    def effective_share(self) -> float:
        """Of the picture's own pixels on a side, those that carry detail, 0 to 1."""
        return 1.0 if self.native_sigma is None else min(1.0, _SHARP / max(self.native_sigma, 1e-6))


def measure(picture: Image) -> tuple[FacetScore, FacetScore, FacetScore]:
    """Noise, Edge Clarity and Resolution of ``picture`` (RGB), in that order."""
    figures = figures_of(picture)
    return score_noise(figures), score_edges(figures), score_resolution(figures)


def figures_of(picture: Image) -> Figures:
    """Measure ``picture`` (RGB)."""
    import numpy as np
    from PIL import Image as Images

    width, height = picture.size
    if min(width, height) < _SMALLEST:
        return Figures(width, height)
    tiles = _tiles(picture)
    noise, impulses = _noise(tiles)
    luma = [tile @ np.array([0.299, 0.587, 0.114], np.float32) for tile in tiles]
    working = picture
    if max(picture.size) > _WORKING_SIDE:
        working = picture.copy()
        working.thumbnail((_WORKING_SIDE, _WORKING_SIDE), Images.Resampling.LANCZOS)
    edge, direction, _ = _edges([np.asarray(working.convert("L"), np.float32)])
    _, _, native = _edges(luma)
    return Figures(
        width,
        height,
        noise_sigma=noise,
        impulse_share=impulses,
        edge_sigma=edge,
        direction=direction,
        native_sigma=native,
        block_contrast=_blocks(luma),
        grid_share=_grid(luma),
    )


def _tiles(picture: Image) -> list[Any]:
    """The picture as float32 arrays (H, W, 3): itself, or an even sample of tiles on the grid of 8."""
    import numpy as np

    width, height = picture.size
    if width * height <= _MOST_PIXELS:
        return [np.asarray(picture, np.float32)]
    count = max(1, _MOST_PIXELS // _TILE**2)
    across = max(1, min(width // _TILE, round((count * width / height) ** 0.5)))
    down = max(1, min(height // _TILE, count // across))
    lefts = {round(left / 8) * 8 for left in np.linspace(0, max(0, width - _TILE - 8), across)}
    tops = {round(top / 8) * 8 for top in np.linspace(0, max(0, height - _TILE - 8), down)}
    return [
        np.asarray(picture.crop((left, top, min(width, left + _TILE), min(height, top + _TILE))), np.float32)
        for top in sorted(tops)
        for left in sorted(lefts)
    ]


def _noise(tiles: list[Any]) -> tuple[float | None, float]:
    import numpy as np
    import pywt
    from scipy import ndimage

    block = 16  # coefficients on a side, 32 pixels
    sigmas: list[list[float]] = [[], [], []]
    impulses, pixels = 0, 0
    for tile in tiles:
        for channel in range(3):
            plane = tile[:, :, channel]
            band = np.abs(pywt.dwt2(plane, "db2")[1][2])
            clipped = (plane <= 2) | (plane >= 253)
            down, across = plane.shape[0] // 32, plane.shape[1] // 32
            bands = band[: down * block, : across * block].reshape(down, block, across, block)
            medians = np.median(bands.transpose(0, 2, 1, 3).reshape(down * across, -1), axis=1)
            shares = clipped[: down * 32, : across * 32].reshape(down, 32, across, 32).mean(axis=(1, 3)).ravel()
            sigmas[channel] += (medians[shares < 0.1] / 0.6745).tolist()
        green = tile[:, :, 1]
        middle = ndimage.median_filter(green, 3)
        around = ndimage.median_filter(np.abs(green - middle), 5)
        impulses += int(((np.abs(green - middle) > 48) & (around < 8)).sum())
        pixels += green.size
    found = [float(np.percentile(values, 15)) for values in sigmas if values]
    return (float(np.mean(found)) if found else None), impulses / pixels


def _edges(planes: list[Any]) -> tuple[float | None, int, float | None]:
    """Width of the sharpest edges in the blurriest direction, that direction, and in the sharpest direction."""
    import numpy as np
    from scipy import ndimage

    fine, coarse = 0.7, 1.4
    collected: list[tuple[Any, Any, Any]] = []
    for plane in planes:
        gy, gx = (ndimage.gaussian_filter(plane, fine, order=order) for order in ((1, 0), (0, 1)))
        hy, hx = (ndimage.gaussian_filter(plane, coarse, order=order) for order in ((1, 0), (0, 1)))
        strong, weak = np.hypot(gy, gx), np.hypot(hy, hx)
        peak = strong == ndimage.maximum_filter(strong, 3)
        peak &= strong > 1.0
        ratio = strong[peak] / np.maximum(weak[peak], 1e-6)
        angle = np.degrees(np.arctan2(gy[peak], gx[peak])) % 180
        collected.append((strong[peak], ratio, angle))
    strength, ratio, angle = (np.concatenate(parts) for parts in zip(*collected, strict=True))
    squared = (coarse**2 - ratio**2 * fine**2) / np.maximum(ratio**2 - 1, 1e-3)
    sigma = np.sqrt(np.clip(squared, 0.09, 400))
    widths: dict[int, float] = {}
    for centre in (0, 45, 90, 135):
        inside = np.abs((angle - centre + 90) % 180 - 90) <= 22.5
        if inside.sum() < 50:
            continue
        strongest = strength[inside] >= np.percentile(strength[inside], 80)
        if strength[inside][strongest].mean() < 3:
            continue
        widths[centre] = float(np.percentile(sigma[inside][strongest], 25))
    if not widths:
        return None, 0, None
    blurriest = max(widths, key=lambda centre: widths[centre])
    return widths[blurriest], blurriest, min(widths.values())


def _blocks(planes: list[Any]) -> float | None:
    """Contrast of the 8 x 8 grid: median step across its lines over median step beside them."""
    import numpy as np

    ratios = []
    for axis in (0, 1):
        on, off = [], []
        for plane in planes:
            lines = plane if axis else plane.T
            # A second difference takes out slopes: what is left at a border is the step between two blocks.
            step = np.abs(lines[:, 1:-2] - lines[:, :-3] + lines[:, 2:-1] * -1 + lines[:, 3:]) * 0
            step = np.abs(
                (lines[:, 2:-1] - lines[:, 1:-2])
                - (lines[:, 1:-2] - lines[:, :-3]) / 2
                - (lines[:, 3:] - lines[:, 2:-1]) / 2
            )
            profile = step.mean(axis=0)  # profile[c] is the step between columns c + 1 and c + 2
            columns = np.arange(len(profile)) + 2
            if len(profile) < 24:
                continue
            on.append(profile[columns % 8 == 0].mean())
            off.append(profile[(columns % 8 != 0)].mean())
        if on and np.mean(off) > 1e-6:
            ratios.append(float(np.mean(on) / np.mean(off)))
    return float(np.mean(ratios)) if ratios else None


def _grid(planes: list[Any]) -> float | None:
    """Median over mean step between neighbouring columns and rows, the higher of the two."""
    import numpy as np

    shares = []
    for axis in (0, 1):
        profile = np.concatenate([np.abs(np.diff(plane, axis=axis)).mean(axis=1 - axis) for plane in planes])
        if profile.mean() > 0.05:
            shares.append(float(np.median(profile) / profile.mean()))
    return max(shares) if shares else None


def score_noise(figures: Figures) -> FacetScore:
    """Raw score of Noise."""
    if figures.noise_sigma is None:
        return _too_small(figures) or FacetScore("N/A", "all of the picture is black, white or clipped")
    fail, good = BOUNDS["noise_sigma"]
    raw = _high_is_bad(figures.noise_sigma, "noise_sigma")
    words = f"estimated noise sigma {figures.noise_sigma:.1f}, fail above {fail:g}"
    impulses = _high_is_bad(figures.impulse_share, "impulse_share")
    if impulses < raw:
        raw = impulses
        words = (
            f"{figures.impulse_share:.1%} of the pixels stand out from all around them, "
            f"fail above {BOUNDS['impulse_share'][0]:.1%}; {words}"
        )
    return FacetScore(raw, words)


def score_edges(figures: Figures) -> FacetScore:
    """Raw score of Edge Clarity."""
    if figures.edge_sigma is None:
        return _too_small(figures) or FacetScore("N/A", "no edges to measure")
    fail, _ = BOUNDS["edge_sigma"]
    side = min(_WORKING_SIDE, max(figures.width, figures.height))
    words = (
        f"the sharpest edges are {figures.edge_sigma:.2f} pixels wide (sigma, at {side} pixels), fail above {fail:g}"
    )
    return FacetScore(_high_is_bad(figures.edge_sigma, "edge_sigma"), words)


def score_resolution(figures: Figures) -> FacetScore:
    """Raw score of Resolution."""
    size = f"{figures.width} x {figures.height}"
    findings: list[tuple[int, str]] = []
    long = max(figures.width, figures.height)
    fail, good = BOUNDS["effective_pixels"]
    if long < fail:
        return FacetScore(0, f"{size} pixels, fail below {fail:g} on the long side")
    if small := _too_small(figures):
        return small
    if figures.effective_pixels is not None:
        share_fail, share_good = BOUNDS["effective_share"]
        enough = figures.effective_pixels >= _WORKING_SIDE
        raw = _low_is_bad(figures.effective_pixels, "effective_pixels")
        if not enough:
            raw = min(raw, _low_is_bad(figures.effective_share, "effective_share"))
        findings.append(
            (
                raw,
                f"detail of about {figures.effective_pixels:.0f} pixels on the long side of {size} "
                f"({figures.effective_share:.0%}), fail below {fail:g} or {share_fail:.0%}",
            )
        )
    if figures.grid_share is not None:
        raw = _low_is_bad(figures.grid_share, "grid_share")
        bound = BOUNDS["grid_share"][0]
        findings.append(
            (raw, f"evenness of steps between pixels {figures.grid_share:.2f}, fail below {bound:g} (enlarged pixels)")
        )
    if figures.block_contrast is not None:
        raw = _high_is_bad(figures.block_contrast, "block_contrast")
        bound = BOUNDS["block_contrast"][0]
        findings.append((raw, f"8 x 8 block contrast {figures.block_contrast:.2f}, fail above {bound:g} (JPEG)"))
    if not findings:
        return FacetScore("N/A", f"{size} pixels without any detail to measure")
    raw, words = min(findings, key=lambda pair: pair[0])
    return FacetScore(_as_raw(raw), words)


def _too_small(figures: Figures) -> FacetScore | None:
    if min(figures.width, figures.height) >= _SMALLEST:
        return None
    return FacetScore("N/A", f"{figures.width} x {figures.height} pixels are too few to measure")


def _high_is_bad(value: float, name: str) -> Raw:
    fail, good = BOUNDS[name]
    return 0 if value > fail else 2 if value <= good else 1


def _low_is_bad(value: float, name: str) -> Raw:
    fail, good = BOUNDS[name]
    return 0 if value < fail else 2 if value >= good else 1


def _as_raw(value: int) -> Raw:
    return 0 if value <= 0 else 1 if value == 1 else 2
