"""Read a list of scores: ``{"score": [8, 7], "reasoning": "..."}``, as VIEScore and EditScore ask for it.

Only so many scores as were asked for, each on the scale asked for, are an answer: none is clamped, filled in or drawn.
"""

from __future__ import annotations

import re
import string
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from ..scoring.verdict import Problem, ProblemKind
from ..support.words import plural
from ..taxonomy import Path
from .answer_parts import Number, Object, Problems, Unread, cut_off, short, split, take_objects
from .checklist_answers import fold
from .edit_answers import number
from .reasons import NAMES, reason_of

DELIMITER = "||V^=^V||"  # stands around the JSON in one form of VIEScore's question
DRAWN_MARK = "guess_if_cannot_parse"  # begins the reasoning of a published result whose scores were drawn


_NAMES = frozenset({"score", "outputscore"})


_LIST = re.compile(r"\[[^\[\]{}]{0,200}\]")


# Scores in their place in an object that is not JSON: first, or after the end of a string; last, or before the reason.
_IN_PLACE = re.compile(
    r"""(?:\{|["'”][ \t\r\n]{0,20},)[ \t\r\n]{0,20}["'“]?scores?["'”]?[ \t\r\n]{0,20}[:=][ \t\r\n]{0,20}"""
    r"""(?P<list>\[[^\[\]{}]{0,200}\])[ \t\r\n]{0,20}(?P<after>,[ \t\r\n]{0,20}["'“]?reason|\}|\Z)""",
    re.IGNORECASE,
)


_ANY_LIST = re.compile(r"scores?[\"'”]?[ \t\r\n]{0,20}[:=]", re.IGNORECASE)


# As the published readers look for what they take where there is no object.
_TWO_NUMBERS = re.compile(r"\[\d+, ?\d+\]$")


@dataclass(frozen=True, slots=True)
class ScoreList:
    """The content of one answer: its scores, or none where it is unreadable, the judge's words, and the problems."""

    scores: tuple[float, ...]
    words: str
    problems: tuple[Problem, ...]


def behind_mark(reasoning: object) -> str | None:
    """Return the answer that could not be read, from the reasoning of a published result whose scores were drawn.

    None where the scores were read.
    """
    if not isinstance(reasoning, str) or not reasoning.lstrip().startswith(DRAWN_MARK):
        return None
    return reasoning.lstrip().removeprefix(DRAWN_MARK).removeprefix(" | ")


def would_be_drawn(text: str) -> bool:
    """Tell whether the published readers find nothing to read in an answer, and so end by drawing its scores."""
    if text.count(DELIMITER) == 2 or ("{" in text and "}" in text):
        return False
    if _TWO_NUMBERS.match(text[text.find("[") : text.rfind("]") + 1]):
        return False
    try:
        return not 0 <= int(text) <= 10
    except ValueError:  # also of too many digits
        return True


def read_list(
    text: str, finish_reason: str | None, path: Path, *, count: int, high: int, parts: Sequence[str] = ()
) -> ScoreList:
    """Read ``count`` scores of 0 to ``high``. Never raises.

    Args:
        text: the answer.
        finish_reason: why it ended.
        path: of the problems.
        count: how many scores were asked for.
        high: the most that each can be; the least is 0.
        parts: names of the scores, by which an answer may give each by itself.
    """
    problems = Problems()
    found = _read(text, finish_reason, path, problems, _Wanted(count, high, tuple(map(fold, parts))))
    if not isinstance(found, Unread):
        return ScoreList(found[0], found[1], problems.done())
    problems.add(path, found.kind, found.detail)
    if not isinstance(text, str) or (found.kind != "drawn" and would_be_drawn(text)):
        problems.add(path, "drawn", "the published code finds nothing to read in this and draws the scores at random")
    return ScoreList((), "", problems.done())


@dataclass(frozen=True, slots=True)
class _Wanted:
    count: int
    high: int
    parts: tuple[str, ...]


_Found = tuple[tuple[float, ...], str]


def _read(text: str, finish_reason: str | None, path: Path, problems: Problems, wanted: _Wanted) -> _Found | Unread:
    cut = cut_off(finish_reason)
    if not isinstance(text, str) or not text.strip():
        return Unread("truncated" if cut else "no-answer", "empty")
    parts = split(text)
    if parts.unfinished:
        return Unread("unfinished-thinking", "")
    answer = parts.answer
    if DELIMITER in answer:
        answer = answer.replace(DELIMITER, "\n")
        problems.add(path, "fenced", DELIMITER)
    if "{" not in answer:
        return _bare(answer, cut, path, problems, wanted)
    mended = Problems()  # of objects that can't be used there are none
    objects = take_objects(answer, finish_reason, mended, path)
    if isinstance(objects, Unread):
        if cut or (scores := _in_place(answer, finish_reason, path, problems, wanted)) is None:
            return objects
        return scores
    for problem in mended.done():
        problems.add(problem.path, problem.kind, problem.detail)
    found = [
        _of_object(node, path, problems if not index else Problems(), wanted) for index, node in enumerate(objects)
    ]
    if len(found) > 1:
        agree = len({one if isinstance(one, Unread) else one[0] for one in found}) == 1
        problems.add(path, "duplicate", f"{len(found)} objects that {'agree' if agree else 'differ'}")
        if not agree:
            return Unread("several-answers", "")
    if isinstance(found[0], Unread) and problems.ends_early(path, finish_reason):
        return Unread("truncated", found[0].detail)
    return found[0]


def _bare(answer: str, cut: bool, path: Path, problems: Problems, wanted: _Wanted) -> _Found | Unread:
    """Read a list, or a number where one was asked for, that stands without an object."""
    plain = answer.strip()
    if cut:
        return Unread("truncated", "no JSON object")
    lists = _LIST.findall(plain)
    if wanted.count == 1 and not lists:
        taken = _numbers([plain], path, problems, wanted)
        if isinstance(taken, Unread):
            return Unread("no-answer", "no JSON object")
        problems.add(path, "coerced", "a number without its object")
        return taken, ""
    read = [_numbers(each[1:-1].split(","), path, Problems(), wanted) for each in lists]
    scores = {one for one in read if not isinstance(one, Unread)}
    if len(scores) != 1 or len(lists) > 1:
        return Unread("several-answers" if scores and len(lists) > 1 else "no-answer", "no JSON object")
    if "[" in _LIST.sub("", plain, count=1):
        return Unread("no-answer", "no JSON object")
    problems.add(path, "coerced", "a list without its object")
    if rest := _LIST.sub(" ", plain).strip():
        problems.add(path, "surrounded", short(rest))
    return scores.pop(), ""


def _in_place(answer: str, finish_reason: str | None, path: Path, problems: Problems, wanted: _Wanted) -> _Found | None:
    """Read scores that stand in their place in an object that is not JSON, if nothing else is called scores in it."""
    match = _IN_PLACE.search(answer)
    if match is None or len(_ANY_LIST.findall(answer)) > 1 or (not match["after"] and not finish_reason):
        return None
    scores = _numbers(match["list"][1:-1].split(","), path, Problems(), wanted)
    if isinstance(scores, Unread):
        return None
    problems.add(path, "mended", "the JSON around the scores is broken")
    return scores, ""


def _of_object(node: Object, path: Path, problems: Problems, wanted: _Wanted) -> _Found | Unread:
    names = {*_NAMES, *wanted.parts, *(f"score{index}" for index in range(1, wanted.count + 1))}
    while len(node.pairs) == 1 and isinstance(node.pairs[0][1], Object) and fold(node.pairs[0][0]) not in names:
        problems.add(path, "wrapped", short(node.pairs[0][0]))
        node = node.pairs[0][1]
    words = next(filter(None, (reason_of(content) for key, content in node.pairs if fold(key) in NAMES)), "")
    if words.lstrip().startswith(DRAWN_MARK):
        return Unread("drawn", "the scores of this published result were drawn at random")
    values = [(key, content) for key, content in node.pairs if fold(key) in _NAMES]
    if not values:
        apart = _apart(node, wanted)
        if apart is None:
            return Unread("missing", "no score")
        problems.add(path, "renamed", "each score by its own name")
        values = [("score", apart)]
    for key, _ in values:
        if key != "score":
            problems.add(path, "renamed", short(key))
    read = [_scores(content, path, problems, wanted) for _, content in values]
    if len(read) > 1:
        agree = len(set(read)) == 1
        problems.add(path, "duplicate", "the same" if agree else "scores that differ")
        if not agree:
            return Unread("several-answers", "")
    return read[0] if isinstance(read[0], Unread) else (read[0], words)


def _apart(node: Object, wanted: _Wanted) -> list[Any] | None:
    """Return scores that stand each under its own name, once and in any order; None where one is missing."""
    for names in (tuple(f"score{index}" for index in range(1, wanted.count + 1)), wanted.parts):
        found = [[content for key, content in node.pairs if fold(key) == name] for name in names]
        if names and all(len(each) == 1 for each in found):
            return [each[0] for each in found]
    return None


def _scores(value: Any, path: Path, problems: Problems, wanted: _Wanted) -> tuple[float, ...] | Unread:
    if isinstance(value, Object):
        apart = _apart(value, wanted)
        if apart is None:
            return Unread("wrong-type", "an object instead of a list")
        problems.add(path, "wrapped", "an object for a list")
        value = apart
    if isinstance(value, list) and len(value) == 1 and isinstance(value[0], list):
        problems.add(path, "wrapped", "a list in a list")
        value = value[0]
    if isinstance(value, Number):
        if wanted.count != 1:
            return Unread("missing", f"one score, {wanted.count} were asked for")
        problems.add(path, "coerced", "a number for a list")
        value = [value]
    if isinstance(value, str):
        inner = _LIST.fullmatch(value.strip())
        problems.add(path, "coerced", short(value))
        value = (inner[0][1:-1] if inner else value).split(",") if wanted.count > 1 or inner else [value]
    if not isinstance(value, list):
        return Unread("bad-score", short(value))
    return _numbers(value, path, problems, wanted)


def _numbers(values: Sequence[Any], path: Path, problems: Problems, wanted: _Wanted) -> tuple[float, ...] | Unread:
    if len(values) != wanted.count:
        kind: ProblemKind = "missing" if len(values) < wanted.count else "bad-score"
        return Unread(kind, f"{plural(len(values), 'score')}, {wanted.count} asked for")
    scores = []
    for value in values:
        # No label: "[score1, score2]" is the question's own form, which some judges give back.
        plain = isinstance(value, str) and value.strip().strip("\"'")[:1] not in string.ascii_letters
        taken = number(value.strip().strip("\"'"), 0, wanted.high) if plain else Unread("bad-score", short(value))
        if isinstance(taken, Unread):
            return taken
        if not isinstance(value, Number):
            problems.add(path, "coerced", short(value.strip()))
        scores.append(taken[0])
    return tuple(scores)
