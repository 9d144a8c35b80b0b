"""Text Accuracy: the text that is read in the picture, against the text that the prompt asks for."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING

from ...scoring.verdict import FacetScore
from .asked import AskedText, Wanted, wanted
from .beside import Beside, look_beside
from .comparing import MEANT, Found, compare
from .facets import compose
from .figure import Figure
from .matching import readable
from .ocr import Line, read
from .page import Page, pages

if TYPE_CHECKING:
    from PIL.Image import Image

# Long sides at which text is looked for, until all is found. Most is found at the first, small text at the second,
# and a title that fills the picture at the third, which is like small text there.
_SIDES = (480, 960)
_IF_MISSING = (240, 1600)  # only where a text was not found at all
_LARGE = 1200  # pixels; the long side from which the last is worth its time
_LOW = 26  # pixels; the height of a line's box at the first look below which there is a second


def measure(picture: Image, prompt: str) -> FacetScore:
    """Score Text Accuracy of ``picture`` (RGB) against the texts that ``prompt`` asks for.

    The worst text and the worst measure decide; `signals_bounds.MEASURES` has the bounds. N/A where the prompt asks
    for no text, or only for text of a script that the OCR can't read. The evidence says what was taken for text.
    """
    asked = wanted(prompt)
    if not asked.texts:
        return FacetScore("N/A", "; ".join(["the prompt asks for no text", *_told(asked, ())]))
    texts = [one for one in asked.texts if readable(one.text)]
    if not texts:
        return FacetScore("N/A", f"the OCR reads Latin, Greek, Chinese and Japanese, not {asked.texts[0].text!r}")
    best, page = _look(picture, texts)
    meant = {one.group for one in texts if not one.sure and best[one.text].similarity >= MEANT}
    judged = [one for one in texts if one.sure or one.group in meant]
    if not judged:
        return FacetScore("N/A", "; ".join(["none of what may be text was read", *_told(asked, ())]))
    found = [best[one.text] for one in judged]
    figures = _figures(found, page, asked, prompt)
    facet = compose(figures, {})
    words = compose(figures[:1], {}).evidence if facet.raw == 2 else facet.evidence
    return FacetScore(facet.raw, "; ".join([words, *_told(asked, judged)]))


def _look(picture: Image, texts: Sequence[AskedText]) -> tuple[dict[str, Found], Page]:
    """Return the best reading of each text, and the page on which they are read best together."""
    best = {one.text: Found(one.text, 0.0) for one in texts}
    chosen, height = Page(()), [-1.0]
    for lines in readings(picture, lambda: any(one.similarity < MEANT for one in best.values())):
        for page in pages(lines):
            found = [compare(one.text, page) for one in texts]
            for one in found:
                best[one.text] = max(best[one.text], one, key=lambda each: each.rank)
            # Of two pages that read them alike, the one that shows more beside them.
            rank = [*map(sum, zip(*(one.rank for one in found), strict=True)), float(len(page.letters))]
            if rank > height or not chosen.lines:
                chosen, height = page, rank
        if all(_right(best[one.text]) for one in texts) and not _small(chosen, picture):
            break
    return best, chosen


def _right(found: Found) -> bool:
    return found.exact and found.closed and not found.case and not found.height


def _small(page: Page, picture: Image) -> bool:
    """Return True where letters are so low that the first look may have missed others beside them."""
    return min(line.height for line in page.lines) * _SIDES[0] < _LOW * max(picture.size)


def readings(picture: Image, missing: Callable[[], bool]) -> Iterator[list[Line]]:
    """Yield the lines that are found at each useful size of ``picture``, in no order."""
    long = max(picture.size)
    done: set[int] = set()
    for size in (*_SIDES, *_IF_MISSING):
        if size in _IF_MISSING and not missing():
            return
        side = min(size, long) if long >= 480 else min(size, 2 * long)
        if side in done or side < 24 or (size > 960 and long <= _LARGE):
            continue
        done.add(side)
        yield read(picture, side)


def _figures(found: Sequence[Found], page: Page, asked: Wanted, prompt: str) -> list[Figure]:
    worst = min(found, key=lambda one: (one.similarity, one.exact))
    several = f", the worst of {len(found)} texts" if len(found) > 1 else ""
    seen = f"read {_clip(worst.read)!r}" if worst.similarity > 0.3 else f"read only {_clip(page.text)!r}"
    if not page.text:
        seen = "read nothing"
    # What differs in punctuation alone, or stands in another order, is no failure and not clean.
    likeness = worst.similarity if worst.exact else min(worst.similarity, 0.99)
    figures = [
        Figure("text_similarity", likeness, f"asked for {worst.text!r}, {seen}{several}: likeness {likeness:.2f}")
    ]
    wrong = [one for each in found if each.similarity > 0.3 for one in each.wrong]
    figures.append(_count("text_letters", wrong, "letters that are wrong"))
    case = sum(len(each.case) + len(each.height) / 2 for each in found)
    if asked.any_case:
        figures.append(Figure("text_case", None, f"the case is free ({asked.any_case!r} in the prompt)"))
    else:
        read_as = next((f" ({_clip(each.read)!r} for {each.text!r})" for each in found if each.case or each.height), "")
        figures.append(Figure("text_case", case, f"letters in the other case: {case:g}{read_as}"))
    doubts = [one.doubt for one in found if one.doubt and one.exact]
    if doubts:
        sign, trust = min(doubts, key=lambda doubt: doubt[1])
        figures.append(
            Figure("text_doubt", 1 - trust, f"doubt {1 - trust:.2f} about {sign!r}, which may be a look-alike")
        )
    rivals = [one.rival for one in found if one.rival and one.exact]
    if rivals:
        sign, other, share = max(rivals, key=lambda rival: rival[2])
        figures.append(Figure("text_rival", share, f"{sign!r} may be the look-alike {other!r}: {share:.2f}"))
    beside = look_beside(page, [compare(one.text, page) for one in found], prompt)
    figures += _figures_beside(beside, asked)
    return figures


def _figures_beside(beside: Beside, asked: Wanted) -> list[Figure]:
    if asked.repeated:
        twice = Figure("text_doubled", None, f"text may repeat ({asked.repeated!r} in the prompt)")
    else:
        twice = _count("text_doubled", beside.doubled, "words or lines that stand twice", maybe=beside.maybe_doubled)
    none = _count("text_nonsense", beside.nonsense, "words beside it that are none", maybe=beside.maybe_nonsense)
    return [twice, none]


def _count(name: str, sure: Sequence[str], what: str, maybe: Sequence[str] = ()) -> Figure:
    """Count what is sure; where only something may be, the figure is a half."""
    value = float(len(sure)) if sure else 0.5 * bool(maybe)
    shown = ", ".join(dict.fromkeys(sure or maybe))
    return Figure(name, value, f"{what}: {value:g}" + (f" ({_clip(shown)})" if shown else ""))


def _told(asked: Wanted, judged: Sequence[AskedText]) -> list[str]:
    """Say what was taken for text, what was not, and how to say otherwise."""
    told = []
    if judged:
        told.append(
            "taken for text: " + ", ".join(f"{one.text!r}" + (f" ({one.why})" if one.why else "") for one in judged)
        )
    left = [(one.text, one.why) for one in asked.texts if one not in judged] + list(asked.others)
    if left:
        words = ", ".join(f"{text!r}" + (f" ({why})" if why else "") for text, why in left)
        told.append(f"not taken for text: {_clip(words)}; to have it read, write: the words {_clip(left[0][0])!r}")
    return told


def _clip(text: str, limit: int = 160) -> str:
    return text if len(text) <= limit else text[: limit - 1] + "…"
