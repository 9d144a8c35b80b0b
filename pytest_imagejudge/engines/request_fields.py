"""The fields of a request as a server takes them: those that it refuses, and the form in which it takes a grammar.

A session asks with the first form of `FORMS`. A form that the server refuses is left out, and so is one that it
ignores: an answer that breaks its schema shows that no grammar was applied, and nothing shows the opposite.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any

from ..protocols.answer_parts import split
from ..support.words import listed
from .answer_message import IN_REASONING
from .base import Answer
from .json_schema import breaks, portable

# Fields that every server of this shape knows; all others are vLLM's own, or not to be counted on. What a server
# refuses of the first by name can be done without, these earlier than those. The limit can't: what is said to be
# wrong with it is most often that the request is too long.
DISPENSABLE = ("seed", "top_p", "presence_penalty", "frequency_penalty", "stop", "temperature")

COMMON_FIELDS = frozenset((*DISPENSABLE, "max_tokens", "max_completion_tokens"))

GRAMMAR = "structured_outputs"  # a protocol's name for its grammar, which is vLLM's

CONSTRAINTS = frozenset((GRAMMAR, "response_format", "thinking_token_budget"))

# How a JSON Schema is sent, in the order of the tries: OpenAI's way, which nearly all servers take; vLLM's own; vLLM's
# before 0.12; Ollama's own, which a gateway may hand on. Any other grammar is sent in vLLM's way.
FORMS = ("response_format", GRAMMAR, "guided_json", "format")


@dataclass(frozen=True)
class Shaped:
    """Fields of a request as a server takes them.

    Attributes:
        fields: what is sent.
        form: the field that carries the grammar, or empty.
        notes: of the answer, see `Answer.notes`.
        lost: names of the fields that are left out.
    """

    fields: dict[str, Any]
    form: str
    notes: tuple[str, ...]
    lost: frozenset[str]


class Habits:
    """The request fields that one server takes, as far as that is known in a session.

    What one server refuses or ignores may be the only form in which another takes a grammar.

    Attributes:
        refused: fields that are left out, or sent in another way where there is one, each with the server's reason.
        ignored: forms of a grammar that are left out, because an answer broke the schema that it carried.
        accepted: fields that requests which were answered have carried.
        doubtful: True where a form was ignored, and the one that follows it has brought no answer yet.
        told: what was reported of all this.
        finding_out: held by the request that finds out, for all that wait, what the server takes.
        probes: number of requests that have tried to.
    """

    def __init__(self) -> None:
        self.refused: dict[str, str] = {}
        self.ignored: set[str] = set()
        self.accepted: frozenset[str] = frozenset()
        self.doubtful = False
        self.told: set[str] = set()
        self.finding_out = asyncio.Lock()
        self.probes = 0

    def blame(self, status: int, body: str, fields: Collection[str]) -> frozenset[str]:
        """Return the ``fields`` to leave out after a refusal; none where the request itself is wrong."""
        if status not in (400, 422):
            return frozenset()
        if "max_tokens" in fields and "max_completion_tokens" in body:
            return frozenset(("max_tokens",))
        named = {name for name in fields if re.search(rf"(?<!\w){re.escape(name)}(?!\w)", body)}
        uncommon = frozenset(fields) - COMMON_FIELDS
        # of these one at a time: "temperature and top_p can't both be given" is content with one
        dispensable = frozenset([name for name in DISPENSABLE if name in named][:1])
        return (uncommon & named) or dispensable or (uncommon - self.accepted) or uncommon

    def know(self, refused: Collection[str]) -> bool:
        """Tell whether nothing is in doubt, and the ``refused`` fields of one request are known to be refused."""
        return not self.doubtful and all(name in self.refused for name in refused)

    def learn(self, shaped: Shaped, refused: Mapping[str, str], kept: bool | None) -> None:
        """Take in an answered request: what it carried, what it did without, and if its answer ``kept`` the grammar.

        None says nothing of the grammar.
        """
        self.refused |= refused
        self.accepted |= shaped.fields.keys()
        if kept is False:
            self.doubtful |= shaped.form not in self.ignored  # else it is known, and another form may be settled
            self.ignored.add(shaped.form)
        elif GRAMMAR in shaped.lost or (shaped.form and shaped.form not in self.ignored):
            self.doubtful = False

    def reason(self, sampling: Mapping[str, Any], name: str, refused: Mapping[str, str]) -> str:
        """Say why a field of ``sampling`` was lost; empty where the server gave no reason."""
        if name != GRAMMAR:
            return refused.get(name, "")
        forms = _forms(sampling)
        ignored = [form for form in forms if form in self.ignored]
        found = [form for form in forms if form in refused and form not in self.ignored]
        parts = [f"the endpoint ignores {listed(ignored)}: an answer broke the schema that was sent"] if ignored else []
        if found:
            first = f"{found[0]}: " if ignored or len(found) > 1 else ""
            parts.append(first + refused[found[0]])
        if found[1:]:
            parts.append(f"{listed(found[1:])}: refused too")
        return "; ".join(parts)


def as_is(sampling: Mapping[str, Any]) -> Shaped:
    """Return ``sampling`` as it is, for a server that is known to take it."""
    return Shaped(dict(sampling), "", (), frozenset())


def shape(sampling: Mapping[str, Any], refused: Collection[str], ignored: Collection[str] = ()) -> Shaped:
    """Return ``sampling`` without the ``refused`` fields or with their substitutes, its grammar in the first form left.

    Args:
        sampling: of a `Request`.
        refused: names of fields, of forms too.
        ignored: forms of a grammar that are of no use.
    """
    fields = {name: value for name, value in sampling.items() if name not in refused and name != GRAMMAR}
    lost = sampling.keys() - fields.keys()
    form = ""
    if "max_tokens" in lost:
        fields.setdefault("max_completion_tokens", sampling["max_tokens"])
        lost.remove("max_tokens")
    if GRAMMAR in sampling:
        form = next((form for form in _forms(sampling) if form not in refused and form not in ignored), "")
    notes = [form] if form else []
    if form:
        fields[form] = _in_form(form, sampling[GRAMMAR])
        lost.remove(GRAMMAR)
    if lost & CONSTRAINTS:
        notes.append("unconstrained")
    return Shaped(fields, form, (*notes, *(f"without {name}" for name in sorted(lost))), frozenset(lost))


def keeps_grammar(answer: Answer, shaped: Shaped, sampling: Mapping[str, Any]) -> bool | None:
    """Tell whether an answer keeps to the schema that its request carried; None where it says nothing of that.

    Only an answer that the model ended itself says that the schema was not applied, and none that a word of ``stop``
    may have ended. One that stood in the field for thinking was never bound to the schema for certain.
    """
    grammar = sampling.get(GRAMMAR)
    schema = grammar.get("json") if isinstance(grammar, Mapping) else None
    if not shaped.form or not isinstance(schema, Mapping) or schema.get("type") != "object" or "stop" in sampling:
        return None
    parts = split(answer.text)
    if (answer.finish_reason or "").casefold() != "stop" or parts.unfinished or not parts.answer.strip():
        return None
    if not breaks(parts.answer, schema):
        return True
    return None if IN_REASONING in answer.notes else False


def _forms(sampling: Mapping[str, Any]) -> tuple[str, ...]:
    """The forms in which a grammar can be sent, without fields that a protocol has given a use of its own."""
    grammar = sampling.get(GRAMMAR)
    if not (isinstance(grammar, Mapping) and "json" in grammar):
        return (GRAMMAR,)
    return tuple(form for form in FORMS if form == GRAMMAR or form not in sampling)


def _in_form(form: str, grammar: Any) -> Any:
    if form == GRAMMAR:
        return grammar
    schema = grammar["json"]
    if form != "response_format":
        return schema
    return {"type": "json_schema", "json_schema": {"name": "answer", "schema": portable(schema), "strict": True}}
