"""Read an edit's score: ``<answer>x.xx</answer>`` (IE-Critic-R1) or JSON (the house protocol), 1 to 5.

A score is never taken from the thinking, never clamped, and never converted from another scale.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence

from ..scoring.verdict import ProblemKind
from ..support.words import plural
from ..taxonomy import EDIT, Path
from .answer_parts import Number, Object, Problems, Unread, cut_off, short, split, take_objects
from .base import Reading
from .checklist_answers import fold
from .reasons import NAMES, reason_of

LOWEST, HIGHEST = 1, 5


_TOP: Path = (EDIT,)


_TAG = re.compile(r"<\s?(/?)\s?answer\s?>", re.IGNORECASE)


_LONGEST = 120  # characters; a longer text inside the tags is no number


_LABEL = re.compile(r"(?:the )?(?:final |overall )*(?:score|rating|answer|quality)? ?(?:is|[:=])? ?", re.IGNORECASE)


_NUMBER = re.compile(r"([+-]?)(\d+)(?:([.,])(\d*))?")


_SCALE = re.compile(r" ?(?:/|out of|of) ?(\d+)(?:\.(0*))? ?(?:points|stars)?", re.IGNORECASE)


_MARKUP = str.maketrans("", "", "*_`$")


# Full-width forms, the ideographic full stop, the Arabic decimal separator and the fraction slash
_WIDE = {code: code - 0xFEE0 for code in range(0xFF01, 0xFF5F)} | {0x3000: " ", 0x3002: ".", 0x066B: ".", 0x2044: "/"}


def number(written: str, low: int = LOWEST, high: int = HIGHEST) -> tuple[float, list[str]] | Unread:
    """Read a score of ``low`` to ``high``, with the repairs that it took.

    Taken: another number of decimals, a decimal comma, digits of other scripts, a dot at the end, a label before
    it, and "4/5" where 5 is ``high``: the same scale. Not taken: another scale, out of range, words, several numbers.
    """
    mended: list[str] = []
    text = written.strip()
    if not text:
        return Unread("no-answer", "nothing between the answer tags")
    if len(text) > _LONGEST:
        return Unread("out-of-range" if text.strip("+-.").isdecimal() else "bad-score", short(text))
    plain = _ascii(text)
    if plain != text:
        mended.append("digits of another script")
    bare = plain.translate(_MARKUP).strip()
    if bare != plain:
        mended.append("markup")
    label = _LABEL.match(bare)
    if label and label.end():
        bare = bare[label.end() :]
        mended.append("a label")
    match = _NUMBER.match(bare)
    if not match:
        return Unread("bad-score", short(text))
    sign, whole, point, decimals = match[1], match[2].lstrip("0") or "0", match[3], match[4] or ""
    rest = bare[match.end() :].strip()
    if rest and (scale := _SCALE.fullmatch(rest.rstrip(".;!"))):
        if scale[1] != str(high):
            return Unread("other-scale", short(text))
        mended.append(f"out of {high}")
        rest = ""
    if rest.startswith(("%", "/")) or _SCALE.match(rest):
        return Unread("other-scale", short(text))
    if rest.strip(".;!"):
        return Unread("bad-score", short(text))
    if point == "," and len(decimals) > 2:
        return Unread("bad-score", f"{short(text)}: a comma before three digits is no decimal comma")
    over = len(whole) > len(str(high)) or int(whole) > high or (int(whole) == high and decimals.strip("0") != "")
    if sign == "-" or over or int(whole) < low:
        return Unread("out-of-range", short(text))
    if point == ",":
        mended.append("a decimal comma")
    if rest or (point == "." and not decimals):
        mended.append("a dot at the end")
    if sign:
        mended.append("a sign")
    if len(match[2]) > 1 or (len(decimals) != 2 and not (point == "." and not decimals)):
        mended.append(plural(len(decimals), "decimal"))
    return float(f"{whole}.{decimals or 0}"), mended


def _ascii(text: str) -> str:
    """Convert digits of any script, and full-width marks, to ASCII."""
    return "".join(str(unicodedata.decimal(char)) if char.isdecimal() else char for char in text.translate(_WIDE))


def _unread(problems: Problems, kind: ProblemKind, detail: str = "") -> Reading:
    problems.add(_TOP, kind, detail)
    return Reading(unreadable=(_TOP,), problems=problems.done())


def read_tagged(text: str, finish_reason: str | None) -> Reading:
    """Read ``<think>...</think><answer>x.xx</answer>``. Never raises.

    The assistant's turn was started with ``<think>``, so an answer without any closing tag is unfinished
    thinking, wherever an answer tag stands in it. The one exception: a text that is an answer tag and nothing
    else has no thinking that could hold a draft, and is read.
    """
    problems = Problems()
    if not isinstance(text, str) or not text.strip():
        return _unread(problems, "truncated" if cut_off(finish_reason) else "no-answer", "empty")
    parts = split(text)
    if parts.unfinished:
        return _unread(problems, "unfinished-thinking")
    answer = parts.answer.strip()
    tags = list(_TAG.finditer(answer))
    whole = bool(tags) and not tags[0].start() and tags[-1].end() == len(text.strip()) and not cut_off(finish_reason)
    if not parts.closed and not whole:
        return _unread(problems, "unfinished-thinking", "the thinking that the request opened has no end")
    if not answer:
        return _unread(problems, "truncated" if cut_off(finish_reason) else "no-answer", "nothing after the thinking")
    pieces, outside, unread = _pieces(answer, tags, finish_reason, problems)
    if unread is not None:
        return _unread(problems, unread.kind, unread.detail)
    values = [number(piece) for piece in pieces]
    scores = {value[0] for value in values if not isinstance(value, Unread)}
    failed = [value for value in values if isinstance(value, Unread)]
    if len(values) > 1:
        agree = len(scores) == 1 and not failed
        problems.add(_TOP, "several-answers", f"{len(values)} that {'agree' if agree else 'differ'}")
        if not agree:
            return _unread(problems, "several-answers")
    if failed:
        return _unread(problems, failed[0].kind, failed[0].detail)
    if outside:
        problems.add(_TOP, "surrounded", short(outside))
    for piece, value in zip(pieces, values, strict=True):
        if not isinstance(value, Unread) and value[1]:
            problems.add(_TOP, "coerced", f"{short(piece.strip())}: {', '.join(value[1])}")
    return Reading(score=scores.pop(), problems=problems.done())


def _pieces(
    answer: str, tags: Sequence[re.Match[str]], finish_reason: str | None, problems: Problems
) -> tuple[list[str], str, Unread | None]:
    """Return the text in the answer tags, the text outside, and the reason why neither can be used, if any."""
    cut = cut_off(finish_reason)
    if not tags:
        # A bare number after the thinking is meant as the answer, if it is known to be whole.
        if finish_reason != "stop":
            return [], "", Unread("truncated" if cut else "no-answer", "no answer tag")
        problems.add(_TOP, "coerced", "no answer tag")
        return [answer], "", None
    pieces: list[str] = []
    outside: list[str] = []
    start, inside = 0, False
    for tag in tags:
        before = answer[start : tag.start()]
        if inside or (tag[1] and not pieces):
            pieces.append(before)
            if not (inside and tag[1]):
                problems.add(_TOP, "coerced", "an answer tag is missing")
        else:
            outside.append(before)
        start, inside = tag.end(), not tag[1]
    rest = answer[start:]
    if inside:
        if finish_reason != "stop":
            return [], "", Unread("truncated", "the answer tag is not closed")
        if rest.strip() or not pieces:
            problems.add(_TOP, "coerced", "the closing tag is missing")
            pieces.append(rest)
    else:
        if cut and rest.strip():
            return [], "", Unread("truncated", f"the answer went on and was cut off ({finish_reason})")
        outside.append(rest)
    if cut:
        problems.add(_TOP, "truncated", f"cut off ({finish_reason}) after a complete answer")
    return pieces, " ".join(part.strip() for part in outside if part.strip()), None


def read_scores(
    text: str, finish_reason: str | None, overall: str, aspects: Sequence[str], *, reasons: bool = False
) -> Reading:
    """Read a JSON object with a score of 1 to 5 for ``overall`` and each of ``aspects``. Never raises.

    An aspect that can't be read is None and in ``unreadable``; without the overall score all of the edit is.

    Args:
        text: the answer.
        finish_reason: why it ended.
        overall: the name of the overall score.
        aspects: the names of the others.
        reasons: each score was asked for in an object, after a reason; scores without them are read alike.
    """
    problems = Problems()
    if not isinstance(text, str) or not text.strip():
        return _unread(problems, "truncated" if cut_off(finish_reason) else "no-answer", "empty")
    parts = split(text)
    if parts.unfinished:
        return _unread(problems, "unfinished-thinking")
    if cut_off(finish_reason) and not parts.closed:
        return _unread(problems, "truncated", f"cut off ({finish_reason})")
    objects = take_objects(parts.answer, finish_reason, problems, _TOP)
    if isinstance(objects, Unread):
        return _unread(problems, objects.kind, objects.detail)
    wanted = (overall, *aspects)
    words: dict[str, str] = {}
    reads = [
        _scores(node, wanted, problems if not index else Problems(), words if reasons and not index else None)
        for index, node in enumerate(objects)
    ]
    if len(reads) > 1:
        agree = all(read == reads[0] for read in reads)
        problems.add(_TOP, "duplicate", f"{len(reads)} objects that {'agree' if agree else 'differ'}")
        if not agree:
            return _unread(problems, "several-answers")
    found = reads[0]
    scores = {name: found.get(name) for name in aspects}
    lost = tuple((EDIT, name) for name in aspects if scores[name] is None)
    if lost and problems.ends_early(_TOP, finish_reason):
        return Reading(unreadable=(_TOP,), problems=problems.done())
    evidence = {"score" if name == overall else name: said for name, said in words.items() if said}
    if found.get(overall) is None:
        return Reading(unreadable=(_TOP,), problems=problems.done(), aspects=scores, evidence=evidence)
    return Reading(score=found[overall], aspects=scores, unreadable=lost, problems=problems.done(), evidence=evidence)


def _scores(
    node: Object, wanted: Sequence[str], problems: Problems, words: dict[str, str] | None
) -> dict[str, float | None]:
    """Take the scores of one object, by name; ``words`` gets the reasons, None where they were not asked for."""
    names = {fold(name): name for name in wanted}
    while len(node.pairs) == 1 and isinstance(node.pairs[0][1], Object) and fold(node.pairs[0][0]) not in names:
        problems.add(_TOP, "wrapped", short(node.pairs[0][0]))
        node = node.pairs[0][1]
    found: dict[str, list[float | None]] = {}
    for key, value in node.pairs:
        name = names.get(fold(key))
        if name is None:
            problems.add(_TOP, "invented", short(key))
            continue
        path = _TOP if name == wanted[0] else (EDIT, name)
        if key != name:
            problems.add(path, "renamed", short(key))
        if isinstance(value, Object):
            inner = [content for word, content in value.pairs if fold(word) == "score"]
            if words is None:
                problems.add(path, "wrapped", "an object for a number")
            else:
                said = (reason_of(content) for word, content in value.pairs if fold(word) in NAMES)
                words[name] = words.get(name) or next(filter(None, said), "")
        else:
            inner = [value]
        if not inner:
            found.setdefault(name, []).append(None)
            problems.add(path, "missing", "no score")
        for content in inner:
            taken = number(content) if isinstance(content, str) else Unread("bad-score", short(content))
            if isinstance(taken, Unread):
                problems.add(path, taken.kind, taken.detail)
            elif not isinstance(content, Number):
                problems.add(path, "coerced", short(content))
            found.setdefault(name, []).append(None if isinstance(taken, Unread) else taken[0])
    scores: dict[str, float | None] = {}
    for name in wanted:
        values = found.get(name, [])
        path = _TOP if name == wanted[0] else (EDIT, name)
        if not values:
            problems.add(path, "missing")
        elif len(values) > 1:
            problems.add(path, "duplicate", "the same" if len(set(values)) == 1 else "scores that differ")
        scores[name] = values[0] if len(set(values)) == 1 else None
    return scores
