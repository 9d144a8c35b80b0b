"""Numbers with their nouns, and lists that say what they leave out, for all output."""

from __future__ import annotations

from collections.abc import Sequence

_OF_MANY = {"has": "have", "was": "were", "needs": "need", "fails": "fail", "passes": "pass"}


def plural(number: float, noun: str, *, shown: str | None = None) -> str:
    """Say a number with its noun: ``1 pair``, ``2 pairs``, ``1,200 answers``.

    Args:
        number: decides between one and many; 1 alone is one.
        noun: for one; of several words the last takes the "s".
        shown: the number as it is to be written, where that is not ``1,234``.
    """
    return f"{f'{number:,}' if shown is None else shown} {nouns(number, noun)}"


def nouns(number: float, noun: str) -> str:
    """Choose between a noun for one and for many, without the number."""
    return noun if number == 1 else f"{noun[:-1]}ies" if noun.endswith("ry") else f"{noun}s"


def times(number: int) -> str:
    """Say how often: ``once``, ``2 times``."""
    return "once" if number == 1 else plural(number, "time")


def and_more(number: int) -> str:
    """Say how many entries of a list are not shown: ``and 7 more``; empty where all are."""
    return f"and {number:,} more" if number > 0 else ""


def some(names: Sequence[str], most: int) -> str:
    """List up to ``most`` names, and say how many more there are: ``a, b and 7 more``."""
    return " ".join(filter(None, (", ".join(names[:most]), and_more(len(names) - most))))


def verb(number: float, word: str) -> str:
    """Choose the form of a verb that goes with a number of things: ``1 image was``, ``2 images were``."""
    return word if number == 1 else _OF_MANY[word]


def listed(names: Sequence[str], word: str = "and") -> str:
    """Join names to a list of words: ``a``, ``a and b``, ``a, b and c``; with another word before the last."""
    return f" {word} ".join(filter(None, (", ".join(names[:-1]), *names[-1:])))
