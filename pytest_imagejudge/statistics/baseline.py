"""Baselines: the gate on drops against an earlier run, and on images that newly fail.

The gate asks two questions about every dimension with a margin (the largest drop allowed): is the mean drop beyond the
margin, and is it no chance? The second is a one-sided paired test against no drop at all, with at most 5% false
alarms over all margins together where nothing changed (`paired`). A dimension fails where both hold. It passes where
the mean drop is within the margin. It is undecided where the drop is beyond the margin and may be chance: the row then
says how many pairs would decide it, and a policy decides the gate. ``imagejudge plan`` computes the power of this gate.
"""

from __future__ import annotations

import itertools
import math
import shlex
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Literal, NamedTuple

from pydantic import BaseModel

from ..errors import ConfigError
from ..report.fingerprints import deciding
from ..report.model import EditEntry, VerdictEntry
from ..support.words import plural, some, verb
from ..taxonomy import EDIT_SCORE, Path, check_path, from_written, show, written
from .baseline_file import Baseline, environment_of
from .figures import DIMENSIONS
from .intervals import MINIMUM
from .outcome_changes import OutcomeChanges, outcome_changes
from .paired import ALPHA, Difference, differences, fewest, pairs_to_decide
from .pairing import Pairing, Scored, edit_scale, figure_pairs, pair, scored
from .served_models import is_of_models, other_models
from .suite import OnUndecided, check_policy

_NAMED = 10  # images of one kind that are named
_INTERVAL = f"a {1 - ALPHA:.0%} interval"
_ROUNDING = 1e-9  # of sums of figures; no difference that anybody means


GateOutcome = Literal["passed", "failed", "undecided"]


class BaselineRow(BaseModel):
    """One dimension against the baseline. ``change`` is after minus before; a drop is negative.

    ``low`` and ``high`` are limits of the change: one-sided 95% limits simultaneous over the rows with a margin
    (``allowed``), or a 95% interval simultaneous over those without, which have no outcome; None for too few pairs to
    tell both ways. ``p`` is the probability
    that a drop as clear as this one comes up by chance, in any of the dimensions that are tested together. ``gate``
    is what the outcome and the policy for an undecided one come to.
    """

    path: list[str]
    before: float | None
    after: float | None
    change: float | None
    low: float | None
    high: float | None
    n: int
    left_out: int = 0
    not_judged: int = 0
    allowed: float | None = None
    p: float | None = None
    outcome: GateOutcome | None = None
    gate: Literal["passed", "failed"] | None = None
    needed: int | None = None
    detail: str = ""


class BaselineResult(BaseModel):
    """A run against its baseline; ``Report.baseline`` is this, dumped.

    ``gate`` is "undecided" where something is, and the policy ``on_undecided`` lets it pass.
    """

    file: str = ""
    gate: GateOutcome | None = None
    on_undecided: OnUndecided = "pass"
    pairs: int = 0
    rows: list[BaselineRow] = []
    outcomes: OutcomeChanges | None = None
    new: list[str] = []
    missing: list[str] = []
    changed: list[str] = []
    reworded: list[str] = []
    not_judged: list[str] = []
    warnings: list[str] = []
    method: str = ""


def compare_with_baseline(
    verdicts: Iterable[VerdictEntry],
    baseline: Baseline,
    margins: Mapping[Path, float],
    *,
    edits: Iterable[EditEntry] = (),
    edit_margin: float | None = None,
    on_undecided: str = "pass",
    newly_failing: int | None = None,
    file: str = "",
    renew: str = "",
) -> BaselineResult:
    """Compare a run with its baseline, paired; ``gate`` is None where nothing is bounded.

    Args:
        verdicts: all images of the run; the unjudged among them make the gate fail.
        baseline: as read by `baseline_file.read_baseline`.
        margins: largest drop allowed by path (total ``()`` or ``("total",)``, L1, L2), in points.
        edits: all edits of the run, likewise.
        edit_margin: largest drop allowed of the mean edit score; ignored without edits.
        on_undecided: decides a drop beyond its margin that may be chance: "pass", "mean" (the mean decides, so it
            fails) or "fail".
        newly_failing: how many images may miss their bounds that met them in the baseline.
        file: the baseline's name, for messages.
        renew: the command that judges the images again and writes the baseline anew, for messages.

    Raises:
        ConfigError: model, revision, protocol, treatment or sampling differ from the baseline's, with the differences
            and how to judge again; a margin on a path that is no mean of a run; or no such policy.
    """
    allowed = _checked(margins)
    policy = check_policy(on_undecided, "baseline")
    after = scored(itertools.chain(verdicts, edits))
    if edit_margin is not None and any(item.kind == "edit" for item in [*after, *baseline.images]):
        allowed[EDIT_SCORE] = edit_margin
    after = [_rounded(item) for item in after]
    pairing = pair(baseline.images, after)
    _same_judge(pairing, baseline.images, after, file, renew)
    rows = rows_of(pairing, allowed, policy)
    outcomes = outcome_changes(pairing.pairs, newly_failing)
    result = BaselineResult(
        file=file,
        gate=gate_of(rows, outcomes),
        on_undecided=policy,
        pairs=len(pairing.pairs),
        rows=rows,
        outcomes=outcomes,
        new=[item.label for item in pairing.new],
        missing=[item.label for item in pairing.missing],
        changed=[item.label for item in pairing.changed],
        reworded=[new.label for _, new in pairing.reworded],
        not_judged=[new.label for _, new in pairing.pairs if new.lost],
        method=method_of(rows),
    )
    result.warnings = _warnings(result, baseline, after)
    return result


def gate_of(rows: Sequence[BaselineRow], outcomes: OutcomeChanges) -> GateOutcome | None:
    """Return the worst outcome of all bounds, or None where nothing is bounded."""
    gates = [row.gate for row in rows if row.gate] + [outcomes.gate] * (outcomes.gate is not None)
    if not gates:
        return None
    if "failed" in gates:
        return "failed"
    return "undecided" if any(row.outcome == "undecided" for row in rows) else "passed"


def method_of(rows: Sequence[BaselineRow], paired: str = "row ID, or by prompt and seed") -> str:
    """Description of the limits' method; ``paired`` names the key of the pairs."""
    counts = [sum(1 for row in rows if (row.allowed is None) == free) for free in (False, True)]
    words = [f"paired by {paired}"]
    if counts[0]:
        words.append(
            f"with a margin ({counts[0]}): one-sided tests against no drop at all, at most {ALPHA:.0%} false alarms "
            "over all of them, and limits to match"
        )
    if counts[1]:
        words.append(f"{'others' if counts[0] else 'dimensions'} ({counts[1]}): {1 - ALPHA:.0%} simultaneous intervals")
    return "; ".join([*words, "both by the largest t under random sign flips of the prompts' differences"])


def _checked(margins: Mapping[Path, float]) -> dict[Path, float]:
    allowed = {from_written(path): float(margin) for path, margin in margins.items()}
    for path, margin in allowed.items():
        if path not in DIMENSIONS:
            if len(path) == 3:
                raise ConfigError(
                    f"baseline: a margin is for the total, an L1 or an L2, not for the facet {show(path)}"
                )
            try:
                check_path(path)
            except KeyError as error:
                raise ConfigError(f"baseline: {error.args[0]}") from None
        if not (math.isfinite(margin) and margin >= 0):
            raise ConfigError(f"baseline: the margin of {show(path)} is a number of at least 0, not {margin!r}")
    return allowed


def _rounded(item: Scored) -> Scored:
    # As the file rounds them, so that an unchanged image differs by exactly nothing.
    item.figures.update({path: round(value, 4) for path, value in item.figures.items()})
    return item


def rows_of(pairing: Pairing, allowed: Mapping[Path, float], on_undecided: OnUndecided = "pass") -> list[BaselineRow]:
    """Rows in the order of the tree: every dimension with a margin, and all others with figures.

    Raises:
        ConfigError: scores of edits on several scales.
    """
    kinds = {old.kind for old, _ in pairing.pairs}
    shown = [path for path in (*DIMENSIONS, EDIT_SCORE) if ("edit" if path == EDIT_SCORE else "image") in kinds]
    others = [path for path in shown if path not in allowed]
    found: dict[Path, Difference] = {}
    edits = edit_scale(pairing.pairs)
    for family, alpha in ((list(allowed), ALPHA), (others, ALPHA / 2)):
        for difference in differences(figure_pairs(pairing.pairs, family), alpha=alpha, edits=edits):
            found[difference.path] = difference
    return [
        _row(found[path], pairing.pairs, allowed.get(path), _Gate(on_undecided, len(allowed)))
        for path in (*DIMENSIONS, EDIT_SCORE)
        if path in allowed or (path in found and found[path].n)
    ]


class _Gate(NamedTuple):
    policy: OnUndecided
    margins: int  # how many there are


def _row(found: Difference, pairs: Sequence[tuple[Scored, Scored]], allowed: float | None, gate: _Gate) -> BaselineRow:
    path = found.path
    kind = "edit" if path == EDIT_SCORE else "image"
    lost = sum(1 for old, new in pairs if path in old.figures and path in new.lost)
    either = sum(1 for old, new in pairs if old.kind == kind and (path in old.figures) != (path in new.figures))
    row = BaselineRow(
        path=written(path),
        before=found.before,
        after=found.after,
        change=found.difference,
        low=found.low,
        high=found.high,
        n=found.n,
        left_out=either - lost,
        not_judged=lost,
        allowed=allowed,
    )
    words = []
    if allowed is not None:
        row.p = found.p
        row.outcome, reason = _outcome(row, allowed)
        row.gate = "passed" if row.outcome == "passed" or _let_pass(row, gate.policy) else "failed"
        words.append(reason)
        if found.units < fewest(ALPHA / 2):  # as for rows without a margin
            row.low = row.high = None
            words += [f"{_too_few(found)}, so the mean decides"] * (row.outcome == "passed")
        if row.outcome == "undecided":
            row.needed = pairs_to_decide(found, gate.margins)
            words += [_policy(row, gate.policy), _wanted(row)]
    elif found.p is not None and found.p <= ALPHA / 2:
        words.append("a drop is shown")
    elif row.low is not None and row.low > _ROUNDING:
        words.append("a rise is shown")
    elif found.low is None and found.n:
        words.append(_no_interval(found))
    if row.left_out:
        words.append(f"{row.left_out} left out (N/A on one side)")
    row.detail = "; ".join(words)
    return row


def _no_interval(found: Difference) -> str:
    if found.units >= (least := fewest(ALPHA / 2)):
        return f"too few pairs for {_INTERVAL} of all dimensions together"
    return f"{_too_few(found)}, which needs {least}"


def _too_few(found: Difference) -> str:
    return f"{plural(found.units, 'pair' if found.units == found.n else 'prompt')}: too few for {_INTERVAL}"


def _outcome(row: BaselineRow, allowed: float) -> tuple[GateOutcome, str]:
    if row.not_judged:
        was = verb(row.not_judged, "was")
        words = f"{plural(row.not_judged, 'image')} that {was} judged before {was} not judged now, so the gate fails"
        return "failed", words
    if row.change is None:
        return "failed", "no image has the figure both before and now, so the gate fails"
    drop, margin = max(0.0, -row.change), f"the margin of {allowed:g}"
    if -row.change <= allowed + _ROUNDING:
        words = f"the mean drop of {drop:.2f} is within {margin}" if drop > _ROUNDING else "the mean did not drop"
        if row.low is not None and row.low < -allowed - _ROUNDING:
            words += f"; a drop of up to {-row.low:.2f} is not ruled out"
        return "passed", words
    beyond = f"the mean drop of {drop:.2f} is beyond {margin}"
    if row.p is None:
        return "undecided", f"{beyond}, but fewer than {MINIMUM} different pairs can't tell it from chance"
    chance = "p < 0.001" if row.p < 0.001 else f"p = {row.p:.3f}"
    if row.p <= ALPHA:
        return "failed", f"{beyond} and is no chance ({chance})"
    return "undecided", f"{beyond}, but it may be chance ({chance})"


def _let_pass(row: BaselineRow, policy: OnUndecided) -> bool:
    # The mean of an undecided row is beyond the margin, so "mean" fails as "fail" does, and says another reason.
    return row.outcome == "undecided" and policy == "pass"


def _policy(row: BaselineRow, policy: OnUndecided) -> str:
    if policy == "mean":
        return "the mean decides, so the gate fails"
    return f"on_undecided = {policy}: the gate {'fails' if row.gate == 'failed' else 'does not fail for that'}"


def _wanted(row: BaselineRow) -> str:
    wanted = "no number of pairs" if row.needed is None else f"about {plural(row.needed, 'pair')}"
    return f"{wanted} would decide it if the drop stays as it is"


def _same_judge(pairing: Pairing, before: Sequence[Scored], after: Sequence[Scored], file: str, renew: str) -> None:
    """Refuse to compare verdicts of different judges.

    Raises:
        ConfigError: as in `compare_with_baseline`.
    """
    matched = [*pairing.pairs, *pairing.reworded]
    if not matched and before and after:  # nothing in common; then the judge at least must be
        matched = [(old, new) for new in after[:1] for old in before if old.kind == new.kind][:1]
    for old, new in matched:
        if not new.fingerprint and new.lost:
            continue  # never came to a judge
        if lines := differing(old.fingerprint, new.fingerprint):
            renew = renew or f"pytest --judge-baseline {shlex.quote(file or 'FILE')} --judge-update-baseline"
            raise ConfigError(
                f"{file or 'the baseline'} was judged with other settings than this run, so the scores can't be "
                "compared:\n"
                + "\n".join(f"  {line}" for line in lines)
                + _other_words(old.fingerprint, new.fingerprint)
                + "\nJudge the baseline's images again with this judge, at the baseline's version of the model:\n"
                f"  {renew}\nor use the baseline's judge here"
            )


def _other_words(before: Mapping[str, Any], after: Mapping[str, Any]) -> str:
    """Explain a digest that differs though the protocol's name does not, on a line; else an empty text."""
    name = after.get("protocol")
    if before.get("protocol") != name or before.get("protocol_digest") == after.get("protocol_digest"):
        return ""
    return f"\nThe protocol {name} has other words now: its file, or this package, changed"


def differing(before: Mapping[str, Any], after: Mapping[str, Any]) -> list[str]:
    """A line for each field that decides answers and differs."""
    old, new = deciding(before), deciding(after)
    lines: list[str] = []
    for key in sorted({*old, *new}):
        left, right = old.get(key), new.get(key)
        if left == right:
            continue
        if isinstance(left, Mapping) and isinstance(right, Mapping):
            for name in sorted({*left, *right}):
                if left.get(name) != right.get(name):
                    lines.append(f"{key}.{name}: {_text(left.get(name))} before, {_text(right.get(name))} now")
        else:
            lines.append(f"{key}: {_text(left)} before, {_text(right)} now")
    return lines


def _text(value: Any) -> str:
    return "none" if value is None else repr(value) if isinstance(value, str) else str(value)


def _warnings(result: BaselineResult, baseline: Baseline, after: Sequence[Scored]) -> list[str]:
    lines = []
    if result.gate is None:
        lines.append("there is no gate: no margin is set (a profile's [baseline] sets the largest drops allowed)")
    here = environment_of([item for item in after if item.fingerprint])
    for key, found in here.items():
        there = baseline.environment.get(key, [])
        if there != found and (there or key == "notes") and not is_of_models(key):
            lines.append(f"other {key}: {', '.join(there) or 'none'} before, {', '.join(found) or 'none'} now")
    lines += other_models(baseline.environment, here)
    for labels, what in (
        (result.missing, "of the baseline, not in this run"),
        (result.new, "new, not in the baseline, not compared"),
        (result.reworded, "with another prompt, or asked about other dimensions, not compared"),
    ):
        if labels:
            lines.append(f"{len(labels)} {what}: {some(labels, _NAMED)}")
    if result.changed:
        lines.append(f"other pixels than in the baseline: {len(result.changed)} of {plural(result.pairs, 'image')}")
    return lines
