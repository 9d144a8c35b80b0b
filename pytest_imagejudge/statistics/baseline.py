"""Baselines: a small file of scores, and the gate on drops against it.

The gate tests, for every dimension with a margin (the largest drop allowed), whether the drop is larger. A dimension
fails where the whole simultaneous interval of the change is below minus the margin, with at most 5% false alarms
over all margins together, whatever drops within the margins there are (`paired`). A dimension passes where the
interval shows that the drop is within the margin. In between it is undecided, which does not fail the run, and the
row says how many pairs would decide it. ``imagejudge plan`` computes the power of this gate: the probability of
seeing a drop of the margin plus the planned excess.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Literal

from pydantic import BaseModel

from ..errors import ConfigError
from ..report.fingerprints import deciding
from ..report.model import EditEntry, VerdictEntry
from ..support.words import plural, verb
from ..taxonomy import EDIT_SCORE, Path, check_path, from_written, show, written
from .baseline_file import Baseline, environment_of
from .figures import DIMENSIONS
from .intervals import MINIMUM
from .paired import ALPHA, Difference, differences
from .pairing import Pairing, Scored, figure_pairs, pair, scored

_NAMED = 10  # images of one kind that are named
_ROUNDING = 1e-9  # of sums of figures; no difference that anybody means


class BaselineRow(BaseModel):
    """One dimension against the baseline. ``change`` is after minus before; a drop is negative.

    ``low`` and ``high`` are limits of the change: one-sided 95% limits simultaneous over the rows with a margin
    (``allowed``), or a 95% interval simultaneous over those without, which have no outcome.
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
    outcome: Literal["passed", "failed", "undecided"] | None = None
    needed: int | None = None
    detail: str = ""


class BaselineResult(BaseModel):
    """A run against its baseline; ``Report.baseline`` is this, dumped."""

    file: str = ""
    gate: Literal["passed", "failed"] | None = None
    pairs: int = 0
    rows: list[BaselineRow] = []
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
    file: str = "",
) -> BaselineResult:
    """Compare a run with its baseline, paired; ``gate`` is None where there is no margin.

    Args:
        verdicts: all images of the run; the unjudged among them make the gate fail.
        baseline: as read by `baseline_file.read_baseline`.
        margins: largest drop allowed by path (total ``()`` or ``("total",)``, L1, L2), in points.
        edits: all edits of the run, likewise.
        edit_margin: largest drop allowed of the mean edit score; ignored without edits.
        file: the baseline's name, for messages.

    Raises:
        ConfigError: model, revision, protocol, treatment or sampling differ from the baseline's, with the differences
            and how to judge again; or a margin is on a path that is no mean of a run.
    """
    allowed = _checked(margins)
    after = scored(itertools.chain(verdicts, edits))
    if edit_margin is not None and any(item.kind == "edit" for item in [*after, *baseline.images]):
        allowed[EDIT_SCORE] = edit_margin
    after = [_rounded(item) for item in after]
    pairing = pair(baseline.images, after)
    _same_judge(pairing, baseline.images, after, file or "the baseline")
    rows = rows_of(pairing, allowed)
    failed = any(row.outcome == "failed" for row in rows)
    result = BaselineResult(
        file=file,
        gate=("failed" if failed else "passed") if allowed else None,
        pairs=len(pairing.pairs),
        rows=rows,
        new=[item.label for item in pairing.new],
        missing=[item.label for item in pairing.missing],
        changed=[item.label for item in pairing.changed],
        reworded=[new.label for _, new in pairing.reworded],
        not_judged=[new.label for _, new in pairing.pairs if new.lost],
        method=method_of(rows),
    )
    result.warnings = _warnings(result, baseline, after)
    return result


def method_of(rows: Sequence[BaselineRow], paired: str = "row ID, or by prompt and seed") -> str:
    """Description of the limits' method; ``paired`` names the key of the pairs."""
    counts = [sum(1 for row in rows if (row.allowed is None) == free) for free in (False, True)]
    words = [f"paired by {paired}"]
    if counts[0]:
        words.append(f"with a margin ({counts[0]}): one-sided limits that hold for all of them with {1 - ALPHA:.0%}")
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


def rows_of(pairing: Pairing, allowed: Mapping[Path, float]) -> list[BaselineRow]:
    """Rows in the order of the tree: every dimension with a margin, and all others with figures."""
    kinds = {old.kind for old, _ in pairing.pairs}
    shown = [path for path in (*DIMENSIONS, EDIT_SCORE) if ("edit" if path == EDIT_SCORE else "image") in kinds]
    others = [path for path in shown if path not in allowed]
    found: dict[Path, Difference] = {}
    for family, alpha in ((list(allowed), ALPHA), (others, ALPHA / 2)):
        for difference in differences(figure_pairs(pairing.pairs, family), alpha=alpha):
            found[difference.path] = difference
    return [
        _row(found[path], pairing.pairs, allowed.get(path))
        for path in (*DIMENSIONS, EDIT_SCORE)
        if path in allowed or (path in found and found[path].n)
    ]


def _row(found: Difference, pairs: Sequence[tuple[Scored, Scored]], allowed: float | None) -> BaselineRow:
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
        row.outcome, reason = _outcome(row, allowed)
        words.append(reason)
        if row.outcome == "undecided" and row.change is not None and row.low is not None:
            row.needed = _needed(found, allowed)
            wanted = f"about {plural(row.needed, 'pair')}" if row.needed else "no number of pairs"
            words.append(f"{wanted} would decide it")
    elif row.low is not None and row.high is not None and (row.low > _ROUNDING or row.high < -_ROUNDING):
        words.append("a rise is shown" if row.low > 0 else "a drop is shown")
    if row.left_out:
        words.append(f"{row.left_out} left out (N/A on one side)")
    row.detail = "; ".join(words)
    return row


def _outcome(row: BaselineRow, allowed: float) -> tuple[Literal["passed", "failed", "undecided"], str]:
    if row.not_judged:
        was = verb(row.not_judged, "was")
        words = f"{plural(row.not_judged, 'image')} that {was} judged before {was} not judged now, so the gate fails"
        return "failed", words
    if row.n == 0:
        return "failed", "no image has the figure both before and now, so the gate fails"
    if row.low is None or row.high is None:
        pairs = plural(row.n, "pair")
        return "undecided", f"{pairs}: no interval under {MINIMUM} different ones, so the gate is not applied"
    if row.high < -allowed - _ROUNDING:
        return "failed", f"a drop of more than {allowed:g} is shown: at least {-row.high:.2f}"
    if row.low >= -allowed - _ROUNDING:
        return "passed", f"a drop of more than {allowed:g} is ruled out"
    return "undecided", f"a drop of more than {allowed:g} is neither shown nor ruled out; that does not fail the run"


def _needed(found: Difference, allowed: float) -> int | None:
    distance = abs((found.difference or 0.0) + allowed)
    if distance <= _ROUNDING or not math.isfinite(found.critical):
        return None
    needed = math.ceil(found.n * (found.critical * found.error / distance) ** 2)
    return max(MINIMUM, needed) if needed <= 10_000_000 else None


def _same_judge(pairing: Pairing, before: Sequence[Scored], after: Sequence[Scored], file: str) -> None:
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
            raise ConfigError(
                f"{file} was judged with other settings than this run, so the scores can't be compared:\n"
                + "\n".join(f"  {line}" for line in lines)
                + "\nJudge the baseline's images again with this judge: run the tests at the baseline's version of the "
                "model with --judge-baseline FILE --judge-update-baseline; or use the baseline's judge here"
            )


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
                    lines.append(f"{key}.{name}: {_text(left.get(name))} there, {_text(right.get(name))} here")
        else:
            lines.append(f"{key}: {_text(left)} there, {_text(right)} here")
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
        if there != found and (there or key == "notes"):
            lines.append(f"other {key}: {', '.join(there) or 'none'} there, {', '.join(found) or 'none'} here")
    for labels, what in (
        (result.missing, "of the baseline, not in this run"),
        (result.new, "new, not in the baseline, not compared"),
        (result.reworded, "with another prompt, or asked about other dimensions, not compared"),
    ):
        if labels:
            names = ", ".join(labels[:_NAMED]) + (f" and {len(labels) - _NAMED} more" if len(labels) > _NAMED else "")
            lines.append(f"{len(labels)} {what}: {names}")
    if result.changed:
        lines.append(f"other pixels than in the baseline: {len(result.changed)} of {plural(result.pairs, 'image')}")
    return lines
