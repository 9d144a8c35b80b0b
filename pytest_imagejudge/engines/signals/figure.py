"""The figure of one measure on one picture, before any bound."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Figure:
    """One measured figure of a picture.

    Attributes:
        name: of the measure in `signals_bounds.MEASURES`.
        value: the figure, in the unit of its measure; None where there is nothing to measure.
        words: the figure with its unit, or why there is none; the bound is added to it.
        unsure: True where there may be damage that can't be told from what is drawn so: then nothing speaks for the
            facet, however fine its other figures are.
    """

    name: str
    value: float | None
    words: str
    unsure: bool = False
