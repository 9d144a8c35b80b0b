"""Letters in an order that no language has."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pytest_imagejudge.engines.signals.nonsense import plain, rare_triples


@pytest.mark.parametrize(
    "word", ["Grand", "OPENING", "Größe", "Łódź", "rhythm", "Chongqing", "Zürich", "crème", "Tokyo"]
)
def test_words_and_names_have_no_rare_triples(word):
    assert rare_triples(word) == 0


@pytest.mark.parametrize("letters", ["xqzvk", "bhcdk", "Wncpea", "Mrqtsl"])
def test_letters_at_random_have_several(letters):
    assert rare_triples(letters) >= 3


@given(st.text(max_size=20))
def test_any_text_has_a_count(text):
    assert 0 <= rare_triples(text) <= max(0, len(plain(text)))
