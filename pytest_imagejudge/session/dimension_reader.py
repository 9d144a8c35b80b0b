"""Answers to one dimension: read with all that is known of how they were asked for and how they ended."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass

from ..engines.base import Answer
from ..protocols.answer_parts import settles
from ..protocols.base import Protocol, Reading
from ..scoring.verdict import Problem
from .answer_place import with_place
from .refused_fields import refusals


@dataclass(frozen=True)
class Asked:
    """One answer to one dimension, or why there is none.

    Attributes:
        reading: what the answer says.
        problems: what was wrong with the request or the answer.
        stored: whether it came from the store.
        error: what kept the dimension from being judged.
    """

    answer: Answer | None
    reading: Reading
    problems: tuple[Problem, ...] = ()
    stored: bool = False
    error: str = ""

    @property
    def settled(self) -> bool:
        """Tell whether a later run need not ask again."""
        return self.answer is not None and settles(self.reading, self.answer.finish_reason)


class DimensionReader:
    """Reads the answers of one protocol."""

    def __init__(self, protocol: Protocol) -> None:
        self.protocol = protocol
        self._may_try: dict[str, tuple[bool, ...]] = {}  # the same for every image, and a grammar is compared for it

    def tries(self, dimension: str) -> tuple[bool, ...]:
        """The tries of a dimension in their order; True is the one that follows an answer that can't be read."""
        if dimension not in self._may_try:
            self._may_try[dimension] = (False, True) if self.protocol.can_ask_again(dimension) else (False,)
        return self._may_try[dimension]

    def read(self, text: str, dimension: str, answer: Answer, *, again: bool, stored: bool) -> Asked:
        """Read ``answer`` to the question about ``text``; ``again`` is as in `Protocol.sampling`."""
        reading = self.protocol.read(dimension, answer.text, answer.finish_reason)
        if full := self._context_full(dimension, answer, again=again):
            reading = Reading(unreadable=((dimension,),), problems=(full,))
        reading = with_place(reading, dimension, answer)
        found = (*self.protocol.text_problems(text, dimension), *reading.problems, *refusals(dimension, answer))
        if again:
            found += (Problem((dimension,), "asked-again", "the first answer could not be read"),)
        return Asked(answer, reading, found, stored)

    def _context_full(self, dimension: str, answer: Answer, *, again: bool) -> Problem | None:
        """The problem of an answer that was cut off before the limit it was asked with.

        A server lowers that limit to what the context has left, and does not say so.
        """
        if (answer.finish_reason or "").casefold() != "length":
            return None
        sampling = self.protocol.sampling(dimension, again=again)
        limit = sampling.get("max_tokens", sampling.get("max_completion_tokens"))
        if not isinstance(limit, int) or not 0 < answer.output_tokens < limit:
            return None
        prompt = f" with a prompt of {answer.prompt_tokens:,}" if answer.prompt_tokens else ""
        return Problem(
            (dimension,),
            "context-full",
            f"the context had room for {answer.output_tokens:,} of {limit:,} tokens{prompt}; serve the judge with a "
            "larger --max-model-len (where the run starts the server: --judge-arg=--max-model-len=N)",
        )


def better(best: Asked | None, this: Asked) -> Asked:
    """The later answer, unless the earlier one says more."""
    if best is None or not this.reading.unreadable or len(this.reading.level3) > len(best.reading.level3):
        return this
    tried = tuple(
        dataclasses.replace(problem, detail="the second answer could not be read either; this is the first")
        for problem in this.problems
        if problem.kind == "asked-again"
    )
    return dataclasses.replace(best, problems=(*best.problems, *tried))
