"""Repetition that is no content of a picture: stripes, the checkerboard of a broken decoder, tiles.

Stripes and checkerboards stand still over the whole picture, however its content changes: averages over the picture at
the same phase keep them, and lose the content. Tiles make the picture like itself after a shift, across and down.
"""

from __future__ import annotations

from typing import Any

from ...protocols.signals_bounds import BY_NAME
from .figure import Figure
from .planes import Planes
from .squares import squares

_WINDOW = 1024  # pixels; the middle of a larger picture, at its own pixels
_LEAST = 128  # side of a window below which averages over it still hold its content
_CELL = 16  # pixels; a checkerboard of period 2, 4, 8 or 16 repeats in it
_REGIONS = 4  # across and down; the checkerboard has to be in most of them
_BANDS = 8  # across the stripes; they have to be in nearly all of them
_LONGEST = 18  # pixels; wider stripes are drawn ones
_DARK = 12.5  # levels in the mean: of stripes that halve the light, the amplitude is a sixth of it, below the bound
_OWN = 0.1  # of the side of squares; enlarged pixels repeat with it
_PROMINENT = 4.0  # times as strong as the periods around it: content is spread over many periods
_LOCAL = 8.0  # pixels of `quarter`; what is wider than this is shading, and no texture that repeats
_BOTH_WAYS = 0.25  # share of the contrast that changes both ways; of a grid, or of stripes, nearly all changes one way
_FAINTEST = 0.5  # levels; the contrast of a texture below which nothing can be told to repeat


def stripe_levels(planes: Planes) -> Figure:
    """Measure the amplitude, in levels, of the stripes that cross the whole picture, of periods up to 18 pixels."""
    import cv2

    window = planes.once(_window)
    if min(window.shape) < _LEAST:
        return Figure("stripe_levels", None, _too_few(planes))
    amplitude, period, upright = 0.0, 0.0, False
    for axis in (0, 1):
        found = _stripes(window, axis)
        if found[0] > amplitude:
            (amplitude, period), upright = found, axis == 0
    size = planes.once(squares).size
    if size > 1 and abs(period / size - 1) < _OWN:
        return Figure("stripe_levels", 0.0, f"stripes of {period:.1f} pixels are those of the squares of {size:g}")
    dark = cv2.sumElems(window)[0] / window.size
    if amplitude <= BY_NAME["stripe_levels"].fail and dark < _DARK:
        return Figure("stripe_levels", None, f"too dark, {dark:.0f} levels in the mean, to show stripes", unsure=True)
    if not amplitude:
        return Figure("stripe_levels", 0.0, "no stripes found")
    across = "vertical" if upright else "horizontal"
    return Figure(
        "stripe_levels", amplitude, f"{across} stripes of {period:.1f} pixels, amplitude {amplitude:.1f} levels"
    )


def checker_levels(planes: Planes) -> Figure:
    """Measure the amplitude, in levels, of the pattern that repeats every 2, 4, 8 or 16 pixels both ways."""
    import cv2
    import numpy as np

    window = planes.once(_window)
    if min(window.shape) < _LEAST:
        return Figure("checker_levels", None, _too_few(planes))
    cells = _folded(window) - _folded(cv2.blur(window, (_CELL + 1, _CELL + 1)))
    whole = float(cells.mean(axis=(0, 1)).std())
    cells -= cells.mean(axis=2, keepdims=True)
    cells -= cells.mean(axis=3, keepdims=True)  # stripes are measured by themselves
    pattern = cells.mean(axis=(0, 1))
    strength = float(np.sqrt((pattern**2).sum()))
    if strength / _CELL < _BOTH_WAYS * whole:
        return Figure("checker_levels", 0.0, "no checkerboard found")
    # the amplitude of the common pattern in each region, least quarter: a carpet in a corner is none of the decoder's
    here = (cells * pattern).sum(axis=(2, 3)) / max(strength, 1e-6) / _CELL
    amplitude = max(0.0, float(np.percentile(here, 25)))
    return Figure(
        "checker_levels", amplitude, f"a checkerboard over the whole picture, amplitude {amplitude:.1f} levels"
    )


def tile_likeness(planes: Planes) -> Figure:
    """Measure how like the picture is to itself, shifted by half of it down to a tenth: 0 to 1, the lesser way."""
    import cv2
    import numpy as np

    plane = planes.quarter.astype(np.float32)
    if min(plane.shape) < _LEAST // 4:
        return Figure("tile_likeness", None, _too_few(planes))
    plane -= cv2.GaussianBlur(plane, (0, 0), _LOCAL)
    whole = float(plane.std())
    plane -= plane.mean(axis=0, keepdims=True)
    plane -= plane.mean(axis=1, keepdims=True)  # what only changes one way is alike after any shift the other way
    if float(plane.std()) < max(_FAINTEST, _BOTH_WAYS * whole):
        return Figure("tile_likeness", None, "too little texture to tell whether it repeats")
    across, columns = _likeness(plane)
    down, rows = _likeness(cv2.transpose(plane))
    value = max(0.0, min(across, down))
    return Figure(
        "tile_likeness", value, f"alike to {value:.2f} after a shift by 1/{columns:.3g} across and 1/{rows:.3g} down"
    )


def _window(planes: Planes) -> Any:
    """The middle of the picture in grey, at its own pixels."""
    import cv2
    import numpy as np

    width, height = planes.width, planes.height
    if max(width, height) <= _WINDOW:
        return planes.luma
    left, top = max(0, (width - _WINDOW) // 2), max(0, (height - _WINDOW) // 2)
    box = (left, top, min(width, left + _WINDOW), min(height, top + _WINDOW))
    return cv2.cvtColor(np.asarray(planes.picture.crop(box)), cv2.COLOR_RGB2GRAY)


def _too_few(planes: Planes) -> str:
    return f"{planes.width} x {planes.height} pixels are too few to see what repeats"


def _folded(plane: Any) -> Any:
    """Means over all cells of each region: (_REGIONS, _REGIONS, _CELL, _CELL), float."""
    import cv2
    import numpy as np

    step = _CELL * _REGIONS
    height, width = (side // step * step for side in plane.shape)
    rows = np.ascontiguousarray(plane[:height, :width]).reshape(_REGIONS, -1, _CELL * width)
    means = np.stack([cv2.reduce(part, 0, cv2.REDUCE_AVG, dtype=cv2.CV_32F)[0] for part in rows])
    return means.reshape(_REGIONS, _CELL, _REGIONS, -1, _CELL).mean(axis=3).transpose(0, 2, 1, 3)


def _stripes(plane: Any, axis: int) -> tuple[float, float]:
    """Amplitude in levels and period in pixels of the strongest stripes along an axis; zeros where there are none."""
    import cv2
    import numpy as np

    length, width = plane.shape[axis], plane.shape[1 - axis]
    step = length // _BANDS
    bands = [slice(at * step, (at + 1) * step) for at in range(_BANDS)]
    parts = [plane[band] if axis == 0 else plane[:, band] for band in bands]
    profiles = np.stack([cv2.reduce(part, axis, cv2.REDUCE_AVG, dtype=cv2.CV_32F).ravel() for part in parts])
    profiles -= cv2.blur(profiles, (33, 1), borderType=cv2.BORDER_REFLECT)
    window = np.hanning(width).astype(np.float32)
    spectra = np.fft.rfft(profiles * window, axis=1) * (2 / window.sum())
    common = spectra.mean(axis=0)
    strength = np.abs(common)
    along = (spectra * common.conj()).real / np.maximum(strength, 1e-6)
    amplitude = np.sort(along, axis=0)[1]  # the second least of the bands: one may be all black or white
    first = int(np.ceil(width / _LONGEST))
    reach = 10
    mirrored = np.concatenate([strength[reach:0:-1], strength, strength[-2 : -2 - reach : -1]])
    around = np.lib.stride_tricks.sliding_window_view(mirrored, 2 * reach + 1)
    usual = np.partition(around, reach, axis=1)[:, reach]  # the median, in a third of its time
    stands_out = strength > _PROMINENT * np.maximum(usual, 0.02)
    amplitude = np.where(stands_out, amplitude, 0.0)
    at = int(amplitude[first:].argmax()) + first
    # Lines of a grid that lie further apart have overtones here.
    below = [round(at / times) for times in range(2, 9) if 2 <= round(at / times) < first]
    wider = amplitude[2:first].max(initial=0.0)
    if wider >= 2 * amplitude[at] or any(amplitude[one - 1 : one + 2].max() >= amplitude[at] / 2 for one in below):
        return 0.0, 0.0
    return float(amplitude[at]), width / at


def _likeness(plane: Any) -> tuple[float, float]:
    """The best correlation of a plane with itself shifted across, and how many such shifts fit in its width."""
    import cv2
    import numpy as np

    height, width = plane.shape
    padded = np.zeros((height, 2 * width), np.float32)
    padded[:, :width] = plane
    packed = cv2.dft(padded, flags=cv2.DFT_ROWS)  # real and imaginary parts in turn, but for the first and the last
    power = cv2.reduce(packed * packed, 0, cv2.REDUCE_SUM)[0]
    products = np.fft.irfft(np.concatenate([power[:1], power[1:-1:2] + power[2:-1:2], power[-1:]]))[:width]
    energy = np.concatenate([[0.0], np.cumsum((plane**2).sum(axis=0, dtype=np.float64))])
    shift = np.arange(width)
    norms = np.sqrt(energy[width - shift] * (energy[-1] - energy[shift]))
    alike = products / np.maximum(norms, 1e-6 * energy[-1] + 1e-9)
    least, most = max(4, width // 20), width // 2 + 2
    at = int(alike[least:most].argmax()) + least
    return float(alike[at]), width / at
