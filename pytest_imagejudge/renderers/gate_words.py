"""Gates over the whole run in words: those that failed, and those that are undecided."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from ..report.model import Gate, Report, SuiteRow
from ..support.words import plural
from .explanations import place

_LEFT_OUT: dict[Gate, tuple[str, str]] = {
    "suite": (
        "bounds on the mean",
        "Bounds on the mean are left out of the merged report: each file decided them over its own images; "
        "imagejudge report --thresholds NAME decides them over the whole",
    ),
    "baseline": (
        "margins against the baseline",
        "Margins against the baseline are left out of the merged report: each file was compared over its own images; "
        "imagejudge report --baseline FILE --thresholds NAME compares the whole",
    ),
    "no_baseline": (
        "margins without a baseline",
        "The profile has bounds under [baseline], but no --judge-baseline was given: they are not applied",
    ),
}


def failed_gates(report: Report) -> list[str]:
    """List the failures beside those of single images: `missed_gates`, and tests that failed for another reason."""
    found = missed_gates(report)
    if number := len(report.run.failed_tests):
        found.append(f"{plural(number, 'test')} failed for a reason other than images")
    return found


def missed_gates(report: Report) -> list[str]:
    """Bounds on the mean of the run that were missed, and drops against the baseline."""
    suite = [row for row in report.suite if row.gate == "failed" or (row.gate is None and row.outcome == "failed")]
    found = [f"mean of {place(row.path)} {_missed_mean(row)}" for row in suite]
    baseline = report.baseline or {}
    for row in _baseline_rows(baseline):
        if (row.get("gate") or row.get("outcome")) == "failed":
            why = " (undecided)" if row.get("outcome") == "undecided" else ""
            found.append(f"{_place_of(row)}{why} against the baseline")
    if (outcomes := _outcomes(baseline)).get("gate") == "failed":
        found.append(f"{plural(len(outcomes.get('newly_failing') or ()), 'new failure')} against the baseline")
    return found or (["baseline"] if baseline.get("gate") == "failed" else [])


def undecided_gates(report: Report) -> list[str]:
    """Bounds on the mean of the run, and drops against the baseline, that nobody decided and that failed nothing."""
    suite = [row for row in report.suite if row.outcome == "undecided" and row.gate != "failed"]
    found = [f"mean of {place(row.path)}" for row in suite]
    rows = [row for row in _baseline_rows(report.baseline or {}) if row.get("outcome") == "undecided"]
    return found + [f"{_place_of(row)} against the baseline" for row in rows if row.get("gate") != "failed"]


def left_out_gates(report: Report) -> dict[str, str]:
    """Name the gates over the run that a report lacks, each with a sentence on how to have it decided."""
    return dict(_LEFT_OUT[name] for name in report.left_out)


def replaced_gates(report: Report) -> str:
    """Say which gates of the run itself failed and are decided anew in this report; empty where none are."""
    return replaced_words([str(name) for name in (report.baseline or {}).get("replaced") or ()])


def gate_notes(report: Report) -> list[str]:
    """Sentences on gates over the run that this report does not decide as the run did, or at all."""
    return [*filter(None, [replaced_gates(report)]), *left_out_gates(report).values()]


def replaced_words(names: Sequence[str]) -> str:
    """Say which gates of the run itself failed, given by name; empty without any."""
    return f"The run's own gate had failed ({', '.join(names)}); what is compared here replaces it" if names else ""


def _baseline_rows(baseline: Mapping[str, Any]) -> list[dict[str, Any]]:
    return [row for row in baseline.get("rows") or () if isinstance(row, dict)]


def _outcomes(baseline: Mapping[str, Any]) -> dict[str, Any]:
    found = baseline.get("outcomes")
    return found if isinstance(found, dict) else {}


def _place_of(row: Mapping[str, Any]) -> str:
    return place([str(name) for name in row.get("path") or ()])


def failed_first(suite: Sequence[SuiteRow]) -> list[SuiteRow]:
    """Bounds on the mean of the run, in the order in which reports show them."""
    return sorted(suite, key=lambda row: ("failed", "undecided", "passed").index(sign_of(row.outcome, row.gate)))


def sign_of(outcome: str, gate: str | None) -> str:
    """Choose the outcome whose sign and colour a row has: an undecided row whose gate fails is shown as failed."""
    return "failed" if gate == "failed" else outcome


def outcome_words(outcome: str, gate: str | None) -> str:
    """Say a row's outcome, and that its gate fails where the outcome does not say so."""
    return f"{outcome}, the gate fails" if outcome == "undecided" and gate == "failed" else outcome


def _missed_mean(row: SuiteRow) -> str:
    if row.mean is not None and row.mean < row.bound:
        return "below the bound"
    return "not judged in full" if row.not_judged else "undecided" if row.outcome == "undecided" else "without a figure"
