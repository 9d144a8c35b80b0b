"""The power spectrum of a picture by tiles: for blur, up-scaling and noise.

A natural picture has power that falls with the square of the frequency (Field 1987), in every direction where it has
anything at all. Blur and enlarging leave a band without power below the finest frequency that the pixels can hold.
White noise has the same power everywhere.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache, cached_property
from typing import Any

from .percentiles import percentile
from .planes import Planes
from .products import product

SIDE = 32  # pixels of a tile
# Cycles a pixel; half a cycle is the finest that pixels can hold.
BANDS = ((0.06, 0.1), (0.11, 0.17), (0.23, 0.29), (0.29, 0.35), (0.35, 0.41), (0.41, 0.5))
LOWEST, COARSE, MIDDLE, FINE = 0, 1, (2, 3, 4), (4, 5)  # indexes of bands
_ROUNDING = 1 / 12  # squared levels: the power that rounding to 8 bits leaves in every band
DIRECTIONS = tuple(11.25 * step for step in range(16))  # degrees
_STEEP = 0.25  # cycles a pixel along a direction, from which on motion along it by a few pixels leaves next to nothing
_RAISED = 4  # times, at most: the coarse detail of a tile that may have lost it to motion
_MARGIN = 1.3  # of the floor: what of a tile's power is above it is no chance
_BINS = SIDE // 2  # frequencies across that are in a band
_OWN = 640  # tiles at the picture's own pixels; what is sharp there shows in so many
_AT_ONCE = 60  # tiles whose spectra fit into the cache of a core
BUSY = 30.0  # squared levels in the coarse band from which on a tile has something to see


@dataclass(frozen=True)
class Spectra:
    """Spectra of all tiles of a plane.

    Attributes:
        power: (tiles, bands), mean power in squared levels.
        xx, yy, xy: (tiles, bands), power times squared frequency by direction, as a symmetric matrix; in a natural
            picture ``xx + yy`` is about the same in all bands.
        mean: (tiles,), mean level.
        steep: (tiles, directions), power times squared frequency of all that changes quickly along each direction.
    """

    power: Any
    xx: Any
    yy: Any
    xy: Any
    mean: Any
    steep: Any

    @cached_property
    def busy(self) -> Any:
        """Mask of the tiles with something to see."""
        return self.power[:, COARSE] >= BUSY

    @cached_property
    def coarse(self) -> Any:
        """Mask of the tiles with something to see at the lowest frequencies."""
        return self.power[:, LOWEST] >= BUSY

    @cached_property
    def floor(self) -> Any:
        """Power by band that is everywhere, so that it is noise or rounding, and no detail."""
        import numpy as np

        return np.maximum(_ROUNDING, percentile(self.power, 10)) * _MARGIN

    def detail(self, bands: Iterable[int], degrees: Any = None, against: int = COARSE) -> Any:
        """Return the power of busy tiles in ``bands``, of a coarser band's, where 1 is a natural picture's.

        Args:
            bands: indexes of `BANDS`; the mean over them counts.
            degrees: directions (n,); each counts as if it were all, so 1 stays a natural picture's.
            against: index of the coarser band, in which tiles are busy.

        Returns:
            (tiles,), or (tiles, n) by direction.
        """
        import numpy as np

        bands = list(bands)
        half = self.floor[bands] * _squares()[bands] / 2
        busy = self.power[:, against] >= BUSY
        xx, yy, xy = (part[busy] for part in (self.xx, self.yy, self.xy))
        coarse = xx[:, against] + yy[:, against]
        along, across = (np.maximum(part[:, bands] - half, 0).mean(axis=1) for part in (xx, yy))
        if degrees is None:
            return (along + across) / coarse
        x, y = np.cos(np.radians(degrees)), np.sin(np.radians(degrees))
        by_direction = along[:, None] * x * x + across[:, None] * y * y
        return 2 * (by_direction + 2 * xy[:, bands].mean(axis=1)[:, None] * x * y) / coarse[:, None]

    def along(self) -> Any:
        """Return the detail of busy tiles along each of `DIRECTIONS`: (tiles, directions), 1 in a natural picture.

        Edges askew to a direction count for it, so that it is 0 for motion along it, and not where few lines lie
        across it. The coarse detail is that of two bands, for long motion takes it from the finer one as well, raised
        towards that of half of the tiles, for in some tiles motion takes nearly all of it.
        """
        import numpy as np

        coarse = (self.xx + self.yy)[self.busy, : COARSE + 1].max(axis=1)
        coarse = np.maximum(coarse, np.minimum(np.median(coarse), _RAISED * coarse))
        floor = np.maximum(_ROUNDING * _steep_square(), percentile(self.steep, 10)) * _MARGIN
        return np.maximum(self.steep[self.busy] - floor, 0) / coarse[:, None]

    def anisotropy(self, bands: Iterable[int]) -> Any:
        """Return the share of the power of each tile (tiles,) in ``bands`` that has a direction: 0 to 1."""
        import numpy as np

        xx, yy, xy = (part[:, list(bands)].mean(axis=1) for part in (self.xx, self.yy, self.xy))
        return np.sqrt((xx - yy) ** 2 + 4 * xy**2) / np.maximum(xx + yy, 1e-9)


def spectra(planes: Planes) -> Spectra:
    """Return the spectra of the picture at the working size."""
    return spectra_of(planes.working_luma)


def half_spectra(planes: Planes) -> Spectra:
    """Return the spectra at half the working size."""
    return spectra_of(planes.half)


def quarter_spectra(planes: Planes) -> Spectra:
    """Return the spectra at a quarter of the working size."""
    return spectra_of(planes.quarter)


def own_spectra(planes: Planes) -> Spectra:
    """Return the spectra of an even sample of tiles at the picture's own pixels."""
    import numpy as np

    parts = planes.tile_lumas
    every = max(1, sum(part.size for part in parts) // (_OWN * SIDE * SIDE))
    return _spectra_of(np.concatenate([_tiles(part, 1) for part in parts])[::every])


def sharpest(values: Any) -> Any:
    """Return the value that only the sharpest tiles exceed: 5% of them, or one of a few; 0 without any."""
    import numpy as np

    if not len(values):
        return np.zeros(values.shape[1:])
    if len(values) >= 20:
        return percentile(values, 95)
    return np.sort(values, axis=0)[-min(2, len(values))]


def spectra_of(luma: Any) -> Spectra:
    """Measure a grey plane (H, W, uint8); one that is narrower than a tile has no tiles."""
    import numpy as np

    # Two grids of tiles, each with every second row: a line that lies between the tiles of one is seen by the other.
    return _spectra_of(np.concatenate([_tiles(luma, 2), _tiles(luma[SIDE + SIDE // 2 :, SIDE // 2 :], 2)]))


def _spectra_of(tiles: Any) -> Spectra:
    """Measure tiles (tiles, SIDE, SIDE)."""
    import numpy as np

    across, down, weights = _transform()
    found = np.zeros((len(tiles), weights.shape[1]), np.float32)
    mean = _means(tiles)
    for first in range(0, len(tiles), _AT_ONCE):
        some = slice(first, first + _AT_ONCE)
        part = tiles[some].astype(np.float32)
        part -= mean[some, None, None]
        rows = np.empty((len(part), 2 * SIDE, _BINS), np.float32)  # cosines, and sines below
        np.matmul(part, across[0], out=rows[:, :SIDE])
        np.matmul(part, across[1], out=rows[:, SIDE:])
        bins = (down @ rows).reshape(len(part), -1)
        bins *= bins
        power = bins[:, : SIDE * _BINS] + bins[:, SIDE * _BINS :]  # of the real parts and the imaginary ones
        found[some] = product(power, weights)
    power, xx, yy, xy, steep = np.split(found, [len(BANDS) * part for part in (1, 2, 3, 4)], axis=1)
    return Spectra(power, xx, yy, xy, mean, steep)


def _tiles(luma: Any, step: int) -> Any:
    """Cut every ``step``-th row of tiles: (tiles, SIDE, SIDE)."""
    down, across = luma.shape[0] // SIDE, luma.shape[1] // SIDE
    inner = luma[: down * SIDE, : across * SIDE].reshape(down, SIDE, across, SIDE)[::step]
    return inner.swapaxes(1, 2).reshape(-1, SIDE, SIDE)


def _means(tiles: Any) -> Any:
    """The mean level of each tile."""
    import cv2
    import numpy as np

    if not len(tiles):
        return np.zeros(0, np.float32)
    return cv2.reduce(tiles.reshape(len(tiles), -1), 1, cv2.REDUCE_AVG, dtype=cv2.CV_32F).ravel()


@cache
def _squares() -> Any:
    """The mean squared frequency of each band."""
    import numpy as np

    return np.array([(low**2 + high**2) / 2 for low, high in BANDS])


def _steep(x: Any, y: Any, angle: float) -> Any:
    """Mask of the frequencies that are high along a direction, in radians."""
    import numpy as np

    return (np.abs(x * np.cos(angle) + y * np.sin(angle)) >= _STEEP) & (np.hypot(x, y) < BANDS[-1][1])


@cache
def _steep_square() -> float:
    """The mean squared frequency of what is steep."""
    import numpy as np

    x, y = np.meshgrid(np.linspace(-0.5, 0.5, 201), np.linspace(-0.5, 0.5, 201))
    return float((x * x + y * y)[_steep(x, y, 0.0)].mean())


@cache
def _transform() -> tuple[Any, Any, Any]:
    """The matrices of a windowed tile's Fourier transform, across and down, and from its power to each band's.

    For so few numbers they are as quick as the fast transform. The last one has power, xx, yy and xy of each band, and
    then what is steep along each direction.
    """
    import numpy as np

    slope = np.hanning(SIDE + 1)[:SIDE]
    place, x, y = np.arange(SIDE), np.arange(_BINS)[None, :] / SIDE, np.fft.fftfreq(SIDE)[:, None]
    wave = np.exp(-2j * np.pi * place[:, None] * x) * slope[:, None]
    across = np.stack([wave.real, wave.imag])
    turn = np.exp(-2j * np.pi * y * place) * slope
    down = np.block([[turn.real, -turn.imag], [turn.imag, turn.real]])
    count = np.where(x > 0, 2.0, 1.0) + 0 * y  # the other half of the plane is the same
    columns = []
    for shape in (1 + 0 * x * y, x * x + 0 * y, y * y + 0 * x, x * y):
        for low, high in BANDS:
            inside = ((np.hypot(y, x) >= low) & (np.hypot(y, x) < high)) * count
            columns.append((shape * inside / inside.sum() / (slope**2).sum() ** 2).ravel())
    square = x * x + y * y
    for angle in np.radians(DIRECTIONS):
        inside = _steep(x, y, angle) * count
        columns.append((square * inside / inside.sum() / (slope**2).sum() ** 2).ravel())
    return across.astype(np.float32), down.astype(np.float32), np.stack(columns, axis=1).astype(np.float32)
