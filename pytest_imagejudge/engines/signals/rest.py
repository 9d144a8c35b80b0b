"""Changes of the rest of an edited picture: of its colours, its sharpness, its compression.

Colours: the affine transform of RGB that explains most of the picture (robust least squares, Huber 1964); an edit in
one place is an outlier to it. Sharpness: the energy of the finest detail against the source's, tile by tile, and the
middle of the tiles. Compression: fine detail that is missing on the grid of JPEG's blocks.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

_CELL = 8  # pixels a side of the cells whose mean colours are compared
_DARK = 32.0  # levels; of a picture darker than this, a change by a level or two is no share to speak of
_OUTLIER = 6.0  # levels from the transform at which a cell counts half
_ROUNDS = 12
_FEWEST = 16  # cells, or tiles, that a figure needs
_FLAT = 6.0  # levels; a picture with less contrast has none to compare
_TILE = 32  # pixels; sharpness is compared by tiles of this size
_BANDS = (0.8, 1.6)  # pixels; the sigmas between which bands of detail lie
_BLOCK = 8  # pixels a side of JPEG's blocks
_FAINT = 4.0  # squared levels; energy of detail that is no loss
_FLOOR = 1.0  # levels; energy that rounding and faint noise make


@dataclass(frozen=True)
class Colours:
    """The change of the rest's colours.

    Attributes:
        brightness: percent of the mean luma; negative is darker.
        contrast: percent of the luma's spread; negative is flatter. None for a source of one tone.
        shift: distance of the mean colours in a* and b* of CIELAB.
    """

    brightness: float
    contrast: float | None
    shift: float


def compare_colours(source: Any, edited: Any, left_out: Any = None) -> Colours | None:
    """Compare colours, RGB uint8 (H, W, 3); None where too little is left to compare."""
    import cv2
    import numpy as np

    height, width = source.shape[:2]
    size = (max(1, width // _CELL), max(1, height // _CELL))
    one, other = (
        cv2.resize(picture, size, interpolation=cv2.INTER_AREA).reshape(-1, 3).astype(np.float32)
        for picture in (source, edited)
    )
    if left_out is not None:
        away = cv2.resize(left_out.astype(np.float32), size, interpolation=cv2.INTER_AREA).ravel() == 0
        one, other = one[away], other[away]
    if len(one) < _FEWEST:
        return None
    explained = np.clip(_explained(one, other), 0, 255)
    grey = np.array([0.299, 0.587, 0.114], np.float32)
    before, after = one @ grey, explained @ grey
    spread = float(before.std())
    labs = [cv2.cvtColor((part / 255).astype(np.float32)[None], cv2.COLOR_RGB2LAB)[0] for part in (one, explained)]
    moved = np.hypot(*(labs[1] - labs[0])[:, 1:].T)
    return Colours(
        brightness=100 * float(after.mean() - before.mean()) / max(float(before.mean()), _DARK),
        contrast=None if spread < _FLAT else 100 * (float(after.std()) / spread - 1),
        shift=float(moved.mean()),
    )


def _explained(one: Any, other: Any) -> Any:
    """The colours that the transform on which most cells agree makes of ``one``, (N, 3)."""
    import numpy as np

    count = len(one)
    known = np.hstack([one, np.ones((count, 1), np.float32)]).astype(np.float64)
    # where a picture has few colours, the transform stays near the one that changes nothing
    ridge = np.diag([1e-3 * count * 100.0] * 3 + [1e-9 * count])
    change = (other - one).astype(np.float64)
    fit = np.zeros((4, 3))
    for _ in range(_ROUNDS):
        far = np.linalg.norm(change - known @ fit, axis=1)
        scale = max(_OUTLIER, 1.0)
        weight = 1 / (1 + (far / scale) ** 2)
        weighted = known * weight[:, None]
        fit = np.linalg.solve(known.T @ weighted + ridge, weighted.T @ change)
    return (one + known @ fit).astype(np.float32)


def sharpness(source: Any, edited: Any, left_out: Any = None) -> float | None:
    """The contrast of fine detail against the source's, 1 where it is the same; luma, float32 (H, W).

    Of two bands, the finest and the next, the one that lost more counts, as far as the source has detail there.
    """
    import cv2
    import numpy as np

    away = None if left_out is None else _cut(left_out.astype(np.float32)) == 0
    found = []
    fine = [(picture, cv2.GaussianBlur(picture, (0, 0), _BANDS[0])) for picture in (source, edited)]
    finer = [(below, cv2.GaussianBlur(picture, (0, 0), _BANDS[1])) for picture, below in fine]
    for bands in (fine, finer):
        one, other = (_cut((above - below) ** 2) for above, below in bands)
        looked_at = one > 4 * _FLOOR**2
        if away is not None:
            looked_at &= away
        if looked_at.sum() >= _FEWEST // 2:
            ratio = (other[looked_at] + _FLOOR**2) / (one[looked_at] + _FLOOR**2)
            found.append(float(np.sqrt(np.median(ratio))))
    return min(found, default=None)


def _cut(picture: Any) -> Any:
    """Means by tile."""
    height, width = (side // _TILE * _TILE for side in picture.shape)
    return picture[:height, :width].reshape(height // _TILE, _TILE, width // _TILE, _TILE).mean(axis=(1, 3)).ravel()


def block_loss(source: Any, edited: Any, left_out: Any = None) -> float | None:
    """The share of fine detail that is lost on the grid of JPEG's 8 x 8 blocks, beyond what the source lost there.

    JPEG rounds the coefficients of fine detail to nothing, so they are missing on its grid, and only there. Luma,
    float32 (H, W), at the edited picture's own pixels; None where it has too little fine detail.
    """
    kept = _on_grid(edited, left_out)
    if kept is None:
        return None
    before = _on_grid(source, left_out)
    return max(0.0, 1 - kept / min(1.0, 1.0 if before is None else before))


def _on_grid(luma: Any, left_out: Any) -> float | None:
    """The fine detail of blocks on JPEG's grid, against that of blocks that lie half a block beside it."""
    import numpy as np

    on, beside = (_finest(luma[offset:, offset:]) for offset in (0, _BLOCK // 2))
    rows, columns = (min(sides) for sides in zip(on.shape, beside.shape, strict=True))
    on, beside = on[:rows, :columns], beside[:rows, :columns]
    looked_at = (on + beside) / 2 > 2 * _FAINT
    if left_out is not None and rows and columns:
        out = left_out[: rows * _BLOCK, : columns * _BLOCK].reshape(rows, _BLOCK, columns, _BLOCK)
        looked_at &= ~out.any(axis=(1, 3))
    if looked_at.sum() < _FEWEST:
        return None
    logs = np.log(on[looked_at] + _FAINT) - np.log(beside[looked_at] + _FAINT)
    return float(np.exp(logs.mean()))


def _finest(luma: Any) -> Any:
    """The mean energy of the fine half of each block's cosine transform."""
    import numpy as np

    rows, columns = (side // _BLOCK for side in luma.shape)
    blocks = luma[: rows * _BLOCK, : columns * _BLOCK].reshape(rows, _BLOCK, columns, _BLOCK).swapaxes(1, 2)
    number = np.arange(_BLOCK)
    cosines = np.cos(np.pi * (2 * number[None] + 1) * number[:, None] / (2 * _BLOCK)) * np.sqrt(2 / _BLOCK)
    cosines[0] /= np.sqrt(2)
    cosines = cosines.astype(np.float32)
    transformed = cosines @ blocks @ cosines.T
    return (transformed[..., np.add.outer(number, number) >= _BLOCK] ** 2).mean(-1)
