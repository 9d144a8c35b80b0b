"""The functions of all measures on pixels alone, by the name of the measure."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from ...protocols.signals_bounds import MEASURES, PIXELS
from ...scoring.verdict import FacetScore
from ...taxonomy import Path
from . import edges, jpeg, noise, resolution, squares
from .facets import compose
from .figure import Figure
from .planes import Planes
from .style import styles_of

FUNCTIONS: dict[str, Callable[[Planes], Figure]] = {
    "noise_sigma": noise.noise_sigma,
    "impulse_share": noise.impulse_share,
    "blur_sigma": edges.blur_sigma,
    "long_side": resolution.long_side,
    "fine_detail": resolution.fine_detail,
    "pixel_size": squares.pixel_size,
    "jpeg_quality": jpeg.jpeg_quality,
}


def figures_of(planes: Planes, facet: Path) -> list[Figure]:
    """Measure all of one facet."""
    return [FUNCTIONS[measure.name](planes) for measure in MEASURES if measure.facet == facet]


def score_pixels(planes: Planes, dimension: str, prompt: str, named: Iterable[str] = ()) -> dict[Path, FacetScore]:
    """Score the facets of ``dimension`` that are measured on pixels alone, under the styles of the prompt."""
    styles = styles_of(prompt, named)
    if art := planes.once(squares.squares).art:
        styles.setdefault("pixel-art", art)
    return {facet: compose(figures_of(planes, facet), styles) for facet in PIXELS if facet[0] == dimension}
