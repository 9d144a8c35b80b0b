"""Scores of facets, composed of the figures of their measures."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from ...protocols.signals_bounds import BY_NAME, Measure
from ...scoring.verdict import FacetScore, Raw
from ...support.words import listed
from .figure import Figure


def compose(figures: Iterable[Figure], styles: Mapping[str, str]) -> FacetScore:
    """Score one facet: the worst of its figures decides and is named, and so is each other one that fails.

    Where none fails, and one is unsure, or fails but for a style, the facet is not judged.

    Args:
        figures: of the measures of one facet.
        styles: the styles of the picture, each with the words that say where it comes from.
    """
    judged: list[tuple[int, float, str]] = []
    left: dict[str, None] = {}  # why the others are not judged, each reason once
    spared: dict[str, None] = {}  # the same of those that a style excuses
    open_: dict[str, None] = {}  # the same of those that may be damage
    for figure in figures:
        measure = BY_NAME[figure.name]
        excused = next((style for style in measure.styles if style in styles), None)
        if excused is not None:
            words = f"not judged in the style {excused} ({styles[excused]})"
            spared[words] = None
            if figure.unsure or fails(figure):
                open_[words] = None
        elif figure.unsure:
            open_[figure.words] = None
        elif figure.value is None:
            left[figure.words] = None
        else:
            words = f"{figure.words}, {measure.bound}"
            if measure.in_doubt(figure.value):
                open_[f"{words}: so near to it a fine picture may be"] = None
            raw = raw_of(measure, figure.value)
            if raw == 0 and measure.styles:
                words += f" (unless in the style {listed(measure.styles, 'or')})"
            judged.append((raw, -_nearness(measure, figure.value), words))
    judged.sort(key=lambda one: one[:2])
    failed = [words for raw, _, words in judged if raw == 0]
    if open_ and not failed:
        return FacetScore("N/A", "; ".join(open_))
    if not judged:
        return FacetScore("N/A", "; ".join({**spared, **left}) or "nothing of this facet is measured")
    passed = [judged[0][2], *(f"in part {reason}" for reason in spared)]
    return FacetScore(_RAW[judged[0][0]], "; ".join(failed or passed))


def raw_of(measure: Measure, value: float) -> int:
    """Return the raw score (0, 1 or 2) of a figure; exactly at a bound is within it."""
    if measure.low_is_bad:
        return 0 if value < measure.fail else 2 if value >= measure.good else 1
    return 0 if value > measure.fail else 2 if value <= measure.good else 1


def fails(figure: Figure) -> bool:
    """Return True for a figure that fails by itself."""
    return figure.value is not None and raw_of(BY_NAME[figure.name], figure.value) == 0


_RAW: tuple[Raw, Raw, Raw] = (0, 1, 2)


def _nearness(measure: Measure, value: float) -> float:
    """Return how near a figure is to failing; above 1 it fails."""
    tiny = 1e-9
    over, under = (measure.fail, value) if measure.low_is_bad else (value, measure.fail)
    return (over + tiny) / (max(under, 0.0) + tiny)
