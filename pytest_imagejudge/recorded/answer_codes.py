"""Recorded answers as compact codes: one byte a facet, figures on demand."""

from __future__ import annotations

import math
from functools import cache
from operator import getitem
from typing import Any

import orjson

from ..protocols.answer_parts import split
from ..scoring import figures as scoring
from ..taxonomy import LEVEL1, TREE, facets_of

# A facet's score as one byte: 0, 1, 2, or one of these.
NA, UNREADABLE, ABSENT = 3, 4, 5


SIZES = tuple(sum(map(len, twos.values())) for twos in TREE.values())  # facets of each L1


DEFAULT = "q-judger"


_PIECES = 64  # ways of writing, at each place of an answer


Codes = bytes  # of one answer: its facets' scores, in the order of the tree


class AnswerReader:
    """Reader of answers' scores, one a process, which caches the texts between scores.

    The scores cut a well-formed answer into pieces: before the first score, between two, and after the last.
    A piece that was seen at its place in a decoded answer with the checklist's order means the same there in every
    answer. An answer made of such pieces only needs no decoding.
    """

    def __init__(self, protocol: str) -> None:
        self.protocol = protocol
        self.pieces: list[list[dict[str, int]]] = [[{} for _ in range(1 + size)] for size in SIZES]

    def codes(self, index: int, answer: Any) -> Codes:
        """Return the scores of an answer about the L1 of that index; a value that is no text can't be read."""
        if not isinstance(answer, str):
            nothing = answer is None or answer != answer
            return bytes((ABSENT if nothing else UNREADABLE,)) * SIZES[index]
        # Where the short way succeeds, the rest holds nothing but the checklist's names and scores, so this is
        # the last of all tags. It closes the thinking, unless another tag before it opened it in another way, or an
        # object before it may quote it.
        end = answer.rfind("</think>")
        rest = answer if end < 0 else answer[end + 8 :]
        other = end >= 0 and (answer.find("<", answer.startswith("<think>")) != end or answer.find("{", 0, end) >= 0)
        if other and split(answer).unfinished:
            return self._read(index, answer)
        pieces = rest.split('"score"')
        known = self.pieces[index]
        if len(pieces) == len(known):
            try:
                return bytes(map(getitem, known, pieces))[1:]
            except KeyError:
                pass
        found = _decode(index, rest)
        if found is None:
            return self._read(index, answer)
        codes, ordered = found
        if ordered and all(len(seen) < _PIECES for seen in known):
            for seen, piece, code in zip(known, pieces, (NA, *codes), strict=True):
                seen[piece] = code
        return codes

    def _read(self, index: int, answer: str) -> Codes:
        if not answer.strip():
            return bytes((ABSENT,)) * SIZES[index]
        reading = protocol_named(self.protocol).read(LEVEL1[index], answer, None)
        lost = set(reading.unreadable)
        codes = []
        for path in facets_of((LEVEL1[index],)):
            facet = reading.level3.get(path)
            if not lost.isdisjoint((path[:1], path[:2], path)):
                codes.append(UNREADABLE)
            else:
                codes.append(NA if facet is None or facet.raw == "N/A" else facet.raw)
        return bytes(codes)


@cache
def protocol_named(name: str) -> Any:
    """The protocol of recorded answers, by name."""
    from ..protocols import load_protocol

    return load_protocol(name, kind="image")


def _decode(index: int, text: str) -> tuple[Codes, bool] | None:
    """The scores of a well-formed answer without its thinking, and whether it has the checklist's order.

    None for any other answer, which the protocol's reader then reads.
    """
    twos = TREE[LEVEL1[index]]
    codes: list[int] = []
    # the quotes of a well-formed answer: two for each L2, L3, "score" and "N/A"; more means a name twice
    quotes = 2 * (len(twos) + 2 * SIZES[index])
    try:
        answer = orjson.loads(text)
        if type(answer) is not dict or len(answer) != len(twos):
            return None
        ordered = list(answer) == list(twos)
        for two, threes in twos.items():
            facets = answer[two]
            if len(facets) != len(threes):
                return None
            ordered = ordered and tuple(facets) == threes
            for three in threes:
                facet = facets[three]
                if len(facet) != 1:
                    return None
                raw = facet["score"]
                if scoring.mapped(raw) is None:
                    raw, quotes = NA, quotes + 2
                codes.append(raw)
    except (ValueError, KeyError, TypeError):
        return None
    return (bytes(codes), ordered) if text.count('"') == quotes else None


def figures(codes: Any) -> tuple[Any, Any]:
    """L1 (answers x 5) and L2 (answers x 23) of scores (answers x 56); NaN for N/A, absent, and what can't be read."""
    import numpy as np

    nan = math.nan
    codes = np.ascontiguousarray(codes.T)  # facets x answers: means over the first axis are many times faster
    scores = np.array([*(scoring.MAPPED[raw] for raw in (0, 1, 2)), nan, nan, nan])[codes]
    lost = codes >= UNREADABLE
    level1: list[Any] = []
    level2: list[Any] = []
    at = 0
    for twos in TREE.values():
        start, first = at, len(level2)
        for threes in twos.values():
            part = slice(at, at + len(threes))
            at += len(threes)
            level2.append(means(scores[part], lost[part]))
        level1.append(means(np.stack(level2[first:]), lost[start:at]))
    return np.stack(level1, axis=1), np.stack(level2, axis=1)


def means(values: Any, lost: Any) -> Any:
    """Means over the first axis of what is not NaN, as `scoring.mean`; NaN where anything was lost."""
    import numpy as np

    present = ~np.isnan(values)
    with np.errstate(invalid="ignore"):
        means = np.where(present, values, 0.0).sum(axis=0) / present.sum(axis=0)
    return np.where(lost.any(axis=0), math.nan, means)
