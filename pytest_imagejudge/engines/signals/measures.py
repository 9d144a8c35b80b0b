"""The functions of all measures on pixels alone, by the name of the measure."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from ...protocols.signals_bounds import MEASURES, PIXELS
from ...scoring.verdict import FacetScore
from ...taxonomy import Path
from . import edges, noise, resolution
from .facets import compose
from .figure import Figure
from .planes import Planes
from .style import styles_of

FUNCTIONS: dict[str, Callable[[Planes], Figure]] = {
    "noise_sigma": noise.noise_sigma,
    "impulse_share": noise.impulse_share,
    "edge_sigma": edges.edge_sigma,
    "effective_pixels": resolution.effective_pixels,
    "effective_share": resolution.effective_share,
    "fine_detail": resolution.fine_detail,
    "block_share": resolution.block_share,
}


def figures_of(planes: Planes, facet: Path) -> list[Figure]:
    """Measure all of one facet."""
    return [FUNCTIONS[measure.name](planes) for measure in MEASURES if measure.facet == facet]


def score_pixels(planes: Planes, dimension: str, prompt: str, named: Iterable[str] = ()) -> dict[Path, FacetScore]:
    """Score the facets of ``dimension`` that are measured on pixels alone, under the styles of the prompt."""
    styles = styles_of(prompt, named)
    return {facet: compose(figures_of(planes, facet), styles) for facet in PIXELS if facet[0] == dimension}
