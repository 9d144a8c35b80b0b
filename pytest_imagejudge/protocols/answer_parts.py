"""Parts of an answer, for all readers: the end of the thinking, and the JSON objects in the rest.

Answers are untrusted: no function here raises on any text, and each takes time linear in the text.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from typing import Any

from ..scoring.verdict import Problem, ProblemKind
from ..support.escaping import escape
from ..taxonomy import Path
from .base import Reading
from .mending import BRACE, mend

# Written exactly so: an engine that puts an answer together spells tags inside the thinking another way.
_THINK = re.compile(r"<(/?)(think(?:ing)?)>", re.IGNORECASE)


_CLOSING = re.compile(r"</think(?:ing)?>", re.IGNORECASE)


# What may stand before an object with which a text begins. Possessive, so nothing is scanned twice.
_LEAD = re.compile(r"\s*+(?:`{3,}+[ \t]*+[\w+-]*+\s*+)?+(?=\{)")


# How models that use no such tag mark their thinking: what opens it, and what ends it.
_TAGS = ("reasoning", "thought", "thoughts", "reflection", "scratchpad", "seed:think")


_OTHER_ENDS = {f"<{tag}>": f"</{tag}>" for tag in _TAGS} | {
    "[think]": "[/think]",  # Magistral
    "◁think▷": "◁/think▷",  # Kimi
    "<|channel>": "<channel|>",  # Gemma
    "<|channel|>analysis": "<|channel|>final<|message|>",  # gpt-oss
    "<|channel|>commentary": "<|channel|>final<|message|>",
}


_OTHER = re.compile("|".join(map(re.escape, [*_OTHER_ENDS, *_OTHER_ENDS.values()])), re.IGNORECASE | re.ASCII)


# What engines call an end that the model chose. Any other word, a new one too, says that it did not.
_ENDED = frozenset(
    {
        "",
        "stop",
        "eos",
        "eos_token",
        "stop_sequence",
        "end_turn",
        "tool_calls",
        "function_call",
        "complete",
        "completed",
    }
)


# A string, ended or running to the end of the text, or a bracket. Possessive, so nothing is scanned twice.
_TOKEN = re.compile(r'"(?:[^"\\]++|\\.)*+(?P<end>"|\\?\Z)|[{}\[\]]', re.DOTALL)


_FENCE = re.compile(r"`{3,}[ \t]*[\w+-]*")


# A name, which has no place outside of objects; beside the brace of an object that began before, it says that the text
# begins in the middle of that one.
_NAME = re.compile(r"""["'][ \t\r\n]*+:""")


MAX_DEPTH = 64  # a checklist's answer is four levels deep


MAX_OBJECTS = 16


_DETAILS = 5  # of one kind at one place, that are spelled out


def cut_off(finish_reason: str | None) -> bool:
    """Return True where something other than the model ended the answer; False where no reason is given."""
    return isinstance(finish_reason, str) and finish_reason.casefold() not in _ENDED


def settles(reading: Reading, finish_reason: str | None) -> bool:
    """Tell whether an answer is all that will ever be wanted: read in full, and ended by the model itself."""
    return not reading.unreadable and not cut_off(finish_reason)


@dataclass(frozen=True, slots=True)
class Split:
    """An answer in its parts: ``answer`` is what follows the last closing tag, the whole text without tags.

    ``closed``: a ``</think>`` was seen. ``unfinished``: thinking was opened, or opened again, and not closed.
    """

    answer: str
    closed: bool
    unfinished: bool


def split(text: str) -> Split:
    """Split thinking from answer; text before a first ``</think>`` is thinking, opened by the chat template.

    The rest may hold thinking between other marks, which is split off alike. A tag in a string of an object is none: a
    judge may quote what a picture says. Where an answer begins with an object that is no JSON, and has a tag, nobody
    can tell; what follows the tag may be a quotation, so this counts as unfinished.
    """
    parts = _split(text)
    end = len(text) if parts.unfinished else len(text) - len(parts.answer)
    if text.find("{", 0, end) < 0:
        return parts
    plain = _without_quoted_tags(text)
    if plain is None:
        return Split("", parts.closed, unfinished=True)
    parts = _split(plain)
    return Split(text[len(text) - len(parts.answer) :], parts.closed, parts.unfinished)


def whole_answer(text: str, finish_reason: str | None) -> str | None:
    """Return the text after the thinking; None where the thinking or the answer did not come to its end."""
    parts = split(text)
    return None if parts.unfinished or cut_off(finish_reason) else parts.answer


def _without_quoted_tags(text: str) -> str | None:
    """Blank out the objects that have a tag in a string, and keep the length; None where nobody can tell.

    The thinking need not be balanced, so what follows its first end is looked through by itself.
    """
    for start in (0, None):
        if start is None:
            first = _CLOSING.search(text)
            start = first.end() if first else len(text)
        lead = _LEAD.match(text, start)
        led = not lead
        for begin, end in _spans(text[start:])[0]:
            begin, end = start + begin, start + end
            piece = text[begin:end]
            begins = lead is not None and begin == lead.end()
            tagged = bool(_THINK.search(piece) or _OTHER.search(piece))
            if (tagged or begins) and isinstance(_decode(piece), Object):
                led = led or begins
                text = text[:begin] + " " * len(piece) + text[end:] if tagged else text
        if not led and lead and (_THINK.search(text, lead.end()) or _OTHER.search(text, lead.end())):
            return None
    return text


def _split(text: str) -> Split:
    end, closed, opened = 0, False, ""
    for tag in _THINK.finditer(text):
        name = tag[2].lower()
        if not tag[1]:
            opened = opened or name
        elif name == (opened or "think"):
            end, closed, opened = tag.end(), True, ""
    answer, end, awaited = text[end:], 0, ""
    if "<" in answer or "[" in answer or "◁" in answer:  # quicker than the search, and seldom so
        for mark in _OTHER.finditer(answer):
            name = mark[0].lower()
            if name in _OTHER_ENDS:
                awaited = awaited or _OTHER_ENDS[name]
            elif name == (awaited or name):
                end, awaited = mark.end(), ""
    return Split(answer[end:], closed, bool(opened or awaited))


class Number(str):
    """A JSON number, or NaN or Infinity, as it was written: 1.9, -1 and 10 ** 5000 are judged by the reader."""

    __slots__ = ()


class Object:
    """A JSON object with every one of its pairs: a key that comes twice is seen twice."""

    __slots__ = ("pairs",)

    def __init__(self, pairs: list[tuple[str, Any]]) -> None:
        self.pairs = pairs


_DECODER = json.JSONDecoder(
    object_pairs_hook=Object,
    parse_int=Number,
    parse_float=Number,
    parse_constant=Number,
    strict=False,
)


def short(value: Any, limit: int = 60) -> str:
    """Shorten untrusted text for a problem's detail: one line, control characters escaped."""
    if isinstance(value, Object):
        return "an object"
    if isinstance(value, list):
        return "a list"
    if not isinstance(value, str):
        return json.dumps(value)  # null, true or false
    written = escape(value[:limit]) + ("…" if len(value) > limit else "")
    return written if isinstance(value, Number) else f'"{written}"'


class Problems:
    """A collector of problems, one for each place and kind; repetitions are counted to keep the list short."""

    def __init__(self) -> None:
        self._found: dict[tuple[Path, ProblemKind], tuple[set[str], list[str]]] = {}

    def add(self, path: Path, kind: ProblemKind, detail: str = "") -> None:
        """Add a problem; details of one place and kind are joined."""
        seen, details = self._found.setdefault((path, kind), (set(), []))
        if detail and detail not in seen:
            seen.add(detail)
            if len(details) < _DETAILS:
                details.append(detail)

    def __bool__(self) -> bool:
        return bool(self._found)

    def ends_early(self, path: Path, finish_reason: str | None) -> bool:
        """Tell of a reading that lacks something whether its answer may have been cut off, and add that problem.

        That is so where the last brace was missing too, and nobody told that the model ended the answer.
        """
        if finish_reason or BRACE not in self._found.get((path, "mended"), (set(), []))[0]:
            return False
        self.add(path, "truncated", "not only the last brace is missing")
        return True

    def done(self) -> tuple[Problem, ...]:
        """Return the problems in the order of their first occurrence."""
        found = []
        for (path, kind), (seen, details) in self._found.items():
            more = len(seen) - len(details)
            text = "; ".join(details) + (f"; and {more} more" if more else "")
            found.append(Problem(path, kind, text))
        return tuple(found)


@dataclass(frozen=True, slots=True)
class Unread:
    """The reason why no object could be taken from an answer."""

    kind: ProblemKind
    detail: str


def take_objects(answer: str, finish_reason: str | None, problems: Problems, path: Path) -> list[Object] | Unread:
    """Return the JSON objects of an answer (the text after the thinking), or the reason why there is none.

    What is nearly JSON is mended where there is one way to (`mending`). An object that does not close, or that is
    still no JSON, makes the whole answer unreadable: the other objects could be drafts of it.
    """
    body = answer.strip("﻿ \t\r\n\f\v")
    fenced = "```" in body and not isinstance(_decode(body), Object)  # else they stand in a string
    plain = _FENCE.sub("", body).strip() if fenced else body
    cut = cut_off(finish_reason)
    if not plain:
        return Unread("truncated" if cut else "no-answer", "nothing follows the thinking")
    taken = _take(plain, cut)
    if isinstance(taken, Unread) and (mended := mend(plain, ended=not cut if finish_reason else None)):
        again = _take(mended.text, cut)
        if not isinstance(again, Unread):
            taken = again
            for name in mended.mends:
                problems.add(path, "mended", name)
    if isinstance(taken, Unread):
        return taken
    found, rest = taken
    if any("}" in part and _NAME.search(part) for part in rest):
        return Unread("no-answer", "an object of which only a part follows the thinking")
    if cut:
        if rest[-1].strip():
            return Unread("truncated", f"the answer went on and was cut off ({finish_reason})")
        problems.add(path, "truncated", f"cut off ({finish_reason}) after a complete object")
    if fenced:
        problems.add(path, "fenced")
    if text := next((part.strip() for part in rest if part.strip()), ""):
        problems.add(path, "surrounded", short(text))
    return found


def _take(plain: str, cut: bool) -> tuple[list[Object], list[str]] | Unread:
    """Return the objects of a text, and the text before, between and after them."""
    if (other := _other_type(plain)) is not None:
        return Unread("wrong-type", f"{other} instead of an object")
    spans, unread = _spans(plain)
    if unread is not None:
        return unread
    found: list[Object] = []
    rest, last = [], 0
    for start, end in spans:
        piece = plain[start:end]
        value = _decode(piece)
        if not isinstance(value, Object):
            if ":" not in piece:
                continue  # braces in prose
            return Unread("no-answer", "an object that is not JSON")
        found.append(value)
        rest.append(plain[last:start])
        last = end
    rest.append(plain[last:])
    if not found:
        return Unread("truncated" if cut else "no-answer", "no JSON object")
    if any(part.rstrip().endswith("[") for part in rest[:-1]):
        return Unread("wrong-type", "a list instead of an object")
    return found, rest


def _decode(piece: str) -> Any:
    try:
        return _DECODER.decode(piece)
    except (ValueError, RecursionError):
        return None


def _other_type(plain: str) -> str | None:
    """Name the type of a text that is one JSON value other than an object; text may follow a list."""
    if plain[0] == "[":
        try:
            value, _ = _DECODER.raw_decode(plain)
        except ValueError:
            return None
        except RecursionError:
            return "deeply nested lists"
        return "a list" if isinstance(value, list) else None
    if plain[0] == "{" or plain[0] not in '"-0123456789tfnNI':
        return None
    try:
        value = _DECODER.decode(plain)
    except (ValueError, RecursionError):
        return None
    if isinstance(value, Number):
        return "a number"
    return "a string" if isinstance(value, str) else short(value)


def _spans(text: str) -> tuple[list[tuple[int, int]], Unread | None]:
    """Yield start and end of every outermost ``{...}``, strings inside them respected."""
    spans: list[tuple[int, int]] = []
    start = text.find("{")
    while start >= 0:
        if len(spans) == MAX_OBJECTS:
            return spans, Unread("duplicate", f"more than {MAX_OBJECTS} objects")
        depth = end = 0
        for token in _TOKEN.finditer(text, start):
            mark = token[0]
            if mark in "{[":
                depth += 1
                if depth > MAX_DEPTH:
                    return spans, Unread("wrong-type", f"nested deeper than {MAX_DEPTH} levels")
            elif mark in "}]":
                depth -= 1
                if depth == 0:
                    end = token.end()
                    break
            elif token["end"] != '"':
                return spans, Unread("truncated", "a string that does not end")
        if not end:
            return spans, Unread("truncated", "an object that does not close")
        spans.append((start, end))
        start = text.find("{", end)
    return spans, None
