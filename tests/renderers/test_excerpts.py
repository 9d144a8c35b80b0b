from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from pytest_imagejudge.renderers.excerpts import clipped, excerpt


@given(st.text(), st.text(min_size=1), st.integers(20, 60))
def test_an_excerpt_is_short_and_of_the_text(reasoning: str, name: str, most: int) -> None:
    words = " ".join(reasoning.split())
    found = excerpt(reasoning, name, most)
    assert len(found) <= most + 4
    assert found.removeprefix("… ").removesuffix(" …") in words


def test_words_are_clipped_only_where_they_are_long() -> None:
    assert clipped("Grain covers the sky.", 21) == "Grain covers the sky."
    assert clipped("Grain covers the sky.", 12) == "Grain covers …"
