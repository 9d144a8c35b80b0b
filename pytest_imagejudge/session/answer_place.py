"""Answers that stood in the field for thinking, where a server's reasoning parser had put them."""

from __future__ import annotations

import dataclasses

from ..engines.answer_message import EMPTY_CONTENT, IN_REASONING
from ..engines.base import Answer
from ..protocols.base import Reading
from ..scoring.verdict import Problem

NOTES = frozenset((IN_REASONING, EMPTY_CONTENT))  # of answers; they say nothing of how a judge was asked

_REMEDY = "serve the judge without --reasoning-parser, or with thinking on (judge_thinking_budget)"


def with_place(reading: Reading, dimension: str, answer: Answer) -> Reading:
    """Return ``reading`` with what is to be said of the place where ``answer`` stood."""
    if IN_REASONING in answer.notes:
        detail = (
            "the answer came as reasoning, with empty content: the server's reasoning parser took it for thinking; "
            + _REMEDY
        )
        return dataclasses.replace(
            reading, problems=(Problem((dimension,), "answer-in-reasoning", detail), *reading.problems)
        )
    if EMPTY_CONTENT not in answer.notes or not reading.unreadable:
        return reading
    cause = (
        "the content was empty, with text in the field for reasoning: the server's reasoning parser may have taken "
        f"the answer for thinking; {_REMEDY}"
    )
    problems = [
        dataclasses.replace(problem, detail="; ".join(filter(None, (problem.detail, cause))))
        if problem.kind in ("unfinished-thinking", "no-answer")
        else problem
        for problem in reading.problems
    ]
    return dataclasses.replace(reading, problems=tuple(problems))
