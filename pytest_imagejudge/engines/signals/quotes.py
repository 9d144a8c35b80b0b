"""The quoted parts of a prompt, in the quotes of any language."""

from __future__ import annotations

import re
from dataclasses import dataclass

_CLOSERS = {
    '"': '"',
    "“": '”“"',
    "”": "”",  # Swedish and Finnish
    "„": '“”"',
    "‟": "”",
    "«": "»",
    "»": "«",
    "「": "」",
    "『": "』",
    "《": "》",
    "〈": "〉",
    "〝": "〞〟",
    "＂": "＂",
    "｢": "｣",
    "‘": "’'",
    "'": "'’",
    "‚": "‘’",
    "‹": "›",
}
_SINGLE = "‘'‚"
_REACH = 400  # characters; a quote that does not end within it is none
_CLIPPED = re.compile(r"(?:\d0s|n|tis|twas|til|em)\b", re.IGNORECASE)  # words that start with an apostrophe


@dataclass(frozen=True)
class Quote:
    """One quoted part: its text with single blanks, the opening mark, and its place with both marks."""

    text: str
    mark: str
    start: int
    end: int


def quotes(prompt: str) -> tuple[Quote, ...]:
    """Return what stands in outermost quotes, in order.

    Straight and curly, single and double, guillemets and the quotes of Chinese and Japanese count. An apostrophe
    (``don't``, ``the dogs' bowls``, ``'90s``) and an inch mark (``12"``) do not. A text without letters and digits is
    left out, because OCR can't read it.
    """
    found: list[Quote] = []
    at = 0
    while at < len(prompt):
        end = _closing(prompt, at) if prompt[at] in _CLOSERS else None
        if end is None:
            at += 1
            continue
        text = " ".join(prompt[at + 1 : end].replace("\\n", " ").rstrip("\\").split())
        if any(char.isalnum() for char in text):
            found.append(Quote(text, prompt[at], at, end + 1))
        at = end + 1
    return tuple(found)


def quoted(prompt: str) -> tuple[str, ...]:
    """Return the texts in outermost quotes, in order, each once."""
    return tuple(dict.fromkeys(one.text for one in quotes(prompt)))


def _closing(prompt: str, at: int) -> int | None:
    """Return the end of the quote that opens at ``at``, or None where no quote opens."""
    mark = prompt[at]
    before = prompt[at - 1] if at else " "
    after = prompt[at + 1] if at + 1 < len(prompt) else " "
    if mark == '"' and before.isascii() and before.isdigit():
        return None
    if mark == "»" and not before.isspace():
        return None
    if mark in _SINGLE and (
        after.isspace() or (before.isascii() and before.isalnum()) or _CLIPPED.match(prompt, at + 1)
    ):
        return None
    for closer in _CLOSERS[mark]:
        end = at
        while (end := prompt.find(closer, end + 1, at + 1 + _REACH)) != -1:
            if mark not in _SINGLE or _ends_single(prompt, end):
                return end
    return None


def _ends_single(prompt: str, end: int) -> bool:
    following = prompt[end + 1] if end + 1 < len(prompt) else " "
    return not prompt[end - 1].isspace() and not (following.isascii() and following.isalnum())
