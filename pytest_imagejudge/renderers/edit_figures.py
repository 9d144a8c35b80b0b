"""The figures over all edits of a run as rows, for the terminal and the page."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

from ..report.lookup import EditBounds
from ..report.tally import Tally
from ..taxonomy import EDIT_SCORE, show_scale
from .tree_rows import in_words


@dataclass(frozen=True)
class EditRow:
    """One figure over the edits: its mean over the ``n`` that have it, what bounds it, and what went wrong.

    Attributes:
        scale: of the overall score, such as "1 to 5"; empty for an aspect.
        bound: as `bound_in_words` has it, or "differs" where edits have several.
        absent: where no edit has the figure, the judge's words on why it does not apply.
    """

    name: str
    scale: str
    n: int
    mean: str
    bound: str
    failed: bool
    wrong: str
    absent: str = ""


def edit_rows(tally: Tally) -> list[EditRow]:
    """Return a row for each figure of the edits, the overall score first.

    Where no edit has that score, though some have others, its row tells only how many edits were not judged.
    """
    figures = tally.edit_scores()
    unscored = len(figures) > 1 and not (tally.scores["score"].n or tally.scores["score"].failed)
    return [
        EditRow(
            name="whole edits" if unscored and (name,) == EDIT_SCORE else name,
            scale=show_scale(tally.edit_scale) if (name,) == EDIT_SCORE and not unscored else "",
            n=figure.n,
            mean="N/A" if figure.value is None else f"{figure.value:.2f}",
            bound=_bound(name, tally.edit_bounds),
            failed=bool(figure.failed),
            wrong=", ".join(in_words(figure.failed, figure.unread)),
            absent="" if figure.n else tally.reason((name,)),
        )
        for name, figure in figures
    ]


def _bound(name: str, several: Collection[EditBounds]) -> str:
    found = {bound_in_words(name, bounds) for bounds in several}
    return next(iter(found), "") if len(found) < 2 else "differs"


def bound_in_words(name: str, bounds: EditBounds) -> str:
    """Say what bounds a figure of an edit: a least, a most, or from one to the other; empty where nothing does."""
    shown = {side: f"{bound:g}" for each, side, bound in bounds if each == name}
    if len(shown) == 2:
        return f"{shown['least']} to {shown['most']}"
    return "".join(f"at {side} {bound}" for side, bound in shown.items())
