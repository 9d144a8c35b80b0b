"""Comparison of two paired runs: differences by dimension, the largest changes, and pairs that can't be compared."""

from __future__ import annotations

from collections.abc import Sequence

from pydantic import BaseModel

from ..errors import ConfigError
from ..support.words import plural
from ..taxonomy import EDIT_SCORE, LEVEL1, TOTAL, Path, written
from .baseline import BaselineRow, GateOutcome, differing, gate_of, method_of, rows_of
from .outcome_changes import OutcomeChanges, outcome_changes
from .pairing import Pairing, Scored, ScoredRun, pair, pair_by_prompt
from .served_models import other_models, served_models
from .suite import OnUndecided, check_policy


class Move(BaseModel):
    """One pair that moved: its score before and after, and the changes of its L1.

    ``path`` is the total's, an edit's, or ``["mean of L1"]`` for a judge without a total. ``written_over`` tells that
    the file of the picture before holds that after; ``before_image`` is then a copy of the earlier one, or empty.
    """

    id: str | None
    prompt: str
    seed: int | str | None
    path: list[str]
    before: float
    after: float
    change: float
    level1: dict[str, float]
    before_image: str
    after_image: str
    written_over: bool = False


class Comparison(BaseModel):
    """B against A. ``change`` is B minus A; ``gate`` is None without a bound on drops.

    ``gate`` is "undecided" where a row is, and ``on_undecided`` lets it pass.

    ``unread`` counts the rows of B that could not be read. Each may be any of A's images, so it fails the gate like an
    image of A that B did not judge.
    """

    a: str
    b: str
    pairs: int
    gate: GateOutcome | None = None
    max_drop: float | None = None
    on_undecided: OnUndecided = "mean"
    rows: list[BaselineRow]
    outcomes: OutcomeChanges = OutcomeChanges()
    moved: list[Move]
    only_a: list[str]
    only_b: list[str]
    reworded: list[str]
    not_judged: list[str]
    unread: int = 0
    method: str
    warnings: list[str]


def compare_runs(
    a: ScoredRun, b: ScoredRun, *, max_drop: float | None = None, on_undecided: str = "mean", top: int = 20
) -> Comparison:
    """Compare two runs, paired by ID, else by prompt and seed, else by prompt alone.

    Args:
        a: the run before.
        b: the run after.
        max_drop: the largest drop allowed of the total and each L1 (edits: of the score), as a baseline's margin.
        on_undecided: decides a larger drop that may be chance: "mean" (the mean decides, so it fails), "pass" or
            "fail".
        top: the number of largest changes to list.

    Raises:
        ConfigError: nothing can be paired; or there is a bound on drops and the judges differ; no such policy.
    """
    policy = check_policy(on_undecided, "compare")
    pairing = pair(a.images, b.images)
    if by_prompt := not pairing.pairs and not pairing.reworded:
        pairing = pair_by_prompt(a.images, b.images)
    if not pairing.pairs:
        also = (
            f" ({len(pairing.reworded)} have the same ID but another prompt or other dimensions)"
            if pairing.reworded
            else ""
        )
        raise ConfigError(f"{a.name} and {b.name} have no image in common, by ID or by prompt{also}")
    rows = rows_of(pairing, {} if max_drop is None else _allowed(pairing, max_drop), policy)
    result = Comparison(
        a=a.name,
        b=b.name,
        pairs=len(pairing.pairs),
        max_drop=max_drop,
        on_undecided=policy,
        rows=rows,
        outcomes=outcome_changes(pairing.pairs),
        moved=_moved(pairing.pairs)[:top],
        only_a=[item.label for item in pairing.missing],
        only_b=[item.label for item in pairing.new],
        reworded=[new.label for _, new in pairing.reworded],
        not_judged=[new.label for old, new in pairing.pairs if old.lost or new.lost],
        unread=b.unread,
        method=method_of(rows, "prompt alone") if by_prompt else method_of(rows),
        warnings=_warnings(a, b, pairing, strict=max_drop is not None),
    )
    if by_prompt:
        result.warnings.append(
            f"{a.name} and {b.name} have no ID, nor prompt and seed, in common: paired by prompt alone, "
            "those of one prompt in their order"
        )
    if max_drop is not None:
        incomplete = b.unread > 0 or bool(pairing.reworded)
        result.gate = "failed" if incomplete else gate_of(rows, result.outcomes) or "failed"  # A has no figure
    return result


def _allowed(pairing: Pairing, max_drop: float) -> dict[Path, float]:
    """The margin of every main dimension that A has; an image that B did not judge must not hide one."""
    had = {path for old, _ in pairing.pairs for path in old.figures}
    return {path: max_drop for path in (TOTAL, *((one,) for one in LEVEL1), EDIT_SCORE) if path in had}


def _moved(pairs: Sequence[tuple[Scored, Scored]]) -> list[Move]:
    moves = [move for old, new in pairs if (move := _move(old, new)) is not None]
    return sorted(moves, key=lambda move: -abs(move.change))


def _move(old: Scored, new: Scored) -> Move | None:
    ones = [(one,) for one in LEVEL1 if (one,) in old.figures and (one,) in new.figures]
    level1 = {path[0]: new.figures[path] - old.figures[path] for path in ones}
    main = EDIT_SCORE if old.kind == "edit" else TOTAL
    if main in old.figures and main in new.figures:
        before, after = old.figures[main], new.figures[main]
    elif ones and not (old.lost or new.lost):
        main = ("mean of L1",)
        before, after = (sum(item.figures[path] for path in ones) / len(ones) for item in (old, new))
    else:
        return None
    if abs(after - before) < 1e-9 and not any(abs(change) > 1e-9 for change in level1.values()):
        return None
    written_over = bool(old.image and old.pixels and new.pixels) and old.image == new.image and old.pixels != new.pixels
    return Move(
        id=new.id,
        prompt=new.prompt,
        seed=new.seed,
        path=written(main),
        before=before,
        after=after,
        change=after - before,
        level1=level1,
        before_image=old.copy if written_over else old.image,
        after_image=new.image,
        written_over=written_over,
    )


def _warnings(a: ScoredRun, b: ScoredRun, pairing: Pairing, *, strict: bool) -> list[str]:
    lines = [*a.problems, *b.problems]
    if strict and b.unread:
        lines.append(f"{plural(b.unread, 'row')} of {b.name} can't be read, so the gate fails")
    for old, new in pairing.pairs:
        if not (old.fingerprint and new.fingerprint):
            continue
        if found := differing(old.fingerprint, new.fingerprint):
            text = f"{a.name} (before) and {b.name} (now) were judged with different settings: {'; '.join(found)}"
            if strict:
                raise ConfigError(
                    f"{text}\na drop between them says nothing about the images; judge both with the same settings"
                )
            lines.append(text)
            break
    there, here = (served_models(item.fingerprint for item in run.images) | run.environment for run in (a, b))
    lines += [f"{a.name} (before) and {b.name} (now): {line}" for line in other_models(there, here)]
    if pairing.reworded:
        so = ", so the gate fails" if strict else ""
        lines.append(
            f"{len(pairing.reworded)} have another prompt, or were asked about other dimensions: not compared{so}"
        )
    lost = sum(1 for old, new in pairing.pairs if old.lost or new.lost)
    if lost:
        lines.append(f"{plural(lost, 'pair')} not judged in full on both sides: the figures are left out")
    return lines
