"""Reasons: the sentence that a judge gives before a score, in the grammar of its answer and in the answer.

A reason is shown beside its score and never decides it.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from .answer_parts import Number

LONGEST = 120  # characters that the grammar allows: a sentence of some 15 words


# One class of plain characters and one bound, which every grammar can hold to:
# - a free string may never end;
# - minLength or maxLength by itself lets control characters through, and forbids escapes (xgrammar 0.2.8);
# - maxLength beside a pattern is dropped by xgrammar up to 0.2.3, and refused by vLLM 0.32;
# - xgrammar 0.2.8 can't compile a bound above 128;
# - llama.cpp took a pattern only with both anchors, and OpenAI takes none with look-around;
# - without quotation mark and backslash nothing has to be escaped in JSON; with "-" last it is no range anywhere.
SCHEMA: dict[str, Any] = {"type": "string", "pattern": f"^[A-Za-z0-9 ,.;:!?'()%/-]{{0,{LONGEST}}}$"}


def with_reasons(schema: Mapping[str, Any], levels: int) -> dict[str, Any]:
    """Return the schema of an answer with a reason before each score.

    All scores share one definition: twenty bounded patterns, each by itself, take xgrammar 0.2.3 over a gigabyte.

    Args:
        schema: of the answer with scores only, all of one schema: a value, or an object that holds just ``score``.
        levels: of names above each score.
    """
    score: Any = schema
    for _ in range(levels):
        score = next(iter(score["properties"].values()))
    score = score.get("properties", {"score": score})["score"]

    def placed(each: Mapping[str, Any], above: int) -> dict[str, Any]:
        if not above:
            return {"$ref": "#/$defs/reasoned"}
        return {**each, "properties": {name: placed(inner, above - 1) for name, inner in each["properties"].items()}}

    reasoned = {
        "type": "object",
        "properties": {"reason": SCHEMA, "score": score},  # grammars keep this order
        "required": ["reason", "score"],
        "additionalProperties": False,
    }
    return {**placed(schema, levels), "$defs": {"reasoned": reasoned}}


# Names, folded, under which judges give a reason, asked or not.
NAMES = frozenset({"evidence", "reason", "reasoning", "explanation", "justification", "comment", "rationale"})


MOST = 2000  # characters that are read


def reason_of(value: Any) -> str:
    """Return a value of an answer as a reason; empty where it is no text, which is no fault of the score."""
    return value[:MOST] if isinstance(value, str) and not isinstance(value, Number) else ""
