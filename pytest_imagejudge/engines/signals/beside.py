"""Look beside the text that was asked for: at the same once more, and at letters that make no word.

Signs and labels of a scene are no fault. A word counts as nonsense where no language has its letters in that order, or
where it is a garbled copy of the text; both only in letters about as high as the text's.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from .comparing import MEANT, SURE, Found
from .matching import fold, nearest_places
from .nonsense import plain, rare_triples
from .page import Page, ideograph

_LIKE = 0.4  # of the height of the text; smaller letters are a detail of the scene
_ALONE = 3  # rare triples from which one word alone is none; "Huynh" and "Xbox" have two
_UNREAD = 6  # letters of low confidence from which they may be no letters; a Chinese sign counts as two
_CODE = re.compile(r"[\d@/_:#&+=*]|\w\.\w|(.)\1\1|^(?:[A-Z]{1,5}|[IVXLCDM]+)$")  # numbers, codes, acronyms, "Shhh"
_DIGITS = re.compile(r"(?<=[^\W\d_])[01](?=[a-z]{2})")  # as an "l" or an "o" within a word is read


@dataclass(frozen=True)
class Word:
    """A word that is no part of the text.

    Attributes:
        text: as read.
        trust: its mean confidence.
        line: the number of its line.
        start, end: its place in the page's letters.
        within: what stands around it up to the next blanks.
    """

    text: str
    trust: float
    line: int
    start: int
    end: int
    within: str = ""


@dataclass(frozen=True)
class Beside:
    """Findings beside the text: words that are sure, and words that may be."""

    doubled: tuple[str, ...] = ()
    maybe_doubled: tuple[str, ...] = ()
    nonsense: tuple[str, ...] = ()
    maybe_nonsense: tuple[str, ...] = ()


def look_beside(page: Page, found: Sequence[Found], prompt: str) -> Beside:
    """Look at what stands on ``page`` beside the texts that were ``found`` there."""
    found = [one for one in found if one.similarity >= MEANT]
    spans = [span for one in found for span in one.spans]
    if not spans:
        return Beside()
    words = _words_left(page, spans)
    doubled, maybe = _doubled(page, found, words)
    known = {plain(word) for word in re.findall(r"[^\W\d_]+", prompt)}
    height = min(page.lines[page.signs[start].line].height for start, _ in spans)
    others = [
        word
        for word in words
        if word.text not in {*doubled, *maybe}
        and page.lines[word.line].height >= _LIKE * height
        and plain(word.text) not in known
    ]
    nonsense, maybe_nonsense = _nonsense(others, found)
    return Beside(tuple(doubled), tuple(maybe), tuple(nonsense), tuple(maybe_nonsense))


def _words_left(page: Page, spans: Sequence[tuple[int, int]]) -> list[Word]:
    """Return the words outside ``spans``; of Chinese and Japanese, what stands together in a line."""
    taken = bytearray(len(page.signs) + 1)
    for start, end in spans:
        taken[start:end] = b"\1" * (end - start)
    words = []
    start = 0
    while start < len(page.signs):
        if taken[start]:
            start += 1
            continue
        end = start + 1
        while end < len(page.signs) and not taken[end] and _together(page, end):
            end += 1
        signs = page.signs[start:end]
        line, left, right = page.lines[signs[0].line].text, signs[0].at, signs[-1].at + 1
        within = line[:left].split(" ")[-1] + line[left:right] + line[right:].split(" ")[0]
        trust = sum(sign.trust for sign in signs) / len(signs)
        words.append(Word(line[left:right], trust, signs[0].line, start, end, within))
        start = end
    return words


def _together(page: Page, at: int) -> bool:
    one, two = page.signs[at - 1], page.signs[at]
    if ideograph(one.char) != ideograph(two.char):
        return False
    return one.line == two.line and two.at - one.at <= 1


def _doubled(page: Page, found: Sequence[Found], words: Sequence[Word]) -> tuple[list[str], list[str]]:
    """Return words that stand once more than asked for: beside the text, and elsewhere in the picture."""
    sure: list[str] = []
    maybe: list[str] = []
    left = "\n".join(fold(word.text) for word in words)
    for one in found:
        whole = fold(one.text)
        if len(whole) >= 3 and one.similarity >= 0.8 and _again(whole, left):
            sure.append(one.text)
            continue
        parts = {fold(part) for part in one.text.split()}
        lines = {page.signs[at].line for start, end in one.spans for at in range(start, end)}
        for word in words:
            letters = fold(word.text)
            others = [fold(each.text) for each in words if each.line == word.line]
            if word.line not in lines and not all(
                any(_same(each, part) for part in parts | {whole}) for each in others
            ):
                continue  # a line that says something of its own
            if ideograph(word.text[0]):
                if not (letters in whole and (len(letters) >= 2 or _next_to_itself(page, word, letters))):
                    continue
            elif not any(len(part) >= 2 and _same(letters, part) for part in parts):
                continue
            (sure if _beside(page, one, word) else maybe).append(word.text)
    return sure, maybe


def _again(whole: str, left: str) -> bool:
    joined = left.replace("\n", "")
    if len(joined) < 0.8 * len(whole):
        return False
    edits = min(edits for edits, _, _ in nearest_places(whole, joined, most=1))
    return edits <= len(whole) // 8


def _same(letters: str, part: str) -> bool:
    if letters == part:
        return True
    if min(len(letters), len(part)) < 6 or abs(len(letters) - len(part)) > 1:
        return False
    return nearest_places(part, letters, most=1)[0][0] <= 1


def _next_to_itself(page: Page, word: Word, letters: str) -> bool:
    beside = page.letters[max(0, word.start - 1) : word.start] + page.letters[word.end : word.end + 1]
    return letters in beside


def _beside(page: Page, found: Found, word: Word) -> bool:
    """Return True for a word in a line of the text, or in a line next to one, in letters of about its height."""
    box, height = page.lines[word.line].box, page.lines[word.line].height
    for start, end in found.spans:
        for number in {page.signs[at].line for at in range(start, end)}:
            line = page.lines[number]
            if number == word.line:
                return True
            down = max(line.box[1] - box[3], box[1] - line.box[3])
            across = max(line.box[0] - box[2], box[0] - line.box[2])
            alike = max(line.height, height) <= 2 * min(line.height, height)
            if alike and down <= max(line.height, height) and across <= 2 * max(line.height, height):
                return True
    return False


def _nonsense(words: Sequence[Word], found: Sequence[Found]) -> tuple[list[str], list[str]]:
    """Return words that are none for sure, and those that may be."""
    asked = {fold(part) for one in found for part in one.text.split() if len(fold(part)) >= 4}
    sure: list[str] = []
    odd: list[str] = []
    rares = 0
    unread: list[str] = []
    for word in words:
        if _CODE.search(_lettered(word.within)):
            continue
        for text in _split(_lettered(word.text)):
            letters = fold(text)
            if word.trust < SURE and len(letters) >= 2:
                unread.append(text)
                continue
            if len(letters) < 4 or not plain(text).isascii():
                continue
            rare = rare_triples(text)
            if rare >= _ALONE and rare >= len(letters) / 6:
                sure.append(text)
            elif rare or any(_garbled(letters, part) for part in asked):
                odd.append(text)
                rares += rare or 2
    if len(odd) >= 2 and rares >= _ALONE:
        sure += odd
        odd = []
    if sum(1 + ideograph(char) for text in unread for char in text) < _UNREAD:
        unread = []
    return sure, odd + unread


def _lettered(text: str) -> str:
    """Return ``text`` with digits that stand for letters as those: "R1snc"."""
    return _DIGITS.sub(lambda digit: "lo"[digit.group() == "0"], text)


def _split(text: str) -> list[str]:
    """Split words that the OCR read without the blank between them: "OpenDaily"."""
    return re.findall(r"[^\W_]+", re.sub(r"(?<=[a-zß-ÿ])(?=[A-ZÀ-Þ])", " ", text))


def _garbled(letters: str, part: str) -> bool:
    """Return True for a word that is nearly a word of the text, and not a form of it ("opening", "openings")."""
    if letters in part or part in letters or abs(len(letters) - len(part)) > 2:
        return False
    return letters[:3] == part[:3] and nearest_places(part, letters, most=1)[0][0] <= max(1, len(part) // 3)
