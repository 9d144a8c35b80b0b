from __future__ import annotations

import pytest

from pytest_imagejudge.support.words import and_more, listed, nouns, plural, some, times, verb


@pytest.mark.parametrize(
    ("number", "noun", "said"),
    [
        (0, "pair", "0 pairs"),
        (1, "pair", "1 pair"),
        (2, "more image", "2 more images"),
        (1200, "answer", "1,200 answers"),
        (2, "entry", "2 entries"),
        (0.5, "seed", "0.5 seeds"),
    ],
)
def test_a_number_goes_with_its_noun(number: float, noun: str, said: str) -> None:
    assert plural(number, noun) == said


def test_a_number_may_be_written_otherwise() -> None:
    assert plural(1000, "row", shown="1000") == "1000 rows"
    assert (nouns(1, "image"), nouns(3, "image")) == ("image", "images")


def test_how_often() -> None:
    assert (times(1), times(2)) == ("once", "2 times")


def test_a_verb_goes_with_a_number() -> None:
    assert (verb(1, "was"), verb(2, "was"), verb(0, "needs")) == ("was", "were", "need")


def test_names_are_joined_to_a_list() -> None:
    assert [listed(names) for names in ((), ("a",), ("a", "b"), ("a", "b", "c"))] == ["", "a", "a and b", "a, b and c"]


def test_a_list_says_what_it_leaves_out() -> None:
    assert some(["a", "b", "c"], 3) == "a, b, c"
    assert some(["a", "b", "c"], 2) == "a, b and 1 more"
    assert some([], 2) == ""
    assert (and_more(0), and_more(1200)) == ("", "and 1,200 more")
