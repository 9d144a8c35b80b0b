"""Bounds on the mean of a run: three outcomes, and the gate's policy for the undecided one."""

from __future__ import annotations

import textwrap
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from itertools import chain
from typing import TYPE_CHECKING, Literal, get_args

from ..errors import ConfigError
from ..report.lookup import first_judgements, value_of, why_absent
from ..report.model import AnyEntry, EditEntry, SuiteRow, VerdictEntry
from ..support.words import plural, verb
from ..taxonomy import EDIT_SCALE, EDIT_SCORE, Path, from_written, nearest, show, show_scale, written
from .figures import one_scale, scale, scale_of, state, text_of
from .intervals import MINIMUM, Interval, images_to_decide, mean_interval

if TYPE_CHECKING:
    from ..thresholds.profile import Profile

OnUndecided = Literal["mean", "pass", "fail"]
_LONGEST = 160  # characters of a judge's reason


def suite_rows(
    entries: Iterable[VerdictEntry],
    bounds: Mapping[Path, float],
    *,
    on_undecided: str = "mean",
    edits: Iterable[EditEntry] = (),
    edit_bound: float | None = None,
    edit_scale: tuple[float, float] = EDIT_SCALE,
) -> list[SuiteRow]:
    """Return one row for each bound on a mean of the run.

    Passed: the whole 95% interval is at or above the bound. Failed: the whole interval is below, or an image was not
    judged (a mean of the others is no mean of the run), or no image has the figure. Undecided: all other cases, and
    always with fewer than five images; `gate_passed` applies the policy for these.

    Args:
        entries: all images of the run; the unjudged among them make their rows fail.
        bounds: by path, 0 to 100; the path of the total is ``()`` or ``("total",)``.
        on_undecided: "mean" (the mean decides), "pass" or "fail".
        edits: all edits of the run.
        edit_bound: bound on the mean edit score; no row without edits.
        edit_scale: scale of that bound.

    Raises:
        ConfigError: ``on_undecided`` is none of the three, or edits were scored on another scale than the bound's.
    """
    policy = check_policy(on_undecided)
    of_images = {from_written(path): bound for path, bound in bounds.items()}
    rows = [_row(column, of_images[path], policy) for path, column in _columns(entries, of_images).items()]
    if edit_bound is not None:
        column = _columns(edits, [EDIT_SCORE])[EDIT_SCORE]
        if (found := one_scale(column.scales or {edit_scale}, "mean")) != edit_scale:
            raise ConfigError(
                f"suite.edit.score: {edit_bound:g} is a bound on the scale {show_scale(edit_scale)}, and the edits "
                f"were scored from {show_scale(found)}"
            )
        rows += [_row(column, edit_bound, policy)] if column.seen else []
    return rows


def bounded_means(verdicts: Iterable[VerdictEntry], edits: Iterable[EditEntry], profile: Profile) -> list[SuiteRow]:
    """Return rows for a profile's bounds on the mean of a run; see `suite_rows`.

    Bounds on images give no rows without images, as the bound on edits gives none without edits. Of repeated
    judgements the first counts.
    """
    suite = profile.suite
    images = first_judgements(verdicts)
    first = next(images, None)
    return suite_rows(
        () if first is None else chain((first,), images),
        {} if first is None else suite.bounds(),
        on_undecided=suite.on_undecided,
        edits=first_judgements(edits),
        edit_bound=suite.edit.score,
        edit_scale=profile.edit.scale,
    )


def gate_passed(row: SuiteRow, on_undecided: str = "mean") -> bool:
    """Tell whether a row passes the gate.

    An undecided row follows the policy: it passes under "pass", fails under "fail", and under "mean" passes where the
    mean reaches the bound. An undecided row of fewer than five images passes, except under "fail". A row without
    images fails.
    """
    policy = check_policy(on_undecided)
    if row.outcome != "undecided":
        return row.outcome == "passed"
    if row.mean is None or policy == "fail":
        return False
    return policy == "pass" or row.low is None or row.mean >= row.bound


def check_policy(name: str, where: str = "suite") -> OnUndecided:
    """Return ``name`` if it is a policy.

    Raises:
        ConfigError: there is no such policy; the message names the nearest.
    """
    policies = get_args(OnUndecided)
    if name not in policies:
        raise ConfigError(
            f'{where}: on_undecided is "mean", "pass" or "fail", not {name!r}{nearest(str(name), policies)}'
        )
    return name  # type: ignore[return-value]


@dataclass
class _Column:
    """One figure over all entries: value, text and image identifier of those that have it.

    ``reason`` is that of the first entry to which it does not apply, where its judge gives one.
    """

    path: Path
    values: list[float] = field(default_factory=list)
    texts: list[str] = field(default_factory=list)
    keys: list[str | int] = field(default_factory=list)
    left_out: int = 0
    not_judged: int = 0
    reason: str = ""
    scales: set[tuple[float, float]] = field(default_factory=set)

    @property
    def seen(self) -> int:
        """Number of entries."""
        return len(self.values) + self.left_out + self.not_judged

    def add(self, entry: AnyEntry) -> None:
        """Add one entry."""
        how, found = state(entry, self.path), value_of(entry, self.path)
        if how == "scored" and found is not None:
            self.keys.append(entry.key or len(self.values))
            self.values.append(found)
            if isinstance(entry, EditEntry):
                self.scales.add(scale_of(entry))
            self.texts.append(text_of(entry))
        elif how == "not judged":
            self.not_judged += 1
        else:
            self.left_out += 1
            self.reason = self.reason or why_absent(entry, self.path)


def _columns(entries: Iterable[AnyEntry], paths: Iterable[Path]) -> dict[Path, _Column]:
    columns = {path: _Column(path) for path in paths}
    for entry in entries:  # once: a run's entries may be on the disk
        for column in columns.values():
            column.add(entry)
    return columns


def _row(column: _Column, bound: float, policy: OnUndecided) -> SuiteRow:
    path = column.path
    interval = mean_interval(column.values, column.texts, column.keys, scale=scale(path, *column.scales))
    row = SuiteRow(
        path=written(path),
        mean=interval.mean,
        low=interval.low,
        high=interval.high,
        n=interval.n,
        bound=bound,
        outcome="undecided",
        method=interval.method,
        needed=images_to_decide(interval, bound),
        left_out=column.left_out,
        not_judged=column.not_judged,
    )
    if row.not_judged or (column.seen and not row.n):
        row.outcome = "failed"
    elif row.low is not None and row.low >= bound:
        row.outcome = "passed"
    elif row.high is not None and row.high < bound:
        row.outcome = "failed"
    row.gate = "passed" if gate_passed(row, policy) else "failed"
    row.detail = _detail(row, interval, policy, "edit" if path == EDIT_SCORE else "image")
    if row.left_out and not row.n and not row.not_judged and column.reason:
        row.detail += f": {textwrap.shorten(column.reason, _LONGEST, placeholder=' …')}"
    return row


def _detail(row: SuiteRow, interval: Interval, policy: OnUndecided, thing: str) -> str:
    name = "score" if row.path == written(EDIT_SCORE) else show(row.path)
    words = [_outcome(row, policy, name, thing)]
    if row.not_judged and row.mean is not None:
        words.append(f"the mean of the others is {row.mean:.2f}")
    if row.left_out and row.n:
        words.append(f"{row.left_out} without {name} (N/A or not asked) left out")
    if row.outcome == "undecided" and row.low is not None:
        about = f"about {plural(row.needed, thing)} would decide it" if row.needed else ""
        words.append(about or "the mean equals the bound: no number of images would decide")
    if row.low is not None and not interval.clustered and interval.units < interval.n:
        words.append(f"{plural(interval.n, 'check')} of {plural(interval.units, f'different {thing}')}")
    return "; ".join(words)


def _outcome(row: SuiteRow, policy: OnUndecided, name: str, thing: str) -> str:
    if row.not_judged:
        return (
            f"{row.not_judged:,} of {plural(row.not_judged + row.left_out + row.n, thing)} "
            f"{verb(row.not_judged, 'was')} not judged, so the gate fails"
        )
    if row.mean is None:
        return f"{name} applied to none of {plural(row.left_out, thing)}" if row.left_out else f"no {thing} was judged"
    if row.low is None:
        then = "fails, as on_undecided = fail asks" if policy == "fail" else "is not applied"
        needed = row.needed or MINIMUM
        things = plural(row.n, thing)
        return f"{things}: no interval under {MINIMUM} different ones, so the gate {then}; {needed} are needed"
    side = {"passed": "at or above", "failed": "below", "undecided": "on both sides of"}[row.outcome]
    text = f"the interval {row.low:.2f} to {row.high:.2f} is {side} {row.bound:g}"
    if row.outcome != "undecided":
        return text
    gate = "passes" if row.gate == "passed" else "fails"
    if policy == "mean":
        return f"{text}; the mean decides: {row.mean:.2f}, the gate {gate}"
    return f"{text}; on_undecided = {policy}: the gate {gate}"
