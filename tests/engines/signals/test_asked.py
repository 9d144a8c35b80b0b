"""Which parts of a prompt are text that has to be read."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pytest_imagejudge.engines.signals.asked import wanted
from pytest_imagejudge.engines.signals.quotes import quotes

from .prompts_with_quotes import FIRST, LATER


@pytest.mark.parametrize(("prompt", "sure", "maybe"), FIRST + LATER)
def test_text_is_told_from_styles_titles_and_names(prompt, sure, maybe):
    texts = wanted(prompt).texts
    assert tuple(one.text for one in texts if one.sure) == sure
    assert tuple(one.text for one in texts if not one.sure) == maybe


@pytest.mark.parametrize(("prompt", "sure", "maybe"), FIRST + LATER)
def test_each_decision_names_words_of_the_prompt(prompt, sure, maybe):
    read = wanted(prompt)
    for one in read.texts:
        assert bool(one.why) or not one.sure
    for text, why in read.others:
        assert why
        assert text in " ".join(prompt.split())


NAMES = st.from_regex(r"[A-Z][a-z]{1,8}( [A-Z][a-z]{1,8}){0,2}", fullmatch=True)


@given(NAMES, st.sampled_from(["a sign that says {}", "the words {} on a wall", "a poster: {}, dusk", "写着{}的木牌"]))
def test_what_is_said_to_be_written_is_text_in_any_quotes(name, frame):
    for quote in ('"{}"', "“{}”", "「{}」", "‘{}’", "«{}»"):
        (one,) = wanted(frame.format(quote.format(name))).texts
        assert (one.text, one.sure) == (name, True)


@given(NAMES, st.sampled_from(["a cat named {}", "in the style of {}", "a scene from the film {}", "a {} style room"]))
def test_what_is_said_to_be_a_name_a_style_or_a_work_is_none(name, frame):
    read = wanted(frame.format(f'"{name}"'))
    assert read.texts == ()
    assert [text for text, _ in read.others] == [name]


@given(st.text(alphabet="aAbI'\"“”‘’«»「」《》 .,:12\n写着signsays的店", max_size=60))
def test_nothing_is_invented_and_each_quote_is_decided_once(prompt):
    read = wanted(prompt)
    decided = [one.text for one in read.texts] + [text for text, _ in read.others]
    assert len(decided) == len(set(decided))
    assert {one.text for one in quotes(prompt)} <= set(decided)
    for text in decided:
        assert re.sub(r"\s|\\n", "", text) in re.sub(r"\s|\\n", "", prompt)


@pytest.mark.parametrize(
    ("prompt", "repeated", "any_case"),
    [
        ('a sign that says "OPEN"', False, False),
        ('two signs that say "OPEN"', True, False),
        ('a pattern of the word "OPEN"', True, False),
        ('three bottles, "OPEN" on each', True, False),
        ('two cats and three books beside a sign, "OPEN"', False, False),
        ('the words "open late" in all caps', False, True),
        ('a sign that says "two for one"', False, False),
        ("写着“营业”的招牌,大写 A", False, True),
    ],
)
def test_words_allow_repeats_and_either_case(prompt, repeated, any_case):
    read = wanted(prompt)
    assert (bool(read.repeated), bool(read.any_case)) == (repeated, any_case)


def test_a_long_prompt_takes_little_more_than_its_length():
    prompt = 'a sign, the words "Tea Room" and "Bus", ' * 2_000
    assert [one.text for one in wanted(prompt).texts] == ["Tea Room", "Bus"]
