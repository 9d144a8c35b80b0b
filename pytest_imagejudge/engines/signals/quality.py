"""Noise, Edge Clarity and Resolution of a picture, from its pixels alone.

Noise is the smallest scatter of the finest wavelet band over the tiles of the picture (median estimator of
Donoho and Johnstone 1994, on PyWavelets): texture raises it in some tiles, noise in all. Edge Clarity is the
width of the strongest edges, from the ratio of their gradients at two scales (Zhuo and Sim 2011, on OpenCV),
taken by direction, so that motion blur is seen, and of the sharper ones only, so that a soft background is not.
Resolution is the number of pixels that carry detail, from the width of the sharpest edges at the picture's own
pixels and from the size of enlarged pixels; the power of fine detail over that of coarse detail, against the
inverse square law of natural pictures (Field 1987); and the share of the borders of JPEG's blocks that show.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from ...protocols.signals_bounds import BOUNDS
from ...scoring.verdict import FacetScore, Raw

if TYPE_CHECKING:
    from PIL.Image import Image

_WORKING_SIDE = 1024  # pixels; the long side at which a viewer, and the published judge, sees a picture
_MOST_PIXELS = 4_000_000  # measured at the picture's own pixels; of larger ones an even sample of tiles
_TILE = 512  # side of a sampled tile
_SMALLEST = 32  # side below which no statistic of the picture means anything
_SCALES = (1.0, 2.0)  # pixels; the sigmas of the two scales at which gradients are compared
_FAINTEST = 1.0  # levels a pixel; fainter than this, the strongest edges of a picture are shades
_COARSE, _FINE = (0.1, 0.25), (0.35, 0.5)  # bands of frequencies; 1 is the finest a picture can hold
_DRAWN = 64  # levels; a higher step at a border of JPEG's blocks was drawn there
_APART = 25  # levels by which a pixel that stands out alone is brighter, or darker, than all its neighbours
_SHARP = 0.45  # sigma, in pixels, up to which the edges of a picture count as sharp at its own pixels


@dataclass(frozen=True)
class Measurements:
    """The measured figures of a picture, before any bound; None where there is no figure.

    Attributes:
        width, height: of the picture, in pixels.
        noise_sigma: noise, standard deviation in 8-bit levels, mean of the channels.
        impulse_share: share of pixels that stand out from all their neighbours.
        edge_sigma: width of the edges in the blurriest direction, pixels at the working size.
        direction: the blurriest direction, degrees from the horizontal.
        native_sigma: width of the edges in the sharpest direction, at the picture's own pixels.
        pixel_size: side of the squares that the picture is made of; 1 where it is not enlarged that way.
        block_share: share of the borders of 8 x 8 blocks that are visible, beyond the share of other lines.
        fine_detail: power of fine detail over that of coarse detail, at the working size, where 1 is the
            inverse square law of natural pictures.
    """

    width: int
    height: int
    noise_sigma: float | None = None
    impulse_share: float = 0.0
    edge_sigma: float | None = None
    direction: int = 0
    native_sigma: float | None = None
    pixel_size: float = 1.0
    block_share: float = 0.0
    fine_detail: float | None = None

    @property
    def effective_share(self) -> float | None:
        """The share of the pixels along a side that carry detail, 0 to 1; None without edges."""
        if self.native_sigma is None:
            return None
        return min(1.0, _SHARP / max(self.native_sigma, _SHARP), 1 / self.pixel_size)

    @property
    def effective_pixels(self) -> float | None:
        """The long side in pixels that carry detail; None without edges."""
        share = self.effective_share
        return None if share is None else max(self.width, self.height) * share


def measure(picture: Image) -> tuple[FacetScore, FacetScore, FacetScore]:
    """Score Noise, Edge Clarity and Resolution of ``picture`` (RGB), in that order."""
    figures = figures_of(picture)
    return score_noise(figures), score_edges(figures), score_resolution(figures)


def figures_of(picture: Image) -> Measurements:
    """Measure ``picture`` (RGB)."""
    import cv2
    import numpy as np
    from PIL import Image as Images

    width, height = picture.size
    if min(width, height) < _SMALLEST:
        return Measurements(width, height)
    tiles = _tiles(picture)
    noise, impulses = _noise(tiles)
    lumas = [cv2.cvtColor(tile, cv2.COLOR_RGB2GRAY) for tile in tiles]
    edge, direction, native = _edges(lumas)
    working = lumas[0]
    if max(picture.size) > _WORKING_SIDE:
        small = picture.copy()
        small.thumbnail((_WORKING_SIDE, _WORKING_SIDE), Images.Resampling.LANCZOS)
        working = np.asarray(small.convert("L"))
        edge, direction, _ = _edges([working])
    return Measurements(
        width,
        height,
        noise_sigma=noise,
        impulse_share=impulses,
        edge_sigma=edge,
        direction=direction,
        native_sigma=native,
        pixel_size=_pixel_size(lumas),
        block_share=_blocks(lumas),
        fine_detail=_fine_detail(working),
    )


def _tiles(picture: Image) -> list[Any]:
    """The picture as uint8 arrays (H, W, 3): itself, or an even sample of tiles on the grid of 8."""
    import numpy as np

    width, height = picture.size
    if width * height <= _MOST_PIXELS:
        return [np.asarray(picture)]
    count = _MOST_PIXELS // _TILE**2
    across = max(1, min(width // _TILE, round((count * width / height) ** 0.5)))
    down = max(1, min(height // _TILE, count // across))
    across = max(1, min(width // _TILE, count // down))
    lefts = {int(left) // 8 * 8 for left in np.linspace(0, max(0, width - _TILE), across)}
    tops = {int(top) // 8 * 8 for top in np.linspace(0, max(0, height - _TILE), down)}
    return [
        np.asarray(picture.crop((left, top, min(width, left + _TILE), min(height, top + _TILE))))
        for top in sorted(tops)
        for left in sorted(lefts)
    ]


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


def score_noise(figures: Measurements) -> FacetScore:
    """Score Noise (raw: 0, 1 or 2)."""
    if figures.noise_sigma is None:
        return _too_small(figures) or FacetScore("N/A", "all of the picture is black or white, where noise is cut off")
    fail = BOUNDS["noise_sigma"][0]
    raw = _high_is_bad(figures.noise_sigma, "noise_sigma")
    words = f"estimated noise sigma {figures.noise_sigma:.1f}, fail above {fail:g}"
    impulses = _high_is_bad(figures.impulse_share, "impulse_share")
    if impulses < raw:
        bound = BOUNDS["impulse_share"][0]
        words += f"; {figures.impulse_share:.2%} of the pixels stand out alone, fail above {bound:.1%}"
    return FacetScore(_raw(min(raw, impulses)), words)


def score_edges(figures: Measurements) -> FacetScore:
    """Score Edge Clarity (raw: 0, 1 or 2)."""
    if figures.edge_sigma is None:
        return _too_small(figures) or FacetScore("N/A", "no edges to measure")
    fail = BOUNDS["edge_sigma"][0]
    side = min(_WORKING_SIDE, max(figures.width, figures.height))
    words = (
        f"edges across {figures.direction} degrees are blurred by sigma {figures.edge_sigma:.2f} pixels "
        f"(at {side} on the long side), fail above {fail:g}"
    )
    return FacetScore(_raw(_high_is_bad(figures.edge_sigma, "edge_sigma")), words)


def score_resolution(figures: Measurements) -> FacetScore:
    """Score Resolution (raw: 0, 1 or 2) by the worst of its figures."""
    size = f"{figures.width} x {figures.height}"
    fail = BOUNDS["effective_pixels"][0]
    if max(figures.width, figures.height) < fail:
        return FacetScore(0, f"{size} pixels, fail below {fail:g} on the long side")
    if small := _too_small(figures):
        return small
    share, pixels = figures.effective_share, figures.effective_pixels
    if share is None or pixels is None:
        return FacetScore("N/A", f"{size} pixels without an edge to measure")
    raw = _low_is_bad(pixels, "effective_pixels")
    if pixels < _WORKING_SIDE:
        raw = min(raw, _low_is_bad(share, "effective_share"))
    words = f"detail of about {pixels:.0f} pixels on the long side of {size} ({share:.0%})"
    if figures.pixel_size > 1:
        words += f", made of squares of {figures.pixel_size:g} pixels"
    words += f", fail below {fail:g} pixels or {BOUNDS['effective_share'][0]:.0%}"
    if figures.fine_detail is not None and (fine := _low_is_bad(figures.fine_detail, "fine_detail")) < raw:
        raw = fine
        natural = f"fine detail is {figures.fine_detail:.2f} of a natural picture's"
        words = f"{natural}, fail below {BOUNDS['fine_detail'][0]:g}, as if enlarged; {words}"
    blocks = _high_is_bad(figures.block_share, "block_share")
    if blocks < raw:
        bound = BOUNDS["block_share"][0]
        words = f"JPEG: {figures.block_share:.1%} of the borders of 8 x 8 blocks show, fail above {bound:.1%}; {words}"
    return FacetScore(_raw(min(raw, blocks)), words)


def _too_small(figures: Measurements) -> FacetScore | None:
    if min(figures.width, figures.height) >= _SMALLEST:
        return None
    return FacetScore("N/A", f"{figures.width} x {figures.height} pixels are too few to measure")


def _high_is_bad(value: float, name: str) -> int:
    fail, good = BOUNDS[name]
    return 0 if value > fail else 2 if value <= good else 1


def _low_is_bad(value: float, name: str) -> int:
    fail, good = BOUNDS[name]
    return 0 if value < fail else 2 if value >= good else 1


def _raw(value: int) -> Raw:
    return 0 if value <= 0 else 1 if value == 1 else 2
