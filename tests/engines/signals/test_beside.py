"""What stands beside the text: the text once more, nonsense, and what is neither."""

from __future__ import annotations

import pytest

from pytest_imagejudge.engines.signals.beside import Beside, look_beside
from pytest_imagejudge.engines.signals.comparing import compare
from pytest_imagejudge.engines.signals.ocr import Line
from pytest_imagejudge.engines.signals.page import Page


def line(text, row, *, left=0.0, height=40.0, trust=0.99):
    top = 60.0 * row
    return Line(text, (trust,) * len(text), (left, top, left + 20.0 * len(text), top + height), height)


def beside(text, *lines, prompt="a poster"):
    page = Page(lines)
    return look_beside(page, [compare(text, page)], prompt)


@pytest.mark.parametrize(
    ("text", "lines", "doubled"),
    [
        ("Grand Opening", ["Grand Opening", "Grand Opening"], ("Grand Opening",)),
        ("Grand Opening", ["Grand Grand Opening"], ("Grand",)),
        ("Grand Opening", ["Grand Opening", "Opening"], ("Opening",)),
        ("Grand Opening", ["Grand Opening", "Opening Hours"], ()),
        ("Grand Opening", ["Grand Opening", "Hotel Bristol"], ()),
        ("platform and train", ["platform and train", "Platform 9"], ()),
        ("New York, New York", ["New York, New York"], ()),
        ("欢迎光临", ["欢迎光临光临"], ("光临",)),
        ("欢迎光临", ["欢欢迎光临"], ("欢",)),
        ("好好学习天天向上", ["好好学习天天向上"], ()),
        ("欢迎光临", ["欢迎光临", "停车场"], ()),
    ],
)
def test_what_stands_twice(text, lines, doubled):
    assert beside(text, *(line(words, row) for row, words in enumerate(lines))).doubled == doubled


def test_a_word_far_from_the_text_may_be_of_the_scene():
    found = beside("Grand Opening", line("Grand Opening", 0), line("Opening", 9))
    assert (found.doubled, found.maybe_doubled) == ((), ("Opening",))


@pytest.mark.parametrize(
    ("other", "nonsense"),
    [
        ("Rlsnc Tgvou", ("Rlsnc", "Tgvou")),
        ("R1snc Tgvou", ("Rlsnc", "Tgvou")),  # as an "l" is read at times
        ("bhcdkq", ("bhcdkq",)),
        ("XK19 v1beta", ()),
        ("Grnad Opennig", ("Grnad", "Opennig")),
        ("Main Street", ()),
        ("Lviv", ()),
        ("HTTPS", ()),
        ("Grand Openings", ()),
        ("B 4721 XKQ", ()),
        ("www.xqzvk.org", ()),
        ("MMXXIV", ()),
    ],
)
def test_nonsense_beside_the_text(other, nonsense):
    found = beside("Grand Opening", line("Grand Opening", 0), line(other, 1))
    assert found.nonsense == nonsense


def test_small_letters_and_words_of_the_prompt_are_no_nonsense():
    for other in (line("Rlsnc Tgvou", 1, height=10), line("Rlsnc Tgvou", 1)):
        found = beside("Grand Opening", line("Grand Opening", 0), other, prompt="the shop Rlsnc Tgvou, with a sign")
        assert found == Beside()


def test_letters_that_were_hardly_read_may_be_none():
    found = beside("Grand Opening", line("Grand Opening", 0), line("MerktvEteat", 1, trust=0.8))
    assert found.nonsense == ()
    assert found.maybe_nonsense


def test_where_the_text_is_missing_nothing_stands_beside_it():
    assert beside("Grand Opening", line("bhcdkq xqzvk", 0)) == Beside()
