"""Match an expected text against recognized text by the edit distance of its best place."""

from __future__ import annotations

import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

# What looks alike in print and is read one for the other; a difference in these alone is never a failure.
_ALIKE = str.maketrans({"0": "o", "1": "l", "i": "l", "|": "l", "ı": "l", "ー": "一", "〇": "o", "×": "x"})
_SCRIPTS = ("LATIN", "DIGIT", "CJK", "HIRAGANA", "KATAKANA", "GREEK", "FULLWIDTH", "SUPERSCRIPT", "KATAKANA-HIRAGANA")


@dataclass(frozen=True)
class Match:
    """The match of one expected text.

    Attributes:
        similarity: 1 - edits / length of the expected text, 0 to 1, over letters and digits.
        exact: also equal in punctuation.
        read: the recognized text at the best place.
    """

    similarity: float
    exact: bool
    read: str


def readable(text: str) -> bool:
    """Return True where the OCR was trained on the script of every letter of ``text``."""
    return all(unicodedata.name(char, "?").split()[0] in _SCRIPTS for char in text if char.isalpha())


def match(expected: str, lines: Sequence[str]) -> Match:
    """Find the best place of ``expected`` in ``lines``, joined in their order.

    Case, blanks and the width of characters do not count; the rest of punctuation only for `Match.exact`.
    Words that stand in another order are looked for one by one; such a match is not exact.
    """
    text = " ".join(lines)
    want, _ = _letters(expected)
    have, places = _letters(text)
    if not want or not have:
        return Match(0.0, False, "")
    edits, start, end = _locate(want, have)
    similarity = max(0.0, 1 - edits / len(want))
    read = text[places[start] : places[end - 1] + 1] if end > start else ""
    exact = edits == 0 and marks(expected) in marks(text)
    if similarity < 1:
        by_words = _by_words(expected, have)
        if by_words > similarity:
            return Match(by_words, False, " ".join(lines))
    return Match(similarity, exact, read)


def _by_words(expected: str, have: str) -> float:
    """Return the similarity by single words of ``expected``; 0 where the words are too short to tell apart."""
    words = [letters for word in expected.split() if (letters := _letters(word)[0])]
    if len(words) < 2 or min(map(len, words)) < 3:
        return 0.0
    edits = sum(min(len(word), _locate(word, have)[0]) for word in words)
    return 1 - edits / sum(map(len, words))


def _letters(text: str) -> tuple[str, list[int]]:
    """Letters and digits, folded, and the place of each in ``text``."""
    chars: list[str] = []
    places: list[int] = []
    for at, char in enumerate(text):
        for folded in fold(char):
            chars.append(folded)
            places.append(at)
    return "".join(chars), places


def fold(text: str) -> str:
    """Return the letters and digits of ``text`` in one case, with what looks alike in print made one sign."""
    folded = unicodedata.normalize("NFKC", text).casefold()
    return "".join(char for char in folded if char.isalnum()).translate(_ALIKE)


def marks(text: str) -> str:
    """Return all of ``text`` but blanks, in one case, with quotes, dashes and dots of one kind."""
    folded = "".join(unicodedata.normalize("NFKC", text).casefold().split())
    for kind, plain in (
        ("“”„«»「」『』《》〈〉＂″", '"'),
        ("‘’‚‹›`´′", "'"),
        ("–—−‐‑―", "-"),
        ("。", "."),
        ("、", ","),
    ):
        folded = folded.translate(dict.fromkeys(map(ord, kind), plain))
    return folded.replace("...", "…").translate(_ALIKE).strip("\"'.,!-…")


def nearest_places(want: str, have: str, most: int = 20) -> list[tuple[int, int, int]]:
    """Return (edits, start, end) of the places in ``have`` that are nearest to ``want``, at most ``most``, in order."""
    import numpy as np

    row = _last_row(want, have, anchored=False)
    found = []
    for end in np.flatnonzero(row == row.min())[:most]:
        tail = have[max(0, int(end) - 2 * len(want) - 1) : int(end)]
        back = _last_row(want[::-1], tail[::-1], anchored=True)
        found.append((int(row[end]), int(end) - int(np.argmin(back)), int(end)))
    return found


def _locate(want: str, have: str) -> tuple[int, int, int]:
    """Return edits, start and end of the place in ``have`` nearest to ``want`` (Sellers' algorithm)."""
    import numpy as np

    row = _last_row(want, have, anchored=False)
    end = int(np.argmin(row))
    edits = int(row[end])
    tail = have[max(0, end - 2 * len(want) - 1) : end]
    back = _last_row(want[::-1], tail[::-1], anchored=True)
    return edits, end - int(np.argmin(back)), end


def _last_row(want: str, have: str, *, anchored: bool) -> Any:
    """Edit distances of ``want`` to the substrings of ``have`` that end at each place (anchored: start at 0)."""
    import numpy as np

    letters = np.frombuffer(have.encode("utf-32-le", "surrogatepass"), dtype=np.uint32)
    steps = np.arange(len(letters) + 1)
    row = steps.copy() if anchored else np.zeros_like(steps)
    for char in want:
        new = row + 1
        new[1:] = np.minimum(new[1:], row[:-1] + (letters != ord(char)))
        row = np.minimum.accumulate(new - steps) + steps
    return row
