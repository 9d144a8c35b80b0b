"""The functions of all measures on pixels alone, by the name of the measure."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from functools import lru_cache

from ...protocols.signals_bounds import COLOUR, LIGHT, MEASURES, PIXELS
from ...scoring.verdict import FacetScore
from ...taxonomy import Path
from . import colour, content, edges, jpeg, levels, noise, repetition, resolution, squares, tones
from .facets import compose, fails
from .figure import Figure
from .grid import grid
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
    "one_colour": content.one_colour,
    "blank_share": content.blank_share,
    "level_step": levels.level_step,
    "stripe_levels": repetition.stripe_levels,
    "tile_likeness": repetition.tile_likeness,
    "checker_levels": repetition.checker_levels,
    "pure_share": colour.pure_share,
    "cast_chroma": colour.cast_chroma,
    "highlight_cast": colour.highlight_cast,
    "burnt_share": colour.burnt_share,
    "crushed_share": colour.crushed_share,
    "lightest": tones.lightest,
    "darkest": tones.darkest,
    "light_span": tones.light_span,
}


OTHERS = frozenset(
    ("flat", "line-art", "painting", "watercolour", "film-grain")
)  # than pixel art, where a prompt says so


def figures_of(planes: Planes, facet: Path) -> list[Figure]:
    """Measure all of one facet."""
    figures = [planes.once(FUNCTIONS[measure.name]) for measure in MEASURES if measure.facet == facet]
    if facet in (COLOUR, LIGHT) and any(map(fails, figures)) and (size := planes.once(grid)):
        words = (
            f"squares of {size} pixels, as of pixel art in a JPEG, which may have the colours and the light it likes"
        )
        figures = [Figure(one.name, None, words, unsure=True) if fails(one) else one for one in figures]
    return figures


def score_pixels(planes: Planes, dimension: str, prompt: str, named: Iterable[str] = ()) -> dict[Path, FacetScore]:
    """Score the facets of ``dimension`` that are measured on pixels alone, under the styles of the prompt."""
    styles = dict(_styles(prompt, tuple(named)))
    found = planes.once(squares.squares)
    either = found.either or found.blurred
    if found.art or (either and not styles.keys() & OTHERS):
        styles.setdefault("pixel-art", found.art or either)
    return {facet: compose(figures_of(planes, facet), styles) for facet in PIXELS if facet[0] == dimension}


@lru_cache(64)
def _styles(prompt: str, named: tuple[str, ...]) -> Mapping[str, str]:
    return styles_of(prompt, named)
