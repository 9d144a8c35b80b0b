"""Images that newly fail, or newly pass, their bounds, with the exact test of it."""

from __future__ import annotations

from collections.abc import Sequence
from math import comb
from typing import Literal

from pydantic import BaseModel

from ..support.words import plural, verb
from .pairing import Scored


class OutcomeChanges(BaseModel):
    """Counts of images that changed their outcome, of ``n`` pairs whose bounds were applied before and now.

    Attributes:
        newly_failing, newly_passing: labels of the images, sorted: entries come in the order in which they were judged.
        p: probability of at least so many new failures among those that changed, if either change is as likely
            (the one-sided exact test of McNemar); None where none changed.
        allowed: how many may newly fail; None where nobody bounds it.
        not_judged: images whose outcome is known before and not now, since they were not judged.
        gate: None without a bound.
    """

    n: int = 0
    newly_failing: list[str] = []
    newly_passing: list[str] = []
    p: float | None = None
    allowed: int | None = None
    not_judged: int = 0
    gate: Literal["passed", "failed"] | None = None
    detail: str = ""


def outcome_changes(pairs: Sequence[tuple[Scored, Scored]], allowed: int | None = None) -> OutcomeChanges:
    """Count the changes; with ``allowed`` the gate fails where more newly fail, or where that is not known."""
    known = [(old, new) for old, new in pairs if _decided(old) and _decided(new)]
    found = OutcomeChanges(
        n=len(known),
        newly_failing=sorted(new.label for old, new in known if old.outcome == "passed" and new.outcome == "failed"),
        newly_passing=sorted(new.label for old, new in known if old.outcome == "failed" and new.outcome == "passed"),
        allowed=allowed,
        not_judged=sum(1 for old, new in pairs if _decided(old) and new.outcome == "error"),
    )
    found.p = sign_test(len(found.newly_failing), len(found.newly_passing))
    if allowed is not None:
        over = len(found.newly_failing) > allowed
        found.gate = "failed" if over or found.not_judged or not found.n else "passed"
    found.detail = _detail(found)
    return found


def _decided(item: Scored) -> bool:
    return item.bounded and item.outcome in ("passed", "failed")


def sign_test(more: int, less: int) -> float | None:
    """Probability of at least ``more`` heads in ``more + less`` throws of a fair coin; None without a throw."""
    throws = more + less
    return sum(comb(throws, heads) for heads in range(more, throws + 1)) / 2**throws if throws else None


def _detail(found: OutcomeChanges) -> str:
    if not found.n:
        words = "which images newly fail is not known: no outcomes of the same images before and now"
        return words + (", so the gate fails" if found.gate else "")
    failing, passing = len(found.newly_failing), len(found.newly_passing)
    words = f"{plural(failing, 'image')} newly {verb(failing, 'fails')}, {passing} newly {verb(passing, 'passes')}"
    if found.p is not None:
        words += f" (exact sign test of more failures: p {'< 0.001' if found.p < 0.001 else f'= {found.p:.3f}'})"
    if found.allowed is not None:
        words += f"; {found.allowed} may newly fail"
        if found.not_judged:
            lost = found.not_judged
            words += f"; {plural(lost, 'image')} {verb(lost, 'was')} not judged now, so the gate fails"
    return words
