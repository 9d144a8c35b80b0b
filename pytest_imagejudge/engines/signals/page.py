"""Lines read in a picture, as one row of letters in the order of reading, each with its confidence and its line."""

from __future__ import annotations

import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass

from .matching import fold
from .ocr import Line


@dataclass(frozen=True)
class Sign:
    """One letter or digit as read.

    Attributes:
        char: the sign itself.
        trust: its confidence.
        line: the number of its line.
        at: its place there.
        rival: the OCR's second choice, with its confidence.
    """

    char: str
    trust: float
    line: int
    at: int
    rival: tuple[str, float] = ("", 0.0)


class Page:
    """Lines in an order of reading.

    Attributes:
        lines: the lines in that order.
        letters: their letters and digits, folded by `matching.fold`.
        signs: what each of the letters was read as.
    """

    def __init__(self, lines: Sequence[Line]) -> None:
        self.lines = tuple(lines)
        letters: list[str] = []
        self.signs: list[Sign] = []
        for number, line in enumerate(self.lines):
            rivals = line.rivals or (("", 0.0),) * len(line.text)
            for at, char in enumerate(line.text):
                for folded in fold(char):
                    letters.append(folded)
                    self.signs.append(Sign(char, line.trust[at], number, at, rivals[at]))
        self.letters = "".join(letters)

    @property
    def text(self) -> str:
        """All lines, joined with blanks."""
        return " ".join(line.text for line in self.lines)

    def glued(self, at: int) -> bool:
        """Return True where the letter at ``at`` directly follows the one before it in one word of Latin letters."""
        if not 0 < at < len(self.signs):
            return False
        one, two = self.signs[at - 1], self.signs[at]
        return one.line == two.line and two.at - one.at <= 1 and not (ideograph(one.char) or ideograph(two.char))

    def shown(self, start: int, end: int) -> str:
        """Return the letters from ``start`` to ``end`` as they were read, with what stands between them."""
        if end <= start:
            return ""
        first, last = self.signs[start], self.signs[end - 1]
        if first.line == last.line:
            return self.lines[first.line].text[first.at : last.at + 1]
        middle = [line.text for line in self.lines[first.line + 1 : last.line]]
        return " ".join([self.lines[first.line].text[first.at :], *middle, self.lines[last.line].text[: last.at + 1]])


def ideograph(char: str) -> bool:
    """Return True for Chinese characters and Japanese syllables."""
    return unicodedata.name(char, "").startswith(("CJK", "HIRAGANA", "KATAKANA"))


def pages(lines: Sequence[Line]) -> list[Page]:
    """Return the orders in which ``lines`` may be meant: by rows from the top, and by columns where that differs."""
    rows = _by_rows(lines)
    columns = [line for block in _blocks(rows) for line in block]
    return [Page(rows)] if columns == rows else [Page(rows), Page(columns)]


def _by_rows(lines: Sequence[Line]) -> list[Line]:
    """Order by rows: a line joins the row whose first line overlaps half of its height."""
    rows: list[list[Line]] = []
    for line in sorted(lines, key=lambda line: line.box[1] + line.box[3]):
        middle = (line.box[1] + line.box[3]) / 2
        for row in rows:
            top, bottom = row[0].box[1], row[0].box[3]
            if top + (bottom - top) / 4 <= middle <= bottom - (bottom - top) / 4:
                row.append(line)
                break
        else:
            rows.append([line])
    return [line for row in rows for line in sorted(row, key=lambda line: line.box[0])]


def _blocks(rows: Sequence[Line]) -> list[list[Line]]:
    """Group lines that stand below each other, closer than a line is high and alike in height."""
    blocks: list[list[Line]] = []
    for line in rows:
        for block in blocks:
            last = block[-1]
            gap = line.box[1] - last.box[3]
            across = min(line.box[2], last.box[2]) - max(line.box[0], last.box[0])
            alike = max(line.height, last.height) < 2 * min(line.height, last.height) + 1
            if -0.5 * last.height < gap < last.height and across > 0 and alike:
                block.append(line)
                break
        else:
            blocks.append([line])
    return blocks
