"""Words of a prompt that name a style, and words that deny one."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pytest_imagejudge.engines.signals import style
from pytest_imagejudge.engines.signals.style import styles_of
from pytest_imagejudge.protocols.signals_bounds import MEASURES, STYLES


@pytest.mark.parametrize(
    ("prompt", "styles"),
    [
        ("a knight, pixel art", {"pixel-art"}),
        ("a knight in 16-bit style", {"pixel-art"}),
        ("a line drawing of a chair", {"line-art"}),
        ("flat vector illustration of a house", {"flat"}),
        ("a watercolor of a harbour", {"watercolour"}),
        ("an oil painting of a harbour", {"painting"}),
        ("a harbour with thick brush strokes", {"painting"}),
        ("a man painting a fence", set()),
        ("a street, visible film grain", {"film-grain"}),
        ("a forest in the fog", {"fog"}),
        ("a street at night", {"night"}),
        ("a portrait with bokeh", {"shallow-focus"}),
        ("a waterfall, long exposure", {"motion"}),
        ("a minimalist poster", {"minimal"}),
        ("a seamless pattern of leaves", {"pattern"}),
        ("一只猫，像素风", {"pixel-art"}),
        ("夜晚的街道，浅景深", {"night", "shallow-focus"}),
        ("a red fox in a field", set()),
        ("a knight, not pixel art", set()),
        ("a portrait without any bokeh", set()),
        ("sharp, no noise, film grain or blur, please", set()),
        ("no people, film grain", {"film-grain"}),
        ("not only a sketch", {"line-art"}),
        ("a grain-free photograph of fog-free hills", set()),
        ("a street. Negative prompt: fog, pixel art", set()),
        ("没有雾的山", set()),
        ('a sign that says "Fog at Night"', set()),
        ('a fox in "pixel art" style', {"pixel-art"}),
        ("", set()),
    ],
)
def test_the_styles_of_a_prompt(prompt, styles):
    assert set(styles_of(prompt)) == styles


def test_the_evidence_names_the_word_or_the_option():
    found = styles_of("a Misty lake", ["flat"])
    assert found == {"fog": "'Misty' in the prompt", "flat": "judge_signals_style"}


def test_each_style_has_words_and_each_measure_knows_its_styles():
    assert set(style._WORDS) == set(STYLES)
    assert {name for measure in MEASURES for name in measure.styles} <= set(STYLES)


@given(st.text(max_size=300))
def test_any_prompt_is_read(prompt):
    assert set(styles_of(prompt)) <= set(STYLES)


@given(
    st.lists(
        st.sampled_from(["no ", "not, ", "without ", "fog", "pixel art ", ", ", "or ", ". ", "-free", '"']), max_size=60
    )
)
def test_negations_of_any_length_are_read(parts):
    assert set(styles_of("".join(parts))) <= {"fog", "pixel-art"}


def test_the_page_names_words_for_each_style():
    page = (Path(__file__).parents[3] / "docs" / "signals.md").read_text(encoding="utf-8")
    rows = re.findall(r"^\| `([\w-]+)` \| (.+) \|$", page, re.MULTILINE)
    assert [name for name, _ in rows] == list(STYLES)
    for name, words in rows:
        for word in words.split(", "):
            assert name in styles_of(f"a fox, {word}"), word
