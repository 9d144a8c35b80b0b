"""Properties of a test's ``<testcase>`` in JUnit XML, as pytest writes them under ``xunit2``."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..report.model import AnyEntry, EditEntry, SuiteRow
from ..support.escaping import escape
from ..taxonomy import show
from . import explanations

if TYPE_CHECKING:
    from ..statistics.baseline import BaselineRow

MOST = 500  # characters of a prompt


def properties(entry: AnyEntry) -> list[tuple[str, str]]:
    """List (name, value) of one image or edit, for ``record_property``; names start with ``imagejudge.``."""
    found: list[tuple[str, str]] = []

    def add(name: str, value: object) -> None:
        if value not in (None, ""):
            found.append((f"imagejudge.{name}", escape(value)))

    add("outcome", entry.outcome)
    add("id", entry.id)
    if isinstance(entry, EditEntry):
        add("source_image", entry.source_image)
        add("edited_image", entry.edited_image)
        add("mask", entry.mask)
        add("box", ",".join(map(str, entry.box or ())))
        add("instruction", _clip(entry.instruction))
        add("score", _number(entry.score))
        for name, value in entry.aspects.items():
            add(f"aspect.{name}", _number(value))
    else:
        add("image", entry.image)
        add("prompt", _clip(entry.prompt))
        add("total", _number(entry.total))
        for one, score in entry.level1.items():
            add(one, _number(score) or ("unreadable" if _lost(entry, one) else "N/A"))
    for breach in explanations.worst_first(entry.breaches):
        add("breach", explanations.shortfall(breach, entry))
    for _, causes, _ in explanations.explained(entry, most=None):
        for cause in causes:
            if cause.words and not cause.quoted:
                add("reason", f"{explanations.place(cause.path)}: {cause.raw}: {' '.join(cause.words.split())}")
    for each in entry.findings:
        add("found", explanations.found_words(each))
    for path in entry.not_applicable:
        add("not_applicable", explanations.place(path))
    for path in entry.unreadable:
        add("unreadable", show(path))
    for problem in entry.problems:
        add("problem", problem.kind + (f" in {show(problem.path)}" if problem.path else ""))
    add("error", entry.error)
    add("thresholds", entry.thresholds)
    add("source", entry.source)
    add("key", entry.key)
    add("model", entry.fingerprint.get("model"))
    return found


def suite_properties(row: SuiteRow) -> list[tuple[str, str]]:
    """List (name, value) of one bound on the mean of the run."""
    values: list[tuple[str, object]] = [
        ("path", explanations.place(row.path)),
        ("mean", _number(row.mean)),
        ("low", _number(row.low)),
        ("high", _number(row.high)),
        ("n", row.n),
        ("bound", _number(row.bound)),
        ("outcome", row.outcome),
        ("gate", row.gate),
    ]
    return [(f"imagejudge.suite.{name}", escape(value)) for name, value in values if value not in (None, "")]


def baseline_properties(row: BaselineRow) -> list[tuple[str, str]]:
    """(name, value) of one margin against the baseline."""
    values: list[tuple[str, object]] = [
        ("path", explanations.place(row.path)),
        ("change", _number(row.change)),
        ("low", _number(row.low)),
        ("high", _number(row.high)),
        ("n", row.n),
        ("allowed", _number(row.allowed)),
        ("p", _number(row.p)),
        ("outcome", row.outcome),
        ("gate", row.gate),
        ("needed", row.needed),
    ]
    return [(f"imagejudge.baseline.{name}", escape(value)) for name, value in values if value not in (None, "")]


def _number(value: float | None) -> str | None:
    return None if value is None else f"{value:.4f}".rstrip("0").rstrip(".")


def _clip(text: str) -> str:
    return text if len(text) <= MOST else text[:MOST] + " …"


def _lost(entry: AnyEntry, one: str) -> bool:
    return any(path and path[0] == one for path in entry.unreadable)
