"""The answers of one edit as one text: how a judge that asks several times keeps them, and reads them again."""

from __future__ import annotations

import json

from ..scoring.verdict import Problem
from ..taxonomy import Path
from .base import Protocol, Reading


def read_edit(protocol: Protocol, answer: str, finish_reason: str | None) -> Reading:
    """Read all that a judge said of one edit. Never raises.

    Args:
        protocol: of a judge of edits.
        answer: the raw text; of a judge that asks several times, a JSON object of the texts by request.
        finish_reason: why the answers ended.
    """
    names = protocol.dimensions
    if len(names) == 1:
        return protocol.read(names[0], answer, finish_reason)
    texts = answers_of(answer)
    if texts is None:
        unread = tuple((name,) for name in names)
        problem = Problem(unread[0], "wrong-type", f"a JSON object of the answers to {', '.join(names)} is expected")
        return Reading(unreadable=unread, problems=(problem,))
    readings = {name: protocol.read(name, texts.get(name, ""), finish_reason) for name in names}
    whole = protocol.combine(readings)
    unreadable: tuple[Path, ...] = tuple(path for one in readings.values() for path in one.unreadable)
    problems = tuple(problem for one in readings.values() for problem in one.problems)
    return Reading(
        score=whole.score,
        aspects=whole.aspects,
        evidence=whole.evidence,
        unreadable=unreadable,
        problems=problems,
    )


def answers_of(answer: str) -> dict[str, str] | None:
    """Return the texts by request, or None where ``answer`` is no JSON object of texts."""
    try:
        found = json.loads(answer)
    except (TypeError, ValueError, RecursionError):
        return None
    if not isinstance(found, dict) or not all(isinstance(text, str) for text in found.values()):
        return None
    return found
