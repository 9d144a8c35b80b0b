"""Fields of a request that an engine would not take: named as problems, and not claimed by fingerprints."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from ..engines.base import Answer
from ..engines.request_fields import CONSTRAINTS
from ..scoring.verdict import Problem, ProblemKind

_WITHOUT = "without "


def refused_fields(answer: Answer) -> Mapping[str, str]:
    """Fields that ``answer`` was given without, each with the engine's reason, which older stores don't have."""
    named = {note.removeprefix(_WITHOUT): "" for note in answer.notes if note.startswith(_WITHOUT)}
    return named | dict(answer.refused)


def refusals(dimension: str, answer: Answer) -> tuple[Problem, ...]:
    """The problems of an answer that was given without some fields of its request."""
    refused = refused_fields(answer)
    kinds: dict[ProblemKind, dict[str, list[str]]] = {}
    for name, reason in refused.items():
        kind: ProblemKind = "unconstrained" if name in CONSTRAINTS else "refused-field"
        kinds.setdefault(kind, {}).setdefault(reason, []).append(name)
    return tuple(
        Problem((dimension,), kind, "; ".join(_detail(names, reason) for reason, names in reasons.items()))
        for kind, reasons in kinds.items()
    )


def _detail(names: list[str], reason: str) -> str:
    shown = ", ".join(sorted(names))
    return f"{shown}: {reason}" if reason else f"the endpoint refused {shown}"


def as_sent(fingerprint: Mapping[str, Any], answers: Iterable[Answer]) -> dict[str, Any]:
    """``fingerprint`` without those fields of its sampling that any of ``answers`` was given without."""
    lost = {name for answer in answers for name in refused_fields(answer)}
    if "structured_outputs" in lost:
        lost.add("grammar")  # its name in a fingerprint
    sampling = fingerprint["sampling"]
    if lost.isdisjoint(sampling):
        return dict(fingerprint)
    return {**fingerprint, "sampling": {name: value for name, value in sampling.items() if name not in lost}}
