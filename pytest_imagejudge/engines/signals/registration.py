"""Registration of an edited picture on its source: what of its detail is found again, and where.

Phase correlation of tiles (Kuglin and Hines 1975, on OpenCV) gives the displacement of each; the similarity transform
on which most tiles agree (random sample consensus, Fischler and Bolles 1981) is that of the picture. An edit in one
place moves only its own tiles, and so does not count.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

_COARSE = 4  # the first look is at a quarter of the working size, where tiles reach far
_COARSE_TILE, _FINE_TILE = 64, 128  # pixels of the picture looked at
_DETAIL = 3.0  # levels; standard deviation of a tile's detail, from which on it is looked for
_BLANK = 0.5  # levels of an edited tile's detail, below which it tells no place (rounding to whole levels makes 0.3)
_ALIKE = 0.5  # correlation from which on a tile's detail is found again
_FEWEST = 6  # tiles that must agree
_LEAST_SHARE = 0.25  # of the tiles with detail, that must agree
_NEAR = 1.5  # pixels from the transform within which a tile agrees
_LEFT_OUT = 0.25  # share of a tile that may lie where the edit was asked to be
_LOST = 0.5  # share of what is kept, below which a larger movement is looked for
_ROUNDS = 3  # of refining
_STILL = 0.25  # pixels; a displacement that is not undone before tiles are compared


@dataclass(frozen=True)
class Registration:
    """Place of an edited picture on its source.

    Attributes:
        shift: pixels by which the middle of the picture moved, right and down.
        rotation: degrees, counter-clockwise.
        scale: 1 where nothing was rescaled, above 1 where it was enlarged.
        agreed, tiles: tiles with detail that moved so, and all of them.
        kept: share of the tiles with detail that were found again in their (moved) place; None without detail.
        found: whether a transform was found; without, the picture counts as not moved.
    """

    shift: tuple[float, float] = (0.0, 0.0)
    rotation: float = 0.0
    scale: float = 1.0
    agreed: int = 0
    tiles: int = 0
    kept: float | None = None
    found: bool = False

    @property
    def has_places(self) -> bool:
        """Tell whether there are as many tiles with detail as must agree."""
        return self.tiles >= _FEWEST


def register(source: Any, edited: Any, left_out: Any = None) -> Registration:
    """Register ``edited`` on ``source``, both luma, float32 (H, W); ``left_out``, bool (H, W), is not looked at."""
    import cv2
    import numpy as np

    height, width = source.shape
    small = (max(1, width // _COARSE), max(1, height // _COARSE))
    first, other = (cv2.resize(one, small, interpolation=cv2.INTER_AREA) for one in (source, edited))
    out = None if left_out is None else cv2.resize(left_out.astype(np.uint8), small, interpolation=cv2.INTER_AREA) > 0
    scale = np.diag([width / small[0], height / small[1], 1.0])
    matrix = np.eye(3)
    coarse, _, _ = _transform(first, other, out, _COARSE_TILE)
    if coarse is not None:
        matrix = scale @ coarse @ np.linalg.inv(scale)
    matrix, agreed, tiles, kept = _refined(source, edited, left_out, matrix)
    if kept is not None and kept < _LOST:  # it moved further than tiles reach, or is another picture
        far = _by_features(source, edited)
        if far is not None:
            tried = _refined(source, edited, left_out, far)
            if tried[3] is not None and tried[3] > max(kept, _LEAST_SHARE):
                matrix, agreed, tiles, kept = tried
    if not agreed:
        return Registration(tiles=tiles, kept=kept)
    middle = np.array([(width - 1) / 2, (height - 1) / 2, 1.0])
    dx, dy = (matrix @ middle - middle)[:2]
    return Registration(
        shift=(float(dx), float(dy)),
        rotation=float(-np.degrees(np.arctan2(matrix[1, 0], matrix[0, 0]))),
        scale=float(np.hypot(matrix[0, 0], matrix[1, 0])),
        agreed=agreed,
        tiles=tiles,
        kept=kept,
        found=True,
    )


def _refined(source: Any, edited: Any, left_out: Any, matrix: Any) -> tuple[Any, int, int, float | None]:
    """Return a first transform made exact by tiles, how many tiles agreed of how many (0: none), and what was kept."""
    moved = _undone(edited, matrix)
    agreed = tiles = 0
    for _ in range(_ROUNDS):
        fine, number, tiles = _transform(source, moved, left_out, _FINE_TILE)
        if fine is None:
            break
        agreed, matrix = number, matrix @ fine
        if _reach(fine, source.shape) < _STILL:
            break
        moved = _undone(edited, matrix)  # tiles that nearly match tell more exactly where they are
    return matrix, agreed, tiles, _kept(source, moved, left_out)


def _by_features(source: Any, edited: Any) -> Any:
    """The similarity transform, 3 x 3, by features of any scale and turn (SIFT, Lowe 2004), or None."""
    import cv2
    import numpy as np

    finder = cv2.SIFT_create(nfeatures=1500)  # type: ignore[attr-defined, unused-ignore]
    (points, known), (others, found) = (
        finder.detectAndCompute(np.clip(each, 0, 255).astype(np.uint8), None) for each in (source, edited)
    )
    if known is None or found is None or min(len(points), len(others)) < 2 * _FEWEST:
        return None
    pairs = cv2.BFMatcher().knnMatch(known, found, k=2)
    good = [pair[0] for pair in pairs if len(pair) == 2 and pair[0].distance < 0.75 * pair[1].distance]
    if len(good) < 2 * _FEWEST:
        return None
    one = np.array([points[match.queryIdx].pt for match in good], np.float32)
    other = np.array([others[match.trainIdx].pt for match in good], np.float32)
    affine, inliers = cv2.estimateAffinePartial2D(one, other, method=cv2.RANSAC, ransacReprojThreshold=3.0)
    if affine is None or inliers.sum() < 2 * _FEWEST:
        return None
    return np.vstack([affine, [0, 0, 1]])


def _undone(edited: Any, matrix: Any) -> Any:
    """The edited picture moved back on the source by ``matrix``, which maps places of the source to the edited one."""
    import cv2

    height, width = edited.shape
    if _reach(matrix, edited.shape) < _STILL:
        return edited
    flags = cv2.INTER_CUBIC | cv2.WARP_INVERSE_MAP
    return cv2.warpAffine(edited, matrix[:2], (width, height), flags=flags, borderMode=cv2.BORDER_REFLECT)


def _reach(matrix: Any, shape: tuple[int, int]) -> float:
    """The largest displacement in a picture, in pixels along one side."""
    import numpy as np

    height, width = shape
    corners = np.array([[0, 0, 1], [width, 0, 1], [0, height, 1], [width, height, 1]], np.float64).T
    return float(np.abs((matrix @ corners - corners)[:2]).max())


def _detail(picture: Any) -> Any:
    import cv2

    return cv2.GaussianBlur(picture, (0, 0), 0.8) - cv2.GaussianBlur(picture, (0, 0), 8)


def _transform(source: Any, edited: Any, left_out: Any, tile: int) -> tuple[Any, int, int]:
    """Fit a similarity transform, 3 x 3, source to edited, by tiles; None where too few agree. Also their numbers."""
    import cv2
    import numpy as np

    one, other = _detail(source), _detail(edited)
    window = cv2.createHanningWindow((tile, tile), cv2.CV_32F)
    places, targets, tiles = [], [], 0
    for top, left in _tiles(source.shape, tile, tile // 2):
        here = slice(top, top + tile), slice(left, left + tile)
        if left_out is not None and left_out[here].mean() > _LEFT_OUT:
            continue
        if one[here].std() < _DETAIL or not _cornered(one[here]):
            continue
        tiles += 1
        if other[here].std() < _BLANK:  # all such tiles would agree on the same displacement
            continue
        (dx, dy), _ = cv2.phaseCorrelate(one[here], other[here], window)
        x, y = left + (tile - 1) / 2, top + (tile - 1) / 2
        places.append((x, y))
        targets.append((x + dx, y + dy))
    if len(places) < _FEWEST:
        return None, 0, tiles
    moves = np.array(places, np.float32), np.array(targets, np.float32)
    affine, inliers = cv2.estimateAffinePartial2D(*moves, method=cv2.RANSAC, ransacReprojThreshold=_NEAR)
    agreed = 0 if inliers is None else int(inliers.sum())
    if affine is None or agreed < max(_FEWEST, _LEAST_SHARE * tiles):
        return None, agreed, tiles
    return np.vstack([affine, [0, 0, 1]]), agreed, tiles


def _cornered(detail: Any) -> bool:
    """Tell whether a tile has detail in both directions, so that it can move in no direction unseen."""
    import cv2
    import numpy as np

    dx, dy = cv2.Sobel(detail, cv2.CV_32F, 1, 0), cv2.Sobel(detail, cv2.CV_32F, 0, 1)
    xx, yy, xy = float((dx * dx).mean()), float((dy * dy).mean()), float((dx * dy).mean())
    mean, spread = (xx + yy) / 2, float(np.hypot((xx - yy) / 2, xy))
    return mean - spread > 0.05 * (mean + spread)


def _tiles(shape: tuple[int, int], tile: int, step: int) -> list[tuple[int, int]]:
    return [(top, left) for top in range(0, shape[0] - tile + 1, step) for left in range(0, shape[1] - tile + 1, step)]


def _kept(source: Any, moved: Any, left_out: Any, tile: int = 32) -> float | None:
    """The share of tiles with detail whose detail correlates with that at the same place."""
    import numpy as np

    height, width = (side // tile * tile for side in source.shape)
    if not height or not width:
        return None

    def cut(picture: Any) -> Any:
        return (
            picture[:height, :width]
            .reshape(height // tile, tile, width // tile, tile)
            .swapaxes(1, 2)
            .reshape(-1, tile * tile)
        )

    one, other = cut(_detail(source)), cut(_detail(moved))
    one, other = one - one.mean(1, keepdims=True), other - other.mean(1, keepdims=True)
    spread, spread_other = one.std(1), other.std(1)
    looked_at = spread >= _DETAIL
    if left_out is not None:
        looked_at &= ~cut(left_out).any(1)
    if looked_at.sum() < _FEWEST:
        return None
    alike = (one * other).mean(1) / np.maximum(spread * spread_other, 1e-6)
    return float((alike >= _ALIKE)[looked_at].mean())
