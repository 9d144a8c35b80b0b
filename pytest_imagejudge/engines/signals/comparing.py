"""Compare a text that was asked for with a page as read: letters that differ, their case, and doubt about signs."""

from __future__ import annotations

import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher

from .matching import fold, marks, match, nearest_places
from .page import Page, Sign, ideograph

MEANT = 0.6  # likeness from which what was read is an attempt at the text
SURE = 0.9  # confidence of the OCR from which a sign is taken for what was read
_CHARACTER_SETS = ("gb2312", "big5", "shift_jis")  # simplified, traditional, Japanese
# Letters whose capital has another shape; of the rest the OCR tells the case by their height.
_CASED = frozenset("abdefghjmnqrtyABDEFGHJMNQRTY")


@dataclass(frozen=True)
class Found:
    """The best place of one text on a page.

    Attributes:
        text: as asked for.
        similarity: 1 - edits / length, 0 to 1, over letters and digits.
        exact: also equal in punctuation.
        read: what stands there, as read.
        spans: the places on the page, as (start, end) in its letters.
        wrong: letters that differ for sure, each as "x for y", "x missing" or "x added".
        case: letters in the other case whose capital has another shape.
        height: letters in the other case that differ by their height alone.
        doubt: the least confidence in a Chinese or Japanese sign, with that sign; empty for none.
        rival: the Chinese sign that the OCR would read in place of one of the text's, with its greatest confidence, as
            (read, rival, confidence); empty for none.
        closed: True where no further letter is joined to the place.
    """

    text: str
    similarity: float
    exact: bool = False
    read: str = ""
    spans: tuple[tuple[int, int], ...] = ()
    wrong: tuple[str, ...] = ()
    case: tuple[str, ...] = ()
    height: tuple[str, ...] = ()
    doubt: tuple[str, float] | None = None
    rival: tuple[str, str, float] | None = None
    closed: bool = True

    @property
    def rank(self) -> tuple[float, ...]:
        """A key by which the better of two readings is greater."""
        return (
            self.similarity - 0.05 * len(self.wrong),
            self.exact,
            self.closed,
            -len(self.case) - len(self.height) / 2,
            self.doubt[1] if self.doubt else 1.0,
        )


def compare(text: str, page: Page) -> Found:
    """Find the best place of ``text`` on ``page``."""
    want, have = fold(text), page.letters
    if not want or not have:
        return Found(text, 0.0)
    found = [_at(text, page, *place) for place in nearest_places(want, have)]
    best = max(found, key=lambda one: one.rank)
    if best.similarity < 1 and (other := _by_words(text, page)) and other.similarity > best.similarity:
        return other
    return best


def _at(text: str, page: Page, edits: int, start: int, end: int) -> Found:
    want = fold(text)
    before, after = _joined(page, start, -1), _joined(page, end, 1)
    added = [page.signs[at] for at in [*before, *after]]
    wrong, other, doubt = _differences(text, page, start, end)
    if (
        0 < len(added) <= 2
        and min(sign.trust for sign in added) >= SURE
        and not all(sign.char in "lIi1|" for sign in added)
    ):
        wrong.append(f"{''.join(sign.char for sign in added)!r} added")
    return Found(
        text,
        max(0.0, 1 - edits / len(want)),
        exact=edits == 0 and marks(text) in marks(page.text),
        read=page.shown(start, end),
        spans=((start, end),) if end > start else (),
        wrong=tuple(wrong),
        case=tuple(char for char in other if char in _CASED),
        height=tuple(char for char in other if char not in _CASED),
        doubt=doubt,
        rival=_rival(text, page.signs[start:end]),
        closed=not added,
    )


def _joined(page: Page, at: int, step: int) -> list[int]:
    """Return the places of letters that are joined to a place on one side, outwards."""
    found = []
    if step < 0:
        while page.glued(at):
            at -= 1
            found.append(at)
    else:
        while page.glued(at):
            found.append(at)
            at += 1
    return found


def _differences(text: str, page: Page, start: int, end: int) -> tuple[list[str], list[str], tuple[str, float] | None]:
    """Return letters that differ for sure, letters in the other case, and the sign of most doubt."""
    chars = [char for char in text for _ in fold(char)]
    signs = page.signs[start:end]
    wrong: list[str] = []
    case: list[str] = []
    doubts: list[tuple[float, str]] = []
    steps = SequenceMatcher(None, fold(text), page.letters[start:end], autojunk=False).get_opcodes()
    for kind, a, b, c, d in steps:
        if kind == "equal":
            for char, sign in zip(chars[a:b], signs[c:d], strict=True):
                if char != sign.char and char.casefold() == sign.char.casefold() and sign.trust >= SURE:
                    case.append(sign.char)
                if ideograph(sign.char):
                    doubts.append((sign.trust, sign.char))
            continue
        near = signs[max(0, c - 1) : d + 1]
        if near and min(sign.trust for sign in near) >= SURE:
            asked, shown = "".join(chars[a:b]), "".join(sign.char for sign in signs[c:d])
            wrong.append(
                f"{shown!r} for {asked!r}"
                if asked and shown
                else f"{asked or shown!r} " + ("missing" if asked else "added")
            )
    least = min(doubts, default=None)
    return wrong, case, (least[1], least[0]) if least else None


def _rival(text: str, signs: Sequence[Sign]) -> tuple[str, str, float] | None:
    """Return the likeliest second choice for a Chinese sign among ``signs``, in the script of ``text``.

    The simplified, traditional or older form of a sign is no other sign. It is told by the character sets that have all
    signs of the text: the other form is not in each of them.
    """
    chinese = "".join(char for char in text if _chinese(char))
    sets = [name for name in _CHARACTER_SETS if _encodes(chinese, name)]
    rivals = [
        (sign.rival[1], sign.char, sign.rival[0])
        for sign in signs
        if _chinese(sign.char) and _chinese(sign.rival[0])
        if all(_encodes(sign.rival[0], name) for name in sets)
    ]
    if not rivals:
        return None
    share, read, other = max(rivals)
    return read, other, share


def _chinese(char: str) -> bool:
    return char != "" and unicodedata.name(char, "").startswith("CJK UNIFIED")


def _encodes(text: str, name: str) -> bool:
    try:
        text.encode(name)
    except UnicodeEncodeError:
        return False
    return True


def _by_words(text: str, page: Page) -> Found | None:
    """Find the words of ``text`` one by one, for words that stand in another order."""
    words = [word for word in text.split() if fold(word)]
    if len(words) < 2 or min(len(fold(word)) for word in words) < 3:
        return None
    similarity = match(text, [page.text]).similarity
    parts = [
        max((_at(word, page, *place) for place in nearest_places(fold(word), page.letters)), key=lambda one: one.rank)
        for word in words
    ]
    return Found(
        text,
        similarity,
        read=page.text,
        spans=tuple(span for part in parts for span in part.spans),
        wrong=tuple(one for part in parts for one in part.wrong),
        case=tuple(one for part in parts for one in part.case),
        height=tuple(one for part in parts for one in part.height),
        closed=all(part.closed for part in parts),
    )
